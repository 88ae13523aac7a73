"""GCS28 Set Clock on GSME (asn1.md 14)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.asn1.clock import SET_CLOCK_COMMAND, SET_CLOCK_RESPONSE, SetClockResponse
from rigs.emulated import clock_setting

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device


def register(device: Device) -> None:
    """GCS28."""
    device.handlers["GCS28"] = set_clock


def set_clock(device: Device, command: Command) -> bytes:
    """Align to the hub's time if it lies in the window; the answer is the time and status afterwards."""
    asked = SET_CLOCK_COMMAND.decode(command.payload)
    clock_setting.set_clock(device, asked.validity_interval_start, asked.validity_interval_end)
    now = device.device_clock.now().replace(microsecond=0)
    return SET_CLOCK_RESPONSE.encode(SetClockResponse(now, int(device.device_clock.status)))
