"""DLMS payloads for people: every element in order, with clause, unit and where its octets stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import result_name
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import DlmsNode
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named import dlms
from protocols.gbcs.named.dlms_match import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message

Described = dict[str, Any]
# DLMS units (IEC 62056-6-2); 254 and 255 are "other" and "count", which is no unit.
UNITS = {27: "W", 28: "VA", 29: "var", 30: "Wh", 31: "VAh", 32: "varh", 33: "A", 35: "V"}
_SCALES = ("scale", "scaler", "price_scale")
_INDEX = re.compile(r"\[[^\]]*\]")


class _Listing:
    """Collects single values as ``describe`` gives them."""

    def __init__(self, message: Message) -> None:
        self.base = message.payload_offset
        self.is_response = message.header.cra_flag is CraFlag.RESPONSE
        self.rows: list[Described] = []
        self.groups: list[str] = []

    def __call__(
        self, node: DlmsNode, path: str, value: Any, offset: int, end: int, *, plaintext: bool = False
    ) -> None:
        row: Described = {"name": path, "title": node.name or node.key, "clause": node.clause}
        row |= {"unit": node.unit, "scaling": None, "value": value}
        row |= {"offset": offset if plaintext else self.base + offset, "octets": end - offset}
        if plaintext:
            row["plaintext"] = True
        if node.type in KINDS:
            row["access"] = node.type
            if self.is_response:
                row["text"] = result_name(value)
        elif node.key == "AlertCode" and isinstance(value, int):
            row["text"] = load_catalogue().alert_name(value)
        self.rows.append(row)
        self.groups.append(_group(node.name))


def describe(
    message: Message, use_case: UseCase | None, decrypt: Callable[[bytes], bytes] | None = None
) -> list[Described]:
    """Elements in order.

    Each has ``name`` (its place in the named values), ``title`` (SMETS, CHTS or GBCS name), ``clause``,
    ``unit``, ``scaling`` (power of ten, None where none is said), ``value``, ``offset`` and ``octets``. Items
    of commands and responses come before what is inside, with ``access``; in responses their ``value`` is the
    result. ``plaintext`` marks offsets that count in decrypted data. ``text`` is a value's name.
    """
    listing = _Listing(message)
    values = dlms.read(message, use_case, decrypt, listing)
    if not listing.rows:
        octets = len(message.payload)
        listing(_whole(), "payload", values, 0, octets)
    _add_units(listing)
    return listing.rows


def _whole() -> DlmsNode:
    return DlmsNode("payload", "unnamed", "payload without names")


def _group(name: str) -> str:
    """What values that belong together share: the name without its last part."""
    plain = _INDEX.sub("", name)
    return plain[: max(plain.rfind("."), plain.rfind(": "))]


def _last(row: Described) -> str:
    plain = _INDEX.sub("", row["title"])
    return plain[max(plain.rfind("."), plain.rfind(": ") + 1) + 1 :]


def _add_units(listing: _Listing) -> None:
    """Scaler and unit stand beside the value that they are about; both are values themselves."""
    scales: dict[str, int] = {}
    units: dict[str, str] = {}
    for row, group in zip(listing.rows, listing.groups, strict=True):
        if "access" in row or not isinstance(row["value"], int):
            continue
        if _last(row) in _SCALES:
            scales[group] = row["value"]
        elif _last(row) == "unit":
            units[group] = UNITS.get(row["value"], "")
    for row, group in zip(listing.rows, listing.groups, strict=True):
        value, last = row["value"], _last(row)
        if "access" in row or not isinstance(value, int) or isinstance(value, bool):
            continue
        if last in ("value", "charge_per_unit"):
            row["scaling"] = scales.get(group)
            row["unit"] = row["unit"] or units.get(group, "")
