"""Turns what sans-I/O parts want to do later into calls of a scheduler."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rigs.emulated.air import Scheduler
    from rigs.emulated.air.scheduler import Cancellable


class Part(Protocol):
    """Something with timers of its own."""

    on_earlier: Callable[[float], None] | None

    def next_due(self) -> float | None:
        """When ``run_due`` has something to do."""

    def run_due(self, now: float) -> None:
        """Do what is due."""


class Pump:
    """Runs one part's timers until it is stopped."""

    def __init__(self, scheduler: Scheduler, part: Part) -> None:
        self._scheduler = scheduler
        self._part = part
        self._handle: Cancellable | None = None
        self._due = 0.0
        self._stopped = False
        self._running = False
        part.on_earlier = self._plan
        self._look()

    def _look(self) -> None:
        due = self._part.next_due()
        if due is not None:
            self._plan(due)

    def _plan(self, due: float) -> None:
        if self._stopped or self._running:
            return
        if self._handle is not None:
            if self._due <= due:
                return
            self._handle.cancel()
        self._due = due
        self._handle = self._scheduler.call_at(due, self._run)

    def _run(self) -> None:
        self._handle = None
        if self._stopped:
            return
        self._running = True
        try:
            # Where this is a rounding error too early, nothing is due and the next look comes at once. Saying
            # a time that the part's own clock does not show would have it plan for the past for ever.
            self._part.run_due(self._scheduler.time())
        finally:
            self._running = False
            if not self._stopped:
                self._look()

    def stop(self) -> None:
        """Nothing more is called."""
        self._stopped = True
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
