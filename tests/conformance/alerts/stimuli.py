"""Doing something to a device on the spot, and the time within which its alert is awaited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.api import inconclusive
from protocols.ports import StimulusKind, StimulusOutcome, StimulusResult

if TYPE_CHECKING:
    from hil.nodes import DeviceNode


def do(device: DeviceNode, kind: StimulusKind, argument: str = "") -> StimulusResult:
    """Apply a stimulus; what nobody did, or what cannot be done here, leaves the test undecided."""
    result = device.stimulus.apply(kind, argument)
    if result.outcome is not StimulusOutcome.DONE:
        inconclusive(f"{kind} on {device.name}: {result.outcome}. {result.answer}")
    return result
