"""Frames kept for devices that sleep, until they poll (MAC 7.5.5), and the radio's source match.

Frames are made when they go out, not when they are put here: security counters must rise in the order of
transmissions, or the receiver takes a frame that waited for a replay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from protocols.eui64 import Eui64
from protocols.radio import FrameRadio, TransmitResult, TransmitStatus
from protocols.zigbee.stack.constants import (
    INDIRECT_LIMIT,
    INDIRECT_LIMIT_PER_CHILD,
    MAC_TRANSACTION_PERSISTENCE_S,
)
from protocols.zigbee.stack.core import Core, Timer

Address = int | Eui64
Outcome = Callable[[bool], None]
# Given the frame pending bit and who is to hear the outcome, sends one frame.
Sender = Callable[[bool, Callable[[TransmitResult], None]], None]


@dataclass(slots=True, eq=False)
class _Held:
    destination: Address
    send: Sender
    done: Outcome
    timer: Timer | None = None
    in_flight: bool = False
    expired: bool = False


class IndirectQueue:
    """Who waits for what; ``hold`` puts in, a data request takes out."""

    def __init__(self, core: Core, radio: FrameRadio) -> None:
        self._core = core
        self._radio = radio
        self._queues: dict[Address, deque[_Held]] = {}
        self._matched: tuple[frozenset[int], frozenset[Eui64]] | None = None
        self.persistence_s = MAC_TRANSACTION_PERSISTENCE_S

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def hold(self, destination: Address, send: Sender, done: Outcome) -> None:
        """Keep a frame until its destination polls; ``done`` tells whether it went in time."""
        queue = self._queues.setdefault(destination, deque())
        if len(self) >= INDIRECT_LIMIT or len(queue) >= INDIRECT_LIMIT_PER_CHILD:
            self._core.statistics["mac.indirect-full"] += 1
            self._core.after(0, lambda: done(False))
            return
        held = _Held(destination, send, done)
        held.timer = self._core.after(self.persistence_s, lambda: self._expire(held))
        queue.append(held)
        self.match()

    def holds(self, destination: Address) -> bool:
        """Whether something is kept for this device."""
        return destination in self._queues

    def polled(self, source: Address) -> bool:
        """Send the next frame kept for who polls, in order; False when there is none."""
        queue = self._queues.get(source)
        if not queue:
            return False
        held = queue[0]
        if held.in_flight:
            # Repeats of it are on their way; another frame must not overtake it, or it would seem a replay.
            return True
        held.in_flight = True
        more = any(not other.in_flight for other in queue)
        self.match()
        held.send(more, lambda result: self._sent(held, result))
        return True

    def drop(self, destination: Address) -> None:
        """Forget what is kept for a device, as not delivered."""
        for held in self._queues.pop(destination, ()):
            self._finish(held, delivered=False)
        self.match()

    def clear(self) -> None:
        """Forget everything."""
        for destination in list(self._queues):
            self.drop(destination)

    def match(self, *, force: bool = False) -> None:
        """Tell the radio whose data requests to acknowledge with frame pending, where that changed."""
        waiting = [
            destination
            for destination, queue in self._queues.items()
            if any(not held.in_flight for held in queue)
        ]
        short = frozenset(address for address in waiting if isinstance(address, int))
        extended = frozenset(address for address in waiting if isinstance(address, Eui64))
        if force or self._matched != (short, extended):
            self._matched = (short, extended)
            self._radio.match_sources(enabled=True, short=short, extended=extended)

    def _sent(self, held: _Held, result: TransmitResult) -> None:
        held.in_flight = False
        if result.status is TransmitStatus.DONE:
            self._remove(held, delivered=True)
        elif held.expired:
            self._remove(held, delivered=False)
        else:
            self.match()

    def _expire(self, held: _Held) -> None:
        held.expired = True
        if not held.in_flight:
            self._core.statistics["mac.indirect-expired"] += 1
            self._remove(held, delivered=False)

    def _remove(self, held: _Held, *, delivered: bool) -> None:
        queue = self._queues.get(held.destination)
        if queue is None or held not in queue:
            return
        queue.remove(held)
        if not queue:
            del self._queues[held.destination]
        self.match()
        self._finish(held, delivered=delivered)

    def _finish(self, held: _Held, *, delivered: bool) -> None:
        if held.timer is not None:
            held.timer.cancel()
        held.done(delivered)
