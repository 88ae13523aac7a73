"""DLMS data in A-XDR: a tree of tagged values (IEC 62056-6-2, as GBCS uses it).

Each node keeps where it stood, so that findings and decoded trees can point at octets. Encoding is canonical
(shortest lengths); what parses is what encodes, octet for octet, compact arrays included.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import cycle
from typing import TYPE_CHECKING, Any

from protocols.dlms.description import (
    MAX_DEPTH,
    TypeDescription,
    encode_description,
    least_octets,
    members_of,
    parse_description,
)
from protocols.dlms.lazy_layout import lazy_layouts
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from protocols.dlms.layout import Layout


class Tag(IntEnum):
    """Data types by their A-XDR tag, under their DLMS names."""

    NULL_DATA = 0x00
    ARRAY = 0x01
    STRUCTURE = 0x02
    BOOLEAN = 0x03
    BIT_STRING = 0x04
    DOUBLE_LONG = 0x05
    DOUBLE_LONG_UNSIGNED = 0x06
    OCTET_STRING = 0x09
    VISIBLE_STRING = 0x0A
    UTF8_STRING = 0x0C
    INTEGER = 0x0F
    LONG = 0x10
    UNSIGNED = 0x11
    LONG_UNSIGNED = 0x12
    COMPACT_ARRAY = 0x13
    LONG64 = 0x14
    LONG64_UNSIGNED = 0x15
    ENUM = 0x16


TYPE_NAMES = {tag.value: tag.name.lower().replace("_", "-") for tag in Tag}

# Plain integers for the hot path: membership tests on an IntEnum's members cost more than the parsing.
_NULL_DATA, _ARRAY, _STRUCTURE, _BIT_STRING = 0x00, 0x01, 0x02, 0x04
_OCTET_STRING, _COMPACT_ARRAY = 0x09, 0x13

# Tag: octets, signed.
_INTEGERS = {
    0x03: (1, False),
    0x05: (4, True),
    0x06: (4, False),
    0x0F: (1, True),
    0x10: (2, True),
    0x11: (1, False),
    0x12: (2, False),
    0x14: (8, True),
    0x15: (8, False),
    0x16: (1, False),
}
_FORMATS = {(1, False): "B", (2, False): "H", (4, False): "I", (8, False): "Q"}
_FORMATS |= {(octets, True): letter.lower() for (octets, _), letter in _FORMATS.items()}
# Tag: octets, unpack function.
_READERS = {
    tag: (layout[0], struct.Struct(">" + _FORMATS[layout]).unpack_from) for tag, layout in _INTEGERS.items()
}
# Tag: pack function for tag and value.
_WRITERS = {tag: struct.Struct(">B" + _FORMATS[layout]).pack for tag, layout in _INTEGERS.items()}
_UNTAGGED_WRITERS = {tag: struct.Struct(">" + _FORMATS[layout]).pack for tag, layout in _INTEGERS.items()}
_STRINGS = frozenset((0x09, 0x0A, 0x0C))
_CONTAINERS = frozenset((_ARRAY, _STRUCTURE))
# Tag and length of what is short enough for a length of one octet.
_HEADS = {
    tag: [bytes((tag, length)) for length in range(0x80)]
    for tag in (_ARRAY, _STRUCTURE, _BIT_STRING, _OCTET_STRING)
}


@dataclass(slots=True)
class Data:
    """One value with its tag.

    ``value`` by tag: None (null-data); list of Data (array, structure); int (all integers, enum, and boolean,
    which keeps its octet: 0 is false); bytes (the three strings); ``BitString``; ``CompactArray``.
    ``offset`` and ``end`` are octets in the data parsed, the tag included where there is one.
    """

    tag: int
    value: Any = None
    offset: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(slots=True)
class BitString:
    """Bits in octets, first bit in the highest position; ``bits`` says how many count."""

    bits: int
    octets: bytes


@dataclass(slots=True)
class CompactArray:
    """Elements of one type, stored without tags; each item is an ordinary Data tree."""

    description: TypeDescription
    items: list[Data]


def parse_data(data: bytes, offset: int = 0, depth: int = 0) -> tuple[Data, int]:
    """Data at ``offset`` and the offset after it; DecodeError's path counts elements from 0 (``"1.0"``)."""
    if offset >= len(data):
        raise DecodeError("data ends where a tag belongs", offset=offset)
    tag = data[offset]
    value, end = _parse_value(data, tag, offset + 1, depth)
    return Data(tag, value, offset, end), end


