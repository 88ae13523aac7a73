"""Power, stimuli and images of an emulated device, over the emulator's control socket (JSON lines)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from drivers.endpoints import resolve
from protocols.ports import (
    BenchError,
    ConfigError,
    Driver,
    ImageRefusedError,
    PortClosedError,
    StimulusKind,
    StimulusOutcome,
    StimulusResult,
)

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.ports import DriverContext, EmulatedControl

_LINE_LIMIT = 65_536  # of answers


class EmulatedControlConfig(BaseModel):
    """Keys of ``power-emulated``, ``stimulus-emulated`` and ``firmware-emulated`` ports."""

    model_config = ConfigDict(extra="forbid")

    url: str = "emulated:"


class ControlClient:
    """One connection to the emulator's control socket; any number of requests under way."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._last_id = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._end: PortClosedError | None = None

    async def open(self) -> None:
        """Connect; PortClosedError when no emulator listens."""
        path = Path(self.address.removeprefix("unix:"))
        try:
            connection = _connect(path)
        except OSError as error:
            raise self._gone(str(error)) from error
        reader, self._writer = await asyncio.open_unix_connection(sock=connection, limit=_LINE_LIMIT)
        self._reading = asyncio.get_running_loop().create_task(self._read(reader))

    async def request(self, op: str, node: str, kind: str = "", argument: str = "") -> tuple[str, str]:
        """Outcome and answer, however long the caller waits.

        BenchError when the emulator refuses the request, PortClosedError when it is gone.
        """
        if self._end is not None or self._writer is None:
            end = self._end or self._gone("the port is not open")
            raise PortClosedError(end.cause, next_step=end.next_step)
        self._last_id += 1
        number = self._last_id
        request = {"id": number, "op": op, "node": node, "kind": kind, "argument": argument}
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(json.dumps(request).encode() + b"\n")
            reply = await answer
        finally:
            del self._waiting[number]
        if reply.get("ok") is not True:
            what = f"{op} {kind}".strip()
            raise BenchError(
                f"the emulator did not take {what} for {node}: {reply.get('error', 'no reason given')}",
                next_step="see the emulator's log; the node must be an emulated device of this rig",
            )
        return str(reply.get("outcome", "")), str(reply.get("answer", ""))

    async def close(self) -> None:
        """Close; requests under way end with PortClosedError; twice is harmless."""
        self._finish(PortClosedError(f"the port on {self.address} was closed by the bench"))
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        reason = "it closed the connection"
        try:
            while line := await reader.readline():
                reply = json.loads(line)
                waiting = self._waiting.get(reply["id"])
                # Nobody waits any more when the caller's time limit was shorter than the emulator's answer.
                if waiting is not None and not waiting.done():
                    waiting.set_result(reply)
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = f"{type(error).__name__}: {error}"
        self._finish(self._gone(reason))

    def _finish(self, end: PortClosedError) -> None:
        if self._end is not None:
            return
        self._end = end
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(PortClosedError(end.cause, next_step=end.next_step))

    def _gone(self, reason: str) -> PortClosedError:
        return PortClosedError(
            f"the emulator behind {self.address} is gone: {reason}",
            next_step="start it with hil emulate, or let hil run start it; its own output says why it ended",
        )


class EmulatedPower:
    """A PowerPort."""

    def __init__(self, client: EmulatedControl, node: str) -> None:
        self._client = client
        self._node = node

    async def on(self) -> None:
        """Supply on; BenchError when the emulator refuses."""
        await self._switch("power-on")

    async def off(self) -> None:
        """Supply off; BenchError when the emulator refuses."""
        await self._switch("power-off")

    async def is_on(self) -> bool | None:
        """What the emulator says."""
        _, answer = await self._client.request("power-state", self._node)
        return {"on": True, "off": False}.get(answer)

    async def close(self) -> None:
        """Leave the supply as it is and close."""
        await self._client.close()

    async def _switch(self, op: str) -> None:
        outcome, answer = await self._client.request(op, self._node)
        if outcome != "done":
            raise BenchError(
                f"the emulator refused {op} for {self._node}: {answer or 'no reason given'}",
                next_step="see the emulator's log",
            )


class EmulatedStimulus:
    """A StimulusPort."""

    def __init__(self, client: EmulatedControl, context: DriverContext) -> None:
        self._client = client
        self._context = context

    async def apply(self, kind: StimulusKind, argument: str = "") -> StimulusResult:
        """Apply one stimulus; DONE or REFUSED, with the device's answer."""
        outcome, answer = await self._client.request("stimulus", self._context.node, kind.value, argument)
        try:
            became = StimulusOutcome(outcome)
        except ValueError as error:
            raise BenchError(
                f"the emulator answered {kind} for {self._context.node} with outcome {outcome!r}",
                next_step="bench and emulator are of different versions: restart the emulator",
            ) from error
        return StimulusResult(kind, became, answer, at=self._context.clock.now())

    async def close(self) -> None:
        """Close."""
        await self._client.close()


class EmulatedImages:
    """An ImagePort."""

    def __init__(self, client: EmulatedControl, node: str) -> None:
        self._client = client
        self._node = node

    async def deliver(self, target: Eui64, image: bytes) -> None:
        """Hand over an OTA file for a device; ImageRefusedError when it is not taken."""
        argument = base64.b64encode(image).decode()
        outcome, answer = await self._client.request("image", self._node, str(target), argument)
        if outcome != "done":
            raise ImageRefusedError(answer)

    async def close(self) -> None:
        """Close."""
        await self._client.close()


async def open_emulated_images(config: EmulatedControlConfig, context: DriverContext) -> EmulatedImages:
    """A firmware port of an emulated hub, or of an emulated device on a line of its own."""
    return EmulatedImages(await _client(config, context), context.node)


async def open_emulated_power(config: EmulatedControlConfig, context: DriverContext) -> EmulatedPower:
    """A power port of an emulated device."""
    return EmulatedPower(await _client(config, context), context.node)


async def open_emulated_stimulus(config: EmulatedControlConfig, context: DriverContext) -> EmulatedStimulus:
    """A stimulus port of an emulated device."""
    return EmulatedStimulus(await _client(config, context), context)


async def _client(config: EmulatedControlConfig, context: DriverContext) -> ControlClient:
    address = resolve(config.url, context)
    if not address.startswith("unix:"):
        raise ConfigError(
            f"port {context.port} of {context.node}: {address!r} is no control socket (unix:/path)",
            next_step=f'leave url out of [nodes.{context.node}.ports.{context.port}], or write "emulated:"',
        )
    client = ControlClient(address)
    await client.open()
    return client


def _connect(path: Path) -> socket.socket:
    """Connect below the folder's descriptor: a socket address holds 107 octets, a path can be longer."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{path.name}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(folder)
    return connection


POWER_DRIVER = Driver(
    name="power-emulated",
    config=EmulatedControlConfig,
    open=open_emulated_power,
    capabilities=frozenset({"power"}),
    needs="the emulator",
)

STIMULUS_DRIVER = Driver(
    name="stimulus-emulated",
    config=EmulatedControlConfig,
    open=open_emulated_stimulus,
    capabilities=frozenset({"stimulus"}),
    needs="the emulator",
)

IMAGE_DRIVER = Driver(
    name="firmware-emulated",
    config=EmulatedControlConfig,
    open=open_emulated_images,
    capabilities=frozenset({"firmware"}),
    needs="the emulator",
)
