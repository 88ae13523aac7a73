"""Setting a device's clock: by command within a window, and what is noted of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.clock import ClockStatus
from rigs.emulated.events import EventCode

if TYPE_CHECKING:
    from rigs.emulated.device import Device


def set_clock(device: Device, start: datetime, end: datetime) -> bool:
    """Set the clock if the hub's time lies in the window, and note what came of it (SMETS 5.6.3.32)."""
    if _set_today(device):
        not_adjusted(device, "it was set within the last 24 hours")
        return False
    if device.device_clock.set_within(start, end, device.hub_time()):
        device.storage.put_json("clock", "set_at", device.device_clock.now().isoformat())
        device.events.record(EventCode.CLOCK_ADJUSTED)
        return True
    not_adjusted(device, "the hub's time is not in the validity interval")
    return False


def _set_today(device: Device) -> bool:
    """Whether one product's rule of one setting a day forbids another (A09)."""
    set_at = device.storage.get_json("clock", "set_at")
    if set_at is None or device.description.assumes("A09") != "on":
        return False
    return device.device_clock.now() - datetime.fromisoformat(set_at) < timedelta(days=1)


def not_adjusted(device: Device, reason: str) -> None:
    """Note that the clock stays as it is."""
    device.events.record(EventCode.CLOCK_NOT_ADJUSTED, reason)


def show(device: Device, time: datetime, status: int) -> None:
    """Have the device and its hub show a time, with a status that stays until the clock is set."""
    device.hub_time = lambda: time
    device.device_clock.drift(time - device.device_clock.now())
    device.device_clock.set_status(ClockStatus(status))
