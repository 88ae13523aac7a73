"""Knobs of the bench: what a person or the world does that no other stimulus has a word for.

They come as the stimulus ``button`` with ``name`` or ``name=value``; what a value means is the knob's affair.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.ports import StimulusOutcome

if TYPE_CHECKING:
    from rigs.emulated.device import Device

Answer = tuple[StimulusOutcome, str]
Knob = Callable[[str], Answer]
"""Takes what stands behind the equals sign, raises ValueError for what it cannot understand."""


def turn(device: Device, argument: str) -> Answer:
    """Turn a knob of a device; without supply nothing can be turned."""
    if not device.powered:
        return StimulusOutcome.REFUSED, "no supply"
    name, _, value = argument.partition("=")
    knob = device.knobs.get(name)
    if knob is None:
        return StimulusOutcome.REFUSED, f"no button or knob {name!r}: there are {', '.join(device.knobs)}"
    try:
        return knob(value)
    except ValueError as error:
        return StimulusOutcome.REFUSED, f"{argument}: {error}"


def done(text: str = "") -> Answer:
    """It was done."""
    return StimulusOutcome.DONE, text
