"""Power, stimulus and console of a device, as synchronous tests use them; all of it stands in the journal."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from hil.exchange import NoResponseError
from hil.portal import Portal
from hil.waiting import first_of
from protocols.eui64 import Eui64
from protocols.ports import (
    BenchError,
    Clock,
    ConsolePort,
    ImagePort,
    ImageRefusedError,
    PowerPort,
    StimulusKind,
    StimulusPort,
    StimulusResult,
)

Note = Callable[[str, str, Mapping[str, Any]], int]  # kind, node, body -> number of the record


class Power:
    """Supply of a device."""

    def __init__(self, node: str, port: PowerPort, portal: Portal, note: Note) -> None:
        self._node = node
        self._port = port
        self._portal = portal
        self._note = note

    def on(self) -> None:
        """Supply on."""
        self._note("power.on", self._node, {})
        self._portal.call(self._port.on())

    def off(self) -> None:
        """Supply off."""
        self._note("power.off", self._node, {})
        self._portal.call(self._port.off())

    def is_on(self) -> bool | None:
        """Whether supply is on; None where the driver cannot know."""
        return self._portal.call(self._port.is_on())


class Firmware:
    """Brings images to a hub, or to a device on a line of its own."""

    def __init__(self, node: str, port: ImagePort, portal: Portal) -> None:
        self._node = node
        self._port = port
        self._portal = portal

    def deliver(self, target: Eui64, image: bytes) -> str:
        """Hand over an OTA file for a device: empty when it was taken, else why not."""
        try:
            self._portal.call(self._port.deliver(target, image))
        except ImageRefusedError as refusal:
            return str(refusal)
        return ""


class Stimulus:
    """What a person or the world does to a device."""

    def __init__(self, node: str, port: StimulusPort, portal: Portal, note: Note) -> None:
        self._node = node
        self._port = port
        self._portal = portal
        self._note = note

    def apply(self, kind: StimulusKind | str, argument: str = "") -> StimulusResult:
        """Apply one stimulus and say what became of it; nobody answering is a result, not an error."""
        kind = StimulusKind(kind)
        asked = {"kind": kind, "argument": argument}
        self._note("stimulus.asked", self._node, asked)
        result = self._portal.call(self._port.apply(kind, argument))
        became = {"outcome": result.outcome, "answer": result.answer, "initials": result.initials}
        self._note("stimulus", self._node, asked | became | {"volatile": {"at": result.at}})
        return result


class Console:
    """A device's console: everything since the bench was opened, and typing."""

    def __init__(self, node: str, portal: Portal, note: Note, clock: Clock) -> None:
        self._node = node
        self._portal = portal
        self._note = note
        self._clock = clock
        self._port: ConsolePort | None = None
        self._octets = bytearray()
        self._lock = threading.Lock()
        self._more = asyncio.Event()  # lives on the portal's loop

    def take(self, octets: bytes, monotonic_ns: int) -> None:
        """Sink of the driver, which may have a thread of its own: journal first, then show it to tests."""
        body = {
            "octets": octets,
            "text": octets.decode("utf-8", errors="backslashreplace"),
            "offset": len(self._octets),
            "volatile": {"monotonic_ns": monotonic_ns},
        }
        self._note("console", self._node, body)
        with self._lock:
            self._octets += octets
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self._portal.loop.call_soon_threadsafe(self._more.set)

    def attach(self, port: ConsolePort) -> None:
        """The port to type on, once it is open."""
        self._port = port

    @property
    def octets(self) -> bytes:
        """All that was captured so far."""
        with self._lock:
            return bytes(self._octets)

    def mark(self) -> int:
        """Position after what was captured so far."""
        return len(self.octets)

    def text(self, since: int = 0) -> str:
        """Captured text from a mark on; octets that are no UTF-8 are shown escaped."""
        return self.octets[since:].decode("utf-8", errors="backslashreplace")

    def expect(self, pattern: str, *, since: int = 0, timeout_s: float = 10.0) -> str:
        """Wait until the text after ``since`` matches a regular expression; NoResponseError shows its end."""
        found = self._portal.call(self._find(re.compile(pattern), since, timeout_s))
        if found is None:
            raise NoResponseError(
                f"console of {self._node}: nothing like {pattern!r} within {timeout_s:g} s; "
                f"it ends with {self.text(since)[-200:]!r}"
            )
        return found

    async def _find(self, wanted: re.Pattern[str], since: int, timeout_s: float) -> str | None:
        async def look() -> str:
            while True:
                self._more.clear()
                found = wanted.search(self.text(since))
                if found is not None:
                    return found.group()
                await self._more.wait()

        never: asyncio.Future[BenchError] = asyncio.get_running_loop().create_future()
        return await first_of(look(), never, self._clock, timeout_s)

    def write(self, octets: bytes) -> None:
        """Type something."""
        self._note("console.typed", self._node, {"octets": octets})
        assert self._port is not None
        self._portal.call(self._port.write(octets))
