"""Bodies of DLMS alerts as named values: alert code, time, and what the message code adds.

An alert with fewer elements than the catalogue's has only those; further ones are ``OtherInformation[1]`` and
so on, with their type beside them. Only a builder that is not strict takes either back.
"""

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
_OTHER = "OtherInformation"
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


def _as_many(nodes: list[DlmsNode], count: int) -> list[DlmsNode] | None:
    """The elements that a body of so many is; None where it lacks the first two, or hides a protected one."""
    # A protected value takes two places: its parameters and its block.
    if count == sum(2 if _is_ciphered(node) else 1 for node in nodes):
        return nodes
    if count < len(_HEAD) or any(map(_is_ciphered, nodes)):
        return None
    return nodes[:count] + [_other(number) for number in range(1, count - len(nodes) + 1)]


def _other(number: int) -> DlmsNode:
    return DlmsNode(f"{_OTHER}[{number}]", "any", _OTHER, _CLAUSE)


def decode_body(
    body: Data, header: GroupingHeader, decrypt: Open | None, see: See | None
) -> dict[str, Any] | None:
    """Named values of an alert's body; None where the catalogue does not know it or has it otherwise."""
    nodes = _nodes(header)
    if nodes is None or body.tag != Tag.STRUCTURE:
        return None
    nodes = _as_many(nodes, len(body.value))
    if nodes is None:
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
    if not strict:
        nodes = _those_given(nodes, values)
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


def _those_given(nodes: list[DlmsNode], values: Mapping[str, Any]) -> list[DlmsNode]:
    """Elements without those at the end that no value is given for, and with further ones."""
    further = [_other(number) for number in range(1, len(values) + 1)]
    found = nodes + [node for node in further if node.key in values]
    while len(found) > len(_HEAD) and found[-1].key not in values:
        found.pop()
    return found
