"""Walking ASN.1 payloads: every tag-length-value a span, bound to its element (see ``dlms``).

What is inside certificates and certification requests is walked as well, and is all of their row. The grammar
is that of ``protocols.gbcs.der``, which says what is wrong where a walk gives up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs import der
from protocols.gbcs.walk.rows import UNNAMED, Row, UnusualError, Walked

if TYPE_CHECKING:
    from collections.abc import Mapping

    from protocols.gbcs.walk.asn1_places import Place
    from protocols.gbcs.walk.rows import Sink

_CONSTRUCTED, _HIGH, _LONG = 0x20, 0x1F, 0x80
_NUMBERS = frozenset((der.INTEGER, der.ENUMERATED))


def walk_asn1(data: bytes, places: Mapping[int, Place]) -> Walked:
    """A payload that is one of these structures, by its tag; without names where there is none."""
    walked = Walked(data, [], [])
    sink = walked.sink
    if not places:
        end = _walk_inside(data, 0, len(data), UNNAMED, sink, depth=0)
        one = _end(data, 0, end)[1]
        if one != end:
            raise UnusualError
        return walked
    place = places.get(data[0])
    if place is None:
        raise UnusualError
    if _walk_place(data, 0, len(data), place, sink, depth=0) != len(data):
        raise UnusualError
    return walked


def _end(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """Where the content of the value at ``at`` starts and ends."""
    length, body = data[at + 1], at + 2
    if length >= _LONG:
        octets = length & 0x7F
        if not 1 <= octets <= 4:
            raise UnusualError
        body += octets
        if body > limit:
            raise UnusualError
        length = int.from_bytes(data[at + 2 : body], "big")
    if body + length > limit:
        raise UnusualError
    return body, body + length


def _walk_place(data: bytes, at: int, limit: int, place: Place, sink: Sink, *, depth: int) -> int:
    """The value at ``at``, whose tag has been looked at; the offset after it."""
    add, bind = sink
    add(at)
    bind(place)
    tag = data[at]
    length, body = data[at + 1], at + 2
    end = body + length
    if length >= _LONG or end > limit:
        body, end = _end(data, at, limit)
    if depth > der.DEPTH_LIMIT:
        raise UnusualError
    if not tag & _CONSTRUCTED:
        if tag in der.CHECKED:
            der.check_primitive(tag, data[body:end], body)
        if place.check is not None:
            place.check(data[body:end])
    elif place.members is not None:
        _walk_members(data, body, end, place.members, sink, depth=depth + 1)
    elif place.each is not None:
        element, at = place.each, body
        while at < end:
            if data[at] != element.tag:
                raise UnusualError
            at = _walk_place(data, at, end, element, sink, depth=depth + 1)
    else:
        _walk_inside(data, body, end, place, sink, depth=depth + 1)
    return end


def _walk_members(
    data: bytes, at: int, end: int, members: tuple[Place, ...], sink: Sink, *, depth: int
) -> None:
    for member in members:
        if at < end and data[at] == member.tag:
            at = _walk_place(data, at, end, member, sink, depth=depth)
        elif not member.absent:
            raise UnusualError
    if at != end:
        raise UnusualError


def _walk_inside(data: bytes, at: int, limit: int, row: Row, sink: Sink, *, depth: int) -> int:
    """Values up to ``limit``, all of one row; ``limit`` again."""
    checked = der.CHECKED
    add, bind = sink
    while at < limit:
        add(at)
        bind(row)
        tag, length = data[at], data[at + 1]
        body = at + 2
        at = body + length
        if length >= _LONG or at > limit:
            body, at = _end(data, body - 2, limit)
        if tag & _CONSTRUCTED:
            if depth >= der.DEPTH_LIMIT:
                raise UnusualError
            _walk_inside(data, body, at, row, sink, depth=depth + 1)
        elif tag in checked:
            der.check_primitive(tag, data[body:at], body)
        if tag & _HIGH == _HIGH:
            raise UnusualError
    return limit
