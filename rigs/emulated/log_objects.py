"""The logs of a device as profile generic objects: ECS35a to ECS35g and DBCH02 (dlms.md 5).

Selective access to their buffers is that of every buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.axdr import (
    CompactArray,
    Data,
    Tag,
    double_long_unsigned,
    enum,
    long_unsigned,
    octet_string,
    structure,
)
from protocols.dlms.description import TypeDescription
from rigs.emulated.event_rules import Log
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.events import LogEntry

_PROFILE, _BUFFER = 7, 2


def _octets(other: bytes) -> list[Data]:
    return [octet_string(other)]


def _number(other: bytes) -> list[Data]:
    return [double_long_unsigned(int.from_bytes(other[:4], "big"))]


def _outcome(other: bytes) -> list[Data]:
    """One octet of outcome, four of the command's id."""
    return [enum(other[0] if other else 0), double_long_unsigned(int.from_bytes(other[1:5], "big"))]


def _nothing(_other: bytes) -> list[Data]:
    return []


@dataclass(slots=True)
class _Form:
    """How entries of one log look: types of what follows time and code, and how it is made."""

    obis: str
    tags: list[Tag]
    further: Callable[[bytes], list[Data]]


_FORMS = {
    Log.EVENT: _Form("0000636200FF", [Tag.OCTET_STRING], _octets),
    Log.SECURITY: _Form("0000636201FF", [], _nothing),
    Log.POWER: _Form("0000636204FF", [Tag.DOUBLE_LONG_UNSIGNED], _number),
    Log.AUXILIARY: _Form("0011636202FF", [Tag.ENUM, Tag.DOUBLE_LONG_UNSIGNED], _outcome),
    Log.SUB_GHZ: _Form("00005E2C0A03", [Tag.OCTET_STRING], _octets),
}
_OBIS = {bytes.fromhex(form.obis): log for log, form in _FORMS.items()}


def register(device: Device) -> None:
    """Those of the logs that the device's type has."""
    for log, form in _FORMS.items():
        if Place(_PROFILE, bytes.fromhex(form.obis), _BUFFER) in device.cosem.objects.members:
            device.cosem.attribute(_PROFILE, form.obis, _BUFFER, read=partial(_entries, device, log, form))


def log_of(obis: bytes) -> Log | None:
    """The log that an object stands for."""
    return _OBIS.get(obis)


def _entries(device: Device, log: Log, form: _Form) -> Data:
    tags = [Tag.DOUBLE_LONG_UNSIGNED, Tag.LONG_UNSIGNED, *form.tags]
    items = [_entry(entry, form) for entry in device.events.entries(log)]
    description = TypeDescription(Tag.STRUCTURE, [TypeDescription(tag) for tag in tags])
    return Data(Tag.COMPACT_ARRAY, CompactArray(description, items))


def _entry(entry: LogEntry, form: _Form) -> Data:
    head = [double_long_unsigned(seconds_since_2000(entry.time)), long_unsigned(entry.code)]
    return structure(*head, *form.further(entry.other))
