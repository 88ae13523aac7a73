"""What happens to the box of a hub: loss and return of its supply (GBCS-OUT-04, SEC-AD1-01)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION = "outage"
# Longer than this without supply and the hub's last gasp is an AD1. It is no GBCS message: it goes to the WAN
# provider's own systems, so that here it shows on the console alone. No IHD or PPMID hears of it either: the
# HAN that would carry it went with the same supply, and no ZSE event stands for it.
LAST_GASP = timedelta(minutes=3)


def supply_lost(device: Device) -> None:
    """An event of the hub alone, in its event log: it has no log of power events."""
    device.events.record(EventCode.SUPPLY_INTERRUPTED)
    device.storage.put_json(_SECTION, "lost", device.device_clock.now().isoformat())


def supply_restored(device: Device) -> None:
    """Say whether the outage was one that the WAN provider heard of."""
    lost_at = device.storage.get_json(_SECTION, "lost")
    if lost_at is None:
        return
    device.storage.delete(_SECTION, "lost")
    lost = datetime.fromisoformat(lost_at)
    if device.device_clock.now() - lost > LAST_GASP:
        device.note(f"last gasp: AD1 at {lost + LAST_GASP:%Y-%m-%dT%H:%M:%SZ}, supply lost {lost:%H:%M:%SZ}")
