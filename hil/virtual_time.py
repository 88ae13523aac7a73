"""An event loop on virtual time: when nothing is left to do at this moment, the clock jumps on.

The loop runs in a thread of its own; tests run in another and hand it coroutines by `VirtualLoop.submit`.
Both go in lockstep. Time passes only while somebody waits for such a coroutine and no real-time actor holds
it, so that a test that computes finds everything where it was. A result is handed out only when nothing is
left to do at its moment, so that what a test sees never depends on how fast a machine is.

Time counts whole microseconds, from 0. Timers of the same microsecond fire in the order they were set.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import itertools
import math
import selectors
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
# A Monday morning, in the winter clock, on which certificates made from a seed are valid.
DEFAULT_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
MICROSECONDS = 1_000_000
# How long real file descriptors get before time jumps: the kernel promises no more than "soon".
GRACE_S = 0.002
_COMPACT_AT = 1_024  # timers in the heap before cancelled ones are looked for
_OWN_DESCRIPTORS = 1  # the loop's own, by which threads wake it
_MOMENTS = 256  # moments in a row before descriptors are looked at, by which signals come too


class _Selector(selectors.BaseSelector):
    """The loop's real selector, asked first; the loop decides what an empty answer means."""

    def __init__(self) -> None:
        self.real = selectors.DefaultSelector()
        self.when_idle: Callable[[], list[tuple[selectors.SelectorKey, int]]] = list
        self.registered = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self.real.select(0)
        # None or more: asyncio has nothing ready. (Its own heap of timers is never used.)
        return found if found or timeout == 0 else self.when_idle()

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        key = self.real.register(fileobj, events, data)
        self.registered += 1
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self.real.unregister(fileobj)
        self.registered -= 1
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self.real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self.real.get_map()

    def close(self) -> None:
        self.real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio on virtual time. ``time()`` is in seconds since the loop was made."""

    _ready: deque[asyncio.Handle]  # asyncio's: what is to be called before anything else
    _stopping: bool

    def __init__(self) -> None:
        self._selecting = _Selector()
        self._now_us = 0
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []  # microsecond, order of setting
        self._numbers = itertools.count()
        self._compact_at = _COMPACT_AT
        self._lock = threading.Lock()
        self._outstanding = 0  # submitted and not handed out yet
        self._held = 0
        self._done: list[tuple[asyncio.Task[Any], concurrent.futures.Future[Any]]] = []
        super().__init__(self._selecting)
        self._selecting.when_idle = self._idle

    # Time -------------------------------------------------------------------------------------------------

    @property
    def now_us(self) -> int:
        """Microseconds since the loop was made."""
        return self._now_us

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_us / MICROSECONDS

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back at ``when``, rounded up to a microsecond."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        timers = self._timers
        heapq.heappush(timers, (self._to_us(when), next(self._numbers), handle))
        if len(timers) > self._compact_at:
            timers[:] = [timer for timer in timers if not timer[2].cancelled()]
            heapq.heapify(timers)
            self._compact_at = max(_COMPACT_AT, 2 * len(timers))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call back after ``delay`` seconds."""
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def _to_us(self, when: float) -> int:
        # A thousandth of a microsecond is what binary fractions cost; whatever lies ahead costs some time, or
        # a loop that waits for it would never get there.
        at_us = math.ceil(when * MICROSECONDS - 0.001)
        return max(at_us, self._now_us + 1) if when > self.time() else self._now_us

    def _pass_time(self) -> bool:
        """Go from moment to moment until something else wants to be looked at; False when there is no timer.

        A timer that is alone at its moment is called from here, which spares the loop a round; several of one
        moment are made ready together, and what the first of them starts comes after the last.
        """
        timers, ready, selecting = self._timers, self._ready, self._selecting
        for _ in range(_MOMENTS):
            while timers and timers[0][2].cancelled():
                heapq.heappop(timers)
            if not timers:
                return False
            at_us, _, handle = heapq.heappop(timers)
            self._now_us = now_us = max(self._now_us, at_us)
            if timers and timers[0][0] <= now_us:
                ready.append(handle)
                while timers and timers[0][0] <= now_us:
                    ready.append(heapq.heappop(timers)[2])
                return True
            handle._run()  # noqa: SLF001  as asyncio itself calls what is ready
            if ready or self._held or self._stopping or selecting.registered > _OWN_DESCRIPTORS:
                return True
        return True

    # Lockstep ---------------------------------------------------------------------------------------------

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Run a coroutine for another thread, which lets time pass until it is done.

        Cancelling the future cancels the coroutine.
        """
        future: concurrent.futures.Future[T] = concurrent.futures.Future()

        def start() -> None:
            # Not sooner: time must not pass between the caller's word and the coroutine's first step.
            self._outstanding += 1
            task = self.create_task(coroutine)
            task.add_done_callback(lambda done: self._done.append((done, future)))
            future.add_done_callback(partial(self._cancel_with, task))

        self.call_soon_threadsafe(start)
        return future

    def _cancel_with(self, task: asyncio.Task[Any], future: concurrent.futures.Future[Any]) -> None:
        if future.cancelled() and not self.is_closed():
            self.call_soon_threadsafe(task.cancel)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Keep time still while the block runs: for real-time actors that are about to bring something.

        Usable from any thread. What is ready goes on being done.
        """
        with self._lock:
            self._held += 1
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1
            if not self.is_closed():
                self.call_soon_threadsafe(_nothing)  # look again

    def run_in_executor(self, executor: Any, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        """As asyncio's; time stands still until the function has returned."""
        holding = self.hold()
        holding.__enter__()
        try:
            future = super().run_in_executor(executor, func, *args)
        except BaseException:
            holding.__exit__(None, None, None)
            raise
        future.add_done_callback(lambda _: holding.__exit__(None, None, None))
        return future

    def _idle(self) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing is ready at this moment: hand out results, then let time pass or wait for a thread."""
        self._hand_out()
        real = self._selecting.real
        while True:
            with self._lock:
                held = self._held
            if self._outstanding and not held:
                if self._selecting.registered > _OWN_DESCRIPTORS and (events := real.select(GRACE_S)):
                    return events
                if events := real.select(0):
                    return events
                if self._pass_time():
                    return []
            # Somebody computes, or an actor in real time has something to bring: either wakes us.
            if events := real.select(None):
                return events

    def _hand_out(self) -> None:
        done, self._done = self._done, []
        for task, future in done:
            self._outstanding -= 1
            if not future.set_running_or_notify_cancel():
                continue
            if task.cancelled():
                future.set_exception(concurrent.futures.CancelledError())
            elif (error := task.exception()) is not None:
                future.set_exception(error)
            else:
                future.set_result(task.result())


def _nothing() -> None:
    """Only wakes the loop."""


class VirtualClock:
    """The clock of a virtual loop (`protocols.ports.Clock`), which begins at ``start`` (aware, UTC)."""

    __slots__ = ("_loop", "start")

    def __init__(self, start: datetime = DEFAULT_START) -> None:
        self.start = start.astimezone(UTC)
        self._loop: VirtualLoop | None = None

    @property
    def loop(self) -> VirtualLoop:
        """The loop that this clock is the time of; made when first asked for, closed by whoever runs it."""
        if self._loop is None:
            self._loop = VirtualLoop()
        return self._loop

    def now(self) -> datetime:
        """The present on virtual time."""
        return self.start + timedelta(microseconds=self._loop.now_us if self._loop is not None else 0)

    def monotonic(self) -> float:
        """Virtual seconds since the clock began."""
        return self._loop.time() if self._loop is not None else 0.0

    async def sleep(self, seconds: float) -> None:
        """Wait on the virtual loop; costs no wall time."""
        await asyncio.sleep(seconds)
