"""Auxiliary controllers of an ESME or SAPC: what they were commanded, and what that comes to.

Up to five, each with an output and, where it is proportional, an input, at a level of 0 to 100 per cent; a
switch knows 0 and 100. The numbers of the commands are those of the reference messages: ECS47 gives a switch
0x11 (on), 0x12 (off) or 0x20 (as before), ECS47a and ECS47e a direction beside the number, and a level. A
limit (ECS47e) lowers whatever was commanded while it lasts. What a device does without a command is its
calendar's affair (`auxiliary_calendar`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, Tag, boolean
from protocols.dlms.date_time import decode_date_time
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device

NUMBERS = range(1, 6)
_NUMBER = 0x0F  # of the octet with direction and number
_SWITCH, _OUTPUT, _INPUT = range(3)  # the octet's other half
_ON, _OFF, _RESET = 0x11, 0x12, 0x20
# What a calendar's scripts say of switches; a level there comes with the highest bit set.
_CALENDAR_ON, _CALENDAR_OFF, _CALENDAR = 0x01, 0x02, 0x80
FULL = 100
_SECTION, _DUE = "controllers", "controller"
_DATA, _OCCUPIED, _VALUE = 1, 70, 2


@dataclass(slots=True)
class Switching:
    """What a command asks: ``level`` in per cent, None for what was before."""

    number: int
    is_input: bool
    level: int | None


def switching(which: int, state: int, *, by_calendar: bool = False) -> Switching | None:
    """What the two octets of a command, or of a calendar's script, mean; None where they mean nothing."""
    kind, number = which >> 4, which & _NUMBER
    if number not in NUMBERS:
        return None
    if kind == _SWITCH:
        commands: dict[int, int | None] = {_ON: FULL, _OFF: 0, _RESET: None}
        scripts: dict[int, int | None] = {_CALENDAR_ON: FULL, _CALENDAR_OFF: 0}
        levels = scripts if by_calendar else commands
        return Switching(number, False, levels[state]) if state in levels else None
    level = state & ~_CALENDAR if by_calendar else state
    if kind not in {_OUTPUT, _INPUT} or level > FULL:
        return None
    return Switching(number, kind == _INPUT, level)


