"""A small reader and writer for DER (ITU-T X.690), with offsets.

Reading gives a tree of nodes that keeps the length form it met: some meters write lengths of 128 to 255
as ``82 00 nn``, and ``build`` gives such a tree back octet for octet. Tags are one octet (low tag numbers),
which is all that GBCS and X.509 use.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from protocols.errors import DecodeError, EncodeError

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
ENUMERATED = 0x0A
UTF8_STRING = 0x0C
PRINTABLE_STRING = 0x13
UTC_TIME = 0x17
GENERALIZED_TIME = 0x18
SEQUENCE = 0x30
SET = 0x31

_CONSTRUCTED = 0x20
_pack_short = struct.Struct("BB").pack
_LARGE = 0x100  # octets from which on it pays to know them again
DEPTH_LIMIT = 32  # certificates need 9; hostile nesting must not exhaust the stack
_TIME = re.compile(rb"[0-9]{14}Z")
# Primitive types whose content DER restricts.
CHECKED = frozenset((BOOLEAN, INTEGER, BIT_STRING, NULL, ENUMERATED))


@dataclass(slots=True)
class Node:
    """One tag-length-value. Constructed nodes have ``children``, primitive ones have ``value``.

    ``start`` and ``end`` are octet offsets in the data that was parsed; ``header`` is how many octets tag and
    length took there (0 for nodes made by hand: shortest form). ``build`` keeps a longer form than needed.
    """

    tag: int
    value: bytes = b""
    children: list[Node] = field(default_factory=list)
    header: int = 0
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    _source: bytes = field(default=b"", compare=False, repr=False)

    if not TYPE_CHECKING:  # or every attribute would be one of a Node's

        def __getattr__(self, name: str) -> list[Node]:
            """``children`` of a node whose octets were found in order before (`_read`), now asked for."""
            if name != "children":
                raise AttributeError(name)
            # ``header`` may be another by now.
            _length, body = _read_length(self._source, self.start + 1, self.end, "")
            self.children = _read_children(self._source, self.tag, body, self.end, strict=False, depth=1)
            return self.children

    @property
    def constructed(self) -> bool:
        """Whether the tag says that other nodes are inside."""
        return bool(self.tag & _CONSTRUCTED)

    def octets(self) -> bytes:
        """The octets this was parsed from, whatever was changed since; those it builds if made by hand."""
        return bytes(self._source[self.start : self.end]) or build(self)

    def walk(self) -> Iterator[Node]:
        """This node and all below, in the order of their octets."""
        yield self
        for child in self.children:
            yield from child.walk()


def parse_der(data: bytes, strict: bool = True) -> Node:
    """The one value that ``data`` holds.

    ``strict`` refuses octets after it and primitive values that DER forbids (empty or padded INTEGER, BOOLEAN
    other than 00 and FF, NULL with content); without it only the structure is checked and the rest is
    ignored. Length forms longer than needed are always taken and kept. Raises DecodeError with offset and
    path, a path such as ``30.02`` naming the tags down to the trouble.
    """
    node, end = parse_at(data, 0, strict=strict)
    if strict and end != len(data):
        raise DecodeError(f"{len(data) - end} octets after the end of the value", offset=end)
    return node


def tag_of(data: bytes) -> int:
    """Tag of the one value that ``data`` is, what is inside it unseen; DecodeError where it is not one."""
    if not data:
        raise DecodeError("a tag is missing", offset=0)
    length, body = _read_length(data, 1, len(data), f"{data[0]:02X}")
    if body + length != len(data):
        raise DecodeError(f"{len(data)} octets where {body + length} belong", offset=0, path=f"{data[0]:02X}")
    return data[0]


def parse_at(data: bytes, offset: int, *, strict: bool = True) -> tuple[Node, int]:
    """The value that starts at ``offset``, and the offset after it."""
    node = _read(data, offset, len(data), strict, 0)
    return node, node.end


def _read(data: bytes, start: int, limit: int, strict: bool, depth: int) -> Node:
    """One value; an error's path starts with its tag, and gets those around it on its way out."""
    if start >= limit:
        raise DecodeError("a tag is missing", offset=start)
    tag = data[start]
    if tag & 0x1F == 0x1F:
        raise DecodeError(f"tag {tag:02X} announces a high tag number", offset=start, path=f"{tag:02X}")
    body = start + 2
    if body > limit or (length := data[start + 1]) >= 0x80:
        length, body = _read_length(data, start + 1, limit, f"{tag:02X}")
    end = body + length
    if end > limit:
        problem = f"length {length} reaches {end - limit} octets beyond the enclosing value"
        raise DecodeError(problem, offset=start + 1, path=f"{tag:02X}")
    if not tag & _CONSTRUCTED:
        value = data[body:end]
        if strict and tag in CHECKED:
            check_primitive(tag, value, body)
        return Node(tag, value, [], body - start, start, end, data)
    if depth >= DEPTH_LIMIT:
        problem = f"nested deeper than {DEPTH_LIMIT} levels"
        raise DecodeError(problem, offset=start, path=f"{tag:02X}")
    known = _known(data[start:end], strict, depth) if depth and length >= _LARGE else []
    if known:
        return _unopened(data, tag, (start, body, end))
    children = _read_children(data, tag, body, end, strict, depth=depth + 1)
    known.append(True)
    return Node(tag, b"", children, body - start, start, end, data)


