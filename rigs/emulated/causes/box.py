"""Tamper switches of whatever is no meter: one cover, one magnet switch (GBCS-TAMPER-02)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.causes import happenings
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from rigs.emulated.device import Device


def register(device: Device) -> None:
    """Tamper switches of the box, and what has no other name than its event."""
    happenings.register(device)
    device.stimuli[StimulusKind.COVER_OPEN] = partial(_tampered, device, EventCode.TAMPER)
    if device.description.device_type == "chf":
        device.stimuli[StimulusKind.MAGNET_ON] = partial(_tampered, device, EventCode.STRONG_MAGNETIC_FIELD)


def _tampered(device: Device, code: EventCode, _argument: str) -> tuple[StimulusOutcome, str]:
    if not device.powered:
        return StimulusOutcome.REFUSED, "no supply"
    device.events.record(code)
    return StimulusOutcome.DONE, ""
