"""Bodies of DLMS alerts as named values: alert code, time, and what the message code adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, Tag, structure
from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import DlmsNode
from protocols.gbcs.named import dlms_protected
from protocols.gbcs.named.dlms_leaves import type_form
from protocols.gbcs.named.dlms_nodes import build_node, check_keys, clause_of, decode_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.named.dlms_nodes import See

    Open = Callable[[bytes], bytes]

_CLAUSE = "GBCS 16.2"
# Every alert begins with these two.
_HEAD = (
    DlmsNode("AlertCode", "long-unsigned", "AlertCode", _CLAUSE),
    DlmsNode("Timestamp", "date-time", "Timestamp", _CLAUSE),
)


def _nodes(header: GroupingHeader) -> list[DlmsNode] | None:
    further = load_catalogue().dlms_alert(header.message_code)
    return None if further is None else [*_HEAD, *further]


def _is_ciphered(node: DlmsNode) -> bool:
    return type_form(node.type).base == "ciphered"


def decode_body(
    body: Data, header: GroupingHeader, decrypt: Open | None, see: See | None
) -> dict[str, Any] | None:
    """Named values of an alert's body; None where the catalogue does not know it or has it otherwise."""
    nodes = _nodes(header)
    if nodes is None or body.tag != Tag.STRUCTURE:
        return None
    # A protected value takes two places: its parameters and its block.
    if len(body.value) != sum(2 if _is_ciphered(node) else 1 for node in nodes):
        return None
    values, items = {}, iter(body.value)
    for node in nodes:
        item = next(items)
        if _is_ciphered(node):
            pair = structure(item, next(items))
            inside = [(each.key, each) for each in node.of]
            values[node.key] = dlms_protected.decode_answer(
                node.key, inside, pair, header, decrypt=decrypt, see=see
            )
        else:
            values[node.key] = decode_node(node, item, node.key, see)
    return {"elements": values}


def build_body(
    values: Mapping[str, Any], header: GroupingHeader, encrypt: Open | None, *, strict: bool
) -> Data:
    """Body of an alert; EncodeError with element and clause for what is missing, surplus or does not fit."""
    nodes = _nodes(header)
    if nodes is None:
        raise EncodeError("no DLMS alert has this message code", element="message_code", clause=_CLAUSE)
    check_keys(values, [node.key for node in nodes], "", nodes)
    body = structure()
    for node in nodes:
        if node.key not in values:
            raise EncodeError("the value is missing", element=node.key, clause=clause_of(node))
        value = values[node.key]
        if _is_ciphered(node):
            inside = [(each.key, each) for each in node.of]
            pair = dlms_protected.build_answer(node.key, inside, value, header, encrypt, strict=strict)
            body.value += pair.value
        else:
            body.value.append(build_node(node, value, node.key, strict=strict))
    return body
