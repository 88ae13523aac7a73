"""Walking DLMS payloads: every octet into a span, every span bound to its row, without building a tree.

The grammar is that of ``protocols.dlms``, whose parsers say what is wrong when a walk gives up. A walk reads
each octet that decides where the next thing starts, and no other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protocols.dlms.access import ACCESS_REQUEST_TAG, ACCESS_RESPONSE_TAG, INVOKE_FLAGS, parse_access_response
from protocols.dlms.axdr import (
    Data,
    encode_data,
    parse_data,
)
from protocols.dlms.description import MAX_DEPTH, TypeDescription, least_octets, members_of, parse_description
from protocols.dlms.length import read_length
from protocols.dlms.notification import DATA_NOTIFICATION_TAG
from protocols.dlms.protection import ProtectionParameters, protection_parameters, read_protected
from protocols.errors import DecodeError
from protocols.gbcs.gbz import SECURITY_HEADER as BLOCK_START
from protocols.gbcs.named.dlms_match import match_response
from protocols.gbcs.walk.dlms_places import NAMELESS, ItemPlaces, Place, TablePlaces
from protocols.gbcs.walk.rows import Row, UnusualError, Walked

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from protocols.gbcs.walk.rows import Sink

# Octets of a value with its tag where the tag alone decides (null-data and numbers), else 0.
_SIZES = [0] * 0x100
for _tag, _octets in {0: 1, 3: 2, 5: 5, 6: 5, 15: 2, 16: 3, 17: 2, 18: 3, 20: 9, 21: 9, 22: 2}.items():
    _SIZES[_tag] = _octets
_ARRAY, _STRUCTURE, _BIT_STRING, _OCTET_STRING, _COMPACT_ARRAY = 0x01, 0x02, 0x04, 0x09, 0x13
_STRINGS = frozenset((0x09, 0x0A, 0x0C))
_LONG = 0x80
_SPECIFICATION_OCTETS = 10
_SELECTING = 4
_HEAD = [Row("tag"), Row("long_invoke_id"), Row("date_time")]
_COUNT, _NO_SPECIFICATION = Row("count"), Row("access_request_specification")
_SELECTOR, _NAMELESS_ITEM = Row("selector"), Row("unnamed item")


def _protected_pattern() -> re.Pattern[bytes]:
    """A protected answer up to its block: what ``read_protected`` takes, for parties of eight octets."""
    parts = [bytes((mark,)) * 8 for mark in (0xA1, 0xA2, 0xA3)]
    parameters = ProtectionParameters(int.from_bytes(parts[0], "big"), parts[1], parts[2])
    pattern = re.escape(encode_data(protection_parameters(parameters)))
    for part in parts:
        pattern = pattern.replace(re.escape(part), b".{8}")
    return re.compile(pattern + b"\x09", re.DOTALL)


_PROTECTED = _protected_pattern()


def walk_items(data: bytes, at: int, places: Iterable[Place], sink: Sink, *, depth: int = 0) -> int:
    """One value for each place; the offset after them. IndexError where the data ends too soon.

    A string may reach beyond the end: the next octet read, or whoever knows the end, sees it.
    """
    sizes = _SIZES
    add, bind = sink
    for expected in places:
        add(at)
        tag = data[at]
        place = expected if tag == expected.tag else expected.other(tag)
        bind(place)
        octets = sizes[tag]
        if octets:
            at += octets
            continue
        size, at = data[at + 1], at + 2
        if size >= _LONG and tag != _COMPACT_ARRAY:
            size, at = read_length(data, at - 1)
        if tag in _STRINGS:
            if place.packed:
                _add_packed(place, at, size, sink)
            at += size
        elif tag in (_STRUCTURE, _ARRAY):
            if depth >= MAX_DEPTH:
                raise UnusualError
            at = walk_items(data, at, place.members(size), sink, depth=depth + 1)
        elif tag == _BIT_STRING:
            at += (size + 7) // 8
        elif tag == _COMPACT_ARRAY:
            at = _walk_compact(data, at - 2, place, sink, depth=depth)
        else:
            raise UnusualError
    return at


def _add_packed(place: Place, at: int, size: int, sink: Sink) -> None:
    add, bind = sink
    if size != sum(place.packed):
        return
    for field, octets in zip(place.inside, place.packed, strict=True):
        add(at)
        bind(field)
        at += octets


def _walk_compact(data: bytes, start: int, place: Place, sink: Sink, *, depth: int) -> int:
    """A compact array: its description and length, then its elements, which have no tags of their own."""
    add, bind = sink
    description, at = parse_description(data, start + 1, depth + 1)
    length, at = read_length(data, at)
    end = at + length
    least = least_octets(description)
    if not least or 0 < length < least:
        raise UnusualError  # so what follows is never larger than the message
    element = place.inside[0] if place.base == "compact-array" else NAMELESS
    leaves = list(_flat(description, element)) if length else []
    while at < end:
        for tag, leaf in leaves:
            add(at)
            bind(leaf)
            octets = _SIZES[tag]
            if octets:
                at += octets - 1
                continue
            size, at = read_length(data, at)
            at += (size + 7) // 8 if tag == _BIT_STRING else size
    if at != end:
        raise UnusualError
    return at


def _flat(description: TypeDescription, expected: Place) -> Iterator[tuple[int, Place]]:
    """Tag and place of every single value of an element."""
    tag = description.tag
    place = expected if tag == expected.tag else expected.other(tag)
    if not description.members:
        yield tag, place
        return
    members = members_of(description)
    for member, each in zip(members, place.members(len(members)), strict=True):
        yield from _flat(member, each)


def _head(data: bytes, tag: int) -> Walked:
    """Tag, invoke id and the empty date-time that every payload starts with."""
    if data[0] != tag or data[1] != INVOKE_FLAGS or data[5]:
        raise UnusualError
    return Walked(data, [0, 1, 5], _HEAD.copy())


def _count(data: bytes, at: int) -> tuple[int, int]:
    count = data[at]
    return (count, at + 1) if count < _LONG else read_length(data, at)


def walk_request(data: bytes, table: TablePlaces) -> Walked:
    """An access-request, bound to a use case's table."""
    walked = _head(data, ACCESS_REQUEST_TAG)
    starts, rows = walked.starts, walked.rows
    starts.append(6)
    rows.append(_COUNT)
    count, at = _count(data, 6)
    if count == len(table.items) and table.keys and data.startswith(table.keys, at):
        after = at + _SPECIFICATION_OCTETS * count
        starts.extend(range(at, after, _SPECIFICATION_OCTETS))
        rows.extend(table.specifications)
        givens, at = table.givens, after
    else:
        givens, at = _walk_specifications(walked, at, count, table)
    starts.append(at)
    rows.append(_COUNT)
    again, at = _count(data, at)
    end = walk_items(data, at, givens, walked.sink)
    if again != count or end != len(data):
        raise UnusualError
    return walked


