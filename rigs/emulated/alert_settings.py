"""Which configurable alerts an ESME sends to the WAN: ECS25a and ECS25b (devices.md 7; GBCS 16)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import BitString, Data, Tag, bit_string

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_DATA, _VALUE = 1, 2
_OCTETS = 32
_ALL_ON = b"\xff" * _OCTETS
# Upper octet of the alert codes: object that sets, object that reads back.
_OBJECTS = {
    0x81: ("001E61620BFF", "001E61620FFF"),
    0x80: ("002161620BFF", "002161620FFF"),
}


class AlertSettings:
    """256 bits for 0x81nn, the supplier's, and 256 for 0x80nn, the network operator's; all on at first."""

    def __init__(self, device: Device) -> None:
        self._storage = device.storage
        for group, (setting, reading) in _OBJECTS.items():
            device.cosem.attribute(_DATA, setting, _VALUE, write=partial(self._write, group))
            device.cosem.attribute(_DATA, reading, _VALUE, read=partial(self._read, group))

    def enabled(self, code: int) -> bool:
        """Whether an alert goes to the WAN; bit nn, the lowest numbered 0, is code 0x81nn or 0x80nn."""
        if code >> 8 not in _OBJECTS:
            return True
        return bool(int.from_bytes(self._settings(code >> 8), "big") >> (code & 0xFF) & 1)

    def _settings(self, group: int) -> bytes:
        return self._storage.get("alert_settings", f"{group:02x}") or _ALL_ON

    def _read(self, group: int) -> Data:
        return bit_string(self._settings(group))

    def _write(self, group: int, value: Data) -> AccessResult:
        """256 bits that say which settings change, then 256 that say to what."""
        if value.tag != Tag.BIT_STRING:
            return AccessResult.TYPE_UNMATCHED
        bits: BitString = value.value
        if bits.bits != 2 * 8 * _OCTETS:
            return AccessResult.TYPE_UNMATCHED
        halves = (bits.octets[:_OCTETS], bits.octets[_OCTETS:], self._settings(group))
        mask, action, old = (int.from_bytes(half, "big") for half in halves)
        new = old & ~mask | action & mask
        self._storage.put("alert_settings", f"{group:02x}", new.to_bytes(_OCTETS, "big"))
        return AccessResult.SUCCESS
