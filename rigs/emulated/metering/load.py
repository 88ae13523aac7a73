"""What flows through a meter: none, a constant load, one from a recording, or one of a made-up household.

A load is a function of the bench's time alone. Its energy between two moments is the difference of two totals
(whole units since a fixed moment, or since the half hour began), so remainders are carried and no number
depends on how often one asks.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from rigs.emulated.metering.amounts import EPOCH, NOTHING, Amounts, LoadSettings
from rigs.emulated.metering.household import Household

__all__ = ["NOTHING", "Amounts", "ConstantLoad", "HalfHourlyLoad", "Load", "LoadSettings", "make_load"]

_MICROSECOND = timedelta(microseconds=1)
_US_PER_HOUR = 3_600_000_000
_US_PER_HALF_HOUR = _US_PER_HOUR // 2


class Load(Protocol):
    """Piecewise constant power; all moments are the bench's UTC."""

    def between(self, start: datetime, end: datetime) -> Amounts:
        """What passes from ``start`` to ``end``."""

    def rate(self, at: datetime) -> Amounts:
        """Power at a moment: W, var, and litres of gas an hour."""

    def next_change(self, after: datetime) -> datetime | None:
        """When `rate` may be another, None for never."""


class ConstantLoad:
    """The same power for ever."""

    def __init__(self, rate: Amounts) -> None:
        self._rate = rate

    def between(self, start: datetime, end: datetime) -> Amounts:
        """See `Load`."""
        if self._rate == NOTHING:
            return NOTHING
        first, last = _microseconds(start), _microseconds(end)
        return Amounts(*(w * last // _US_PER_HOUR - w * first // _US_PER_HOUR for w in self._rate))

    def rate(self, at: datetime) -> Amounts:  # noqa: ARG002
        """See `Load`."""
        return self._rate

    def next_change(self, after: datetime) -> datetime | None:  # noqa: ARG002
        """See `Load`."""
        return None


class HalfHourEnergy(Protocol):
    """Energy of each half hour, numbered from 2000-01-01."""

    def __call__(self, half_hour: int) -> Amounts:
        """What passes in it, evenly."""


class HalfHourlyLoad:
    """Constant power in each half hour of the bench's time."""

    def __init__(self, energy: HalfHourEnergy) -> None:
        self._energy = energy

    def between(self, start: datetime, end: datetime) -> Amounts:
        """See `Load`."""
        first, last = _microseconds(start), _microseconds(end)
        total = [0] * len(NOTHING)
        while first < last:
            half_hour, begun = divmod(first, _US_PER_HALF_HOUR)
            until = min(last - half_hour * _US_PER_HALF_HOUR, _US_PER_HALF_HOUR)
            for index, energy in enumerate(self._energy(half_hour)):
                if energy:
                    total[index] += energy * until // _US_PER_HALF_HOUR - energy * begun // _US_PER_HALF_HOUR
            first += until - begun
        return Amounts(*total)

    def rate(self, at: datetime) -> Amounts:
        """See `Load`."""
        return Amounts(*(2 * energy for energy in self._energy(_microseconds(at) // _US_PER_HALF_HOUR)))

    def next_change(self, after: datetime) -> datetime | None:
        """See `Load`."""
        half_hour = _microseconds(after) // _US_PER_HALF_HOUR + 1
        return EPOCH + half_hour * _US_PER_HALF_HOUR * _MICROSECOND


class Recording:
    """Half hours one after another, over and over."""

    def __init__(self, half_hours: list[Amounts], start: datetime) -> None:
        self._half_hours = half_hours
        self._first = _microseconds(start) // _US_PER_HALF_HOUR

    def __call__(self, half_hour: int) -> Amounts:
        """See `HalfHourEnergy`."""
        return self._half_hours[(half_hour - self._first) % len(self._half_hours)]


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def make_load(settings: LoadSettings) -> Load:
    """The load that settings describe."""
    if settings.kind == "recorded" and settings.recording:
        return HalfHourlyLoad(Recording(settings.recording, settings.start))
    if settings.kind == "household":
        return HalfHourlyLoad(Household(settings))
    return ConstantLoad(settings.rate)
