"""The way from synchronous tests to asynchronous ports: one event loop in one background thread.

Tests call plain functions; ports, drivers and the router live on the loop. What was opened through the portal
is closed in reverse order when it closes, each within a time limit, and what could not be closed is reported.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from hil.virtual_time import VirtualLoop
from protocols.ports import BenchError

T = TypeVar("T")
# Longer than any driver needs to close; a hung one must not keep a run from ending.
CLOSE_LIMIT_S = 10.0


class Portal:
    """Runs coroutines for other threads; use as a context manager or call `close`.

    On a virtual ``loop`` time passes while somebody waits for a call, and only then.
    """

    def __init__(self, name: str = "hil-portal", *, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._loop = loop or asyncio.new_event_loop()
        self._closers: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop; only for code that runs on it or hands callbacks to it thread-safely."""
        return self._loop

    def call(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result.

        ``timeout_s`` are seconds of real time, also on a virtual loop. BenchError when they pass first: waits
        that a device decides have limits of their own, so this one means that the bench is stuck. Whatever
        interrupts the waiting also cancels the coroutine.
        """
        if self._closed or threading.current_thread() is self._thread:
            coroutine.close()
            where = "is closed" if self._closed else "cannot wait for itself"
            raise BenchError(f"the bench's event loop {where}", next_step="use nodes while the bench is open")
        future = self._submit(coroutine)
        try:
            return future.result(timeout_s)
        except concurrent.futures.TimeoutError:
            if future.done():  # the coroutine itself raised a TimeoutError
                raise
            raise BenchError(
                f"the bench did not finish within {timeout_s:g} s",
                next_step="look at the end of the journal for what it waited on",
            ) from None
        finally:
            future.cancel()

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        if isinstance(self._loop, VirtualLoop):
            return self._loop.submit(coroutine)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def on_close(self, what: str, closer: Callable[[], Awaitable[None]]) -> None:
        """Have ``closer`` awaited when the portal closes, after everything registered later."""
        self._closers.append((what, closer))

    def close(self) -> list[str]:
        """Close everything in reverse order, stop the loop, and return what went wrong on the way."""
        if self._closed:
            return []
        trouble = []
        while self._closers:
            what, closer = self._closers.pop()
            try:
                self.call(_within(closer), CLOSE_LIMIT_S + 1)
            except TimeoutError:
                trouble.append(f"{what} did not close within {CLOSE_LIMIT_S:g} s")
            except Exception as error:  # noqa: BLE001  (closing goes on, and the reason is handed back)
                trouble.append(f"{what} did not close: {error}")
        self.call(_cancel_others(), CLOSE_LIMIT_S)
        self._closed = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_LIMIT_S)
        if self._thread.is_alive():
            return [*trouble, "the event loop did not stop"]
        self._loop.close()
        return trouble

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def _within(closer: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(CLOSE_LIMIT_S):
        await closer()


async def _cancel_others() -> None:
    # In the order they were made, because a set of them is in no order that a second run would have.
    made = sorted(asyncio.all_tasks(), key=lambda task: (len(task.get_name()), task.get_name()))
    tasks = [task for task in made if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
