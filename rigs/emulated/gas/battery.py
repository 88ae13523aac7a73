"""The battery of a gas meter: the days that remain, the limit at which it is low, a new one (GSME-BATT-01).

It is kept as the moment at which it will be empty, so that an idle meter costs nothing; a day of device time
takes a day of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.event_rules import EventCode
from rigs.emulated.metering.engine import MeterPart

if TYPE_CHECKING:
    from rigs.emulated.device import Device

FULL_DAYS = 15 * 365  # a meter's life; no source has a figure
# With so many days left the battery is low: a parameter of the bench, no source has a figure.
LOW_DAYS = 365
_SECTION, _EMPTY = "gas", "battery empty"
_DAY = timedelta(days=1)


class Battery(MeterPart):
    """Part of the metering that wakes the meter when the battery becomes low."""

    wakes = True

    def __init__(self, device: Device) -> None:
        self._device = device

    @property
    def days(self) -> int:
        """How many days remain, a begun one counted."""
        empty = self._empty_at()
        if empty is None:
            return FULL_DAYS
        return max(0, -((self._device.device_clock.now() - empty) // _DAY))

    def next_boundary(self, after: datetime) -> datetime | None:
        """When it becomes low."""
        empty = self._empty_at()
        low = None if empty is None else empty - LOW_DAYS * _DAY
        return low if low is not None and low > after else None

    def reached(self, at: datetime) -> None:  # noqa: ARG002
        """It is low now."""
        self._tell()

    def open(self) -> None:
        """A new meter's battery is full."""
        if self._empty_at() is None:
            self._keep(FULL_DAYS)

    def skipped(self, before: datetime, after: datetime) -> None:
        """A clock that was set takes nothing, nor does time that the battery was out."""
        empty = self._empty_at()
        if empty is not None:
            self._device.storage.put_json(_SECTION, _EMPTY, (empty + (after - before)).isoformat())

    def becomes(self, days: int) -> None:
        """So many days remain (a knob of the bench); below the limit that is told (0x8F1F)."""
        was_low = self.days <= LOW_DAYS
        self._keep(max(0, days))
        if days <= LOW_DAYS and not was_low:
            self._tell()

    def reset(self) -> None:
        """A new battery is in: the remaining capacity begins anew (0x8F82)."""
        self._keep(FULL_DAYS)
        self._device.events.record(EventCode.BATTERY_CAPACITY_RESET)

    def _tell(self) -> None:
        self._device.events.record(EventCode.LOW_BATTERY, f"{self.days} days left")

    def _empty_at(self) -> datetime | None:
        text = self._device.storage.get_json(_SECTION, _EMPTY)
        return None if text is None else datetime.fromisoformat(text)

    def _keep(self, days: int) -> None:
        empty = self._device.device_clock.now() + days * _DAY
        self._device.storage.put_json(_SECTION, _EMPTY, empty.isoformat())
