"""``faults`` of a device node in the rig file: what an emulated device has for good."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hil.checked_toml import Problem
from protocols.ports import ConfigError
from rigs.emulated.fault_catalogue import FaultOrder, make_order, parse_order


def read_faults(
    path: Path, node: str, texts: Sequence[str], *, emulated: bool
) -> tuple[list[FaultOrder], list[Problem]]:
    """The faults of a node, and every problem. What stands after a fault's colon is a port of the node."""
    faults: list[FaultOrder] = []
    problems: list[Problem] = []
    for index, text in enumerate(texts):
        key = f"nodes.{node}.faults.{index}"
        if not emulated:
            problems.append(Problem(path, key, "a real device cannot be given faults", text))
            continue
        try:
            order = parse_order(text)
            faults.append(make_order(order.kind.name, node, order.node, order.values))
        except ConfigError as error:
            problems.append(Problem(path, key, error.cause, text, error.next_step))
    return faults, problems
