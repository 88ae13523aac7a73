"""Half-hourly profile logs, and the logs of each day (SMETS 5.7.5.10, .13, .16, .27).

An entry's time is the end of what it tells of: the full or half hour, and midnight UTC for days. A half hour
in which the meter had no supply, or that a clock set forwards jumps over, has no entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.metering.calendar import next_half_hour, next_midnight
from rigs.emulated.metering.engine import Interval, MeterPart
from rigs.emulated.metering.entries import EntryLog, Layout
from rigs.emulated.metering.registers import EXPORT, IMPORT, SECONDARY, Registers
from rigs.emulated.metering.store import Counters

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.metering.tariff import Snapshot, Tariff
    from rigs.emulated.storage import Storage

# How many entries a log keeps: 13 months of half hours, 3 months, days.
IMPORT_ENTRIES, EXPORT_ENTRIES, DAYS_READ, DAYS_CONSUMED = 19_056, 4_464, 31, 731


def registers_layout(*, twin: bool, balances: int = 0) -> Layout:
    """Registers of an entry: import, time of use, blocks 1 to 4; with a second element its own."""
    members = [1, 1, 48, 4, 8, 8, 8, 8] if twin else [1, 48, 8, 8, 8, 8]
    return Layout(members, balances=balances)


def registers_entry(total: list[int], tariff: Snapshot, *, twin: bool) -> list[int]:
    """The numbers of such an entry."""
    if twin:
        return [total[IMPORT], total[SECONDARY], *tariff.tou, *tariff.secondary, *tariff.blocks]
    return [total[IMPORT], *tariff.tou, *tariff.blocks]


class HalfHours(MeterPart):
    """Energy of each half hour: import of both elements, export, reactive."""

    def __init__(self, storage: Storage, *, twin: bool) -> None:
        self._twin = twin
        self._sum = Counters(storage, "metering", "half hour", 5)
        self.imported = EntryLog(storage, "import", Layout([1, 1] if twin else [1]), IMPORT_ENTRIES)
        self.exported = EntryLog(storage, "export", Layout([1, 1]), EXPORT_ENTRIES)
        self.reactive = EntryLog(storage, "reactive", Layout([1]), EXPORT_ENTRIES)
        self.keepers = (self._sum, self.imported, self.exported, self.reactive)

    def next_boundary(self, after: datetime) -> datetime:
        """See `Part`."""
        return next_half_hour(after)

    def consumed(self, interval: Interval) -> None:
        """See `Part`."""
        values = self._sum.values
        values[0] += interval.import_wh
        values[1] += interval.secondary_wh
        values[2] += interval.export_wh
        values[3] += interval.export_varh
        values[4] += interval.import_varh

    def reached(self, at: datetime) -> None:
        """See `Part`."""
        imported, secondary, exported, reactive_export, reactive = self._sum.values
        self.imported.append(at, [imported, secondary] if self._twin else [imported])
        self.exported.append(at, [exported, reactive_export])
        self.reactive.append(at, [reactive])
        self._sum.values = [0] * 5

    def skipped(self, before: datetime, after: datetime) -> None:
        """What was counted of a half hour that is over now is an entry of its own."""
        end = next_half_hour(before)
        if next_half_hour(after) != end and any(self._sum.values):
            self.reached(end)


class Days(MeterPart):
    """Registers at midnight, and consumption of each day."""

    def __init__(self, storage: Storage, registers: Registers, tariff: Tariff, *, twin: bool) -> None:
        self._registers, self._tariff, self._twin = registers, tariff, twin
        self._sum = Counters(storage, "metering", "day", 1)
        layout = registers_layout(twin=twin)
        self.read = EntryLog(storage, "daily read", layout, DAYS_READ, per_chunk=1)
        self.exported = EntryLog(storage, "daily export", Layout([1]), DAYS_READ, per_chunk=8)
        self.consumption = EntryLog(storage, "daily consumption", Layout([1]), DAYS_CONSUMED)
        self.keepers = (self._sum, self.read, self.exported, self.consumption)

    def today(self) -> int:
        """Consumption of the present day, outside of a settlement."""
        return self._sum.read()[0]

    def next_boundary(self, after: datetime) -> datetime:
        """See `Part`."""
        return next_midnight(after)

    def consumed(self, interval: Interval) -> None:
        """Both elements count (a choice of ours for the twin element meter)."""
        self._sum.values[0] += interval.import_wh + interval.secondary_wh

    def reached(self, at: datetime) -> None:
        """See `Part`."""
        total = self._registers.total
        self.read.append(at, registers_entry(total, self._tariff.snapshot(), twin=self._twin))
        self.exported.append(at, [total[EXPORT]])
        self.consumption.append(at, self._sum.values)
        self._sum.values[0] = 0

    def skipped(self, before: datetime, after: datetime) -> None:
        """A midnight that was missed is caught up with, the last one of several (SMETS-5.5.1-e)."""
        if next_midnight(before) <= after:
            self.reached(after.replace(hour=0, minute=0, second=0, microsecond=0))
