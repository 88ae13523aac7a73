"""The ASN.1 structures of GBCS made ready for a walk: by tag, which element comes next, and its checks."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs import der
from protocols.gbcs.asn1 import schema
from protocols.gbcs.named.asn1_names import Field, names_of
from protocols.gbcs.named.asn1_payloads import alternatives
from protocols.gbcs.walk.rows import Row, UnusualError

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[bytes], object]

_CLAUSE = "GBCS ASN.1"


class Place(Row):
    """A value of a structure: its tag, whether it may be absent, and what is inside or how it is checked.

    ``members`` are a record's elements in order, ``each`` the elements of a list; ``check`` takes a single
    value's content and raises where it cannot be. What has none of the three is walked without names.
    """

    __slots__ = ("absent", "check", "each", "members", "tag")

    def __init__(self, expected: schema.Type, field: Field, tag: int, *, absent: bool = False) -> None:
        super().__init__(field.name, _CLAUSE, field)
        self.tag = tag
        self.absent = absent
        self.members: tuple[Place, ...] | None = None
        self.each: Place | None = None
        self.check: Check | None = _check(expected, tag)
        if isinstance(expected, schema.Record):
            pairs = zip(expected.elements, names_of(expected), strict=True)
            self.members = tuple(
                Place(each.type, name, each.seen_tag, absent=each.optional or each.default is not None)
                for each, name in pairs
            )
        elif isinstance(expected, schema.SequenceOf):
            self.each = Place(expected.element, Field(field.name, field.codes), expected.element.tag)


def _check(expected: schema.Type, tag: int) -> Check | None:
    """What the type says of a single value's content, without making the value."""
    if isinstance(expected, schema.Octets):
        return _OfSize(expected.size)
    if isinstance(expected, schema.Integer):
        return _Within(expected.lowest, expected.highest)
    if isinstance(expected, schema.Usage | schema.Time | schema.Null):
        return _Parsed(expected, tag)
    return None


class _OfSize:
    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, content: bytes) -> None:
        if len(content) != self.size:
            raise UnusualError


class _Within:
    __slots__ = ("highest", "lowest")

    def __init__(self, lowest: int, highest: int) -> None:
        self.lowest, self.highest = lowest, highest

    def __call__(self, content: bytes) -> None:
        if not content or not self.lowest <= int.from_bytes(content, "big", signed=True) <= self.highest:
            raise UnusualError


class _Parsed:
    """Has the type itself read the content: for what is seldom there."""

    __slots__ = ("expected", "tag")

    def __init__(self, expected: schema.Type, tag: int) -> None:
        self.expected, self.tag = expected, tag

    def __call__(self, content: bytes) -> None:
        try:
            self.expected.parse(der.Node(self.tag, content), "")
        except DecodeError:
            raise UnusualError from None


@cache
def payload_places(message_code: int, kind: str) -> dict[int, Place]:
    """Forms of a message code's payload by their tags; empty where none is known."""
    return {
        each.type.tag: Place(each.type, each.field or Field(kind), each.type.tag)
        for each in alternatives(message_code, kind)
    }
