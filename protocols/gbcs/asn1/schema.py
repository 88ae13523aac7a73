"""How an ASN.1 structure is declared: small types that parse DER nodes into values and build them again.

A ``Record`` ties a slotted dataclass to its elements in order, so that each structure of GBCS stands in one
table and every error names the element: DecodeError carries offset and path, EncodeError the element.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

from protocols.errors import CodecError, DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1.types import KeyUsage

T = TypeVar("T")
LARGEST_SEQ_NUMBER = 0x7FFF_FFFF_FFFF_FFFF
# All there are: making a member of an enumeration costs more than reading the number.
_USAGES = [KeyUsage(octet) for octet in range(0x100)]


class Type(Protocol):
    """One ASN.1 type: its tag (implicit tagging replaces it), how to read and how to write its content."""

    tag: int

    def parse(self, node: der.Node, path: str) -> Any:
        """Value of a node whose tag has been checked."""

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """Encoded value under ``tag``."""


@dataclass(slots=True)
class Integer:
    """INTEGER within bounds, or ENUMERATED with its tag; numbers without a name in an enumeration pass."""

    lowest: int = 0
    highest: int = LARGEST_SEQ_NUMBER
    tag: int = der.INTEGER

    def parse(self, node: der.Node, path: str) -> int:
        """The number; DecodeError outside the bounds."""
        octets = node.value
        value = int.from_bytes(octets, signed=True) if octets else der.integer(node, path, node.tag)
        if not self.lowest <= value <= self.highest:
            problem = f"{value} is not between {self.lowest} and {self.highest}"
            raise DecodeError(problem, offset=node.start, path=path)
        return value

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """Shortest form; EncodeError for anything but a number within the bounds."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(f"{value!r} is no number", element=path)
        if not self.lowest <= value <= self.highest:
            raise EncodeError(f"{value} is not between {self.lowest} and {self.highest}", element=path)
        return der.encode_integer(int(value), tag)


@dataclass(slots=True)
class Octets:
    """OCTET STRING of a fixed size, read as bytes or as EUI-64."""

    size: int
    kind: type[bytes] = bytes
    tag: int = der.OCTET_STRING

    def parse(self, node: der.Node, path: str) -> bytes:
        """The octets; DecodeError when their number is wrong."""
        if len(node.value) != self.size:
            problem = f"{len(node.value)} octets instead of {self.size}"
            raise DecodeError(problem, offset=node.start, path=path)
        return self.kind(node.value)

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError when the number of octets is wrong."""
        if not isinstance(value, bytes):
            raise EncodeError(f"{value!r} is not octets", element=path)
        if len(value) != self.size:
            raise EncodeError(f"{len(value)} octets instead of {self.size}", element=path)
        return der.encode(tag, value)


@dataclass(slots=True)
class AnyOctets:
    """OCTET STRING of any size."""

    tag: int = der.OCTET_STRING

    def parse(self, node: der.Node, _path: str) -> bytes:
        """The octets."""
        return node.value

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError for anything but octets."""
        if not isinstance(value, bytes):
            raise EncodeError(f"{value!r} is not octets", element=path)
        return der.encode(tag, value)


@dataclass(slots=True)
class Usage:
    """KeyUsage: a BIT STRING without trailing zero bits."""

    tag: int = der.BIT_STRING

    def parse(self, node: der.Node, path: str) -> KeyUsage:
        """The named bits of the first octet."""
        value = node.value
        if len(value) != 2 or value[0] != (value[1] & -value[1]).bit_length() - 1:
            problem = f"{value.hex()} is no key usage of one octet without trailing zero bits"
            raise DecodeError(problem, offset=node.start, path=path)
        return _USAGES[value[1]]

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError for anything but one octet with a bit set."""
        if not isinstance(value, int) or not 1 <= value <= 0xFF:
            raise EncodeError(f"{value!r} is no key usage", element=path)
        return der.encode(tag, bytes(((value & -value).bit_length() - 1, value)))


@dataclass(slots=True)
class Time:
    """GeneralizedTime YYYYMMDDhhmmssZ as a timezone-aware datetime."""

    tag: int = der.GENERALIZED_TIME

    def parse(self, node: der.Node, path: str) -> datetime:
        """The time in UTC."""
        return der.parse_generalized_time(node, path)

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError for anything but a timezone-aware datetime."""
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise EncodeError(f"{value!r} is no time with a time zone", element=path)
        return der.encode_generalized_time(value, tag)


@dataclass(slots=True)
class Null:
    """NULL; its value is True."""

    tag: int = der.NULL

    def parse(self, node: der.Node, path: str) -> bool:
        """Always True; DecodeError when there is content."""
        if node.value:
            raise DecodeError("NULL has content", offset=node.start, path=path)
        return True

    def build(self, _value: Any, _path: str, tag: int) -> bytes:
        """Tag and length 0."""
        return der.encode(tag)


@dataclass(slots=True)
class Encoded:
    """A value kept in its encoded form, such as a certificate; ``build`` takes one whole DER value."""

    tag: int = der.SEQUENCE

    def parse(self, node: der.Node, _path: str) -> bytes:
        """The octets as they were, length forms included."""
        return node.octets()

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError unless the octets are one DER value with the tag."""
        try:
            found = der.tag_of(value)
        except (CodecError, TypeError) as error:
            raise EncodeError(f"not one DER value: {error}", element=path) from None
        if found != tag:
            raise EncodeError(f"tag {found:02X} instead of {tag:02X}", element=path)
        return bytes(value)


@dataclass(slots=True)
class SequenceOf:
    """SEQUENCE OF one type, as a list."""

    element: Type
    tag: int = der.SEQUENCE

    def parse(self, node: der.Node, path: str) -> list[Any]:
        """The elements in order."""
        return [
            parse_as(self.element, child, f"{path}[{index}]") for index, child in enumerate(node.children)
        ]

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError names the element with its index."""
        if not isinstance(value, (list, tuple)):
            raise EncodeError(f"{value!r} is no list", element=path)
        parts = (self.element.build(each, f"{path}[{i}]", self.element.tag) for i, each in enumerate(value))
        return der.encode(tag, *parts)