def parse_items(data: bytes, offset: int, count: int, depth: int = 0) -> tuple[list[Data], int]:
    """``count`` data one after another and the offset after them; paths in errors start with the index.

    The common forms are read here, without a call for each; ``parse_data`` has the rest and the errors.
    """
    items: list[Data] = []
    add, readers, limit, at = items.append, _READERS, len(data), offset
    try:
        for _ in range(count):
            start, body = at, at + 2
            if body <= limit:
                tag, octets = data[start], data[start + 1]
                if tag == _OCTET_STRING:
                    at = body + octets
                    if octets < 0x80 and at <= limit:
                        add(Data(tag, data[body:at], start, at))
                        continue
                elif tag in readers:
                    octets, unpack = readers[tag]
                    at = body - 1 + octets
                    if at <= limit:
                        (value,) = unpack(data, body - 1)
                        add(Data(tag, value, start, at))
                        continue
                elif tag in _CONTAINERS and octets < 0x80 and depth < MAX_DEPTH:
                    value, at = parse_items(data, body, octets, depth + 1)
                    add(Data(tag, value, start, at))
                    continue
            item, at = parse_data(data, start, depth)
            add(item)
    except DecodeError as error:
        raise error.moved(0, str(len(items))) from None
    return items, at


def _parse_value(data: bytes, tag: int, at: int, depth: int) -> tuple[Any, int]:
    layout = _INTEGERS.get(tag)
    if layout:
        end = at + layout[0]
        if end > len(data):
            take(data, at, layout[0], TYPE_NAMES[tag])
        return int.from_bytes(data[at:end], "big", signed=layout[1]), end
    if tag in _STRINGS:
        length, at = read_length(data, at, TYPE_NAMES[tag])
        return take(data, at, length, TYPE_NAMES[tag])
    if tag in _CONTAINERS:
        return _parse_elements(data, at, depth + 1)
    if tag == _NULL_DATA:
        return None, at
    if tag == _BIT_STRING:
        bits, at = read_length(data, at, "bit-string")
        octets, end = take(data, at, (bits + 7) // 8, "bit-string")
        return BitString(bits, octets), end
    if tag == _COMPACT_ARRAY:
        return _parse_compact_array(data, at, depth + 1)
    raise DecodeError(f"0x{tag:02X} is not the tag of a type in use", offset=at - 1)


def _parse_elements(data: bytes, at: int, depth: int) -> tuple[list[Data], int]:
    if depth > MAX_DEPTH:
        raise DecodeError(f"nested deeper than {MAX_DEPTH}", offset=at - 1)
    count, at = read_length(data, at, "count")
    return parse_items(data, at, count, depth)


def _parse_compact_array(data: bytes, at: int, depth: int) -> tuple[CompactArray, int]:
    description, at = parse_description(data, at, depth)
    if not least_octets(description):
        raise DecodeError("an element type without elements", offset=at - 1, path="description")
    length, at = read_length(data, at, "contents")
    _, end = take(data, at, length, "contents")
    contents = data[:end]
    items: list[Data] = []
    while at < end:
        try:
            item, at = _parse_untagged(contents, at, description, depth)
        except DecodeError as error:
            raise error.moved(0, f"contents.{len(items)}") from None
        items.append(item)
    return CompactArray(description, items), end


def _parse_untagged(data: bytes, at: int, description: TypeDescription, depth: int) -> tuple[Data, int]:
    start = at
    if not description.members:
        value, at = _parse_value(data, description.tag, at, depth)
        return Data(description.tag, value, start, at), at
    elements = []
    for member in members_of(description):
        element, at = _parse_untagged(data, at, member, depth + 1)
        elements.append(element)
    return Data(description.tag, elements, start, at), at


def encode_data(data: Data) -> bytes:
    """Octets of a tree; EncodeError's element is the type's name."""
    return bytes((data.tag,)) + _encode_value(data)


def encode_items(items: Iterable[Data]) -> bytes:
    """Data one after another."""
    parts: list[bytes] = []
    _add_items(items, parts.append)
    return b"".join(parts)


def _add_items(  # noqa: C901  # one branch per form, since a call for each costs more than the encoding
    items: Iterable[Data], add: Callable[[bytes], None]
) -> None:
    """The common forms here, the most frequent first, the rest by ``encode_data``."""
    writer_of = _WRITERS.get
    for data in items:
        tag, value = data.tag, data.value
        if tag == _OCTET_STRING:
            octets = len(value)
            if octets < 0x80:
                add(_HEADS[tag][octets])
                add(value)
                continue
        elif tag in _CONTAINERS:
            count = len(value)
            if count < 0x80:
                add(_HEADS[tag][count])
                _add_items(value, add)
                continue
        elif tag == _NULL_DATA:
            add(b"\x00")
            continue
        elif tag == _BIT_STRING:
            bits, octets = value.bits, value.octets
            if bits < 0x80 and len(octets) == (bits + 7) >> 3:
                add(_HEADS[tag][bits])
                add(octets)
                continue
        else:
            write = writer_of(tag)
            if write is not None:
                try:
                    add(write(tag, value))
                    continue
                except struct.error:  # does not fit, or is no number yet
                    pass
        add(encode_data(data))


def _encode_value(data: Data) -> bytes:
    tag, value = data.tag, data.value
    layout = _INTEGERS.get(tag)
    if layout:
        try:
            return int(value).to_bytes(layout[0], "big", signed=layout[1])
        except (OverflowError, TypeError, ValueError):
            raise EncodeError(f"{value!r} does not fit", element=TYPE_NAMES[tag]) from None
    if tag in _STRINGS:
        return encode_length(len(value), TYPE_NAMES[tag]) + bytes(value)
    if tag in _CONTAINERS:
        return encode_length(len(value), "count") + encode_items(value)
    if tag == _NULL_DATA:
        return b""
    if tag == _BIT_STRING:
        if len(value.octets) != (value.bits + 7) // 8:
            raise EncodeError(f"{value.bits} bits are not {len(value.octets)} octets", element="bit-string")
        return encode_length(value.bits, "bit-string") + bytes(value.octets)
    if tag == _COMPACT_ARRAY:
        parts: list[bytes] = []
        _add_rows(value, parts.append)
        contents = b"".join(parts)
        return encode_description(value.description) + encode_length(len(contents), "contents") + contents
    raise EncodeError(f"0x{tag:02X} is not the tag of a type in use", element="tag")


def _add_rows(compact: CompactArray, add: Callable[[bytes], None]) -> None:
    """All elements; those that are structures of numbers, as profiles have them, with one pack each."""
    description = compact.description
    tags = [member.tag for member in description.members]
    fixed = description.tag == _STRUCTURE and tags and not {*tags} - _INTEGERS.keys()
    pack = struct.Struct(">" + "".join(_FORMATS[_INTEGERS[tag]] for tag in tags)).pack if fixed else None
    for item in compact.items:
        if pack is not None and item.tag == _STRUCTURE and [each.tag for each in item.value] == tags:
            try:
                add(pack(*[each.value for each in item.value]))
                continue
            except struct.error:  # one does not fit, or is no number yet
                pass
        _add_untagged(item, description, add)


def _add_untagged(data: Data, description: TypeDescription, add: Callable[[bytes], None]) -> None:
    tag, members = data.tag, description.members
    if tag != description.tag:
        problem = f"{TYPE_NAMES.get(tag)} where the description says {TYPE_NAMES.get(description.tag)}"
        raise EncodeError(problem, element="compact-array")
    if not members:
        try:
            add(_UNTAGGED_WRITERS[tag](data.value))
        except (KeyError, struct.error):  # no number, or one that does not fit
            add(_encode_value(data))
        return
    count = len(members) * (description.count if tag == _ARRAY else 1)
    if len(data.value) != count:
        raise EncodeError(f"{len(data.value)} elements, not {count}", element="compact-array")
    for item, member in zip(data.value, cycle(members), strict=False):
        _add_untagged(item, member, add)


DATA: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(DATA=(parse_data, encode_data))


def null_data() -> Data:
    """Null-data."""
    return Data(Tag.NULL_DATA)


def structure(*elements: Data) -> Data:
    """Structure of these elements."""
    return Data(Tag.STRUCTURE, list(elements))


def array(elements: Iterable[Data]) -> Data:
    """Array of these elements."""
    return Data(Tag.ARRAY, list(elements))


def boolean(value: bool) -> Data:
    """Boolean; true is FF, as GBCS messages have it."""
    return Data(Tag.BOOLEAN, 0xFF if value else 0)


def bit_string(octets: bytes, bits: int | None = None) -> Data:
    """Bit string, all bits of ``octets`` unless said otherwise."""
    return Data(Tag.BIT_STRING, BitString(8 * len(octets) if bits is None else bits, octets))


def octet_string(octets: bytes) -> Data:
    """Octet string."""
    return Data(Tag.OCTET_STRING, bytes(octets))


def integer(value: int) -> Data:
    """Signed 8 bits."""
    return Data(Tag.INTEGER, value)


def unsigned(value: int) -> Data:
    """Unsigned 8 bits."""
    return Data(Tag.UNSIGNED, value)


def long_unsigned(value: int) -> Data:
    """Unsigned 16 bits."""
    return Data(Tag.LONG_UNSIGNED, value)


def double_long_unsigned(value: int) -> Data:
    """Unsigned 32 bits."""
    return Data(Tag.DOUBLE_LONG_UNSIGNED, value)


def enum(value: int) -> Data:
    """Enumeration, 8 bits."""
    return Data(Tag.ENUM, value)
