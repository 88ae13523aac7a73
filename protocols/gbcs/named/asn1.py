"""ASN.1 payloads as named values: decode, build, describe (see ``protocols.gbcs.named``).

``long_lengths`` among the values says that lengths of 128 to 255 are written as 82 00 nn, as some meters do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import der
from protocols.gbcs.asn1.schema import NULL, Record
from protocols.gbcs.named.asn1_engine import Leaf, Reader, Writer
from protocols.gbcs.named.asn1_names import Field
from protocols.gbcs.named.asn1_payloads import Alternative, alternatives
from protocols.gbcs.named.asn1_rules import check_payload

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.message import Message

LONG_LENGTHS = "long_lengths"
# Use cases whose future dated commands these alerts answer; the alerts' codes belong to no use case.
_FUTURE_DATED = {0x00CA: "CS06", 0x00CB: "CS02b", 0x0124: "CS02g"}
_NAMELESS = Field("")


def decode(message: Message, _use_case: UseCase | None, _decrypt: object = None) -> dict[str, Any]:
    """Named values of a payload; DecodeError (offset in the payload) where it is none of its message code."""
    return _read(message.header, message.payload)[0]


def build(
    values: Mapping[str, Any],
    header: GroupingHeader,
    use_case: UseCase | None,
    *,
    strict: bool,
    encrypt: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Payload of named values; EncodeError names element and use case. Nothing in ASN.1 is encrypted."""
    del encrypt
    clause = _clause(header, use_case)
    rest = dict(values)
    writer = Writer(clause, strict, _flag(rest, clause))
    known = alternatives(header.message_code, _kind(header))
    if not known:
        problem = f"message code {header.message_code:04X} has no ASN.1 {_kind(header)}"
        raise EncodeError(problem, element="message_code", clause=clause)
    payload = _write(writer, _chosen(writer, known, rest), rest)
    if writer.long_lengths and not _has_long_form(der.parse_der(payload)):
        raise EncodeError("no length is between 128 and 255", element=LONG_LENGTHS, clause=clause)
    if strict:
        check_payload(values, header, clause)
    return payload


def describe(message: Message, use_case: UseCase | None, _decrypt: object = None) -> list[dict[str, Any]]:
    """Elements in order: name, clause, unit, scaling, value, text (of codes), offset and octets."""
    clause = _clause(message.header, use_case)
    return [
        _described(leaf, clause, message.payload_offset) for leaf in _read(message.header, message.payload)[1]
    ]


def _described(leaf: Leaf, clause: str, base: int) -> dict[str, Any]:
    node = leaf.node
    codes = leaf.field.codes
    known = codes is not None and leaf.value in set(codes)
    return {
        "name": leaf.path,
        "clause": clause,
        "unit": None,
        "scaling": None,
        "value": leaf.value,
        "text": codes(leaf.value).name.lower() if codes is not None and known else None,
        "offset": base + node.start,
        "octets": node.end - node.start,
    }


def _clause(header: GroupingHeader, use_case: UseCase | None) -> str:
    code = _FUTURE_DATED.get(header.message_code, "") if use_case is None else use_case.code
    return f"GBCS {code}".strip()


def _kind(header: GroupingHeader) -> str:
    return header.cra_flag.name.lower()


def _flag(values: dict[str, Any], clause: str) -> bool:
    value = values.pop(LONG_LENGTHS, False)
    if not isinstance(value, bool):
        raise EncodeError(f"{value!r} is neither true nor false", element=LONG_LENGTHS, clause=clause)
    return value


def _read(header: GroupingHeader, payload: bytes) -> tuple[dict[str, Any], list[Leaf]]:
    node = der.parse_der(payload)
    reader = Reader()
    known = alternatives(header.message_code, _kind(header))
    found = next((each for each in known if each.type.tag == node.tag), None)
    if found is None:
        wanted = " or ".join(f"{each.type.tag:02X}" for each in known)
        problem = f"tag {node.tag:02X} found, {wanted or 'no ASN.1'} expected"
        raise DecodeError(problem, offset=0, path="payload")
    values: dict[str, Any]
    if found.field is not None:
        values = {found.field.name: reader.read(found.type, node, found.field.name, found.field)}
    elif found.type is NULL:
        reader.read(NULL, node, "command", _NAMELESS)
        values = {}
    else:
        values = reader.read(found.type, node, "", _NAMELESS)
    long_lengths = _lengths(node, {id(leaf.node) for leaf in reader.leaves})
    return ({LONG_LENGTHS: True} if long_lengths else {}) | values, reader.leaves


def _lengths(node: der.Node, leaves: set[int]) -> bool:
    """Whether a structure's lengths are long; DecodeError where they follow neither rule.

    What is inside leaves (certificates) keeps its own lengths.
    """
    outer = list(_outer(node, leaves))
    size = [each.end - each.start - each.header for each in outer]
    middle = [each for each, octets in zip(outer, size, strict=True) if 0x80 <= octets <= 0xFF]
    long = bool(middle) and middle[0].header == 4
    for each, octets in zip(outer, size, strict=True):
        shortest = 2 if octets < 0x80 else 3 if octets < 0x100 else 4 if octets < 0x10000 else 5
        usual = 4 if long and 0x80 <= octets <= 0xFF else shortest
        if each.header != usual:
            problem = f"a length of {octets} in {each.header - 1} octets"
            raise DecodeError(problem, offset=each.start + 1, path="payload")
    return long


def _outer(node: der.Node, leaves: set[int]) -> list[der.Node]:
    """Nodes of the structure itself; a constructed leaf (certificate) is left out with all inside it."""
    if id(node) in leaves and node.constructed:
        return []
    return [node, *(inner for child in node.children for inner in _outer(child, leaves))]


def _has_long_form(node: der.Node) -> bool:
    return any(each.header == 4 and each.end - each.start - 4 < 0x100 for each in node.walk())


def _chosen(writer: Writer, known: tuple[Alternative, ...], values: Mapping[str, Any]) -> Alternative:
    if len(known) == 1:
        return known[0]
    named = [each for each in known if each.field is not None and each.field.name in values]
    if len(named) != 1:
        names = " or ".join(each.field.name for each in known if each.field is not None)
        raise writer.error("one of them has to be there", names)
    return named[0]


def _write(writer: Writer, chosen: Alternative, values: dict[str, Any]) -> bytes:
    field, expected = chosen.field, chosen.type
    if field is not None:
        writer.refuse_surplus(values, {field.name}, "")
        if field.name not in values:
            raise writer.error("the element is missing", field.name)
        return writer.write(expected, values[field.name], field.name, field, expected.tag)
    if isinstance(expected, Record):
        return writer.record(expected, values, "", expected.tag)
    writer.refuse_surplus(values, set(), "")
    return der.encode(der.NULL)