class Auxiliary:
    """The controllers of a device.

    ``changed`` hears of a controller whose level is another now, with that level and how many minutes it is
    to last (0: until further notice); it says whether that went to a switch on the HAN.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.changed: Callable[[int, int, int], bool] = _nobody
        self.boosts: Callable[[int], bool] = _not_boosted
        self.calendar: Callable[[int, bool], int] = _no_calendar
        device.due_handlers[_DUE] = self._over
        for number in NUMBERS:
            self._show(number)

    def _show(self, number: int) -> None:
        members, cosem = self._device.cosem.objects.members, self._device.cosem
        state, output = f"00005E2C00{0x1E + number:02X}", f"00{number:02X}60030AFF"
        if Place(_DATA, bytes.fromhex(state), _VALUE) in members:
            cosem.attribute(_DATA, state, _VALUE, read=partial(self._state, number))
        if Place(_OCCUPIED, bytes.fromhex(output), _VALUE) in members:
            cosem.attribute(_OCCUPIED, output, _VALUE, read=lambda: boolean(self.level(number) > 0))

    def _state(self, number: int) -> Data:
        levels = {
            "outputState": self.level(number),
            "inputState": self.level(number, is_input=True),
        }
        return Data(Tag.UTF8_STRING, json.dumps(levels).encode())

    # ------------------------------------------------------------------ levels

    def level(self, number: int, *, is_input: bool = False) -> int:
        """The present level of a controller, in per cent."""
        commanded, limit = (self._kept(kind, number, is_input=is_input) for kind in ("commanded", "limit"))
        level = self.calendar(number, is_input) if commanded is None else commanded
        if not is_input and self.boosts(number):
            level = FULL
        return level if limit is None else min(level, limit)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Whatever else a level depends on changes in between: switches on the HAN hear of it."""
        before = [self.level(number) for number in NUMBERS]
        yield
        for number, level in zip(NUMBERS, before, strict=True):
            if self.level(number) != level:
                self.changed(number, self.level(number), 0)

    def _kept(self, kind: str, number: int, *, is_input: bool) -> int | None:
        level: int | None = self._device.storage.get_json(_SECTION, _key(kind, number, is_input=is_input))
        return level

    def partner(self, number: int) -> Eui64 | None:
        """The device that a number stands for (ECS46c); None where the switch is the meter's own."""
        value = self._device.cosem.value(_identifier(number))
        octets = b"" if value is None else bytes(value.value)
        return Eui64(octets) if len(octets) == 8 and any(octets) else None

    def of_partner(self, partner: Eui64) -> int | None:
        """The number under which a device stands."""
        return next((number for number in NUMBERS if self.partner(number) == partner), None)

    # ------------------------------------------------------------------ commands

    def command(self, asked: Switching) -> bool:
        """ECS47, ECS47a: for its period or until the next command; whether a switch on the HAN was told."""
        now = self._device.device_clock.now()
        start, end = self._period(asked, now)
        level = asked.level if end is None or end > now else None
        if level is not None and start > now:
            self._arrange("start", asked, start, level)
            return False
        return self._apply("commanded", asked, level, end)

    def limit(self, which: int, level: int, end: datetime | None) -> None:
        """ECS47e; None as its end: it is over."""
        asked = switching(which, level)
        if asked is not None:
            self._apply("limit", asked, None if end is None else level, end)

    def _apply(self, kind: str, asked: Switching, level: int | None, end: datetime | None) -> bool:
        number, storage = asked.number, self._device.storage
        before = self.level(number, is_input=asked.is_input)
        key = _key(kind, number, is_input=asked.is_input)
        if level is None:
            storage.delete(_SECTION, key)
        else:
            storage.put_json(_SECTION, key, level)
        if level is not None and end is not None and kind == "commanded":
            self._arrange(kind, asked, end, None)
        else:
            self._device.schedule.cancel(f"{_DUE} {key}")
        after = self.level(number, is_input=asked.is_input)
        if asked.is_input or (kind == "limit" and after == before):
            return False
        left = timedelta() if end is None else end - self._device.device_clock.now()
        return self.changed(number, after, max(0, round(left / timedelta(minutes=1))))

    def _arrange(self, kind: str, asked: Switching, when: datetime, level: int | None) -> None:
        """Do something later: begin a setting, or end one."""
        body = {"kind": kind, "number": asked.number, "is_input": asked.is_input, "level": level}
        name = f"{_DUE} {_key(kind, asked.number, is_input=asked.is_input)}"
        self._device.schedule.put(name, when, _DUE, body)

    def _over(self, _device: Device, body: dict[str, Any]) -> None:
        asked = Switching(body["number"], body["is_input"], body["level"])
        if body["kind"] == "start":
            self.command(asked)
        else:
            self._apply(body["kind"], asked, None, None)

    def _period(self, asked: Switching, now: datetime) -> tuple[datetime, datetime | None]:
        """Start and end: two dates (ECS47a), or so many minutes from now (ECS47)."""
        first, second = (self._device.cosem.value(_period(asked.number, each)) for each in (1, 2))
        lasting = first if asked.level else second
        if lasting is not None and lasting.tag == Tag.LONG_UNSIGNED:
            return now, (now + timedelta(minutes=lasting.value) if lasting.value else None)
        start, end = _moment(first), _moment(second)
        return start or now, end


def _key(kind: str, number: int, *, is_input: bool) -> str:
    return f"{kind}.{number}.{'input' if is_input else 'output'}"


def _identifier(number: int) -> Place:
    return Place(_DATA, bytes.fromhex(f"00005E2C00{0x14 + number:02X}"), _VALUE)


def _period(number: int, which: int) -> Place:
    return Place(_DATA, bytes.fromhex(f"00005E2C{0x74 + number:02X}{which:02X}"), _VALUE)


def _moment(value: Data | None) -> datetime | None:
    if value is None or value.tag != Tag.OCTET_STRING:
        return None
    try:
        return decode_date_time(value.value).to_datetime()
    except DecodeError:
        return None


def _no_calendar(_number: int, _is_input: bool) -> int:
    """There is no calendar."""
    return 0


def _not_boosted(_number: int) -> bool:
    """There is no boost function."""
    return False


def _nobody(_number: int, _level: int, _minutes: int) -> bool:
    """No switch on the HAN: the device has them itself."""
    return False
