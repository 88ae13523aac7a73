"""Real time for the harness; the emulator and unit tests may hand in another `protocols.ports.Clock`."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime


class RealClock:
    """The wall clock, as every bench with real devices needs it."""

    __slots__ = ()

    def now(self) -> datetime:
        """The present in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(seconds)
