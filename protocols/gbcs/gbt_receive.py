"""The receiving side of general block transfers, without I/O and clock, in bounded memory.

Blocks may come in any order, twice, or not at all. An acknowledgement says up to which number everything is
there, and in its window how many blocks are wanted next: exactly the gap, where later blocks are here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.gbcs.gbt import MAX_BLOCKS, Block, GbtParameters, RoutingHeader, TransferKey, encode_block
from protocols.gbcs.gbt_events import (
    Event,
    Failed,
    FailureReason,
    Ignored,
    IgnoredReason,
    Received,
    Transmit,
)


@dataclass(slots=True)
class _Incoming:
    """A transfer under way. ``last`` is the number of the last block, 0 while it is not known."""

    header: RoutingHeader
    deadline: float
    blocks: dict[int, bytes] = field(default_factory=dict)
    last: int = 0
    contiguous: int = 0
    asks: int = 0
    acknowledgements: int = 0
    acknowledged_at: float | None = None

    @property
    def octets(self) -> int:
        return sum(map(len, self.blocks.values()))

    @property
    def missing(self) -> list[int]:
        """Numbers known to be missing: up to the last block, or the next after the highest here."""
        end = self.last or max(self.blocks, default=0) + 1
        return [number for number in range(1, end + 1) if number not in self.blocks]

    def wanted(self, window: int) -> int:
        """How many blocks to ask for: the gap before the next block that is here, or a window."""
        later = (number for number in self.blocks if number > self.contiguous)
        gap = min(later, default=MAX_BLOCKS + 1) - self.contiguous - 1
        return min(window, gap)


@dataclass(slots=True)
class _Finished:
    """What is kept of a transfer that ended; ``contiguous`` stays 0 where it failed."""

    header: RoutingHeader
    contiguous: int
    until: float
    acknowledgements: int
    acknowledged_at: float | None
    failed: bool


class Reassembler:
    """Puts the blocks of several transfers at a time together.

    ``now`` is in seconds, from any start, and never goes back. ``deadline`` is when ``advance`` has to be
    called next, None when nothing is under way.
    """

    def __init__(self, parameters: GbtParameters | None = None) -> None:
        self._parameters = parameters or GbtParameters()
        self._incoming: dict[TransferKey, _Incoming] = {}
        self._finished: dict[TransferKey, _Finished] = {}

    @property
    def transfers(self) -> list[RoutingHeader]:
        """The transfers under way."""
        return [transfer.header for transfer in self._incoming.values()]

    @property
    def buffered_octets(self) -> int:
        """Block data held."""
        return sum(transfer.octets for transfer in self._incoming.values())

    @property
    def remembered(self) -> int:
        """How many finished transfers are remembered."""
        return len(self._finished)

    @property
    def deadline(self) -> float | None:
        """When time alone will change something."""
        return min((transfer.deadline for transfer in self._incoming.values()), default=None)

    def receive(self, block: Block, now: float) -> list[Event]:
        """Take one block with data and say what follows; acknowledgements are for senders."""
        self._forget(now)
        if block.is_acknowledgement:
            return [Ignored(block.header, block.number, IgnoredReason.NOTHING_TO_ACKNOWLEDGE)]
        key = block.header.transfer
        finished = self._finished.get(key)
        if finished is not None:
            return self._again_finished(finished, block, now)
        transfer = self._incoming.get(key)
        if transfer is None:
            if not self._room_for(key):
                return [Ignored(block.header, block.number, IgnoredReason.TOO_MANY_TRANSFERS)]
            transfer = _Incoming(block.header, now + self._parameters.ask_again_s)
            self._incoming[key] = transfer
        return self._add(key, transfer, block, now)

    def advance(self, now: float) -> list[Event]:
        """Let time pass: ask again for what is missing, or give up on it."""
        self._forget(now)
        events: list[Event] = []
        for key, transfer in list(self._incoming.items()):
            if now < transfer.deadline:
                continue
            if transfer.asks == self._parameters.asks:
                waited = self._parameters.ask_again_s * (transfer.asks + 1)
                problem = f"no new block within {waited:g} s, {len(transfer.blocks)} here"
                events.append(self._fail(key, transfer, FailureReason.BLOCKS_MISSING, problem, now))
                continue
            transfer.asks += 1
            transfer.deadline = now + self._parameters.ask_again_s
            events.append(self._acknowledgement(transfer, now))
        return events

    def _room_for(self, key: TransferKey) -> bool:
        of_peer = sum(other[0] == key[0] for other in self._incoming)
        return (
            len(self._incoming) < self._parameters.transfers and of_peer < self._parameters.transfers_per_peer
        )

    def _add(self, key: TransferKey, transfer: _Incoming, block: Block, now: float) -> list[Event]:
        known = transfer.blocks.get(block.number)
        if known is not None:
            if known != block.data or block.last != (block.number == transfer.last):
                return [Ignored(block.header, block.number, IgnoredReason.CONFLICTING_DATA)]
            return self._repeated(transfer, block, now)
        if _contradicts_the_end(transfer, block):
            return [Ignored(block.header, block.number, IgnoredReason.BEYOND_LAST)]
        if self._octets_of(key) + len(block.data) > self._parameters.octets_per_peer:
            problem = f"{block.header.business_originator_id} has {self._octets_of(key)} octets under way"
            return [self._fail(key, transfer, FailureReason.NO_MEMORY, problem, now)]
        transfer.blocks[block.number] = block.data
        transfer.last = block.number if block.last else transfer.last
        while transfer.contiguous + 1 in transfer.blocks:
            transfer.contiguous += 1
        transfer.asks, transfer.deadline = 0, now + self._parameters.ask_again_s
        if transfer.last and transfer.contiguous == transfer.last:
            return self._complete(key, transfer, now)
        return [] if block.streaming else [self._acknowledgement(transfer, now)]

    def _octets_of(self, key: TransferKey) -> int:
        return sum(transfer.octets for other, transfer in self._incoming.items() if other[0] == key[0])

    def _complete(self, key: TransferKey, transfer: _Incoming, now: float) -> list[Event]:
        message = b"".join(transfer.blocks[number] for number in range(1, transfer.last + 1))
        answer = self._acknowledgement(transfer, now)
        self._finish(key, transfer, now, failed=False)
        return [answer, Received(message, transfer.header)]

    def _fail(
        self, key: TransferKey, transfer: _Incoming, reason: FailureReason, problem: str, now: float
    ) -> Event:
        self._finish(key, transfer, now, failed=True)
        return Failed(transfer.header, reason, problem, transfer.missing)

    def _finish(self, key: TransferKey, transfer: _Incoming, now: float, *, failed: bool) -> None:
        del self._incoming[key]
        if not self._parameters.finished:
            return
        if len(self._finished) >= self._parameters.finished:
            del self._finished[next(iter(self._finished))]  # the oldest
        self._finished[key] = _Finished(
            transfer.header,
            transfer.contiguous,
            now + self._parameters.linger_s,
            transfer.acknowledgements,
            transfer.acknowledged_at,
            failed,
        )

    def _forget(self, now: float) -> None:
        for key in [key for key, finished in self._finished.items() if finished.until <= now]:
            del self._finished[key]

    def _again_finished(self, finished: _Finished, block: Block, now: float) -> list[Event]:
        """A straggler: its sender may have missed the last acknowledgement. After a failure we keep quiet."""
        return [] if finished.failed else self._repeated(finished, block, now)

    def _repeated(self, transfer: _Incoming | _Finished, block: Block, now: float) -> list[Event]:
        at = transfer.acknowledged_at
        if block.streaming or (at is not None and now - at < self._parameters.acknowledge_once_s):
            return []
        return [self._acknowledgement(transfer, now)]

    def _acknowledgement(self, transfer: _Incoming | _Finished, now: float) -> Event:
        """Acknowledgements are blocks too, and number themselves from 1; after 255 comes 1 again."""
        transfer.acknowledged_at = now
        number = transfer.acknowledgements % MAX_BLOCKS + 1
        transfer.acknowledgements += 1
        window = self._parameters.window
        if isinstance(transfer, _Incoming):
            window = transfer.wanted(window)
        header = transfer.header.swapped() if self._parameters.swap_parties else transfer.header
        return Transmit(encode_block(Block(header, number, b"", transfer.contiguous, window)))


def _contradicts_the_end(transfer: _Incoming, block: Block) -> bool:
    """Whether a new block stands beyond the last one, or claims to be the last and others stand beyond it."""
    if transfer.last:
        return block.last or block.number > transfer.last
    return block.last and any(number > block.number for number in transfer.blocks)
