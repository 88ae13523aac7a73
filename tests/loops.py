"""Running a coroutine as a test."""

from __future__ import annotations

import asyncio
import functools


def in_loop(test):
    """Run an ``async def`` test on a loop of its own; a minute at most, so that a lost wait is a failure."""

    @functools.wraps(test)
    def run(**fixtures):
        asyncio.run(asyncio.wait_for(test(**fixtures), 60))

    return run
