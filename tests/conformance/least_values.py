"""Commands of any use case from the least values that its elements may have: for sweeps over the catalogue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named.slots import slots

if TYPE_CHECKING:
    from hil.nodes import DeviceNode, UserNode
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.named.slot import Slot

START, END = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
_NUMBERS = {
    "double-long-unsigned",
    "double-long",
    "long-unsigned",
    "long",
    "unsigned",
    "integer",
    "enum",
    "u8",
    "u16",
    "u24",
    "u32",
    "u48",
    "i32",
    "e8",
    "b8",
    "b16",
}


def least_values(use_case: UseCase, user: UserNode, device: DeviceNode) -> dict[str, Any]:
    """Values for everything that the use case leaves open and does not let out."""
    header = GroupingHeader(CraFlag.COMMAND, 1, user.eui64, device.eui64, use_case.message_codes[0])
    values = {
        slot.place: _least(slot, is_gas=use_case.payload_kind == "gbz")
        for slot in slots(use_case, header)
        if slot.fixed is None and not slot.optional
    }
    return values | {name: value for (code, name), value in _NEEDED.items() if code == use_case.code}


# Elements of which a command needs at least one.
_NEEDED: dict[tuple[str, str], Any] = {
    ("ECS46a", "AuxiliaryController[1]: Description"): "",
    ("ECS57", "MaximumDemandActiveEnergyImportValue: reset"): 0,
}
# What a gas command announces and then brings, as a component of its own, once.
_ANNOUNCED = ("Number of Seasons", "Number of Week Profiles", "Number of Day Profiles")


def _least(slot: Slot, *, is_gas: bool) -> Any:
    if slot.choices:
        return int(slot.choices.split(",")[0])
    base, low = _parts(slot.type)
    last = slot.place.rpartition("/")[2]
    if last in _ANNOUNCED:
        return 1
    if base == "time" and is_gas:
        return END if last.startswith(("End", "Latest")) else START
    if base == "utc-time":
        return END if last.startswith("to") else START
    if base in {"array", "list"}:
        return [_row(slot.type.partition(" of ")[2]) for _ in range(low)]
    return _leaf(base, low)


def _leaf(base: str, low: int) -> Any:
    if base in _NUMBERS:
        return 0
    if base in {"octet-string", "bit-string"}:
        return "00" * (low if base == "octet-string" else low // 8)
    if base in {"text", "bits"}:
        return ("1" if base == "text" else "0") * low
    return {"boolean": False, "date-time": START, "time": "00:00:00", "date": "2026-01-01"}.get(base, "")


def _parts(kind: str) -> tuple[str, int]:
    """A type and its least number of octets, characters, bits or rows: ``octet-string(16)``, ``text(0..4)``."""
    found = re.match(r"([a-z0-9-]+)(?:\((\d+))?", kind)
    assert found is not None, kind
    return found[1], int(found[2] or 0)


def _row(kind: str) -> Any:
    """One row of an array: its members by name, lists within it with one row, or the one value that it has."""
    row: dict[str, Any] = {}
    for member in kind.split(", "):
        name, _, type_name = member.rpartition(" ")
        steps, value = name.split(".")[1:], _leaf(*_parts(type_name))
        if not steps:
            return value
        if len(steps) == 1:
            row[steps[0]] = value
        else:
            row.setdefault(steps[0], [{}])[0][steps[-1]] = value
    return row
