"""The clock of a rig: real time, or virtual time that goes on where a kept state left off."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hil.virtual_time import DEFAULT_START, VirtualClock
from protocols.ports import Clock

if TYPE_CHECKING:
    from hil.rigfile import Rig

CLOCK_NAME = "clock.txt"


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


def clock_of(rig: Rig) -> Clock:
    """The clock that a run of the rig goes by."""
    if not rig.virtual:
        return RealClock()
    start = rig.start or DEFAULT_START
    # Devices that remember the last run must not see time go back.
    return VirtualClock(max(start, _left_at(rig.state_dir / CLOCK_NAME, start)) if rig.keep_state else start)


def keep_time(rig: Rig, clock: Clock) -> None:
    """Write down where virtual time has come to, if devices will remember it."""
    if rig.virtual and rig.keep_state:
        (rig.state_dir / CLOCK_NAME).write_text(clock.now().isoformat() + "\n", encoding="utf-8")


def _left_at(path: Path, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(path.read_text(encoding="utf-8").strip())
    except (OSError, ValueError):
        return otherwise