def _walk_specifications(walked: Walked, at: int, count: int, table: TablePlaces) -> tuple[list[Place], int]:
    """Specifications one by one; where one is not in the table, or out of order, none has a name."""
    data, (add, bind) = walked.octets, walked.sink
    givens, first, rest, named = [], len(walked.rows), iter(table.items), True
    for _ in range(count):
        after = at + _SPECIFICATION_OCTETS
        kind, key = data[at], data[at:after]
        if not 1 <= kind <= _SELECTING:
            raise UnusualError
        item: ItemPlaces | None = next((each for each in rest if each.key == key), None) if named else None
        named = named and item is not None
        add(at)
        bind(item.specification if item else _NAMELESS_ITEM)
        givens.append(item.given if item else NAMELESS)
        at = after
        if kind == _SELECTING:
            add(at)
            bind(_SELECTOR)
            at = walk_items(data, at + 1, (item.selection if item else NAMELESS,), walked.sink)
    if not named:
        walked.rows[first:] = [_NAMELESS_ITEM] * (len(walked.rows) - first)
        givens = [NAMELESS] * count
    return givens, at


def walk_response(data: bytes, table: TablePlaces) -> Walked:
    """An access-response, bound to a use case's table, and its ciphered blocks."""
    walked = _head(data, ACCESS_RESPONSE_TAG)
    starts, rows = walked.starts, walked.rows
    starts += (6, 7)
    rows += (_NO_SPECIFICATION, _COUNT)
    count, at = _count(data, 7)
    answers, results = table.answers, table.results
    if count != len(answers) or data[len(data) - 2 * count :: 2] != table.kinds:
        answers, results = _told_by_type(data, count, table)
    if BLOCK_START in data:
        for place in answers:
            start, at = at, walk_items(data, at, (place,), walked.sink)
            walked.blocks += _block(data, start)
    else:
        at = walk_items(data, at, answers, walked.sink)
    starts.append(at)
    rows.append(_COUNT)
    again, at = _count(data, at)
    starts.extend(range(at, at + 2 * count, 2))
    rows.extend(results)
    if data[6] or again != count or at + 2 * count != len(data):
        raise UnusualError
    return walked


def _told_by_type(data: bytes, count: int, table: TablePlaces) -> tuple[list[Place], list[Row]]:
    """Items of an answer that is not as long as the table: seldom, so the ordinary parser may look first."""
    match = match_response([each.element for each in table.items], parse_access_response(data))
    if match is None or not table.items:
        return [NAMELESS] * count, [_NAMELESS_ITEM] * count
    items = [table.by_element[id(element)] for element in match[0]]
    return [each.answer for each in items], [each.result for each in items]


def walk_notification(data: bytes, body: Place) -> Walked:
    """A data-notification, bound to the rows of its alert, and its ciphered block."""
    walked = _head(data, DATA_NOTIFICATION_TAG)
    if walk_items(data, 6, (body,), walked.sink) != len(data):
        raise UnusualError
    if BLOCK_START in data:
        walked.blocks = _last_block(data)
    return walked


def _last_block(data: bytes) -> list[tuple[int, int]]:
    """The block of an alert whose last two elements are protection parameters and block."""
    body, _ = parse_data(data, 6)
    if body.tag != _STRUCTURE or len(body.value) < 2:
        return []
    return _protected(Data(_STRUCTURE, body.value[-2:]))


def _block(data: bytes, start: int) -> list[tuple[int, int]]:
    """The block of a protected answer; nothing where an item is something else."""
    if data[start : start + 2] != b"\x02\x02":
        return []
    found = _PROTECTED.match(data, start + 2)
    if found is None:
        return _protected(parse_data(data, start)[0])
    size, at = read_length(data, found.end())
    return [(at, at + size)]


def _protected(item: Data) -> list[tuple[int, int]]:
    try:
        block = read_protected(item)
    except DecodeError:
        return []
    return [(block.offset, block.offset + len(block.block))]