@lru_cache(maxsize=256)
def _known(_octets: bytes, _strict: bool, _depth: int) -> list[bool]:
    """Not empty once these octets were read without an error.

    The same certificates stand in message after message, and most that read a message want their octets only.
    """
    return []


def _unopened(data: bytes, tag: int, span: tuple[int, int, int]) -> Node:
    """A node whose children are read when somebody asks for them."""
    node = Node.__new__(Node)
    node.tag, node.value, node._source = tag, b"", data  # noqa: SLF001  a node of ours
    node.start, body, node.end = span
    node.header = body - node.start
    return node


def _read_children(data: bytes, outer: int, at: int, limit: int, strict: bool, *, depth: int) -> list[Node]:
    """Values up to ``limit``, inside a value with the tag ``outer``.

    Short ones are read here, without a call for each; ``_read`` has the rest and the errors.
    """
    children: list[Node] = []
    add = children.append
    try:
        while at < limit:
            start, body = at, at + 2
            if body <= limit:
                tag, length = data[start], data[start + 1]
                at = body + length
                if length < 0x80 and at <= limit and tag & 0x1F != 0x1F:
                    if not tag & _CONSTRUCTED:
                        value = data[body:at]
                        # Numbers of one octet, of which there are many, are right as they are.
                        if strict and tag in CHECKED and (length != 1 or tag != INTEGER):
                            check_primitive(tag, value, body)
                        add(Node(tag, value, [], 2, start, at, data))
                        continue
                    if depth < DEPTH_LIMIT:
                        inner = _read_children(data, tag, body, at, strict, depth=depth + 1)
                        add(Node(tag, b"", inner, 2, start, at, data))
                        continue
            child = _read(data, start, limit, strict, depth)
            add(child)
            at = child.end
    except DecodeError as error:
        raise error.moved(0, f"{outer:02X}") from None
    return children


def _read_length(data: bytes, at: int, limit: int, path: str) -> tuple[int, int]:
    """The length and the offset after it."""
    if at >= limit:
        raise DecodeError("the length is missing", offset=at, path=path)
    first = data[at]
    if first < 0x80:
        return first, at + 1
    count = first & 0x7F
    if count == 0:
        raise DecodeError("indefinite length is not allowed in DER", offset=at, path=path)
    if count > 4:
        raise DecodeError(f"a length of {count} octets is beyond any message", offset=at, path=path)
    if at + 1 + count > limit:
        raise DecodeError("the length is cut off", offset=at, path=path)
    return int.from_bytes(data[at + 1 : at + 1 + count]), at + 1 + count


def check_primitive(tag: int, value: bytes, body: int) -> None:
    """What DER says of the content of a type in ``CHECKED``; DecodeError at ``body``, where it starts."""
    problem = ""
    if tag in (INTEGER, ENUMERATED):
        if not value:
            problem = "a number without octets"
        elif len(value) > 1 and (value[0], value[1] >> 7) in ((0x00, 0), (0xFF, 1)):
            problem = "a number with a needless leading octet"
    elif tag == BOOLEAN:
        if value not in (b"\x00", b"\xff"):
            problem = "a BOOLEAN is 00 or FF"
    elif tag == NULL:
        if value:
            problem = "NULL has content"
    elif not value or value[0] > (7 if len(value) > 1 else 0):
        problem = "a BIT STRING with a wrong number of unused bits"
    if problem:
        raise DecodeError(problem, offset=body, path=f"{tag:02X}")


def build(node: Node) -> bytes:
    """The octets of a tree, length forms as they were read (never shorter than needed)."""
    tag = node.tag
    content = _build_all(node.children) if tag & _CONSTRUCTED else node.value
    return _header(tag, len(content), node.header - 1) + content


def _build_all(nodes: list[Node]) -> bytes:
    parts: list[bytes] = []
    add = parts.append
    for node in nodes:
        tag = node.tag
        content = _build_all(node.children) if tag & _CONSTRUCTED else node.value
        length = len(content)
        if length < 0x80 and node.header <= 2:
            add(_pack_short(tag, length))
        else:
            add(_header(tag, length, node.header - 1))
        add(content)
    return b"".join(parts)


