"""Values that attributes have from manufacture, from their types in the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import BitString, CompactArray, Data, Tag, array, enum, integer, octet_string
from protocols.dlms.date_time import NOW, encode_date_time
from protocols.dlms.description import TypeDescription
from protocols.gbcs.named.dlms_leaves import TYPES, build_leaf, type_form, wire_tag

if TYPE_CHECKING:
    from protocols.gbcs.catalogue.elements import DlmsNode

_NUMBERS = frozenset(
    ("integer", "long", "double-long", "unsigned", "long-unsigned", "double-long-unsigned", "enum", "boolean")
)
_UNITS = {"Wh": 30, "varh": 32, "W": 27, "V": 35, "s": 7, "A": 33}
_COUNT = 255


def default_data(node: DlmsNode | None) -> Data:
    """The least value of a type: zero, empty, nothing specified; null-data where the type is unknown."""
    if node is None:
        return Data(Tag.NULL_DATA)
    base = type_form(node.type).base
    if base in TYPES:
        return _single(node, base)
    if base in {"structure", "sequence"}:
        members = [default_data(each) for each in node.of if not each.optional]
        return Data(Tag.STRUCTURE if base == "structure" else Tag.ARRAY, members)
    if base == "array":
        return array(default_data(node.of[0]) for _ in range(type_form(node.type).low))
    if base == "compact-array":
        return Data(Tag.COMPACT_ARRAY, CompactArray(describe(node.of[0]), []))
    return Data(Tag.NULL_DATA)


def _single(node: DlmsNode, base: str) -> Data:
    if node.fixed is not None:
        return build_leaf(node, node.fixed, node.key, strict=False)
    form, tag = type_form(node.type), wire_tag(node)
    if base in _NUMBERS or base == "utc-time":
        return Data(tag, 0)
    if base in {"bit-string", "bits"}:
        bits = form.low if form.low < 0x1000 else 0
        return Data(tag, BitString(bits, bytes((bits + 7) // 8)))
    if base in {"date-time", "date", "time"}:
        moment = {"date-time": NOW, "date": encode_date_time(None)[:5], "time": bytes(4)}[base]
        return octet_string(moment if form.low else b"")
    filler = b" " if base in {"text", "visible-string", "utf8-string"} else b"\x00"
    return Data(tag, filler * form.low)


def scaler_unit(unit: str, scaler: int = 0) -> Data:
    """Scaler and unit of a register."""
    return Data(Tag.STRUCTURE, [integer(scaler), enum(_UNITS.get(unit, _COUNT))])


def describe(node: DlmsNode) -> TypeDescription:
    """Type of a compact array's elements; an array in it has as many elements as it may have at most."""
    form = type_form(node.type)
    if form.base in TYPES:
        return TypeDescription(wire_tag(node))
    if form.base == "array":
        return TypeDescription(Tag.ARRAY, [describe(node.of[0])], form.high)
    return TypeDescription(Tag.STRUCTURE, [describe(each) for each in node.of if not each.optional])
