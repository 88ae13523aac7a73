"""Requests to an RCP and its answers: transaction identifiers, time limits, and what comes unasked."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.spinel.frame import LARGEST_TID, SpinelFrame, parse_frame
from protocols.spinel.hdlc import HdlcDecoder, HdlcError, encode_frame

if TYPE_CHECKING:
    from collections.abc import Callable

# Firmware has room for little more than this; what waits here still goes out in order.
_UNANSWERED = 6


@dataclass(slots=True, eq=False)
class _Request:
    frame: SpinelFrame
    done: Callable[[SpinelFrame | None], None]
    limit_s: float
    timer: asyncio.TimerHandle | None = None
    sent_at: float = 0.0


class SpinelLink:
    """One RCP on one line, in the event loop.

    ``write`` never waits. Each request ends in one call of ``done``: with the answer, or None after its time
    limit (counted from its sending) or ``forget``. ``on_frame`` gets what nobody asked for, ``on_round_trip``
    the seconds that each answer took.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        on_frame: Callable[[SpinelFrame], None],
        on_round_trip: Callable[[SpinelFrame, float], None] | None = None,
    ) -> None:
        self.errors = 0  # frames with a wrong CRC, and other octets that are no frame
        self.heard_at = 0.0  # when the last good frame came
        self.octets = bytearray()  # the last that came, for telling what else is on the line
        self._write = write
        self._on_frame = on_frame
        self._on_round_trip = on_round_trip
        self._loop = asyncio.get_running_loop()
        self._decoder = HdlcDecoder()
        self._next = 1
        self._open: dict[int, _Request] = {}
        self._waiting: deque[_Request] = deque()

    def feed(self, octets: bytes) -> None:
        """Octets from the RCP."""
        self.octets = (self.octets + octets)[-256:]
        for item in self._decoder.feed(octets):
            if isinstance(item, HdlcError):
                self.errors += 1
                continue
            try:
                frame = parse_frame(item)
            except DecodeError:
                self.errors += 1
                continue
            self.heard_at = self._loop.time()
            try:
                self._sort(frame)
            except Exception as error:  # noqa: BLE001 - the loop's handler reports it, the frames after it count
                self._loop.call_exception_handler(
                    {"message": "a radio's listener failed", "exception": error}
                )

    def _sort(self, frame: SpinelFrame) -> None:
        request = self._open.pop(frame.tid, None) if frame.tid else None
        if request is None:
            if not frame.tid:  # else an answer that came too late
                self._on_frame(frame)
            return
        if request.timer is not None:
            request.timer.cancel()
        if self._on_round_trip is not None:
            self._on_round_trip(request.frame, self._loop.time() - request.sent_at)
        self._send_waiting()
        request.done(frame)

    def request(
        self,
        command: int,
        key: int,
        value: bytes,
        done: Callable[[SpinelFrame | None], None],
        limit_s: float,
    ) -> None:
        """Send after those before it."""
        self._waiting.append(_Request(SpinelFrame(command, key, value), done, limit_s))
        self._send_waiting()

    async def ask(self, command: int, key: int, value: bytes = b"", *, limit_s: float) -> SpinelFrame:
        """The answer to one request; TimeoutError."""
        answer: asyncio.Future[SpinelFrame | None] = self._loop.create_future()

        def done(frame: SpinelFrame | None) -> None:
            if not answer.done():
                answer.set_result(frame)

        self.request(command, key, value, done, limit_s)
        frame = await answer
        if frame is None:
            raise TimeoutError
        return frame

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing at all has come for so long."""
        return self._loop.time() - self.heard_at >= seconds

    def send(self, frame: SpinelFrame) -> None:
        """Send at once, without an answer."""
        self._write(encode_frame(frame.build()))

    def forget(self) -> None:
        """End all requests without an answer: the RCP has lost them."""
        requests = [*self._open.values(), *self._waiting]
        self._open.clear()
        self._waiting.clear()
        for request in requests:
            if request.timer is not None:
                request.timer.cancel()
        for request in requests:
            request.done(None)

    def _send_waiting(self) -> None:
        while self._waiting and len(self._open) < _UNANSWERED:
            request = self._waiting.popleft()
            # Round robin, so that a late answer does not meet a new request of the same number.
            while self._next in self._open:
                self._next = self._next % LARGEST_TID + 1
            tid = request.frame.tid = self._next
            self._next = self._next % LARGEST_TID + 1
            self._open[tid] = request
            request.sent_at = self._loop.time()
            request.timer = self._loop.call_later(request.limit_s, self._late, tid, request)
            self.send(request.frame)

    def _late(self, tid: int, request: _Request) -> None:
        if self._open.get(tid) is request:
            del self._open[tid]
            self._send_waiting()
            request.done(None)
