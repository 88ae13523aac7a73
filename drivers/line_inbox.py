"""Octets in, frames out: what all message ports share on their receiving side."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.gfi_line import LineDecoder
from protocols.ports import Frame, PortClosedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.gfi_line import LineError
    from protocols.ports import BenchError

FAULTS_KEPT = 1_000


@dataclass(slots=True)
class LineFault:
    """A line that held no frame, or the end of a wire: evidence, never lost.

    ``octets`` is the beginning of the line; ``offset`` the octet of the stream where the trouble is, -1 where
    there is none (the far end went away).
    """

    problem: str
    octets: bytes = b""
    offset: int = -1
    at: datetime | None = None


class FaultLog:
    """Faults of one port, oldest first, at most FAULTS_KEPT; ``on_fault`` gets all, also earlier ones."""

    def __init__(self) -> None:
        self.faults: list[LineFault] = []
        self._on_fault: Callable[[object], None] | None = None
        self._lock = threading.Lock()

    @property
    def on_fault(self) -> Callable[[object], None] | None:
        """Called with each LineFault, in the event loop; setting it hands over those that came before.

        May be set from another thread; those before are then handed over there.
        """
        return self._on_fault

    @on_fault.setter
    def on_fault(self, callback: Callable[[object], None] | None) -> None:
        with self._lock:
            self._on_fault = callback
            before = list(self.faults)
        if callback is not None:
            for fault in before:
                callback(fault)

    def add(self, fault: LineFault) -> None:
        """Keep a fault and tell."""
        with self._lock:
            if len(self.faults) < FAULTS_KEPT:
                self.faults.append(fault)
            callback = self._on_fault
        if callback is not None:
            callback(fault)


class KeepsFaults:
    """A port that keeps what went wrong with it in a FaultLog."""

    _log: FaultLog

    @property
    def faults(self) -> list[LineFault]:
        """What went wrong so far, oldest first."""
        return self._log.faults

    @property
    def on_fault(self) -> Callable[[object], None] | None:
        """Called with each LineFault, in the event loop; setting it hands over those that came before."""
        return self._log.on_fault

    @on_fault.setter
    def on_fault(self, callback: Callable[[object], None] | None) -> None:
        self._log.on_fault = callback


class LineInbox:
    """Decodes lines and queues their frames. To be used in the event loop alone."""

    def __init__(self) -> None:
        self.log = FaultLog()
        self._decoder = LineDecoder()
        self._frames: deque[Frame] = deque()
        self._arrived = asyncio.Event()
        self._end: BenchError | None = None

    def feed(self, octets: bytes, at: datetime) -> None:
        """Octets from the wire, seen at ``at``."""
        self._sort(self._decoder.feed(octets), at)

    def break_line(self, at: datetime) -> None:
        """The wire itself says that a new line begins: half a line that stands there is a fault."""
        self._sort(self._decoder.close(), at)

    def end(self, error: BenchError, at: datetime, *, fault: bool) -> None:
        """No more can come, because of ``error``; the first end counts. ``fault``: keep it as one."""
        if self._end is not None:
            return
        self.break_line(at)
        self._end = error
        if fault:
            self.log.add(LineFault(error.cause, at=at))
        self._arrived.set()

    @property
    def ended(self) -> PortClosedError | None:
        """Why no more can come, as an error to be raised; None while more can."""
        if self._end is None:
            return None
        return PortClosedError(self._end.cause, next_step=self._end.next_step)

    async def receive(self) -> Frame:
        """The next frame; PortClosedError once all are handed out and no more can come."""
        while not self._frames:
            ended = self.ended
            if ended is not None:
                raise ended
            self._arrived.clear()
            await self._arrived.wait()
        return self._frames.popleft()

    def _sort(self, items: list[Frame | LineError], at: datetime) -> None:
        for item in items:
            if isinstance(item, Frame):
                item.received_at = at
                self._frames.append(item)
            else:
                self.log.add(LineFault(item.problem, item.line, item.offset, at))
        if items:
            self._arrived.set()
