"""Faults of an emulated stick: of the serial line to its host, and of its firmware."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Protocol

from rigs.emulated.fault_catalogue.kinds import Direction

if TYPE_CHECKING:
    from rigs.emulated.air import Scheduler
    from rigs.emulated.air.scheduler import Cancellable
    from rigs.emulated.fault_catalogue.orders import FaultOrder

Go = Callable[[bytes], None]


class Chip(Protocol):
    """A radio co-processor: an RCP or an NCP. ``write`` takes what it says; None: nobody listens."""

    write: Go | None

    def feed(self, octets: bytes) -> None:
        """Octets from the host."""

    def reset(self) -> None:
        """Start anew, as after a crash."""


class StickLine:
    """The line between a chip and its host, for which it stands in the chip's place."""

    def __init__(self, chip: Chip) -> None:
        self.write: Go | None = None
        self.chip = chip
        self._faults: list[StickFault] = []
        chip.write = partial(self._pass, Direction.IN, self._out)

    def feed(self, octets: bytes) -> None:
        """Octets from the host."""
        self._pass(Direction.OUT, self.chip.feed, octets)

    def _out(self, octets: bytes) -> None:
        if self.write is not None:
            self.write(octets)

    def _pass(self, direction: Direction, go: Go, octets: bytes) -> None:
        for fault in reversed(self._faults):
            go = partial(fault.take, direction, go)
        go(octets)

    def begin(self, fault: StickFault) -> None:
        """Have a fault from now on, after those before it."""
        self._faults.append(fault)
        fault.begin(self.chip)

    def end(self, fault: StickFault) -> None:
        """Not any more; lifting it twice is harmless."""
        if fault in self._faults:
            self._faults.remove(fault)
            fault.end()


@dataclass(slots=True, eq=False)
class StickFault:
    """One fault of one stick. ``chance`` gives each direction some of its own.

    Host and firmware may speak at once, and who of them comes first must not decide what is hit.
    """

    order: FaultOrder
    chance: Callable[[Direction], Random]
    scheduler: Scheduler
    _chances: dict[Direction, Random] = field(default_factory=dict)
    _held: deque[tuple[Go, bytes, Cancellable]] = field(default_factory=deque)
    _timers: list[Cancellable] = field(default_factory=list)

    def begin(self, chip: Chip) -> None:
        """Resets are planned; the rest waits for octets."""
        self._chances = {direction: self.chance(direction) for direction in (Direction.IN, Direction.OUT)}
        if self.order.kind.name == "stick-reset":
            now, values = self.scheduler.time(), self.order.values
            for number in range(values["count"]):
                due = now + number * values["seconds"]
                self._timers.append(self.scheduler.call_at(due, chip.reset))

    def end(self) -> None:
        """What is late comes now, in its order."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        while self._held:
            self._release()

    def take(self, direction: Direction, go: Go, octets: bytes) -> None:
        """Octets come by: they go on at once, later, damaged, fewer, or not at all."""
        name = self.order.kind.name
        if name == "stick-silent":
            return
        if self.order.values.get("direction", Direction.BOTH) not in {direction, Direction.BOTH}:
            go(octets)
        elif name == "stick-late":
            due = self.scheduler.time() + self.order.values["seconds"]
            self._held.append((go, octets, self.scheduler.call_at(due, self._release)))
        elif name == "stick-octets-lost":
            go(bytes(octet for octet in octets if not self._hit(direction)))
        elif name == "stick-octets-altered":
            go(bytes(self._altered(octet, direction) for octet in octets))
        else:
            go(octets)

    def _hit(self, direction: Direction) -> bool:
        return self._chances[direction].random() < float(self.order.values["probability"])

    def _altered(self, octet: int, direction: Direction) -> int:
        return octet ^ 1 << self._chances[direction].randrange(8) if self._hit(direction) else octet

    def _release(self) -> None:
        go, octets, timer = self._held.popleft()
        timer.cancel()
        go(octets)
