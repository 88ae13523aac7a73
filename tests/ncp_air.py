"""An emulated NCP and devices of ours on one piece of air, in real time on the running loop."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any, Self

from protocols.eui64 import Eui64
from protocols.han import DataConfirmed, DataReceived, Endpoint, HanEvent, HanRole, KeySource
from protocols.zigbee.stack.node import Node
from rigs.emulated.air import EmulatedRadio, Medium
from rigs.emulated.fault_catalogue.sticks import StickLine
from rigs.emulated.ncp import EmulatedNcp, NcpFirmware, NcpPty

HUB = Eui64("90-B3-D5-1F-30-00-00-01")
DEVICE = Eui64("90-B3-D5-1F-30-00-00-10")
INSTALL_KEY = bytes.fromhex("66B6900981E1EE3CA4206B6B861C02BB")  # of the standard's example install code
CBKE_KEY = bytes(range(16))
CHANNEL = 15
PROFILE = 0x0109
TUNNEL = 0x0704


class AirDevice:
    """A node on the loop's time, and what it told."""

    def __init__(self, medium: Medium, role: HanRole, eui64: Eui64, seed: int = 3) -> None:
        self.loop = asyncio.get_running_loop()
        self.radio = EmulatedRadio(medium, str(eui64), eui64)
        self.node = Node(role, self.radio, self.loop.time, random.Random(seed))
        self.events: list[HanEvent] = []
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self.node.listen(self)
        self.node.on_earlier = self._plan
        self.node.add_endpoint(Endpoint(1, PROFILE, 0x0500, (TUNNEL,), (0x0702,)))

    @property
    def eui64(self) -> Eui64:
        return self.node.eui64

    def _plan(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        self.node.run_due(self.loop.time())
        due = self.node.next_due()
        if due is not None:
            self._plan(due)

    def han_event(self, event: HanEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition, seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def join(self, key: bytes = INSTALL_KEY) -> None:
        self.node.join(key, (CHANNEL,))
        await self.until(lambda: self.node.network is not None)

    def establish(self, partner: Eui64 = HUB, key: bytes = CBKE_KEY) -> None:
        """As if key establishment had been."""
        self.node.aps.keys.install(partner, key, KeySource.ESTABLISHED)

    def send(self, payload: bytes, to: Eui64 | int = 0, cluster: int = TUNNEL, **more: Any) -> int:
        return self.node.send(
            to,
            profile=PROFILE,
            cluster=cluster,
            source_endpoint=1,
            destination_endpoint=1,
            payload=payload,
            **more,
        )

    async def confirmed(self, token: int, seconds: float = 20.0) -> str:
        await self.until(lambda: any(event.token == token for event in self.of(DataConfirmed)), seconds)
        return next(event.status.value for event in self.of(DataConfirmed) if event.token == token)

    @property
    def received(self) -> list[bytes]:
        return [event.payload for event in self.of(DataReceived)]

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.node.close()


class Premises:
    """Air, NCP on a pseudo-terminal, devices; an asynchronous context."""

    def __init__(self, folder: Path, version: int = 13, **more: Any) -> None:
        self.medium = Medium(asyncio.get_running_loop(), seed=1)
        radio = EmulatedRadio(self.medium, "ncp", HUB)
        self.ncp = EmulatedNcp(radio, firmware=NcpFirmware(version=version), **more)
        self.line = StickLine(self.ncp)
        self.pty = NcpPty(folder / "ncp", self.line)
        self.devices: list[AirDevice] = []
        self.path = ""

    async def __aenter__(self) -> Self:
        self.path = await self.pty.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for device in self.devices:
            device.close()
        self.ncp.close()
        await self.pty.close()

    def device(self, role: HanRole = HanRole.END_DEVICE, eui64: Eui64 = DEVICE) -> AirDevice:
        made = AirDevice(self.medium, role, eui64, seed=3 + len(self.devices))
        self.devices.append(made)
        return made
