"""What the HAN service wants of a stick with a stack of its own, whoever made it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.eui64 import Eui64
from protocols.han import DataStatus, Endpoint, JoinKind, Network


@dataclass(slots=True)
class Outgoing:
    """Data for one device (or, from 0xFFF8 on, many)."""

    short: int
    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    payload: bytes
    encrypted: bool = False
    acknowledged: bool = True


@dataclass(slots=True)
class Heard:
    """Data from a device, whole; ``eui64`` where the stick says it."""

    short: int
    eui64: Eui64 | None
    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    payload: bytes
    encrypted: bool
    broadcast: bool
    lqi: int
    rssi_dbm: int


class StickUser(Protocol):
    """Who hears what a stick says. All calls come in the event loop."""

    def stick_heard(self, data: Heard) -> None:
        """Data came."""

    def stick_joined(self, eui64: Eui64, short: int, parent: int, kind: JoinKind) -> None:
        """A device joined or rejoined."""

    def stick_denied(self, eui64: Eui64, kind: JoinKind) -> None:
        """The stick did not let a device in."""

    def stick_left(self, eui64: Eui64) -> None:
        """A device left."""

    def stick_switched_key(self, sequence: int) -> None:
        """Frames are secured with another network key."""

    def stick_lost(self, cause: str) -> None:
        """The stick does not work any more."""


class Stick(Protocol):
    """A coordinator in a stick. Failures are exceptions of any kind; they become the bench's."""

    @property
    def eui64(self) -> Eui64:
        """The stick's identifier."""

    async def form(
        self, channels: tuple[int, ...], extended_pan_id: Eui64 | None, endpoints: list[Endpoint]
    ) -> Network:
        """Form a network anew."""

    async def resume(self, endpoints: list[Endpoint]) -> Network:
        """Go on with the network the stick has kept."""

    @property
    def network_keys(self) -> dict[int, bytes]:
        """Network keys by sequence number, as far as the stick tells them."""

    async def suspend(self) -> None:
        """Fall silent, but keep the network for ``resume``."""

    async def leave(self) -> None:
        """Give the network up."""

    async def allow(self, eui64: Eui64, link_key: bytes) -> None:
        """Take a (install code) link key with which one device may join while joining is open."""

    async def open_joining(self, seconds: int) -> None:
        """Permit joining, for at most 254 seconds; 0: close."""

    async def submit(self, data: Outgoing) -> asyncio.Future[DataStatus]:
        """Hand data over for sending; the future tells what became of it."""

    async def import_key(self, eui64: Eui64, key: bytes) -> None:
        """Put an established link key in place."""

    async def forget_key(self, eui64: Eui64) -> None:
        """Drop it."""

    async def remove(self, eui64: Eui64, short: int, parent: int) -> None:
        """Send a device off the network."""

    async def lookup(self, eui64: Eui64) -> int | None:
        """A device's short address, as far as the stick knows."""

    async def sleeper(self, eui64: Eui64, *, sleeps: bool) -> None:
        """Whether acknowledgements of a device take long."""

    async def refresh_network_key(self, devices: list[tuple[Eui64, int]]) -> None:
        """Give these devices a new network key, and switch."""

    async def close(self) -> None:
        """Let the stick go."""


class JobQueue:
    """Coroutines done one after the other, in the order of asking; ``failed`` hears of exceptions."""

    def __init__(self, failed: Callable[[str, Exception], None]) -> None:
        self._failed = failed
        self._queue: asyncio.Queue[tuple[str, Callable[[], Coroutine[Any, Any, None]]]] = asyncio.Queue()
        self._others: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run())

    def add(self, what: str, job: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do this after all before it."""
        self._queue.put_nowait((what, job))

    def aside(self, what: str, job: Coroutine[Any, Any, None]) -> None:
        """Do this while others go on."""
        task = asyncio.create_task(self._guarded(what, job))
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def _run(self) -> None:
        while True:
            what, job = await self._queue.get()
            await self._guarded(what, job())

    async def _guarded(self, what: str, job: Coroutine[Any, Any, None]) -> None:
        try:
            await job
        except Exception as error:  # noqa: BLE001 - whatever a radio library raises is told, and work goes on
            self._failed(what, error)

    def forget(self) -> None:
        """Drop what has not been begun."""
        while not self._queue.empty():
            self._queue.get_nowait()

    async def close(self) -> None:
        """Stop all."""
        tasks = [self._task, *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
