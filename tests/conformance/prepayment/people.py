"""What the consumer does in these suites: buttons, the keypad, and the load behind the meter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hil.api import inconclusive
from protocols.ports import StimulusKind, StimulusOutcome, StimulusResult

if TYPE_CHECKING:
    from hil.nodes import DeviceNode, UserNode

HELD_S, SHORT_S = 10, 0.5  # a long press of the supply button, and one that is too short


def press(device: DeviceNode, button: str) -> bool:
    """Press a button; whether the device took it. What nobody did leaves the test undecided."""
    result: StimulusResult = device.stimulus.apply(StimulusKind.BUTTON, button)
    if result.outcome is StimulusOutcome.UNANSWERED:
        inconclusive(f"{button} on {device.name}: {result.answer}")
    return result.outcome is StimulusOutcome.DONE


def turn(device: DeviceNode, knob: str) -> None:
    """Set something of the world around the device; where that cannot be, the test stays undecided."""
    if not press(device, knob):
        inconclusive(f"{knob} cannot be done on {device.name}")


def key_in(device: DeviceNode, utrn: str) -> bool:
    """Type a UTRN in; whether it was taken."""
    result = device.stimulus.apply(StimulusKind.KEYPAD, utrn)
    if result.outcome is StimulusOutcome.UNANSWERED:
        inconclusive(f"the keypad of {device.name}: {result.answer}")
    return result.outcome is StimulusOutcome.DONE


def forget_bad_entries(supplier: UserNode, device: DeviceNode) -> None:
    """Type in a token of no value: a good entry ends the count of bad ones that other tests left."""
    if "stimulus" in device.capabilities:
        key_in(device, supplier.top_up(device, 0).utrn)


def hold_supply_button(device: DeviceNode, seconds: float = HELD_S) -> bool:
    """Hold the button that restores supply."""
    return press(device, f"enable={seconds:g}")