@dataclass(slots=True)
class Element:
    """One element of a record: a dataclass field, its type, and how it may be left out or retagged.

    ``tag`` is the implicit tag where the specification gives one. An ``optional`` element is None when
    absent; one with a ``default`` is left out when it has that value.
    """

    name: str
    type: Type
    tag: int | None = None
    optional: bool = False
    default: Any = None

    @property
    def seen_tag(self) -> int:
        """The tag on the wire."""
        return self.type.tag if self.tag is None else self.tag


class Record(Generic[T]):
    """SEQUENCE of named elements, as a dataclass or named tuple whose fields have the elements' names."""

    __slots__ = ("_built", "_is_tuple", "_seen", "cls", "elements", "tag")

    def __init__(self, cls: type[T], *elements: Element) -> None:
        names = list(getattr(cls, "_fields", ())) or [each.name for each in fields(cast("Any", cls))]
        if names != [each.name for each in elements]:
            raise TypeError(f"{cls.__name__} has the fields {names}")
        self.cls = cls
        self.elements = elements
        self._seen = [(each, each.seen_tag, f".{each.name}", each.type.parse) for each in elements]
        self._built = [
            (each.name, f".{each.name}", each.seen_tag, each.type.build, each.optional, each.default)
            for each in elements
        ]
        self._is_tuple = issubclass(cls, tuple)
        self.tag = der.SEQUENCE

    def parse(self, node: der.Node, path: str) -> T:
        """The dataclass; DecodeError for missing, surplus and unexpected elements."""
        values: list[Any] = []
        children, at = node.children, 0
        count = len(children)
        for element, tag, name, parse in self._seen:
            if at < count and children[at].tag == tag:
                values.append(parse(children[at], path + name))
                at += 1
            elif element.optional or element.default is not None:
                values.append(element.default)
            elif at < len(children):
                der.expect(children[at], tag, f"{path}.{element.name}")
            else:
                raise DecodeError("the element is missing", offset=node.end, path=f"{path}.{element.name}")
        if at < len(children):
            surplus = children[at]
            raise DecodeError(f"surplus element with tag {surplus.tag:02X}", offset=surplus.start, path=path)
        return self.cls(*values)

    def build(self, value: Any, path: str, tag: int) -> bytes:
        """EncodeError names the element that cannot be carried; a named tuple may come as a plain one."""
        if self._is_tuple and type(value) is tuple and len(value) <= len(self.elements):
            value = self.cls(*value)
        if not isinstance(value, self.cls):
            raise EncodeError(f"{value!r} is no {self.cls.__name__}", element=path)
        parts = []
        for name, place, seen_tag, build, optional, default in self._built:
            inner = getattr(value, name)
            left_out = inner is None if optional else default is not None and inner == default
            if not left_out:
                parts.append(build(inner, path + place, seen_tag))
        return der.encode(tag, *parts)

    def decode(self, data: bytes) -> T:
        """The structure that a whole payload holds."""
        return cast("T", decode(self, data))

    def encode(self, value: T) -> bytes:
        """The payload for a structure."""
        return encode(self, value)


class Choice:
    """One of several types told apart by tag; the value's Python type or dataclass chooses when building."""

    __slots__ = ("alternatives", "tag")

    def __init__(self, *alternatives: tuple[type, Type, int | None]) -> None:
        self.alternatives = alternatives
        self.tag = -1  # any of its alternatives' tags

    def parse(self, node: der.Node, path: str) -> Any:
        """The value of the alternative with this tag."""
        for _kind, alternative, tag in self.alternatives:
            if node.tag == (alternative.tag if tag is None else tag):
                return alternative.parse(node, path)
        wanted = [alternative.tag if tag is None else tag for _kind, alternative, tag in self.alternatives]
        raise DecodeError(
            f"tag {node.tag:02X} found, {' or '.join(f'{each:02X}' for each in wanted)} expected",
            offset=node.start,
            path=path,
        )

    def build(self, value: Any, path: str, _tag: int) -> bytes:
        """EncodeError when no alternative takes such a value."""
        for kind, alternative, tag in self.alternatives:
            if isinstance(value, kind):
                return alternative.build(value, path, alternative.tag if tag is None else tag)
        raise EncodeError(f"{value!r} fits none of the alternatives", element=path)


def parse_as(expected: Type, node: der.Node, path: str) -> Any:
    """Value of a node that has to have the type's tag (a choice judges the tag itself)."""
    if expected.tag >= 0:
        der.expect(node, expected.tag, path)
    return expected.parse(node, path)


def decode(expected: Type, data: bytes) -> Any:
    """The value that a whole payload holds; DecodeError with offset and path."""
    return parse_as(expected, der.parse_der(data), "payload")


def encode(expected: Type, value: Any) -> bytes:
    """The payload for a value; EncodeError names the element."""
    return expected.build(value, "payload", expected.tag)


EUI64 = Octets(8, Eui64)
KEY_IDENTIFIER = Octets(8)
SEQ_NUMBER = Integer()
SMALL_NUMBER = Integer(0, 255)
ALERT_CODE = Integer(0, 0xFFFF)
KEY_USAGE = Usage()
TIME = Time()
NULL = Null()
CERTIFICATE = Encoded()
