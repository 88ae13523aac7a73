"""Far ends on pseudo-terminals: a message wire and a console, each under a path that stays the same.

The emulator keeps its own descriptor on the slave side. Without it the master would fail with EIO whenever
the harness closes the port, and what was written in between would be lost; with it the harness may come and
go. What is written while nobody reads waits in the kernel's buffer (about 64 kB), then in a bounded queue.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import termios
import tty
from collections import deque
from typing import TYPE_CHECKING

from protocols.gfi_line import LineDecoder, encode_line
from protocols.ports import BenchError, PortClosedError
from rigs.emulated.wires_frames import FrameSorter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from protocols.gfi_line import LineError
    from protocols.ports import Frame

_READ = 65_536
_STEP_S = (
    0.005  # between looks at the kernel's buffer while draining; no event tells when a reader took octets
)
_PATIENCE_S = 0.25  # a reader that takes nothing for this long is not there


class PtyEnd:
    """A pseudo-terminal pair, its stable path and the queue of octets still to be written.

    ``limit`` bounds the queue in octets. With ``whole`` set, the oldest whole writes are dropped, never one
    that has begun and never the newest; else the oldest octets. ``dropped`` counts the octets.
    """

    def __init__(self, path: Path, on_octets: Callable[[bytes], None], *, limit: int, whole: bool) -> None:
        self.path = path
        self.dropped = 0
        self._on_octets = on_octets
        self._limit = limit
        self._whole = whole
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._head_begun = False
        self._master = -1
        self._slave = -1
        self._slave_name = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    def open(self) -> None:
        """Make the pair, raw and without echo, and point ``path`` at it in one step."""
        self._loop = asyncio.get_running_loop()
        self._master, self._slave = os.openpty()
        try:
            tty.setraw(self._slave, termios.TCSANOW)
            os.set_blocking(self._master, False)
            self._slave_name = os.ttyname(self._slave)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            passing = self.path.with_name(f".{self.path.name}.{os.getpid()}")
            passing.unlink(missing_ok=True)
            passing.symlink_to(self._slave_name)
            passing.replace(self.path)
        except OSError as error:
            self._close_descriptors()
            raise BenchError(
                f"cannot make the emulated serial port {self.path}: {error}",
                next_step="check that the state folder exists on a file system that allows symbolic links",
            ) from error
        self._loop.add_reader(self._master, self._readable)

    def write(self, octets: bytes) -> None:
        """Queue octets; never blocks. To be called in the event loop."""
        if self._loop is None or self._master < 0:
            raise PortClosedError(f"the emulated serial port {self.path} is closed")
        if not octets:
            return
        waiting = bool(self._queue)
        self._queue.append(memoryview(octets))
        self._queued += len(octets)
        if waiting:
            self._shorten()
            return
        self._flush()
        if self._queue:
            self._shorten()
            self._loop.add_writer(self._master, self._writable)

    async def close(self) -> None:
        """Let a reader that is there take what is left, then close and remove the path; twice is harmless."""
        if self._master < 0:
            return
        await self._drain()
        if self._loop is not None and self._master >= 0:
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
            # A newer emulator may have taken the path over; its link is not ours to remove.
            if self.path.is_symlink() and str(self.path.readlink()) == self._slave_name:
                self.path.unlink(missing_ok=True)
        self._close_descriptors()

    async def _drain(self) -> None:
        idle = 0.0
        left = self._left()
        empty = 0
        # Twice, because the kernel hands octets to the slave in a work queue of its own.
        while empty < 2 and idle < _PATIENCE_S and self._master >= 0:
            await asyncio.sleep(_STEP_S)
            now = self._left()
            idle = idle + _STEP_S if now >= left else 0.0
            empty = empty + 1 if now == 0 else 0
            left = now

    def _left(self) -> int:
        if self._slave < 0:
            return 0
        unread = array.array("i", [0])
        fcntl.ioctl(self._slave, termios.FIONREAD, unread)
        return self._queued + unread[0]

    def _close_descriptors(self) -> None:
        for descriptor in (self._master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self._master = self._slave = -1
        self._queue.clear()
        self._queued = 0

    def _readable(self) -> None:
        try:
            octets = os.read(self._master, _READ)
        except BlockingIOError:
            return
        self._on_octets(octets)

    def _writable(self) -> None:
        self._flush()
        if not self._queue and self._loop is not None:
            self._loop.remove_writer(self._master)

    def _flush(self) -> None:
        while self._queue:
            head = self._queue[0]
            try:
                written = os.write(self._master, head[:_READ])
            except BlockingIOError:
                return
            self._queued -= written
            if written == len(head):
                self._queue.popleft()
                self._head_begun = False
            else:
                self._queue[0] = head[written:]
                self._head_begun = True

    def _shorten(self) -> None:
        if self._whole:
            oldest = 1 if self._head_begun else 0
            while self._queued > self._limit and len(self._queue) > oldest + 1:
                self._drop(len(self._queue[oldest]))
                del self._queue[oldest]
            return
        while self._queued > self._limit:
            head = self._queue.popleft()
            excess = min(self._queued - self._limit, len(head))
            self._drop(excess)
            if excess < len(head):
                self._queue.appendleft(head[excess:])

    def _drop(self, octets: int) -> None:
        self.dropped += octets
        self._queued -= octets


class PtyWire:
    """A message wire on a pseudo-terminal.

    ``on_frame`` gets each whole message in order, ``on_error`` each line that is none. Messages for a harness
    that does not read wait up to ``limit`` octets of lines; then the oldest are dropped and counted.
    """

    def __init__(
        self,
        path: Path,
        on_frame: Callable[[Frame], None],
        *,
        on_error: Callable[[LineError], None] | None = None,
        limit: int = 4 * 1024 * 1024,
    ) -> None:
        self._sorter = FrameSorter(LineDecoder(), on_frame, on_error)
        self._end = PtyEnd(path, self._sorter.feed, limit=limit, whole=True)

    @property
    def dropped(self) -> int:
        """Octets of lines dropped because nobody read them."""
        return self._end.dropped

    async def start(self) -> str:
        """Open; the endpoint is the path that stays the same."""
        self._end.open()
        return str(self._end.path)

    async def send(self, frame: Frame) -> None:
        """Send one message; does not wait for a reader. PortClosedError after close."""
        self._end.write(encode_line(frame))

    async def send_octets(self, octets: bytes) -> None:
        """Send octets as they are, for a line cut in the middle."""
        self._end.write(octets)

    async def close(self) -> None:
        """Let the reader take what is left, then close and remove the path; twice is harmless."""
        await self._end.close()


class ConsoleWire:
    """A device's console on a pseudo-terminal. A console that nobody reads keeps its newest ``limit`` octets.

    ``on_octets`` gets what is typed on it.
    """

    def __init__(
        self, path: Path, on_octets: Callable[[bytes], None] | None = None, *, limit: int = 256 * 1024
    ) -> None:
        self._end = PtyEnd(path, on_octets or _ignore, limit=limit, whole=False)

    @property
    def dropped(self) -> int:
        """Octets dropped, oldest first, because nobody read them."""
        return self._end.dropped

    async def start(self) -> str:
        """Open; the endpoint is the path that stays the same."""
        self._end.open()
        return str(self._end.path)

    def write(self, octets: bytes) -> None:
        """Print on the console; never blocks. In the event loop; PortClosedError when not open."""
        self._end.write(octets)

    async def close(self) -> None:
        """Let the reader take what is left, then close and remove the path; twice is harmless."""
        await self._end.close()


def _ignore(_octets: bytes) -> None:
    """Nobody listens to what is typed, but it must be read, or the typist would block."""
