"""A wire in memory: octets go in at one end and come out at the other, later and in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from protocols.ports import PortClosedError


class MemoryWire:
    """Both ends of a wire on one event loop; ``near`` is the harness's, ``far`` the device's.

    ``latency_s`` is how long everything is on its way.
    """

    def __init__(self, name: str, latency_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.near = _End(name, latency_s, loop)
        self.far = _End(name, latency_s, loop)
        self.near.other, self.far.other = self.far, self.near

    def lose(self) -> None:
        """Lose what is on its way, as when the device at the far end is killed."""
        self.near.lose()
        self.far.lose()


class _End:
    """One end (`protocols.ports.WireEnd`)."""

    other: _End

    def __init__(self, name: str, latency_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._name = name
        self._latency_s = latency_s
        self._loop = loop
        self._on_octets: Callable[[bytes], None] | None = None
        self._on_end: Callable[[], None] | None = None
        self._waiting: list[bytes] = []  # arrived before anybody listened
        self._closed = False
        self.life = 0  # what was sent in an earlier one does not arrive

    def send(self, octets: bytes) -> None:
        """Send octets to the other end; PortClosedError once either has closed the wire."""
        if self._closed:
            raise PortClosedError(f"the wire in memory {self._name} is closed")
        self._loop.call_later(self._latency_s, self.other.arrive, bytes(octets), self.other.life)

    def listen(self, on_octets: Callable[[bytes], None], on_end: Callable[[], None] | None = None) -> None:
        """Have what arrives from now on, and what has arrived before, told in the event loop."""
        self._on_octets, self._on_end = on_octets, on_end
        waiting, self._waiting = self._waiting, []
        for octets in waiting:
            on_octets(octets)

    def arrive(self, octets: bytes, life: int) -> None:
        """Octets have come from the other end."""
        if life != self.life:
            return
        if self._on_octets is None:
            self._waiting.append(octets)
        else:
            self._on_octets(octets)

    def lose(self) -> None:
        """What is on its way to this end does not arrive."""
        self.life += 1
        self._waiting = []

    def close(self) -> None:
        """Close the wire; the other end learns of it after what is on its way."""
        if self._closed:
            return
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_later(self._latency_s, self.other.end)

    def end(self) -> None:
        """The other end has closed the wire."""
        if self._closed:
            return
        self._closed = True
        if self._on_end is not None:
            self._on_end()
