"""Numbers in one component of a command that say how much others carry: calendars and tariffs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocols.errors import EncodeError

_BLOCK_TARIFF = 0x10
_Components = Sequence[Mapping[str, Any]]


def check_counts(components: _Components, clause: str) -> None:
    """EncodeError where a calendar or tariff announces another number of parts than the command has."""
    for index, values in enumerate(components):
        if values.get("Command") == "Publish Calendar":
            _check_calendar(index, values, components, clause)
        elif values.get("Command") == "Publish Tariff Information":
            _check_tariff(index, values, components, clause)


def _check_calendar(index: int, values: Mapping[str, Any], components: _Components, clause: str) -> None:
    found = {
        "Number of Seasons": _entries(components, "Publish Seasons", "Season Entries"),
        "Number of Week Profiles": len(_all(components, "Publish Week Profile")),
        "Number of Day Profiles": len(_all(components, "Publish Day Profile")),
    }
    for name, count in found.items():
        _check(values, name, count, f"Components[{index}].{name}", clause)


def _check_tariff(index: int, values: Mapping[str, Any], components: _Components, clause: str) -> None:
    block = values.get("Tariff Type / Charging Scheme") == _BLOCK_TARIFF
    name = "Number of Block Thresholds in Use" if block else "Number of Price Tiers in Use"
    prices = _entries(components, "Publish Price Matrix", "Price Matrix Entries")
    # So many thresholds part the consumption into one block more.
    _check(values, name, prices - block, f"Components[{index}].{name}", clause)
    thresholds = _all(components, "Publish Block Thresholds")
    if thresholds or _all(components, "Publish Calendar"):
        entries = [entry for each in thresholds for entry in each.get("Block Threshold Entries") or []]
        count = sum(len(entry.get("Block Thresholds") or []) for entry in entries)
        name = "Number of Block Thresholds in Use"
        _check(values, name, count, f"Components[{index}].{name}", clause)


def _all(components: _Components, command: str) -> list[Mapping[str, Any]]:
    return [values for values in components if values.get("Command") == command]


def _entries(components: _Components, command: str, name: str) -> int:
    return sum(len(values.get(name) or []) for values in _all(components, command))


def _check(values: Mapping[str, Any], name: str, count: int, element: str, clause: str) -> None:
    if values.get(name) != count:
        problem = f"{values.get(name)} are announced, {count} are in the message"
        raise EncodeError(problem, element=element, clause=clause)
