"""ASN.1 payloads as named values: decode, build, describe (see ``protocols.gbcs.named``).

``long_lengths`` among the values says which lengths are longer than DER has them (see ``asn1_lengths``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import der
from protocols.gbcs.asn1.schema import NULL, Record
from protocols.gbcs.named.asn1_engine import Leaf, Reader, Writer
from protocols.gbcs.named.asn1_lengths import LONG_LENGTHS, Lengths, lengths_of
from protocols.gbcs.named.asn1_names import Field
from protocols.gbcs.named.asn1_payloads import Alternative, alternatives
from protocols.gbcs.named.asn1_rules import check_payload

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.message import Message

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
    lengths = Lengths(rest.pop(LONG_LENGTHS, None), clause, strict=strict)
    writer = Writer(clause, strict, lengths)
    known = alternatives(header.message_code, _kind(header))
    if not known:
        problem = f"message code {header.message_code:04X} has no ASN.1 {_kind(header)}"
        raise EncodeError(problem, element="message_code", clause=clause)
    payload = _write(writer, _chosen(writer, known, rest), rest)
    lengths.check_used()
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
    return lengths_of(reader.nodes) | values, reader.leaves


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
