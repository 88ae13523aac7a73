"""DLMS values whose type the catalogue leaves open: each says its type beside it.

A single value is ``{"long-unsigned": 5}`` (see ``dlms_leaves``), null-data null, a structure or array
``{"structure": [...]}`` of the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, Tag
from protocols.errors import EncodeError
from protocols.gbcs.named.dlms_leaves import build_typed, decode_typed, is_typed

if TYPE_CHECKING:
    from protocols.gbcs.catalogue.elements import DlmsNode
    from protocols.gbcs.named.dlms_nodes import See

_CONTAINERS = {int(Tag.STRUCTURE): "structure", int(Tag.ARRAY): "array"}
_TAGS = {name: tag for tag, name in _CONTAINERS.items()}


def decode_any(node: DlmsNode, data: Data, path: str, see: See | None) -> Any:
    """JSON value of any data; only compact arrays have none and become ``unnamed``."""
    if data.tag in _CONTAINERS:
        name = _CONTAINERS[data.tag]
        inner = [decode_any(node, item, f"{path}.{name}[{at}]", see) for at, item in enumerate(data.value)]
        return {name: inner}
    value = None if data.tag == Tag.NULL_DATA else decode_typed(data)
    if see is not None:
        see(node, path, value, data.offset, data.end)
    return value


def build_any(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    """Data of what ``decode_any`` gives; EncodeError with element and clause for anything else."""
    if value is None:
        return Data(Tag.NULL_DATA)
    if is_typed(value):
        return build_typed(value, path, node.clause, strict=strict)
    name, items = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
    if name not in _TAGS or not isinstance(items, list):
        problem = f"{value!r} is no value with its type, such as {{'unsigned': 1}}"
        raise EncodeError(problem, element=path, clause=node.clause)
    inner = [build_any(node, item, f"{path}.{name}[{at}]", strict=strict) for at, item in enumerate(items)]
    return Data(_TAGS[name], inner)
