"""A device's own clock: an offset from the bench's clock, and how far it can be trusted."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.ports import Clock
    from rigs.emulated.storage import Storage

# Differences up to this are corrected against the hub without an event (SMETS 5.5.1).
TOLERANCE = timedelta(seconds=10)


_NONE = timedelta(0)


class ClockStatus(IntEnum):
    """Status that GCS28 and ECS70 responses carry (asn1.md 14)."""

    RELIABLE = 0
    INVALID = 1
    UNRELIABLE = 2


class Comparison(IntEnum):
    """What a comparison with the hub's time came to."""

    CORRECTED = 0
    REFUSED = 1  # differs by more than the tolerance
    NO_HUB_TIME = 2


class DeviceClock:
    """UTC as the device believes it. A new device runs on factory time, which is unreliable."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    @property
    def offset(self) -> timedelta:
        """How far the device's clock is ahead of the bench's."""
        ahead = self._storage.get_json("clock", "offset_us", default=0)
        return timedelta(microseconds=ahead) if ahead else _NONE

    @property
    def status(self) -> ClockStatus:
        """Whether the time can be relied on."""
        return ClockStatus(self._storage.get_json("clock", "status", default=ClockStatus.UNRELIABLE))

    def now(self) -> datetime:
        """The device's time, UTC."""
        return self._clock.now() + self.offset

    def set_within(self, start: datetime, end: datetime, hub_time: datetime | None) -> bool:
        """Align to the hub's time if that lies from ``start`` to ``end``; False and no change if not.

        The window is for the hub's time, not the device's (GBCS 9.1); one that ends before it starts holds
        nothing.
        """
        if hub_time is None or not start <= hub_time <= end:
            return False
        self.align(hub_time)
        return True

    def align(self, hub_time: datetime) -> None:
        """Take over the hub's time; it is then reliable."""
        self._put_offset(hub_time - self._clock.now())
        self.set_status(ClockStatus.RELIABLE)

    def compare(self, hub_time: datetime | None, *, tolerance: timedelta = TOLERANCE) -> Comparison:
        """Compare with the hub's time and correct a difference of at most ``tolerance`` (SMETS 5.5.1)."""
        if hub_time is None:
            return Comparison.NO_HUB_TIME
        if abs(hub_time - self.now()) > tolerance:
            return Comparison.REFUSED
        self._put_offset(hub_time - self._clock.now())
        return Comparison.CORRECTED

    def drift(self, by: timedelta) -> None:
        """Let the clock go wrong by this much."""
        self._put_offset(self.offset + by)

    def set_status(self, status: ClockStatus) -> None:
        """Say how far the time can be trusted."""
        self._storage.put_json("clock", "status", int(status))

    def _put_offset(self, offset: timedelta) -> None:
        self._storage.put_json("clock", "offset_us", offset // timedelta(microseconds=1))
