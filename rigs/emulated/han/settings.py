"""What a rig says about its HAN, and a device about its place in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.han import HanRole
from protocols.zigbee.smart_energy.settings import DeviceType

if TYPE_CHECKING:
    from protocols.zigbee.cbke.credentials import Credentials

# Four channels between those that wireless LANs use; a scan of all sixteen takes four times as long.
DEFAULT_CHANNELS = (11, 15, 20, 25)

_TYPE_2 = frozenset({"ihd", "cad"})


def han_type(device_type: str) -> DeviceType | None:
    """What a device of this type is on the HAN; None for those that do not join one."""
    name = DeviceType.TYPE_2 if device_type in _TYPE_2 else device_type
    return DeviceType(name) if name in set(DeviceType) else None


@dataclass(slots=True)
class HanSettings:
    """The HAN of one set of premises.

    ``seed`` decides everything that happens by chance. ``loss`` is the probability that a frame is not
    heard, on every link. ``retry_s``: how long a device that found no way in waits before it looks again,
    while it is fresh from power-on or from its entry in the device log (for ``fresh_s``); afterwards
    ``patience_s`` between two looks.
    """

    channels: tuple[int, ...] = DEFAULT_CHANNELS
    seed: str = ""
    loss: float = 0.0
    retry_s: float = 0.5
    fresh_s: float = 60.0
    patience_s: float = 300.0


@dataclass(slots=True)
class HanProfile:
    """One device's place: its role, how often it polls and looks for messages, and its CBKE credentials.

    ``wake_s``, ``awake_every_s`` and ``awake_s`` are a gas meter's (`DeviceSettings` of
    `protocols.zigbee.smart_energy.settings`). Without ``credentials`` nobody trusts the device.
    """

    role: HanRole = HanRole.END_DEVICE
    poll_s: float = 5.0
    wake_s: float = 1800.0
    awake_every_s: float = 5.0
    awake_s: float = 30.0
    credentials: list[Credentials] = field(default_factory=list)
