"""Waiting for one thing with a time limit, on the bench's clock, unless the wire is lost meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from protocols.ports import BenchError, Clock

T = TypeVar("T")


async def first_of(
    wanted: Coroutine[Any, Any, T], lost: asyncio.Future[BenchError], clock: Clock, limit_s: float
) -> T | None:
    """The result of ``wanted``, or None after ``limit_s``; raises the error in ``lost`` if that comes first.

    What arrived before the wire was lost still counts.
    """
    waiting = asyncio.create_task(wanted)
    timer = asyncio.ensure_future(clock.sleep(limit_s))
    try:
        # One turn of the loop, so that what has already happened wins over a limit of 0 and a lost wire.
        await asyncio.sleep(0)
        any_of: list[asyncio.Future[Any]] = [waiting, timer, lost]
        await asyncio.wait(any_of, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        if lost.done():
            raise lost.result()
        return None
    finally:
        for task in (waiting, timer):
            task.cancel()
        await asyncio.gather(waiting, timer, return_exceptions=True)
