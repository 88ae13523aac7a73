"""What the air runs on: a clock and calls at a time. asyncio's event loops are such schedulers."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any, Protocol


class Cancellable(Protocol):
    """A call that has not come yet."""

    def cancel(self) -> None:
        """Do not call."""


class Scheduler(Protocol):
    """Seconds on a clock of its own, and calls in their order."""

    def time(self) -> float:
        """Now."""

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Cancellable:
        """Call at that time, or as soon as it can be."""


class _Entry(list[Any]):
    """when, number, callback, arguments: compares as a list does."""

    __slots__ = ()

    def cancel(self) -> None:
        """Forget the call."""
        self[2] = None


class HeapScheduler:
    """Virtual time without a loop, for tests and simulations: nothing happens but in ``run``."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._number = 0
        self._heap: list[_Entry] = []

    def time(self) -> float:
        """Now, in virtual seconds."""
        return self._now

    def call_at(self, when: float, callback: Callable[..., Any], *args: Any) -> Cancellable:
        """Call at that time; calls for the same time come in the order of asking."""
        self._number += 1
        entry = _Entry((when, self._number, callback, args))
        heapq.heappush(self._heap, entry)
        return entry

    def run(self, until: float | None = None) -> int:
        """Make all calls that are due, up to ``until`` where given; the number of calls made."""
        heap = self._heap
        pop = heapq.heappop
        made = 0
        while heap and (until is None or heap[0][0] <= until):
            when, _, callback, args = pop(heap)
            if callback is None:
                continue
            self._now = max(self._now, when)
            callback(*args)
            made += 1
        if until is not None and until > self._now:
            self._now = until
        return made
