"""What the consumption of each day cost, for displays (SMETS: cumulative and historical values)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.metering.calendar import next_midnight
from rigs.emulated.metering.engine import Interval, MeterPart
from rigs.emulated.metering.entries import EntryLog, Layout
from rigs.emulated.metering.store import Counters

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.metering.tariff import Tariff
    from rigs.emulated.storage import Storage

DAYS = 731
_PARTS = 1000  # a tariff's charge is in 10^-8 of the currency unit, a cost in 10^-5


class Costs(MeterPart):
    """Cost of the present day, and of each day before; of energy alone, without the standing charge.

    It stands after the tariff among the parts. What is less than 10^-5 of the currency unit at the end of a
    day goes to the next one.
    """

    def __init__(self, storage: Storage, tariff: Tariff) -> None:
        self._tariff = tariff
        self._sum = Counters(storage, "metering", "cost", 1)
        self.days = EntryLog(storage, "daily cost", Layout([1]), DAYS)
        self.keepers = (self._sum, self.days)

    def today(self) -> int:
        """Of the present day, outside of a settlement; in 10^-5 of the currency unit."""
        return self._sum.read()[0] // _PARTS

    def next_boundary(self, after: datetime) -> datetime:
        """See `Part`."""
        return next_midnight(after)

    def consumed(self, interval: Interval) -> None:
        """What the tariff has made of the same interval."""
        if interval.import_wh or interval.secondary_wh:
            self._sum.values[0] += self._tariff.charge

    def reached(self, at: datetime) -> None:
        """See `Part`."""
        cost, self._sum.values[0] = divmod(self._sum.values[0], _PARTS)
        self.days.append(at, [cost])

    def skipped(self, before: datetime, after: datetime) -> None:
        """A midnight that was missed is caught up with, the last one of several, as `Days` does."""
        if next_midnight(before) <= after:
            self.reached(after.replace(hour=0, minute=0, second=0, microsecond=0))