def encode(tag: int, *parts: bytes) -> bytes:
    """Tag, shortest length, and the parts one after another."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return _pack_short(tag, length) + content
    return _header(tag, length, 0) + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of encoded parts."""
    return encode(SEQUENCE, *parts)


def _header(tag: int, length: int, length_octets: int) -> bytes:
    if length < 0x80 and length_octets <= 1:
        return bytes((tag, length))
    count = max((length.bit_length() + 7) // 8, length_octets - 1, 1)
    return bytes((tag, 0x80 | count)) + length.to_bytes(count)


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """INTEGER (or another tag with the same content) in the fewest octets, two's complement."""
    if 0 <= value < 0x80:
        return bytes((tag, 1, value))
    return encode(tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, signed=True))


@lru_cache(maxsize=256)
def encode_oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form; of the same few dozen."""
    try:
        arcs = [int(arc) for arc in dotted.split(".")]
        first, second = arcs[:2]
    except ValueError:
        raise EncodeError(f"{dotted!r} is no object identifier", element="object_identifier") from None
    if min(arcs) < 0 or first > 2 or (first < 2 and second > 39):
        raise EncodeError(f"{dotted!r} is no object identifier", element="object_identifier")
    content = bytearray()
    for arc in (first * 40 + second, *arcs[2:]):
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        content += bytes(reversed(groups))
    return encode(OBJECT_IDENTIFIER, bytes(content))


def encode_bit_string(value: bytes, unused_bits: int = 0) -> bytes:
    """BIT STRING of whole octets, the last ``unused_bits`` of them being unused."""
    return encode(BIT_STRING, bytes((unused_bits,)), value)


def encode_generalized_time(moment: datetime, tag: int = GENERALIZED_TIME) -> bytes:
    """GeneralizedTime YYYYMMDDhhmmssZ; fractions of a second are not carried. Needs a timezone-aware time."""
    return encode(tag, format_generalized_time(moment).encode("ascii"))


def format_generalized_time(moment: datetime) -> str:
    """The 15 characters of a GeneralizedTime."""
    if moment.tzinfo is None:
        raise EncodeError("a time needs a time zone", element="GeneralizedTime")
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}{utc:%m%d%H%M%S}Z"


def expect(node: Node, tag: int | Sequence[int], path: str = "") -> Node:
    """The node itself when it has the tag (or one of the tags); DecodeError otherwise."""
    if node.tag == tag:
        return node
    tags = (tag,) if isinstance(tag, int) else tuple(tag)
    if node.tag not in tags:
        wanted = " or ".join(f"{each:02X}" for each in tags)
        raise DecodeError(f"tag {node.tag:02X} found, {wanted} expected", offset=node.start, path=path)
    return node


def integer(node: Node, path: str = "", tag: int = INTEGER) -> int:
    """The number in an INTEGER or ENUMERATED."""
    expect(node, tag, path)
    if not node.value:
        raise DecodeError("a number without octets", offset=node.start, path=path)
    return int.from_bytes(node.value, signed=True)


def object_identifier(node: Node, path: str = "") -> str:
    """The dotted form of an OBJECT IDENTIFIER."""
    expect(node, OBJECT_IDENTIFIER, path)
    if not node.value or node.value[-1] & 0x80:
        raise DecodeError("an object identifier that is cut off", offset=node.start, path=path)
    return _dotted(node.value)


@lru_cache(maxsize=256)
def _dotted(octets: bytes) -> str:
    """The same few dozen identifiers stand in every certificate."""
    arcs: list[int] = []
    arc = 0
    for octet in octets:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def moment(node: Node, path: str = "") -> datetime:
    """The time in a UTCTime or GeneralizedTime, in UTC; without fractions, ending in Z."""
    expect(node, (GENERALIZED_TIME, UTC_TIME), path)
    if node.tag == UTC_TIME:
        century = b"19" if node.value >= b"50" else b"20"
        return _parse_time(century + node.value, node, path)
    return _parse_time(node.value, node, path)


def parse_generalized_time(node: Node, path: str = "") -> datetime:
    """The time in a GeneralizedTime, whatever its tag (implicit tagging)."""
    return _parse_time(node.value, node, path)


def _parse_time(text: bytes, node: Node, path: str) -> datetime:
    moment = _moment_of(text)
    if moment is None:
        problem = f"{node.value!r} is no time of the form YYYYMMDDhhmmssZ"
        raise DecodeError(problem, offset=node.start, path=path)
    return moment


@lru_cache(maxsize=64)
def _moment_of(text: bytes) -> datetime | None:
    """Authorities issue certificates with few times of validity."""
    if not _TIME.fullmatch(text):
        return None
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    try:
        return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
