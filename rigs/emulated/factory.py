"""What a device's memory holds when it leaves the factory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.ports import ConfigError

if TYPE_CHECKING:
    from rigs.emulated.device import Device


def from_factory(device: Device) -> None:
    """Fill a new memory; ConfigError for one of another device."""
    about, storage = device.description, device.storage
    known = storage.get("device", "eui64")
    if known is None:
        storage.put("device", "eui64", about.eui64)
        device.firmware.from_factory(about.firmware_version)
        device.trust_anchors.from_factory(about.trust_anchors)
    elif known != about.eui64:
        raise ConfigError(
            f"{storage.path} is the memory of {known.hex('-').upper()}, not of {about.eui64}",
            next_step="remove the file, or give the rig another [state] dir",
        )
