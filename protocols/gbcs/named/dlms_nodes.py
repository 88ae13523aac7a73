"""DLMS structures and arrays as JSON, with the names of the catalogue; single values are ``dlms_leaves``.

A structure is an object with its members' keys, an array a list, and so is a compact array: its type
description follows from the catalogue and the values. A ``sequence`` is an array whose elements each have a
name, ``packed`` an octet string with fields inside: both are objects. Optional members may be absent: a
twin-element meter's second register. A compact array that is empty, but not of the catalogue's type, is
``{"empty": type}``. ``any`` is a value of a type that no source tells (``dlms_any``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from protocols.dlms.axdr import CompactArray, Data, Tag
from protocols.errors import EncodeError
from protocols.gbcs.named.dlms_any import build_any, decode_any
from protocols.gbcs.named.dlms_leaves import (
    CLAUSE,
    TYPES,
    build_leaf,
    build_typed,
    build_unnamed,
    decode_leaf,
    decode_typed,
    hex_octets,
    is_typed,
    is_unnamed,
    type_form,
)
from protocols.gbcs.named.dlms_shape import (
    compact_array,
    description_of_text,
    description_text,
    expected_tag,
    has_shape,
    members_present,
    usual_description,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.gbcs.catalogue.elements import DlmsNode


class See(Protocol):
    """Told of every single value: node, path, JSON value, offset and end of its octets.

    Offsets count in the payload, those of a decrypted value in its ``plaintext``.
    """

    def __call__(
        self, node: DlmsNode, path: str, value: Any, offset: int, end: int, *, plaintext: bool = False
    ) -> None:
        """One value."""


# Key for a compact array without elements whose type description is not the catalogue's.
_EMPTY = "empty"


def clause_of(node: DlmsNode) -> str:
    """Clause of a node, or of the first value inside that has one; else that on DLMS payloads."""
    return _clause(node) or CLAUSE


def _clause(node: DlmsNode) -> str:
    return node.clause or next((found for each in node.of if (found := _clause(each))), "")


def decode_node(node: DlmsNode, data: Data, path: str, see: See | None = None) -> Any:
    """JSON value of a node's data; a single value of another type says which, others become ``unnamed``."""
    base = type_form(node.type).base
    if base in TYPES:
        value = decode_leaf(node, data)
        if see is not None:
            see(node, path, value, data.offset, data.end)
        return value
    if base == "any":
        return decode_any(node, data, path, see)
    if data.tag == Tag.NULL_DATA:
        return None
    fits = data.tag == expected_tag(node)
    value = _decode_container(node, base, data, path, see) if fits else None
    if value is not None:
        return value
    value = decode_typed(data)
    if see is not None:
        see(node, path, value, data.offset, data.end)
    return value


def _decode_container(node: DlmsNode, base: str, data: Data, path: str, see: See | None) -> Any:
    """None where the contents do not fit."""
    if base == "packed":
        return _decode_packed(node, data, path, see)
    if base in ("structure", "sequence"):
        members = members_present(node.of, len(data.value))
        if members is None:
            return None
        pairs = zip(members, data.value, strict=True)
        return {each.key: decode_node(each, item, f"{path}.{each.key}", see) for each, item in pairs}
    element = node.of[0]
    if base == "array":
        return [decode_node(element, item, f"{path}[{at}]", see) for at, item in enumerate(data.value)]
    return _decode_compact(element, data.value, path, see)


def _decode_compact(element: DlmsNode, compact: CompactArray, path: str, see: See | None) -> Any:
    description = compact.description
    if not compact.items:
        usual = description == usual_description(element)
        return [] if usual else {_EMPTY: description_text(description)}
    if not has_shape(element, description):
        return None
    return [decode_node(element, item, f"{path}[{at}]", see) for at, item in enumerate(compact.items)]


def _decode_packed(node: DlmsNode, data: Data, path: str, see: See | None) -> Any:
    octets: bytes = data.value
    if len(octets) != sum(type_form(each.type).low for each in node.of):
        return None
    values: dict[str, Any] = {}
    at, start = 0, data.end - len(octets)
    for each in node.of:
        form = type_form(each.type)
        part = octets[at : at + form.low]
        values[each.key] = int.from_bytes(part, "big") if form.base == "uint" else part.hex().upper()
        if see is not None:
            see(each, f"{path}.{each.key}", values[each.key], start + at, start + at + form.low)
        at += form.low
    return values


