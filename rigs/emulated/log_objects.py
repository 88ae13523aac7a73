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
from protocols.errors import DecodeError
from rigs.emulated.event_rules import Log
from rigs.emulated.events import seconds_since_2000

if TYPE_CHECKING:
    from rigs.emulated.device import Device
    from rigs.emulated.events import LogEntry

_PROFILE, _BUFFER = 7, 2
# OBIS code, use case, whether an entry has other information.
_LOGS = {Log.EVENT: ("0000636200FF", "ECS35a", True), Log.SECURITY: ("0000636201FF", "ECS35b", False)}
_ALL_TIME = (0, 0xFFFFFFFF)


def register(device: Device) -> None:
    """Both logs and the use cases that read them."""
    for log, (obis, use_case, other) in _LOGS.items():
        device.cosem.attribute(
            _PROFILE,
            obis,
            _BUFFER,
            read=partial(_entries, device, log, other, _ALL_TIME),
            select=partial(_selected, device, log, other),
        )
        device.cosem.serve(use_case, only=((_PROFILE, obis, _BUFFER),))


def _selected(device: Device, log: Log, other: bool, selection: Data) -> Data:
    """Entries from one time to another, both included; the range descriptor of dlms.md 5."""
    if selection.tag != Tag.STRUCTURE or len(selection.value) != 4:
        raise DecodeError("not a range descriptor", offset=selection.offset, path="selection")
    first, last = selection.value[1:3]
    if (first.tag, last.tag) != (Tag.DOUBLE_LONG_UNSIGNED, Tag.DOUBLE_LONG_UNSIGNED):
        raise DecodeError("not a range of times", offset=first.offset, path="selection")
    return _entries(device, log, other, (first.value, last.value))


def _entries(device: Device, log: Log, other: bool, window: tuple[int, int]) -> Data:
    members = [TypeDescription(Tag.DOUBLE_LONG_UNSIGNED), TypeDescription(Tag.LONG_UNSIGNED)]
    if other:
        members.append(TypeDescription(Tag.OCTET_STRING))
    items = [
        _entry(entry, other)
        for entry in device.events.entries(log)
        if window[0] <= seconds_since_2000(entry.time) <= window[1]
    ]
    return Data(Tag.COMPACT_ARRAY, CompactArray(TypeDescription(Tag.STRUCTURE, members), items))


def _entry(entry: LogEntry, other: bool) -> Data:
    members = [double_long_unsigned(seconds_since_2000(entry.time)), long_unsigned(entry.code)]
    return structure(*members, *([octet_string(entry.other)] if other else []))
