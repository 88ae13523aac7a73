"""An ESME's event and security logs as profile generic objects: ECS35a and ECS35b (dlms.md 5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.dlms.axdr import (
    CompactArray,
    Data,
    Tag,
    double_long_unsigned,
    long_unsigned,
    octet_string,
    structure,
)
from protocols.dlms.description import TypeDescription
from rigs.emulated.event_rules import Log
from rigs.emulated.events import seconds_since_2000

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.events import LogEntry

_PROFILE, _BUFFER = 7, 2
# OBIS code, whether an entry has other information.
_LOGS = {Log.EVENT: ("0000636200FF", True), Log.SECURITY: ("0000636201FF", False)}


def register(device: Device) -> None:
    """Both logs; selective access to their buffers is that of every buffer."""
    for log, (obis, other) in _LOGS.items():
        device.cosem.attribute(_PROFILE, obis, _BUFFER, read=partial(_entries, device, log, other))


def _entries(device: Device, log: Log, other: bool) -> Data:
    members = [TypeDescription(Tag.DOUBLE_LONG_UNSIGNED), TypeDescription(Tag.LONG_UNSIGNED)]
    if other:
        members.append(TypeDescription(Tag.OCTET_STRING))
    items = [_entry(entry, other) for entry in device.events.entries(log)]
    return Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(Tag.STRUCTURE, members), items))


def _entry(entry: LogEntry, other: bool) -> Data:
    members = [double_long_unsigned(seconds_since_2000(entry.time)), long_unsigned(entry.code)]
    return structure(*members, *([octet_string(entry.other)] if other else []))
