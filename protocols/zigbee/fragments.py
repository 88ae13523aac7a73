"""APS fragmentation (05-3474-22 2.2.8.4.5) without I/O and clock: blocks, acknowledgements, times in and out.

A sender hands out the blocks of one window, waits for the acknowledgement that shows which of them arrived
(the number of the window's first block and a bit for each), repeats what is missing, and moves on. All blocks
ask for an acknowledgement in their frames; only whole windows get one. ``now`` is in seconds from any start
and never goes back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum

from protocols.errors import EncodeError
from protocols.zigbee.aps import ExtendedHeader, Fragmentation

MAX_BLOCKS = 255
MAX_WINDOW = 8
ALL_RECEIVED = 0xFF


@dataclass(slots=True)
class FragmentParameters:
    """Sizes and times. Defaults are those of ZigBee Smart Energy: windows of one block, 50 ms between blocks.

    ``block_octets``: payload of one block. ``max_octets`` bounds what is sent and what is put together.
    ``ack_wait_s`` and ``retries`` are apscAckWaitDuration and apscMaxFrameRetries.
    """

    block_octets: int = 64
    window: int = 1
    interframe_delay_s: float = 0.05
    ack_wait_s: float = 1.6
    retries: int = 3
    max_octets: int = 16_000
    max_transfers: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.window <= MAX_WINDOW:
            raise EncodeError(f"{self.window} is not 1 to {MAX_WINDOW}", element="window")
        if self.block_octets < 1:
            raise EncodeError(f"{self.block_octets} is not positive", element="block_octets")

    @property
    def persistence_s(self) -> float:
        """How long a sender may still be at it without being heard."""
        return self.ack_wait_s * (self.retries + 1) + self.interframe_delay_s * self.window


@dataclass(slots=True)
class Block:
    """One block to send; ``number`` counts from 0."""

    number: int
    total: int
    payload: bytes

    @property
    def extended(self) -> ExtendedHeader:
        """The extended header of the frame that carries it."""
        if self.number == 0:
            return ExtendedHeader(Fragmentation.FIRST, self.total)
        return ExtendedHeader(Fragmentation.PART, self.number)


class TransferState(StrEnum):
    """How far a transfer is."""

    UNDER_WAY = "under way"
    DONE = "done"
    FAILED = "failed"


class FragmentSender:
    """Sends one ASDU. Methods return the blocks to send now; ``deadline`` is when `advance` is due next."""

    def __init__(self, asdu: bytes, parameters: FragmentParameters) -> None:
        size = parameters.block_octets
        pieces = [asdu[start : start + size] for start in range(0, len(asdu), size)] or [b""]
        if len(pieces) > MAX_BLOCKS or len(asdu) > parameters.max_octets:
            limits = f"{MAX_BLOCKS} blocks of {size} octets, {parameters.max_octets} in all"
            problem = f"{len(asdu)} octets are more than {limits}"
            raise EncodeError(problem, element="asdu", clause="2.2.8.4.5")
        self._blocks = [Block(number, len(pieces), piece) for number, piece in enumerate(pieces)]
        self._parameters = parameters
        self._start = 0
        self._missing: set[int] = set()
        self._queue: deque[int] = deque()
        self._next_send = 0.0
        self._tries = 0
        self.state = TransferState.UNDER_WAY
        self.deadline: float | None = None

    @property
    def total(self) -> int:
        """Number of blocks."""
        return len(self._blocks)

    def start(self, now: float) -> list[Block]:
        """The first block or blocks."""
        self._next_send = now
        return self._open_window(0, now)

    def acknowledge(self, header: ExtendedHeader | None, now: float) -> list[Block]:
        """What an acknowledgement asks for; one of another window, or without bits, changes nothing."""
        if self.state is not TransferState.UNDER_WAY or self.deadline is None:
            return []
        if header is None or header.ack_bitfield is None or header.block_number != self._start:
            return []
        arrived = {number for number in self._missing if header.ack_bitfield >> (number - self._start) & 1}
        self._missing -= arrived
        if not self._missing:
            return self._open_window(self._start + self._parameters.window, now)
        if arrived:
            self._tries = 0
            return self._send_missing(now)
        # While blocks of the window wait to be sent, an acknowledgement that brings nothing new is no reason.
        return [] if self._queue else self._repeat(now)

    def advance(self, now: float) -> list[Block]:
        """Let time pass: the next block of the window, or again what nobody acknowledged, or give up."""
        if self.deadline is None or now < self.deadline:
            return []
        return self._pump(now) if self._queue else self._repeat(now)

    def _open_window(self, start: int, now: float) -> list[Block]:
        self._start, self._tries = start, 0
        if start >= len(self._blocks):
            return self._end(TransferState.DONE)
        self._missing = set(range(start, min(start + self._parameters.window, len(self._blocks))))
        return self._send_missing(now)

    def _repeat(self, now: float) -> list[Block]:
        if self._tries >= self._parameters.retries:
            return self._end(TransferState.FAILED)
        self._tries += 1
        return self._send_missing(now)

    def _end(self, state: TransferState) -> list[Block]:
        self.state, self.deadline = state, None
        self._queue.clear()
        return []

    def _send_missing(self, now: float) -> list[Block]:
        self._queue = deque(sorted(self._missing))
        return self._pump(now)

    def _pump(self, now: float) -> list[Block]:
        out: list[Block] = []
        while self._queue and now >= self._next_send:
            out.append(self._blocks[self._queue.popleft()])
            self._next_send = now + self._parameters.interframe_delay_s
        self.deadline = self._next_send if self._queue else now + self._parameters.ack_wait_s
        return out


class FragmentReceiver:
    """Puts one ASDU together; memory is bounded by ``max_octets`` and the block count."""

    def __init__(self, parameters: FragmentParameters, now: float) -> None:
        self._parameters = parameters
        self._pieces: dict[int, bytes] = {}
        self._octets = 0
        self._total = 0
        self._start = 0
        self._first: bytes | None = None
        self.state = TransferState.UNDER_WAY
        self.deadline = now + parameters.persistence_s

    def receive(
        self, header: ExtendedHeader, payload: bytes, now: float
    ) -> tuple[ExtendedHeader | None, bytes | None]:
        """A block: the extended header of the acknowledgement to send, if any, and the ASDU once whole."""
        if header.fragmentation is Fragmentation.NONE or header.block_number is None:
            return None, None
        if self.state is TransferState.FAILED:
            return None, None
        first = header.fragmentation is Fragmentation.FIRST
        number = 0 if first else header.block_number
        if number < self._start:  # the acknowledgement of an earlier window got lost
            return self._acknowledgement(number - number % self._parameters.window), None
        if not self._fits(header, number, first=first):
            return None, None
        return self._take(number, payload, now)

    def is_over_by(self, header: ExtendedHeader, payload: bytes) -> bool:
        """Whether this block begins another transfer of the same sender, endpoint and counter."""
        begins = header.fragmentation is Fragmentation.FIRST
        return begins and self._first is not None and payload != self._first

    def expired(self, now: float) -> bool:
        """Nobody has sent anything for so long that the transfer is to be forgotten."""
        return now >= self.deadline

    def _fits(self, header: ExtendedHeader, number: int, *, first: bool) -> bool:
        """The block is within the current window and the transfer; a first block tells how long that is."""
        if self.state is not TransferState.UNDER_WAY or number >= self._start + self._parameters.window:
            return False
        if not first:
            return number > 0 and (not self._total or number < self._total)
        total = header.block_number or 0
        if not total or (self._total and total != self._total) or any(held >= total for held in self._pieces):
            return False
        self._total = total
        return True

    def _take(self, number: int, payload: bytes, now: float) -> tuple[ExtendedHeader | None, bytes | None]:
        self.deadline = now + self._parameters.persistence_s
        if number not in self._pieces:
            self._octets += len(payload)
            if self._octets > self._parameters.max_octets:
                self.state = TransferState.FAILED
                self._pieces.clear()
                return None, None
            self._pieces[number] = payload
            if not number:
                self._first = payload
        end = self._start + self._parameters.window
        if self._total:
            end = min(end, self._total)
        window = range(self._start, end)
        if not all(held in self._pieces for held in window):
            # The last of the window tells that the sender waits now.
            return (self._acknowledgement(self._start) if number == end - 1 else None), None
        acknowledgement = self._acknowledgement(self._start)
        self._start = end
        if not self._total or end < self._total:
            return acknowledgement, None
        asdu = b"".join(self._pieces[held] for held in range(self._total))
        self._pieces.clear()
        self.state = TransferState.DONE
        return acknowledgement, asdu

    def _acknowledgement(self, start: int) -> ExtendedHeader:
        bits = ALL_RECEIVED
        if start == self._start and self.state is TransferState.UNDER_WAY:
            for place in range(self._parameters.window):
                if start + place not in self._pieces and (not self._total or start + place < self._total):
                    bits &= ~(1 << place)
        kind = Fragmentation.PART if start else Fragmentation.FIRST
        return ExtendedHeader(kind, start, bits)


@dataclass(slots=True)
class FragmentReassembler:
    """Receivers of transfers, so many at once, by key: who sent it, to which endpoint, with which counter.

    A transfer that is done stays until it is certain that its sender has heard of it, so that a late
    repetition is acknowledged again but not delivered twice. Counters go round sooner: another first block
    begins another transfer.
    """

    parameters: FragmentParameters
    _receivers: dict[Hashable, FragmentReceiver] = field(default_factory=dict)

    @property
    def deadline(self) -> float | None:
        """When `advance` has to be called next."""
        return min((receiver.deadline for receiver in self._receivers.values()), default=None)

    def receive(
        self, key: Hashable, header: ExtendedHeader, payload: bytes, now: float
    ) -> tuple[ExtendedHeader | None, bytes | None]:
        """As `FragmentReceiver.receive`; (None, None) also where there is no room for another transfer."""
        self.advance(now)
        receiver = self._receivers.get(key)
        if receiver is not None and receiver.is_over_by(header, payload):
            del self._receivers[key]
            receiver = None
        if receiver is None:
            if len(self._receivers) >= self.parameters.max_transfers and not self._make_room():
                return None, None
            receiver = self._receivers[key] = FragmentReceiver(self.parameters, now)
        return receiver.receive(header, payload, now)

    def advance(self, now: float) -> list[Hashable]:
        """Forget what is over; the keys of the transfers that never became whole."""
        gone = [key for key, receiver in self._receivers.items() if receiver.expired(now)]
        lost = [key for key in gone if self._receivers[key].state is not TransferState.DONE]
        for key in gone:
            del self._receivers[key]
        return lost

    def _make_room(self) -> bool:
        """Forget the oldest transfer that has ended."""
        for key, receiver in self._receivers.items():
            if receiver.state is not TransferState.UNDER_WAY:
                del self._receivers[key]
                return True
        return False
