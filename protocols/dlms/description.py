"""What the elements of a compact array are: the description before its contents (IEC 62056-6-2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError

# Deeper than any GBCS payload; keeps hostile input from exhausting the stack.
MAX_DEPTH = 32
_ARRAY, _STRUCTURE = 0x01, 0x02
# Numbers, strings and bit strings, by their tags.
_SINGLE = frozenset((0x03, 0x04, 0x05, 0x06, 0x09, 0x0A, 0x0C, 0x0F, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16))


@dataclass(slots=True)
class TypeDescription:
    """Type of a compact array's elements: a tag, a structure's members, an array's count and member."""

    tag: int
    members: list[TypeDescription] = field(default_factory=list)
    count: int = 0


def parse_description(data: bytes, at: int, depth: int) -> tuple[TypeDescription, int]:
    """Description of a compact array's elements at ``at``, and the offset after it."""
    if depth > MAX_DEPTH:
        raise DecodeError(f"nested deeper than {MAX_DEPTH}", offset=at, path="description")
    octets, at = take(data, at, 1, "description")
    tag = octets[0]
    if tag == _STRUCTURE:
        count, at = read_length(data, at, "description.count")
        members = []
        for _ in range(count):
            member, at = parse_description(data, at, depth + 1)
            members.append(member)
        description = TypeDescription(tag, members)
        # Empty arrays cost no octets, so they must not outnumber those of the other members.
        if sum(not least_octets(each) for each in members) > least_octets(description):
            count = 0
    elif tag == _ARRAY:
        octets, at = take(data, at, 2, "description.count")
        count = int.from_bytes(octets, "big")
        member, at = parse_description(data, at, depth + 1)
        description = TypeDescription(tag, [member], count)
        # Elements of no octets could be repeated without end.
        count = least_octets(member) or not count
    else:
        count = 1
        description = TypeDescription(tag)
        if tag not in _SINGLE:
            raise DecodeError(
                f"0x{tag:02X} cannot stand in a compact array", offset=at - 1, path="description"
            )
    if not count:
        raise DecodeError("an element type without elements", offset=at - 1, path="description")
    return description, at


def least_octets(description: TypeDescription) -> int:
    """How many octets an element has at least."""
    if not description.members:
        return 1
    inside = sum(map(least_octets, description.members))
    return inside * description.count if description.tag == _ARRAY else inside


def members_of(description: TypeDescription) -> list[TypeDescription]:
    """Types of an element's members, one after another."""
    return description.members * (description.count if description.tag == _ARRAY else 1)


def encode_description(description: TypeDescription) -> bytes:
    """Octets of a description."""
    out = bytes((description.tag,))
    if description.tag == _STRUCTURE:
        out += encode_length(len(description.members), "description.count")
    elif description.tag == _ARRAY:
        out += description.count.to_bytes(2, "big")
    return out + b"".join(map(encode_description, description.members))
