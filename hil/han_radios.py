"""The radios of emulated nodes whose HAN side is not in memory: sticks, or emulated radio co-processors."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from hil.drivers import open_port
from hil.emulated import HAN_PORT
from hil.han_credentials import radio_of
from hil.rigfile import DeviceSpec, Rig
from protocols.eui64 import Eui64
from protocols.ports import BenchError, Clock, DriverContext
from protocols.radio import FrameRadio, RadioListener, RadioSettings
from rigs.emulated.han.stick import StickService


async def open_radios(
    rig: Rig, clock: Clock, endpoints: Mapping[str, str]
) -> dict[str, FrameRadio | StickService]:
    """Open the ``han`` ports of the rig's emulated nodes; ``endpoints`` are those of the emulator.

    A hub may also have a stick with a stack of its own. On failure nothing stays open.
    """
    opened: dict[str, FrameRadio | StickService] = {}
    async with AsyncExitStack() as stack:
        for device in rig.emulated:
            if HAN_PORT not in device.ports:
                continue
            context = DriverContext(clock, device.name, HAN_PORT, rig.base_dir, endpoints)
            port: Any = await open_port(rig, context)
            stack.push_async_callback(port.close)
            port.on_fault = partial(_tell, device.name)
            opened[device.name] = _fitting(rig, device, port)
        stack.pop_all()
    return opened


def _fitting(rig: Rig, device: DeviceSpec, port: object) -> FrameRadio | StickService:
    """The port, where it can be the HAN side of this node."""
    wanted, key = radio_of(rig, device), f"{rig.path}: nodes.{device.name}.ports.han"
    if isinstance(port, FrameRadio):
        return port if port.eui64 == wanted else _Called(port, wanted)
    driver = device.ports[HAN_PORT].driver
    if not isinstance(port, StickService):
        raise BenchError(
            f"{key}.driver = {driver!r} carries no 802.15.4 frames",
            next_step='an emulated node needs a radio such as driver = "spinel", or no han port at all',
        )
    if device.file.type != "chf":
        raise BenchError(
            f"{key}.driver = {driver!r} is a coordinator, and {device.name} is no hub",
            next_step='a device needs a radio such as driver = "spinel"',
        )
    if port.eui64 != wanted:
        raise BenchError(
            f"{key}: the stick's EUI-64 is {port.eui64}, and the hub's certificate is for {wanted}",
            next_step=f"give the stick that EUI-64 (bellows write-ieee -i {wanted}), or name a certificate "
            "for the stick's",
        )
    return port


def _tell(node: str, fault: object) -> None:
    """Into the emulator's log."""
    sys.stderr.write(f"{node}.{HAN_PORT}: {getattr(fault, 'problem', fault)}\n")
    sys.stderr.flush()


class _Called:
    """A radio on the air under another EUI-64 than its own: that of the node's certificate."""

    def __init__(self, radio: FrameRadio, eui64: Eui64) -> None:
        self._radio = radio
        self._eui64 = eui64

    @property
    def eui64(self) -> Eui64:
        """What it is called."""
        return self._eui64

    def listen(self, listener: RadioListener | None) -> None:
        """As the radio's."""
        self._radio.listen(listener)

    def configure(self, settings: RadioSettings) -> None:
        """As the radio's; the settings hold the address."""
        self._radio.configure(settings)

    def transmit(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        """As the radio's."""
        self._radio.transmit(token, frame, clear_channel=clear_channel, retries=retries)

    def match_sources(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """As the radio's."""
        self._radio.match_sources(enabled=enabled, short=short, extended=extended)

    def measure_energy(self, channel: int, duration_s: float) -> None:
        """As the radio's."""
        self._radio.measure_energy(channel, duration_s)

    async def close(self) -> None:
        """As the radio's."""
        await self._radio.close()
