"""Auxiliary controllers of an ESME or SAPC: commanding them, and reading what they do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from hil.exchange import Response
    from hil.nodes import DeviceNode, UserNode

COMMAND = "AuxiliaryController[n]: controllerNumberAndCommandedState"
LIMIT = "AuxiliaryProportionalController[n]: controllerNumberAndCommandedState"
NUMBERS = range(1, 6)
OUTPUT, INPUT = 0x10, 0x20
ON, OFF, RESET = 0x11, 0x12, 0x20
FULL = 100


def switch(supplier: UserNode, device: DeviceNode, number: int, state: int, minutes: int = 0) -> Response:
    """ECS47: on (for so many minutes, or until further notice), off, or as before."""
    which = "activationDuration" if state == ON else "deactivationDuration"
    period = {} if state == RESET else {f"AuxiliaryLoadControlSwitch[{number}]: {which}": minutes}
    return supplier.request("ECS47", device, values={**period, COMMAND: number << 8 | state})


def set_level(
    supplier: UserNode,
    device: DeviceNode,
    number: int,
    level: int,
    period: tuple[datetime, datetime],
    *,
    direction: int = OUTPUT,
) -> Response:
    """ECS47a: a level in per cent, for a period."""
    values = _period("AuxiliaryController", "setting", number, period)
    return supplier.request("ECS47a", device, values={**values, COMMAND: (direction | number) << 8 | level})


def limit_values(
    number: int, level: int, period: tuple[datetime, datetime], *, direction: int = OUTPUT
) -> dict[str, Any]:
    """Values of an ECS47e."""
    values = _period("AuxiliaryProportionalController", "limit", number, period)
    return {**values, LIMIT: (direction | number) << 8 | level}


def _period(kind: str, what: str, number: int, period: tuple[datetime, datetime]) -> dict[str, Any]:
    return {
        f"{kind}[{number}]: {what}Period{end}DateTime": moment.replace(microsecond=0)
        for end, moment in zip(("Start", "End"), period, strict=True)
    }


def states(reader: UserNode, device: DeviceNode) -> dict[int, dict[str, Any]]:
    """What each controller does, by its number (ECS61e)."""
    elements = reader.request("ECS61e", device).named["elements"]
    found = {n: elements[f"AuxiliaryController[{n}]: stateAndAssociatedInformation"] for n in NUMBERS}
    return {number: json.loads(text) for number, text in found.items()}


def output(reader: UserNode, device: DeviceNode, number: int) -> int:
    """Level of a controller's output, in per cent."""
    return int(states(reader, device)[number]["outputState"])
