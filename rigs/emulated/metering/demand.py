"""Maximum demand: the highest power of any half hour, import, export and import in a set part of the day.

SMETS 5.7.5.19 to 5.7.5.21; the part of the day is set by ECS37, the registers are reset by ECS57.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, double_long_unsigned, null_data, octet_string, parse_data
from protocols.dlms.date_time import encode_date_time
from rigs.emulated.events import EPOCH, seconds_since_2000
from rigs.emulated.metering.calendar import next_half_hour, read_time
from rigs.emulated.metering.engine import Interval, MeterPart
from rigs.emulated.metering.store import Counters
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_DATA, _EXTENDED, _SCHEDULE = 1, 4, 10
_PERIOD = Place(_SCHEDULE, bytes.fromhex("00000C0000FF"), 2)
_BEGINS, _ENDS = 1, 2  # script selectors of the two entries of the period (reference command ECS37)
_SELECTOR, _TIME = 3, 4  # members of an entry
_HALF_HOURS = 2


class Demand(IntEnum):
    """The three registers."""

    IMPORT = 0
    IN_PERIOD = 1
    EXPORT = 2


# Extended register and the object with the time of its last reset, by register.
_OBJECTS = {
    Demand.IMPORT: ("0100010600FF", "00005E2C0501"),
    Demand.IN_PERIOD: ("0100010601FF", "00005E2C0500"),
    Demand.EXPORT: ("0100020600FF", "00005E2C0502"),
}
_VALUE, _AT, _RESET = range(3)
_SUM_IMPORT, _SUM_EXPORT = 9, 10
_NUMBERS = 11


@dataclass(slots=True)
class Window:
    """A part of the day; over midnight where it ends before it begins."""

    begins: time
    ends: time

    def holds(self, end: datetime) -> bool:
        """Whether the half hour that ends at a moment lies in it as a whole."""
        first, last = (end - timedelta(minutes=30)).time(), end.time()
        if self.begins < self.ends:
            return self.begins <= first < self.ends and first < last <= self.ends
        # Midnight is both the first moment of a day and the last.
        return first >= self.begins or (first < self.ends and last <= self.ends)


class MaximumDemand(MeterPart):
    """The part that finds the highest half hour. Both elements of a twin element meter count together."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._numbers = Counters(device.storage, "metering", "demand", _NUMBERS)
        self.keepers = (self._numbers,)
        self._window: Window | None = None
        self._changes = -1
        for demand, (register, reset) in _OBJECTS.items():
            self._register(demand, register, reset)

    def _register(self, demand: Demand, register: str, reset: str) -> None:
        cosem = self._device.cosem
        cosem.attribute(_EXTENDED, register, 2, read=lambda: double_long_unsigned(self._read(demand, _VALUE)))
        cosem.attribute(_EXTENDED, register, 5, read=lambda: _moment(self._read(demand, _AT)))
        cosem.attribute(_DATA, reset, 2, read=lambda: _moment(self._read(demand, _RESET)))
        cosem.method(
            _EXTENDED, register, 1, lambda _command, parameter: self._reset(demand, _command, parameter)
        )

    def _read(self, demand: Demand, what: int) -> int:
        return self._numbers.read()[3 * demand + what]

    def _reset(self, demand: Demand, _command: Command, parameter: Data) -> tuple[AccessResult, Data]:
        """ECS57."""
        if parameter.tag != Tag.INTEGER:
            return AccessResult.TYPE_UNMATCHED, null_data()
        numbers = self._numbers.read()
        now = seconds_since_2000(self._device.device_clock.now())
        numbers[3 * demand : 3 * demand + 3] = [0, 0, now]
        self._numbers.write(numbers)
        return AccessResult.SUCCESS, null_data()

    # ------------------------------------------------------------------ as a part

    def open(self) -> None:
        """See `Part`."""
        super().open()
        changes = self._device.cosem.changes
        if changes != self._changes:
            octets = self._device.storage.get("cosem", _PERIOD.key)
            self._window = None if octets is None else _read_window(parse_data(octets)[0])
            self._changes = changes

    def next_boundary(self, after: datetime) -> datetime:
        """See `Part`."""
        return next_half_hour(after)

    def consumed(self, interval: Interval) -> None:
        """See `Part`."""
        self._numbers.values[_SUM_IMPORT] += interval.import_wh + interval.secondary_wh
        self._numbers.values[_SUM_EXPORT] += interval.export_wh

    def reached(self, at: datetime) -> None:
        """A half hour is over."""
        numbers = self._numbers.values
        imported, exported = numbers[_SUM_IMPORT] * _HALF_HOURS, numbers[_SUM_EXPORT] * _HALF_HOURS
        numbers[_SUM_IMPORT] = numbers[_SUM_EXPORT] = 0
        self._take(Demand.IMPORT, imported, at)
        self._take(Demand.EXPORT, exported, at)
        if self._window is not None and self._window.holds(at):
            self._take(Demand.IN_PERIOD, imported, at)

    def _take(self, demand: Demand, watts: int, at: datetime) -> None:
        numbers = self._numbers.values
        if watts > numbers[3 * demand + _VALUE]:
            numbers[3 * demand : 3 * demand + 2] = [watts, seconds_since_2000(at)]

    def skipped(self, before: datetime, after: datetime) -> None:
        """A half hour that was cut short is no half hour's demand."""
        if next_half_hour(before) != next_half_hour(after):
            self._numbers.values[_SUM_IMPORT] = self._numbers.values[_SUM_EXPORT] = 0


def _moment(seconds: int) -> Data:
    moment = EPOCH + timedelta(seconds=seconds) if seconds else None
    return octet_string(encode_date_time(moment))


def _read_window(entries: Data) -> Window | None:
    times: dict[int, time] = {}
    for entry in entries.value:
        at = read_time(entry.value[_TIME].value)
        if at is not None:
            times[entry.value[_SELECTOR].value] = at
    if not times.keys() >= {_BEGINS, _ENDS}:
        return None
    return Window(times[_BEGINS], times[_ENDS])
