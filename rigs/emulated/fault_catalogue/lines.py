"""Faults of a message wire: what one ordered fault does to the messages of one node's port."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from protocols.gfi_line import encode_line
from protocols.ports import Frame, FrameKind
from rigs.emulated.air.faults import altered
from rigs.emulated.fault_catalogue.kinds import Direction

if TYPE_CHECKING:
    from rigs.emulated.air import Scheduler
    from rigs.emulated.air.scheduler import Cancellable
    from rigs.emulated.fault_catalogue.orders import FaultOrder

Go = Callable[[bytes], None]


@dataclass(slots=True)
class Passage:
    """A message at a fault: ``go`` lets octets on, ``spoil`` puts a line on the wire that holds none."""

    direction: Direction
    go: Go
    spoil: Go


@dataclass(slots=True)
class _Held:
    octets: bytes
    passage: Passage
    timer: Cancellable


@dataclass(slots=True)
class LineFault:
    """One fault of the wire. ``chance`` decides what is hit; ``hits`` counts it."""

    order: FaultOrder
    chance: Random
    scheduler: Scheduler
    hits: int = 0
    _skipped: int = 0
    _held: dict[Direction, _Held] = field(default_factory=dict)

    def take(self, octets: bytes, passage: Passage) -> None:
        """A message comes by: it goes on at once, later, twice, changed, or not at all."""
        if not self._hit(passage.direction):
            passage.go(octets)
            self._release(passage.direction)
            return
        name = self.order.kind.name
        if name == "duplicate":
            passage.go(octets)
            passage.go(octets)
        elif name == "delay":
            self._later(passage.go, octets)
        elif name == "alter":
            passage.go(altered(octets, self.chance))
        elif name == "reorder":
            self._hold(octets, passage)
        elif name == "corrupt":
            passage.spoil(_unreadable(octets, self.chance))

    def _hit(self, direction: Direction) -> bool:
        values = self.order.values
        if values["direction"] not in {direction, Direction.BOTH}:
            return False
        # What comes next is what a message that is held back waits for.
        if direction in self._held:
            return False
        if values["count"] and self.hits >= values["count"]:
            return False
        if self._skipped < values["skip"]:
            self._skipped += 1
            return False
        if values["probability"] < 1.0 and self.chance.random() >= values["probability"]:
            return False
        self.hits += 1
        return True

    def _later(self, call: Callable[..., None], *arguments: object) -> Cancellable:
        due = self.scheduler.time() + self.order.values["seconds"]
        return self.scheduler.call_at(due, call, *arguments)

    def _hold(self, octets: bytes, passage: Passage) -> None:
        timer = self._later(self._release, passage.direction)
        self._held[passage.direction] = _Held(octets, passage, timer)

    def _release(self, direction: Direction) -> None:
        held = self._held.pop(direction, None)
        if held is not None:
            held.timer.cancel()
            held.passage.go(held.octets)

    def end(self) -> None:
        """The fault is over: what it held back goes on."""
        for direction in list(self._held):
            self._release(direction)


def _unreadable(octets: bytes, chance: Random) -> bytes:
    """The line of a message with one of its digits damaged."""
    line = bytearray(encode_line(Frame(FrameKind.GBCS, octets)))
    line[len(line) - 3 - chance.randrange(2 * len(octets))] = ord("?")
    return bytes(line)
