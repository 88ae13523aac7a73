"""Whether a test may and can run on this rig; the reason when not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hil.plugin.items import TestSpec
from hil.verdicts import NotRunError, SkipKind
from rigs.emulated.fault_catalogue import parse_order

if TYPE_CHECKING:
    from hil.bench import Bench
    from rigs.emulated.fault_catalogue import FaultOrder


@dataclass(slots=True)
class RealNode:
    """A device that is no emulation: what its device file lets tests do to it."""

    name: str
    tests_may: Sequence[str] = field(default_factory=list)


def refuse_if_not_allowed(spec: TestSpec, real_nodes: Sequence[RealNode]) -> None:
    """NotRunError for an irreversible or hazardous test that a real node's device file does not name."""
    if spec.leaves not in {"irreversible", "hazardous"}:
        return
    names = {spec.name, f"{spec.suite}::{spec.name}"}
    refusing = [node.name for node in real_nodes if not names.intersection(node.tests_may)]
    if refusing:
        raise NotRunError(
            f"{spec.leaves}, and {spec.name} is not in tests_may of the device file of {', '.join(refusing)}",
            SkipKind.NOT_ALLOWED,
        )


def find_device(devices: Mapping[str, Any], wanted: str) -> Any:
    """Device node by name, or by type where only one has it; NotRunError when the rig has none or several."""
    if wanted in devices:
        return devices[wanted]
    of_type = [device for device in devices.values() if device.type == wanted]
    if len(of_type) == 1:
        return of_type[0]
    if of_type:
        names = ", ".join(device.name for device in of_type)
        raise NotRunError(f"this rig has several devices of type {wanted}: {names}", SkipKind.NOT_APPLICABLE)
    raise NotRunError(f"this rig has no {wanted}", SkipKind.NOT_APPLICABLE)


def refuse_if_capability_missing(
    spec: TestSpec, devices: Mapping[str, Any], capabilities_of: Callable[[Any], frozenset[str]]
) -> None:
    """NotRunError for a device or a capability that this rig does not have."""
    concerned = [find_device(devices, wanted) for wanted in spec.devices]
    for wanted in spec.capabilities:
        node, dot, capability = wanted.partition(".")
        # "message.raw" is a capability with a dot of its own; only a device's name before it picks a device.
        named = dot and (node in devices or any(device.type == node for device in devices.values()))
        asked = [find_device(devices, node)] if named else concerned or list(devices.values())
        what = capability if named else wanted
        missing = [device.name for device in asked if what not in capabilities_of(device)]
        if missing:
            raise NotRunError(f"{', '.join(missing)} has no {what} on this rig", SkipKind.NOT_APPLICABLE)


def refuse_if_fault_impossible(spec: TestSpec, bench: Bench) -> list[FaultOrder]:
    """The faults that a test is marked with, on nodes of this rig; NotRunError where one cannot be had."""
    orders = []
    for text in spec.faults:
        order = parse_order(text)
        if order.node:
            order = replace(order, node=find_device(bench.devices, order.node).name)
        refusal = bench.faults.refusal(order)
        if refusal:
            raise NotRunError(refusal, SkipKind.NOT_APPLICABLE)
        orders.append(order)
    return orders