def build_node(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    """Data of a node's JSON value; EncodeError with element and clause where it does not fit."""
    form = type_form(node.type)
    if form.base in TYPES:
        return build_leaf(node, value, path, strict=strict)
    if is_unnamed(value):
        return build_unnamed(value, path, strict=strict)
    if value is None and not strict:
        return Data(Tag.NULL_DATA)
    if not strict and is_typed(value) and next(iter(value)) not in [each.key for each in node.of]:
        return build_typed(value, path, clause_of(node), strict=False)
    return _BUILDERS[form.base](node, value, path, strict=strict)


def _build_structure(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    return Data(expected_tag(node), build_members(node.of, value, path, strict=strict))


def _build_list(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    form, element = type_form(node.type), node.of[0]
    if form.base == "compact-array" and not strict and isinstance(value, Mapping) and set(value) == {_EMPTY}:
        return _build_empty(value[_EMPTY], path)
    if not isinstance(value, list):
        raise EncodeError(f"{value!r} is no list", element=path, clause=clause_of(node))
    if strict and not form.low <= len(value) <= form.high:
        problem = f"{len(value)} elements instead of {form.low} to {form.high}"
        raise EncodeError(problem, element=path, clause=clause_of(node))
    items = [build_node(element, each, f"{path}[{at}]", strict=strict) for at, each in enumerate(value)]
    if form.base == "array":
        return Data(Tag.ARRAY, items)
    return Data(Tag.COMPACT_ARRAY, compact_array(element, items, path, clause_of(element)))


def _build_empty(text: Any, path: str) -> Data:
    try:
        return Data(Tag.COMPACT_ARRAY, CompactArray(description_of_text(str(text)), []))
    except EncodeError as error:
        raise EncodeError(error.problem, element=f"{path}.{_EMPTY}", clause=CLAUSE) from None


def build_members(
    members: Sequence[DlmsNode], value: Any, path: str, *, strict: bool, further: Sequence[str] = ()
) -> list[Data]:
    """Data of an object's members, in the catalogue's order; ``further`` keys are the caller's own."""
    values = check_keys(value, [each.key for each in members], path, members, further)
    found = []
    for each in members:
        inner = f"{path}.{each.key}"
        if each.key in values:
            found.append(build_node(each, values[each.key], inner, strict=strict))
        elif each.fixed is not None:
            found.append(build_node(each, each.fixed, inner, strict=strict))
        elif not each.optional:
            raise EncodeError("the value is missing", element=inner, clause=clause_of(each))
    optional = [each.key in values for each in members if each.optional]
    if strict and any(optional) and not all(optional):
        problem = "optional values stand together or not at all"
        raise EncodeError(problem, element=path, clause=clause_of(members[0]))
    return found


def check_keys(
    value: Any, known: Sequence[str], path: str, members: Sequence[DlmsNode] = (), further: Sequence[str] = ()
) -> Mapping[str, Any]:
    """The value as an object that has no other keys than these."""
    clause = next((found for each in members if (found := _clause(each))), CLAUSE)
    if not isinstance(value, Mapping):
        raise EncodeError(f"{value!r} is no object", element=path, clause=clause)
    for key in value:
        if key not in known and key not in further:
            raise EncodeError("no such element", element=f"{path}.{key}" if path else str(key), clause=clause)
    return value


def _build_packed(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    del strict  # the fields' sizes allow nothing else
    values = check_keys(value, [each.key for each in node.of], path, node.of)
    out = b""
    for each in node.of:
        if each.key not in values:
            raise EncodeError("the value is missing", element=f"{path}.{each.key}", clause=each.clause)
        out += _field(each, values[each.key], f"{path}.{each.key}")
    return Data(Tag.OCTET_STRING, out)


def _field(node: DlmsNode, value: Any, path: str) -> bytes:
    form = type_form(node.type)
    if form.base == "uint":
        limit = 1 << (8 * form.low)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < limit:
            raise EncodeError(
                f"{value!r} is no number from 0 to {limit - 1}", element=path, clause=node.clause
            )
        return value.to_bytes(form.low, "big")
    try:
        octets = hex_octets(value)
    except EncodeError as error:
        raise EncodeError(error.problem, element=path, clause=node.clause) from None
    if len(octets) != form.low:
        problem = f"{len(octets)} octets instead of {form.low}"
        raise EncodeError(problem, element=path, clause=node.clause)
    return octets


_BUILDERS = {
    "structure": _build_structure,
    "sequence": _build_structure,
    "array": _build_list,
    "compact-array": _build_list,
    "packed": _build_packed,
    "any": build_any,
}
