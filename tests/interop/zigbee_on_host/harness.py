"""zigbee-on-host (a GPL process of its own) as the coordinator behind an emulated RCP of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from protocols.eui64 import Eui64
from rigs.emulated.air import EmulatedRadio, Medium
from rigs.emulated.rcp import EmulatedRcp
from rigs.emulated.rcp_wires import RcpTcp
from tests.interop.node import find_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FOLDER = Path(__file__).parent
NODE = find_node()


def _missing() -> str:
    if NODE is None:
        return "node is not here (20.19 or newer): make interop installs it"
    if not (FOLDER / "node_modules" / "zigbee-on-host").is_dir():
        return "zigbee-on-host is not here: make interop installs it"
    return ""


needs_zigbee_on_host = pytest.mark.skipif(bool(_missing()), reason=_missing() or "present")


@dataclass(slots=True)
class Network:
    """What the coordinator is configured with; octets as hexadecimal digits."""

    eui64: str = "00112233445566aa"
    panId: int = 0x1A62  # noqa: N815 - names of the JSON that coordinator.mjs takes
    extendedPanId: str = "dddddddddddddddd"  # noqa: N815
    channel: int = 15
    networkKey: str = "01030507090b0d0f00020406080a0c0d"  # noqa: N815
    # The trust centre's link key. Version 0.3.0 sends the network key under this one alone, whatever install codes
    # were added: to have it under an install code's key, put that here, for one joiner at a time.
    tcKey: str = b"ZigBeeAlliance09".hex()  # noqa: N815


class Coordinator:
    """The running process. ``events`` keeps everything that it told."""

    def __init__(self, process: asyncio.subprocess.Process, network: Network) -> None:
        self.network = network
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._changed.set()

    async def event(self, *names: str, seconds: float = 15.0) -> dict[str, Any]:
        """The first event of such a name, now or later; takes it from ``events``."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if event["event"] in names:
                        self.events.remove(event)
                        return event
                    assert event["event"] != "fatal", event
                self._changed.clear()
                await self._changed.wait()

    async def do(self, order: str, *, tries: int = 3, **keys: Any) -> None:
        """Give an order and wait until it is done.

        It hands a second frame to the RCP while one is under way, which firmware refuses: hence the tries.
        """
        assert self._process.stdin is not None
        for _ in range(tries):
            self._process.stdin.write(json.dumps({"do": order, **keys}).encode() + b"\n")
            await self._process.stdin.drain()
            answer = await self.event("done", "failed")
            if answer["event"] == "done":
                return
            await asyncio.sleep(0.05)
        raise AssertionError(answer)

    async def end(self) -> None:
        """Ask it to stop, then make sure by its process id."""
        with contextlib.suppress(TimeoutError, AssertionError, OSError):
            await asyncio.wait_for(self.do("stop"), 3)
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._reader.cancel()
        await asyncio.wait([self._reader])


@dataclass(slots=True)
class Stage:
    """An air in real time with a coordinator on it. Put radios of your own there."""

    medium: Medium
    rcp: EmulatedRcp
    coordinator: Coordinator


@asynccontextmanager
async def coordinator_on_air(folder: Path, network: Network | None = None) -> AsyncIterator[Stage]:
    """A formed network; the process is gone when this ends, whatever happened."""
    network = network or Network()
    medium = Medium(asyncio.get_running_loop(), seed=1)
    rcp = EmulatedRcp(EmulatedRadio(medium, "zigbee-on-host", Eui64(network.eui64)))
    wire = RcpTcp(rcp)
    address = await wire.start()
    options = {
        **asdict(network),
        "port": int(address.rpartition(":")[2]),
        "saveDir": str(folder / "zoh"),
        "log": True,
    }
    with (folder / "zigbee-on-host.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            NODE.path if NODE else "node",
            str(FOLDER / "coordinator.mjs"),
            json.dumps(options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
        coordinator = Coordinator(process, network)
        try:
            await coordinator.event("formed")
            yield Stage(medium, rcp, coordinator)
        except BaseException:
            sys.stderr.write((folder / "zigbee-on-host.log").read_text()[-4_000:])
            raise
        finally:
            await coordinator.end()
            await wire.close()
