"""What configurable events do: which are sent, shown on the HAN, sounded and logged (devices.md 7; GBCS 16).

An ESME keeps 256 bits for each behaviour and owner (ECS25a to ECS25b3), a GSME one octet for each event
(GCS20). Everything else does what its rule says, always.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import BitString, Data, Tag, bit_string
from rigs.emulated.alert_behaviour import Behaviour, is_settable, usual
from rigs.emulated.event_rules import RULES
from rigs.emulated.objects.zse_queries import event_configurations

if TYPE_CHECKING:
    from rigs.emulated.device import Device


_DATA, _VALUE = 1, 2
_OCTETS = 32
_SUPPLIER, _OPERATOR = 0x81, 0x80
# Upper octet of the codes, behaviour: object that sets, object that reads back.
_OBJECTS = {
    (_SUPPLIER, Behaviour.WAN): ("001E61620BFF", "001E61620FFF"),
    (_SUPPLIER, Behaviour.HAN): ("001E61620CFF", "001E616210FF"),
    (_SUPPLIER, Behaviour.AUDIBLE): ("001E61620DFF", "001E616211FF"),
    (_SUPPLIER, Behaviour.LOG): ("001E61620EFF", "001E616212FF"),
    (_OPERATOR, Behaviour.WAN): ("002161620BFF", "002161620FFF"),
    (_OPERATOR, Behaviour.LOG): ("002161620EFF", "0021616212FF"),
}
# Bits of a GSME's octet (ZSE device management): the lowest three name a log, 0 for none.
_GAS = {Behaviour.LOG: 0x07, Behaviour.WAN: 0x08, Behaviour.HAN: 0x10, Behaviour.AUDIBLE: 0x60}


class AlertSettings:
    """The bits of an ESME: bit nn, the lowest numbered 0, is code 0x81nn or 0x80nn."""

    def __init__(self, device: Device) -> None:
        self._storage = device.storage
        for place, (setting, reading) in _OBJECTS.items():
            device.cosem.attribute(_DATA, setting, _VALUE, write=partial(self._write, place))
            device.cosem.attribute(_DATA, reading, _VALUE, read=partial(self._read, place))

    def does(self, code: int, what: Behaviour) -> bool:
        """What an event does as its owner has set it."""
        if (code >> 8, what) not in _OBJECTS or not is_settable(code, what):
            return usual(code, what)
        return bool(int.from_bytes(self._settings((code >> 8, what)), "big") >> (code & 0xFF) & 1)

    def _settings(self, place: tuple[int, Behaviour]) -> bytes:
        group, what = place
        return self._storage.get("alert_settings", f"{group:02x}.{what}") or _factory(group, what)

    def _read(self, place: tuple[int, Behaviour]) -> Data:
        return bit_string(self._settings(place))

    def _write(self, place: tuple[int, Behaviour], value: Data) -> AccessResult:
        """256 bits that say which settings change, then 256 that say to what."""
        if value.tag != Tag.BIT_STRING:
            return AccessResult.TYPE_UNMATCHED
        bits: BitString = value.value
        if bits.bits != 2 * 8 * _OCTETS:
            return AccessResult.TYPE_UNMATCHED
        halves = (bits.octets[:_OCTETS], bits.octets[_OCTETS:], self._settings(place))
        mask, action, old = (int.from_bytes(half, "big") for half in halves)
        new = old & ~mask | action & mask
        self._storage.put("alert_settings", f"{place[0]:02x}.{place[1]}", new.to_bytes(_OCTETS, "big"))
        return AccessResult.SUCCESS


@cache
def _factory(group: int, what: Behaviour) -> bytes:
    """All bits of what is on for everything; single ones of what is on for some."""
    if what in {Behaviour.WAN, Behaviour.LOG}:
        return b"\xff" * _OCTETS
    on = (code for code in RULES if code >> 8 == group and usual(code, what))
    return sum(1 << (code & 0xFF) for code in on).to_bytes(_OCTETS, "big")


def gas_does(device: Device, code: int, what: Behaviour) -> bool:
    """What an event of a GSME does as GCS20 has set it."""
    held = event_configurations(device).get(code) if is_settable(code, what) else None
    return usual(code, what) if held is None else bool(held & _GAS[what])
