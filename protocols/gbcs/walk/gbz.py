"""Walking GBZ payloads down to ZCL fields and attributes (see ``dlms`` for what a walk is).

The wrapping follows ``protocols.gbcs.gbz``, which says what is wrong with a payload that a walk refuses. ZCL
contents follow the tables of the catalogue; what has no row there, or is cut off, is one span without a name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from protocols.gbcs.gbz import ENCRYPTED, FROM_DATE_TIME, LAST_COMPONENT, SECURITY_HEADER
from protocols.gbcs.named.gbz_alerts import content_fields
from protocols.gbcs.walk.rows import UNNAMED, Row, UnusualError, Walked
from protocols.gbcs.walk.zcl_places import content_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROFILE = b"\x01\x09"
_KNOWN_BITS = LAST_COMPONENT | ENCRYPTED | FROM_DATE_TIME
_PAYLOAD_HEAD = [Row("Profile ID"), Row("Number of Components")]
_CLAUSE = "GBCS 16.2"
_ALERT_HEAD = [Row("Alert Code", _CLAUSE), Row("Time", _CLAUSE)]
_COMPONENT_HEAD = (Row("Control"), Row("Cluster"), Row("Command Length"))
_ZCL_HEAD = (Row("Frame Control"), Row("Transaction Sequence Number"), Row("Command"))
_DATE = Row("From Date Time")
_ADDITIONAL_HEAD = (Row("Additional Header Control"), Row("Additional Header Frame Counter"))
_CIPHERED = (Row("Ciphered Length"), Row("Security Header"), Row("Ciphered Information"))
_CONTENT_HEAD = Row("Content Head", _CLAUSE)
_TAG_OCTETS = 12
_ALERT_OCTETS = 9
_HEAD_OCTETS, _ZCL_OCTETS = 5, 3


def walk_gbz_command(data: bytes) -> Walked:
    """The payload of a command, in which nobody looks for ciphered blocks (GBCS has them in answers)."""
    walked = walk_gbz(data)
    walked.blocks.clear()
    return walked


def walk_gbz(data: bytes) -> Walked:
    """The payload of a response."""
    if data[:2] != _PROFILE or not data[2]:
        raise UnusualError
    walked = Walked(data, [0, 2], _PAYLOAD_HEAD.copy())
    _walk_components(walked, 3, data[2])
    return walked


class AlertContent:
    """What belongs to an alert's message code, after its time: fixed octets, then fields."""

    __slots__ = ("_fields", "_head", "_octets")

    def __init__(self, head: bytes, fields: Mapping[str, int]) -> None:
        self._head = head
        self._fields = [(Row(name, _CLAUSE), octets) for name, octets in fields.items()]
        self._octets = len(head) + sum(fields.values()) if fields else 0

    def add(self, walked: Walked) -> None:
        """Add its spans; one without a name where the content is another."""
        at = _ALERT_OCTETS
        if len(walked.octets) != at + self._octets or not walked.octets.startswith(self._head, at):
            walked.starts.append(at)
            walked.rows.append(UNNAMED)
            return
        if self._head:
            walked.starts.append(at)
            walked.rows.append(_CONTENT_HEAD)
            at += len(self._head)
        for row, octets in self._fields:
            walked.starts.append(at)
            walked.rows.append(row)
            at += octets


@lru_cache(maxsize=1024)
def alert_content(message_code: int) -> AlertContent:
    """Content of a message code's alerts."""
    return AlertContent(*content_fields(message_code))


def walk_gbz_alert(data: bytes, content: AlertContent) -> Walked:
    """The payload of an alert: its code and time, then components or what belongs to the message code."""
    if data[:2] != _PROFILE or len(data) < _ALERT_OCTETS:
        raise UnusualError
    count = data[2]
    walked = Walked(data, [0, 2, 3, 5], _PAYLOAD_HEAD + _ALERT_HEAD)
    if len(data) == _ALERT_OCTETS:
        return walked
    if not count:
        raise UnusualError
    if len(data) >= _ALERT_OCTETS + _HEAD_OCTETS + _ZCL_OCTETS and not data[_ALERT_OCTETS] & ~_KNOWN_BITS:
        _walk_components(walked, _ALERT_OCTETS, count)
    else:
        content.add(walked)
    return walked


def _walk_components(walked: Walked, at: int, count: int) -> None:
    data, starts, rows = walked.octets, walked.starts, walked.rows
    sink = walked.sink
    octets = len(data)
    for left in range(count, 0, -1):
        control, cluster = data[at], data[at + 1] << 8 | data[at + 2]
        end = at + _HEAD_OCTETS + (data[at + 3] << 8 | data[at + 4])
        if control & ~_KNOWN_BITS or (control & LAST_COMPONENT) != (left == 1) or end > octets:
            raise UnusualError
        starts += (at, at + 1, at + 3)
        rows += _COMPONENT_HEAD
        at += _HEAD_OCTETS
        if control & (ENCRYPTED | FROM_DATE_TIME):
            at = _walk_additional(walked, at, control)
        if at + _ZCL_OCTETS > end:
            raise UnusualError
        starts += (at, at + 1, at + 2)
        rows += _ZCL_HEAD
        frame_control, command = data[at], data[at + 2]
        at += _ZCL_OCTETS
        if control & ENCRYPTED:
            _walk_ciphered(walked, at, end)
        elif at < end:
            content = content_of(cluster, frame_control & 0x0B, command)
            found = content.walk(data, at, end, sink)
            if found < end:
                starts.append(found)
                rows.append(UNNAMED)
        at = end
    if at != octets:
        raise UnusualError


def _walk_additional(walked: Walked, at: int, control: int) -> int:
    """What stands between a component's head and its ZCL header."""
    if control & FROM_DATE_TIME:
        walked.starts.append(at)
        walked.rows.append(_DATE)
        at += 4
    if control & ENCRYPTED:
        walked.starts += (at, at + 1)
        walked.rows += _ADDITIONAL_HEAD
        at += 2
    return at


def _walk_ciphered(walked: Walked, at: int, end: int) -> None:
    data, start = walked.octets, at + 2
    if start > end or data[at] << 8 | data[at + 1] != end - start:
        raise UnusualError
    if not data.startswith(SECURITY_HEADER, start) or end - start < len(SECURITY_HEADER) + _TAG_OCTETS:
        raise UnusualError
    walked.starts += (at, start, start + len(SECURITY_HEADER))
    walked.rows += _CIPHERED
    walked.blocks.append((start, end))
