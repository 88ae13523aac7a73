"""Whether DLMS data is of the type that the catalogue says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, Tag
from protocols.gbcs.named.dlms_leaves import TYPES, type_form, wire_tag

if TYPE_CHECKING:
    from protocols.gbcs.catalogue.elements import DlmsNode

_STRINGS = frozenset((Tag.OCTET_STRING, Tag.VISIBLE_STRING, Tag.UTF8_STRING))
_LISTS = {"array": Tag.ARRAY, "sequence": Tag.ARRAY}


def fits(node: DlmsNode | None, data: Data) -> bool:
    """Whether tags and numbers of elements are the type's; any data fits a type that is not known."""
    if node is None:
        return True
    form = type_form(node.type)
    if form.base in TYPES:
        return data.tag == wire_tag(node) and form.low <= _size(data, form.low) <= form.high
    if form.base == "structure":
        return data.tag == Tag.STRUCTURE and _members_fit(node, data)
    if form.base == "sequence":
        return data.tag == Tag.ARRAY and _members_fit(node, data)
    if form.base == "array":
        in_range = data.tag == Tag.ARRAY and form.low <= len(data.value) <= form.high
        return in_range and all(fits(node.of[0], each) for each in data.value)
    return True


def _members_fit(node: DlmsNode, data: Data) -> bool:
    members = node.of
    if len(data.value) != len(members):
        members = [each for each in members if not each.optional]
    same = len(data.value) == len(members)
    return same and all(fits(each, value) for each, value in zip(members, data.value, strict=True))


def _size(data: Data, otherwise: int) -> int:
    """Octets of a string, bits of a bit string; of a number nothing is asked."""
    if data.tag in _STRINGS:
        return len(data.value)
    return int(data.value.bits) if data.tag == Tag.BIT_STRING else otherwise
