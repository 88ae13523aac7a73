"""What a node of the catalogue is on the wire: its tag, its members, its type in a compact array."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from protocols.dlms.axdr import TYPE_NAMES, CompactArray, Data, Tag
from protocols.dlms.description import TypeDescription
from protocols.errors import EncodeError
from protocols.gbcs.named.dlms_leaves import TYPES, is_single, type_form, wire_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.gbcs.catalogue.elements import DlmsNode

_CONTAINERS = {
    "structure": Tag.STRUCTURE,
    "array": Tag.ARRAY,
    "sequence": Tag.ARRAY,
    "compact-array": Tag.COMPACT_ARRAY,
    "packed": Tag.OCTET_STRING,
}
_TAGS = {name: tag for tag, name in TYPE_NAMES.items()}
_NESTED = frozenset((Tag.STRUCTURE, Tag.ARRAY))
_PART = re.compile(r"([a-z0-9-]+)(?:\[(\d+)\])?")
_DEEPEST = 8


def expected_tag(node: DlmsNode) -> int:
    """Tag of a node's value on the wire."""
    base = type_form(node.type).base
    return int(_CONTAINERS[base]) if base in _CONTAINERS else wire_tag(node)


def members_present(members: Sequence[DlmsNode], count: int) -> list[DlmsNode] | None:
    """Members that ``count`` elements are: required ones, then optional ones in order; None if none fit."""
    spare = count - sum(not each.optional for each in members)
    found = []
    for each in members:
        if each.optional:
            if spare <= 0:
                continue
            spare -= 1
        found.append(each)
    return found if len(found) == count else None


def has_shape(node: DlmsNode, description: TypeDescription) -> bool:
    """Whether the values of a compact array's elements tell their description.

    Single values may be of other types than the catalogue's, since they say so.
    """
    tag = description.tag
    if type_form(node.type).base in TYPES:
        return is_single(tag)
    if tag != expected_tag(node):
        return False
    if tag == Tag.STRUCTURE:
        members = members_present(node.of, len(description.members))
        return bool(members) and all(map(has_shape, members or (), description.members))
    if tag == Tag.ARRAY:
        inner, element = description.members[0], node.of[0]
        return has_shape(element, inner) if description.count else inner == usual_description(element)
    return True


def usual_description(node: DlmsNode) -> TypeDescription:
    """Description of an empty compact array: required members only, arrays as long as they may be."""
    tag = expected_tag(node)
    if tag == Tag.STRUCTURE:
        return TypeDescription(tag, [usual_description(each) for each in node.of if not each.optional])
    if tag == Tag.ARRAY:
        return TypeDescription(tag, [usual_description(node.of[0])], type_form(node.type).high)
    return TypeDescription(tag)


def compact_array(element: DlmsNode, items: list[Data], path: str, clause: str) -> CompactArray:
    """Compact array of items; EncodeError where they have not one shape, or one it cannot hold."""
    if not items:
        return CompactArray(usual_description(element), items)
    descriptions = [_description_from(element, item) for item in items]
    for at, each in enumerate(descriptions):
        if each != descriptions[0]:
            problem = "elements of a compact array have one shape"
            raise EncodeError(problem, element=f"{path}[{at}]", clause=clause)
    if not _is_solid(descriptions[0]):
        raise EncodeError("a compact array holds no null", element=path, clause=clause)
    return CompactArray(descriptions[0], items)


def _description_from(node: DlmsNode, data: Data) -> TypeDescription:
    if data.tag == Tag.STRUCTURE:
        members = members_present(node.of, len(data.value)) or node.of
        return TypeDescription(data.tag, list(map(_description_from, members, data.value)))
    if data.tag == Tag.ARRAY:
        element = node.of[0]
        inner = [_description_from(element, each) for each in data.value[:1]]
        return TypeDescription(data.tag, inner or [usual_description(element)], len(data.value))
    return TypeDescription(data.tag)


def _is_solid(description: TypeDescription) -> bool:
    if description.tag in _NESTED:
        return bool(description.members) and all(map(_is_solid, description.members))
    return description.tag not in (Tag.NULL_DATA, Tag.COMPACT_ARRAY)


def description_text(description: TypeDescription) -> str:
    """A type description in words: ``structure(double-long-unsigned,array[48](unsigned))``."""
    name = TYPE_NAMES[description.tag]
    if description.tag == Tag.ARRAY:
        name += f"[{description.count}]"
    inner = ",".join(map(description_text, description.members))
    return f"{name}({inner})" if description.tag in _NESTED else name


def description_of_text(text: str) -> TypeDescription:
    """The reverse of ``description_text``; EncodeError for any other text."""
    found, end = _read_description(text, 0, 0)
    if end != len(text):
        raise EncodeError(f"{text!r} is no type description")
    return found


def _read_description(text: str, at: int, depth: int) -> tuple[TypeDescription, int]:
    part = _PART.match(text, at)
    tag = None if part is None or depth > _DEEPEST else _TAGS.get(part[1])
    if part is None or tag is None or (part[2] is not None) != (tag == Tag.ARRAY):
        raise EncodeError(f"{text!r} is no type description")
    found, at = TypeDescription(tag, count=int(part[2] or 0)), part.end()
    if tag not in _NESTED:
        return found, at
    separator = "("
    while text[at : at + 1] == separator:
        inner, at = _read_description(text, at + 1, depth + 1)
        found.members.append(inner)
        separator = ","
    if text[at : at + 1] != ")" or (tag == Tag.ARRAY and len(found.members) != 1):
        raise EncodeError(f"{text!r} is no type description")
    return found, at + 1
