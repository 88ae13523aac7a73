"""The calendar of auxiliary controllers: a COSEM schedule with special days (SMETS 5.7.4.2, ECS46c, ECS46d).

Its scripts say what a command says; a controller that nobody commands does what the last of them said for it.
All switching is late by the device's randomised offset (SMETS-ALC-02).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.auxiliary import NUMBERS, Auxiliary, Switching, switching
from rigs.emulated.objects.definition import Place
from rigs.emulated.prepayment.calendar import Calendar, read_calendar

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.randomised_offset import RandomisedOffset

_ENTRIES = Place(10, bytes.fromhex("00000C0002FF"), 2)
_SPECIAL = Place(11, bytes.fromhex("00000B0003FF"), 2)
_SECTION, _DUE = "controllers", "calendar"
# Entries repeat weekly; a season that begins later is seen as it comes near.
_DAYS = 8
_EVERY_SCRIPT = range(0x10000)
_SUCCESS = 1  # outcome in the log
_OUTPUT, _INPUT = 0x10, 0x20


class AuxiliaryCalendar:
    """What the calendar says now, and the device's waking when it says something else."""

    def __init__(self, device: Device, auxiliary: Auxiliary, offset: RandomisedOffset) -> None:
        self._device, self._auxiliary, self._offset = device, auxiliary, offset
        offset.heard.append(self.look)
        self._read: tuple[int, Calendar] = (-1, Calendar([], []))
        auxiliary.calendar = self.level
        device.cosem.activated.append(lambda _place: self.look())
        device.due_handlers[_DUE] = lambda _device, _body: self.look()

    def _calendar(self) -> Calendar:
        """As it is in force; read anew where a stored value may be another."""
        cosem = self._device.cosem
        if self._read[0] != cosem.changes:
            calendar = read_calendar(cosem.value(_ENTRIES), cosem.value(_SPECIAL), _EVERY_SCRIPT)
            self._read = (cosem.changes, calendar)
        return self._read[1]

    def _now(self) -> datetime:
        """The moment whose switching is due: the present without the offset."""
        return self._device.device_clock.now() - timedelta(seconds=self._offset())

    def level(self, number: int, is_input: bool) -> int:
        """What the last switching of a controller's output or input said; 0 where there is none."""
        calendar, now = self._calendar(), self._now()
        if not calendar.entries:
            return 0
        for back in range(_DAYS):
            for each in reversed(calendar.on(now.date() - timedelta(days=back))):
                asked = _asked(each.script)
                if asked is None or (asked.number, asked.is_input) != (number, is_input):
                    continue
                if asked.level is not None and (back or each.at <= now.time()):
                    return asked.level
        return 0

    def look(self) -> None:
        """Do what has changed since the last look, and come back at the next switching."""
        storage = self._device.storage
        seen: dict[str, int] = storage.get_json(_SECTION, "calendar", default={})
        now = {
            f"{kind | number:02X}": self.level(number, kind == _INPUT)
            for number in NUMBERS
            for kind in (_OUTPUT, _INPUT)
        }
        if now != seen:
            storage.put_json(_SECTION, "calendar", now)
        for key, level in now.items():
            if level != seen.get(key, 0):
                self._switched(int(key, 16), level)
        self._plan()

    def _switched(self, which: int, level: int) -> None:
        """A controller that obeys its calendar goes where that says."""
        number, is_input = which & 0x0F, bool(which & _INPUT)
        if self._auxiliary.level(number, is_input=is_input) == level:
            self._device.events.controlled(which, level, _SUCCESS)
            if not is_input:
                self._auxiliary.changed(number, level, 0)

    def _plan(self) -> None:
        change = self._calendar().next_change(self._now())
        if change is None:
            self._device.schedule.cancel(_DUE)
        else:
            due = change + timedelta(seconds=self._offset())
            self._device.schedule.put(_DUE, due, _DUE, {})


def _asked(script: int) -> Switching | None:
    return switching(*divmod(script, 0x100), by_calendar=True)
