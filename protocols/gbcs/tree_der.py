"""ASN.1 payloads as nodes of the tree (see ``tree``)."""

from __future__ import annotations

from typing import Any

from protocols.errors import DecodeError
from protocols.gbcs import der

_NAMES = {
    der.BOOLEAN: "BOOLEAN",
    der.INTEGER: "INTEGER",
    der.BIT_STRING: "BIT STRING",
    der.OCTET_STRING: "OCTET STRING",
    der.NULL: "NULL",
    der.OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
    der.ENUMERATED: "ENUMERATED",
    der.UTF8_STRING: "UTF8String",
    der.PRINTABLE_STRING: "PrintableString",
    der.UTC_TIME: "UTCTime",
    der.GENERALIZED_TIME: "GeneralizedTime",
    der.SEQUENCE: "SEQUENCE",
    der.SET: "SET",
}


def der_node(node: der.Node, base: int) -> dict[str, Any]:
    """Node of a DER tree; ``base`` is added to its offsets."""
    name = _NAMES.get(node.tag) or f"[{node.tag & 0x1F}]"
    out: dict[str, Any] = {"type": name, "offset": base + node.start, "octets": node.end - node.start}
    if node.constructed:
        out["children"] = [der_node(child, base) for child in node.children]
    else:
        out |= _value(node)
    return out


def _value(node: der.Node) -> dict[str, Any]:
    try:
        if node.tag in {der.INTEGER, der.ENUMERATED}:
            return {"value": der.integer(node, tag=node.tag)}
        if node.tag == der.OBJECT_IDENTIFIER:
            return {"value": der.object_identifier(node)}
        if node.tag in {der.GENERALIZED_TIME, der.UTC_TIME}:
            return {"value": node.value.decode("ascii", "replace"), "time": der.moment(node).isoformat()}
    except DecodeError as error:
        return {"value": node.value.hex().upper(), "problem": error.problem}
    return {"value": node.value.hex().upper()}
