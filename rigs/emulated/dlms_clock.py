"""The clock object of an ESME, class 8 (dlms.md 7: ECS70)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, enum, null_data, octet_string, unsigned
from protocols.dlms.date_time import decode_date_time, encode_date_time
from protocols.errors import DecodeError
from rigs.emulated import clock_setting

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_CLASS, _OBIS = 8, "0000010000FF"
_TIME, _STATUS, _BASE = 2, 4, 9
_ADJUST, _PRESET = 4, 5
_NETWORK = 5  # clock base: the time comes from the network


class ClockObject:
    """Attributes time, status and clock base; methods preset_adjusting_time and adjust_to_preset_time.

    The first method states the window in which the hub's time must lie, the second sets the clock.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        cosem = device.cosem
        cosem.attribute(_CLASS, _OBIS, _TIME, read=self._time)
        cosem.attribute(_CLASS, _OBIS, _STATUS, read=self._status)
        cosem.stored(_CLASS, _OBIS, _BASE, enum(_NETWORK), check=_is_network)
        cosem.method(_CLASS, _OBIS, _PRESET, self._preset)
        cosem.method(_CLASS, _OBIS, _ADJUST, self._adjust)

    def _time(self) -> Data:
        return octet_string(encode_date_time(self._device.device_clock.now()))

    def _status(self) -> Data:
        return unsigned(int(self._device.device_clock.status))

    def _preset(self, _command: Command, parameter: Data) -> tuple[AccessResult, Data]:
        if parameter.tag != Tag.STRUCTURE or len(parameter.value) != 3:
            return AccessResult.TYPE_UNMATCHED, null_data()
        start, end = map(_moment, parameter.value[1:])
        if start is None or end is None or end < start:
            self._device.storage.delete("clock", "window")
            return AccessResult.OTHER_REASON, null_data()
        window = [start.isoformat(), end.isoformat()]
        self._device.storage.put_json("clock", "window", window)
        return AccessResult.SUCCESS, null_data()

    def _adjust(self, _command: Command, _parameter: Data) -> tuple[AccessResult, Data]:
        window = self._device.storage.get_json("clock", "window")
        # A window serves one adjustment: a later command has to bring its own.
        self._device.storage.delete("clock", "window")
        if window is None:
            clock_setting.not_adjusted(self._device, "no validity interval")
            return AccessResult.OTHER_REASON, null_data()
        done = clock_setting.set_clock(self._device, *map(datetime.fromisoformat, window))
        return AccessResult.SUCCESS if done else AccessResult.OTHER_REASON, null_data()


def _is_network(value: Data) -> bool:
    return bool(value.value == _NETWORK)


def _moment(value: Data) -> datetime | None:
    if value.tag != Tag.OCTET_STRING:
        return None
    try:
        return decode_date_time(value.value).to_datetime()
    except DecodeError:
        return None
