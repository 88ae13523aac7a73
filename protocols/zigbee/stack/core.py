"""What the layers of one node share: time, timers, randomness, events, and the count of what was refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heappop, heappush
from itertools import count
from random import Random

from protocols.eui64 import Eui64
from protocols.han import FrameRefused, HanEvent


class Refusal(StrEnum):
    """Why a received frame was not accepted."""

    MALFORMED = "malformed"
    NOT_OURS = "not-ours"
    UNSECURED = "unsecured"
    UNKNOWN_KEY = "unknown-key"
    UNKNOWN_SOURCE = "unknown-source"
    BAD_MIC = "bad-mic"
    REPLAY = "replay"
    NOT_AUTHORISED = "not-authorised"  # needs a link key that key establishment made
    NEEDS_LINK_KEY = "needs-link-key"  # this cluster is not accepted under the network key alone
    NOT_TRUST_CENTRE = "not-trust-centre"
    NO_ENDPOINT = "no-endpoint"
    UNEXPECTED = "unexpected"
    TABLE_FULL = "table-full"


# Refusals that an attacker or fault causes, worth an event each; the rest is only counted.
_TOLD = frozenset(
    {
        Refusal.UNKNOWN_KEY,
        Refusal.BAD_MIC,
        Refusal.REPLAY,
        Refusal.NOT_AUTHORISED,
        Refusal.NEEDS_LINK_KEY,
        Refusal.NOT_TRUST_CENTRE,
    }
)


class Timer:
    """A call to come. ``cancel`` forgets it."""

    __slots__ = ("action", "due")

    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Do not call; harmless when it is over."""
        self.action = None


class Timers:
    """Timers by due time. Cancelled ones stay in the heap until they come up or outnumber the others."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._tidy_at = 256
        self.on_earlier: Callable[[float], None] | None = None

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` when it is ``due``."""
        timer = Timer(due, action)
        heap = self._heap
        earlier = not heap or due < heap[0][0]
        heappush(heap, (due, next(self._order), timer))
        if len(heap) > self._tidy_at:
            self._tidy()
        if earlier and self.on_earlier is not None:
            self.on_earlier(due)
        return timer

    def next_due(self) -> float | None:
        """When `run_due` has something to do."""
        heap = self._heap
        while heap and heap[0][2].action is None:
            heappop(heap)
        return heap[0][0] if heap else None

    def run_due(self, now: float) -> None:
        """Call what is due by ``now``, earliest first; what that starts for now is called too."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heappop(heap)[2]
            action, timer.action = timer.action, None
            if action is not None:
                action()

    def clear(self) -> None:
        """Forget all."""
        for _, _, timer in self._heap:
            timer.cancel()
        self._heap.clear()

    def _tidy(self) -> None:
        self._heap[:] = [entry for entry in self._heap if entry[2].action is not None]
        self._heap.sort()
        self._tidy_at = max(256, 2 * len(self._heap))


@dataclass(slots=True)
class Core:
    """What all layers of one node share. ``now`` gives monotonic seconds."""

    eui64: Eui64
    now: Callable[[], float]
    random: Random
    emit: Callable[[HanEvent], None]
    timers: Timers = field(default_factory=Timers)
    statistics: Counter[str] = field(default_factory=Counter)

    def after(self, delay_s: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` in ``delay_s`` seconds."""
        return self.timers.at(self.now() + delay_s, action)

    def refuse(
        self, layer: str, reason: Refusal, source: Eui64 | int | None = None, cluster: int | None = None
    ) -> None:
        """Count a frame that was not accepted, and tell where that matters."""
        self.statistics[f"{layer}.{reason}"] += 1
        if reason in _TOLD:
            self.emit(FrameRefused(layer, reason, source, cluster))
