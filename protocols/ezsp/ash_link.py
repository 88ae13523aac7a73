"""Both ends of an ASH line, sans-I/O: windows, acknowledgements, repeats, time-outs, resets (UG101 3 to 5).

Feed what came with ``receive``, write what ``take`` gives, call ``run_due`` when ``next_due`` comes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from protocols.errors import DecodeError
from protocols.ezsp.ash import (
    ASH_VERSION,
    CANCEL,
    AshDecoder,
    AshFrame,
    AshKind,
    ResetCode,
    encode_frame,
)


class AshState(StrEnum):
    """What the line is good for."""

    IDLE = "idle"  # no reset yet: nothing is taken or sent
    RESETTING = "resetting"  # host: RST sent, no RSTACK yet
    CONNECTED = "connected"
    FAILED = "failed"  # only a reset helps


@dataclass(slots=True)
class AshReceived:
    """Data from the other end, each once and in order."""

    data: bytes


@dataclass(slots=True)
class AshConnected:
    """Numbers start at 0 again: the NCP was reset. ``code`` as in RSTACK."""

    code: int


@dataclass(slots=True)
class AshFailed:
    """The line is dead until a reset."""

    code: int
    by_other_end: bool


AshEvent = AshReceived | AshConnected | AshFailed


@dataclass(slots=True)
class AshTimes:
    """Seconds, and counts (UG101 section 5)."""

    ack_start: float = 1.6
    ack_shortest: float = 0.4
    ack_longest: float = 3.2
    reset: float = 3.2
    window: int = 5  # frames sent and not acknowledged; at most 7
    timeouts: int = 4  # in a row without a sign of life: failed
    resets: int = 5


@dataclass(slots=True)
class AshCounts:
    """What happened on the line."""

    sent: int = 0
    received: int = 0
    repeated: int = 0
    duplicates: int = 0
    broken: int = 0
    rejected: int = 0
    timeouts: int = 0


@dataclass(slots=True)
class _Sent:
    number: int
    data: bytes
    at: float
    again: bool = False


@dataclass(slots=True)
class _Numbers:
    send: int = 0  # next frame of ours
    expected: int = 0  # next frame of theirs
    rejecting: bool = False
    owes_ack: bool = False
    timeouts: int = 0
    due: float | None = None
    outstanding: deque[_Sent] = field(default_factory=deque)
    other_ready: bool = True


class AshEnd:
    """One end. ``host`` asks for resets; the NCP's end answers them (event AshConnected at both)."""

    def __init__(self, *, host: bool, times: AshTimes | None = None) -> None:
        self.host = host
        self.times = times or AshTimes()
        self.counts = AshCounts()
        self.state = AshState.IDLE
        self._decoder = AshDecoder()
        self._waiting: deque[bytes] = deque()
        self._out = bytearray()
        self._events: list[AshEvent] = []
        self._numbers = _Numbers()
        self._ack_wait = self.times.ack_start
        self._resets = 0
        self._code = int(ResetCode.UNKNOWN)

    @property
    def queued(self) -> int:
        """Frames not acknowledged yet."""
        return len(self._waiting) + len(self._numbers.outstanding)

    # Resets

    def reset(self, now: float) -> None:
        """Host: reset the NCP; AshConnected follows, or AshFailed when it does not answer."""
        assert self.host
        self._clear()
        self.state = AshState.RESETTING
        self._resets = 1
        self._ask_reset(now)

    def _ask_reset(self, now: float) -> None:
        # What stands half on the line is cancelled first.
        self._out += bytes((CANCEL,)) + encode_frame(AshFrame(AshKind.RST))
        self._numbers.due = now + self.times.reset

    def restarted(self, code: int) -> None:
        """NCP: it was reset (told to the host by RSTACK)."""
        assert not self.host
        self._clear()
        self.state = AshState.CONNECTED
        self._put(AshFrame(AshKind.RSTACK, bytes((ASH_VERSION, code))))

    def fail(self, code: int) -> None:
        """NCP: it cannot go on; the host is told, again at each frame of its."""
        self._clear()
        self.state = AshState.FAILED
        self._code = code
        if not self.host:
            self._put(AshFrame(AshKind.ERROR, bytes((ASH_VERSION, code))))

    def _clear(self) -> None:
        self._numbers = _Numbers()
        self._waiting.clear()
        self._out.clear()
        self._ack_wait = self.times.ack_start

    # Sending

    def send(self, data: bytes, now: float) -> None:
        """Send data; it goes out as the window allows. Nothing happens on a line that is not connected."""
        if self.state is AshState.CONNECTED:
            self._waiting.append(data)
            self._fill(now)

    def take(self) -> bytes:
        """What to write on the line."""
        numbers = self._numbers
        if numbers.owes_ack and self.state is AshState.CONNECTED:
            self._put(AshFrame(AshKind.ACK, acknowledges=numbers.expected))
            numbers.owes_ack = False
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def _put(self, frame: AshFrame) -> None:
        self._out += encode_frame(frame)

    def _fill(self, now: float) -> None:
        numbers = self._numbers
        while self._waiting and len(numbers.outstanding) < self.times.window and numbers.other_ready:
            sent = _Sent(numbers.send, self._waiting.popleft(), now)
            numbers.send = numbers.send + 1 & 7
            numbers.outstanding.append(sent)
            self.counts.sent += 1
            self._put_data(sent, now)

    def _put_data(self, sent: _Sent, now: float) -> None:
        numbers = self._numbers
        self._put(AshFrame(AshKind.DATA, sent.data, sent.number, numbers.expected, sent.again))
        numbers.owes_ack = False
        if numbers.due is None:
            numbers.due = now + self._ack_wait

    def _repeat(self, now: float) -> None:
        numbers = self._numbers
        numbers.due = now + self._ack_wait
        for sent in numbers.outstanding:
            sent.again, sent.at = True, now
            self.counts.repeated += 1
            self._put_data(sent, now)

    # Time

    def next_due(self) -> float | None:
        """When ``run_due`` has something to do."""
        return self._numbers.due

    def run_due(self, now: float) -> list[AshEvent]:
        """Do what is due."""
        due = self._numbers.due
        if due is None or due > now:
            return []
        if self.state is AshState.RESETTING:
            self._reset_unanswered(now)
        elif self.state is AshState.CONNECTED:
            self._unacknowledged(now)
        return self._told()

    def _reset_unanswered(self, now: float) -> None:
        if self._resets >= self.times.resets:
            self._lost(ResetCode.UNKNOWN)
            return
        self._resets += 1
        self._ask_reset(now)

    def _unacknowledged(self, now: float) -> None:
        numbers = self._numbers
        self.counts.timeouts += 1
        numbers.timeouts += 1
        if numbers.timeouts >= self.times.timeouts:
            self._lost(ResetCode.MAXIMUM_ACK_TIMEOUTS)
            return
        self._ack_wait = min(2 * self._ack_wait, self.times.ack_longest)
        self._repeat(now)

    def _lost(self, code: ResetCode) -> None:
        self.fail(code)
        self._events.append(AshFailed(code, by_other_end=False))

    # Receiving

    def receive(self, octets: bytes, now: float) -> list[AshEvent]:
        """Take octets from the line."""
        for item in self._decoder.feed(octets):
            if isinstance(item, DecodeError):
                self.counts.broken += 1
                if self.state is AshState.CONNECTED:
                    self._reject()
            else:
                self._handle(item, now)
        return self._told()

    def _told(self) -> list[AshEvent]:
        events, self._events = self._events, []
        return events

    def _handle(self, frame: AshFrame, now: float) -> None:
        if frame.kind is AshKind.RST:
            if not self.host:
                self.restarted(ResetCode.SOFTWARE)
                self._events.append(AshConnected(ResetCode.SOFTWARE))
        elif frame.kind in (AshKind.RSTACK, AshKind.ERROR):
            if self.host:
                self._reset_told(frame)
        elif self.state is AshState.CONNECTED:
            self._acknowledged(frame, now)
            if frame.kind is AshKind.DATA:
                self._take_data(frame)
            self._fill(now)
        elif self.state is AshState.FAILED and not self.host:
            self._put(AshFrame(AshKind.ERROR, bytes((ASH_VERSION, self._code))))

    def _reset_told(self, frame: AshFrame) -> None:
        if frame.kind is AshKind.ERROR:
            # While resetting, it is of the time before.
            if self.state is AshState.CONNECTED:
                self.fail(frame.code)
                self._events.append(AshFailed(frame.code, by_other_end=True))
            return
        self._clear()
        self.state = AshState.CONNECTED
        self._events.append(AshConnected(frame.code))

    def _take_data(self, frame: AshFrame) -> None:
        numbers = self._numbers
        if frame.number == numbers.expected:
            numbers.expected = numbers.expected + 1 & 7
            numbers.rejecting = False
            numbers.owes_ack = True
            self.counts.received += 1
            self._events.append(AshReceived(frame.data))
        elif frame.retransmitted:
            self.counts.duplicates += 1
            numbers.owes_ack = True
        else:
            self._reject()

    def _reject(self) -> None:
        """Ask for the expected frame, once until it comes."""
        numbers = self._numbers
        if not numbers.rejecting:
            numbers.rejecting = True
            self.counts.rejected += 1
            self._put(AshFrame(AshKind.NAK, acknowledges=numbers.expected))

    def _acknowledged(self, frame: AshFrame, now: float) -> None:
        numbers = self._numbers
        if frame.kind is not AshKind.DATA:
            numbers.other_ready = not frame.not_ready
        outstanding = numbers.outstanding
        first = outstanding[0].number if outstanding else numbers.send
        newly = frame.acknowledges - first & 7
        if newly > len(outstanding):
            return  # acknowledges what was never sent
        for _ in range(newly):
            sent = outstanding.popleft()
            if not sent.again:
                self._measure(now - sent.at)
        if newly:
            numbers.timeouts = 0
            numbers.due = now + self._ack_wait if outstanding else None
        if frame.kind is AshKind.NAK and outstanding:
            numbers.timeouts = 0
            self._repeat(now)

    def _measure(self, took: float) -> None:
        """The waiting time follows what acknowledgements took (UG101 5.6)."""
        wait = self._ack_wait * 7 / 8 + took / 2
        self._ack_wait = max(self.times.ack_shortest, min(wait, self.times.ack_longest))
