"""How the items of a response went, for the payload kinds that say it item by item."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.gbcs.named.gbz_heads import ATTRIBUTES, STATUS


def statuses(payload: Mapping[str, Any]) -> dict[str, int]:
    """Status of each item by its name or place, 0 is success; empty for ASN.1.

    DLMS: results by element. GBZ: components by place (``Components/0``), and where attributes were read,
    each of them (``Components/0/Attributes/Divisor``).
    """
    results = payload.get("results")
    if isinstance(results, Mapping):
        return dict(results)
    found: dict[str, int] = {}
    for index, component in enumerate(payload.get("Components", ())):
        place, attributes = f"Components/{index}", component.get(ATTRIBUTES)
        if isinstance(attributes, Mapping):
            found |= {f"{place}/{ATTRIBUTES}/{name}": _status(each) for name, each in attributes.items()}
        else:
            found[place] = _status(component)
    return found


def _status(value: Any) -> int:
    status = value.get(STATUS, 0) if isinstance(value, Mapping) else 0
    return status if isinstance(status, int) else 0
