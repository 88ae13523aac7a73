"""A made-up household: half hours that look like one, the same for the same seed.

The shapes are ours, by general knowledge of British households: a base load at night, a small peak in the
morning and a large one in the evening, more in winter; gas for heating; sun around noon, more in summer. What
a half hour has is a hash of the seed and its number, so no order of asking changes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rigs.emulated.metering.amounts import HALF_HOURS_A_DAY, Amounts

if TYPE_CHECKING:
    from rigs.emulated.metering.amounts import LoadSettings

# Shares of a day by hour, from midnight; thousandths.
_ELECTRICITY = (
    22,
    18,
    16,
    16,
    17,
    20,
    32,
    46,
    48,
    42,
    38,
    38,
    42,
    40,
    36,
    38,
    48,
    66,
    76,
    74,
    68,
    62,
    54,
    43,
)
_GAS = (6, 5, 5, 6, 14, 52, 96, 92, 60, 36, 26, 24, 26, 26, 26, 36, 62, 84, 88, 78, 62, 46, 30, 14)
_SUN = (0, 0, 0, 0, 0, 8, 24, 46, 68, 88, 100, 112, 112, 108, 96, 82, 64, 46, 28, 14, 4, 0, 0, 0)
# Storage heating by night.
_SECOND = (120, 120, 120, 120, 120, 120, 120, 0, 0, 0, 0, 0, 0, 60, 60, 40, 0, 0, 0, 0, 0, 0, 0, 0)
# What a day has of the year's average, by twelfths of the year; hundredths.
_ELECTRICITY_BY_MONTH = (122, 116, 106, 96, 90, 84, 82, 84, 90, 100, 112, 118)
_GAS_BY_MONTH = (210, 190, 150, 100, 55, 25, 18, 18, 35, 85, 140, 174)
_SUN_BY_MONTH = (30, 55, 95, 135, 160, 170, 165, 145, 110, 70, 40, 25)
_HALF_HOURS_A_YEAR = 17_532  # 365.25 days
_MASK = (1 << 64) - 1
_EVEN = 1000
# Reactive power of a load, in hundredths of its active power; hours of full sun a day, in hundredths.
_REACTIVE, _SUN_HOURS = 22, 260


class Household:
    """Energy of a household's half hours (`HalfHourEnergy`)."""

    def __init__(self, settings: LoadSettings) -> None:
        self._settings = settings
        self._last = (-1, Amounts())

    def __call__(self, half_hour: int) -> Amounts:
        """See `HalfHourEnergy`. The same half hour is often asked for again."""
        if self._last[0] != half_hour:
            self._last = (half_hour, self._make(half_hour))
        return self._last[1]

    def _make(self, half_hour: int) -> Amounts:
        about = self._settings
        hour = half_hour % HALF_HOURS_A_DAY // 2
        month = half_hour % _HALF_HOURS_A_YEAR * 12 // _HALF_HOURS_A_YEAR
        chance = _hash(about.seed, half_hour)
        kwh = about.annual_kwh - about.secondary_kwh
        used = _share(kwh * 1000, _ELECTRICITY[hour], _ELECTRICITY_BY_MONTH[month], chance)
        second = _share(about.secondary_kwh * 1000, _SECOND[hour], _GAS_BY_MONTH[month], chance >> 13)
        gas = _share(about.annual_gas_m3 * 1000, _GAS[hour], _GAS_BY_MONTH[month], chance >> 26)
        clouds = _hash(~about.seed, half_hour // HALF_HOURS_A_DAY)
        yearly_sun = about.solar_w * _SUN_HOURS * 365 // 100
        sun = _share(yearly_sun, _SUN[hour], _SUN_BY_MONTH[month], clouds)
        bought, sold = max(used - sun, 0), max(sun - used, 0)
        return Amounts(bought, sold, bought * _REACTIVE // 100, sold * _REACTIVE // 100, second, gas)


def _share(yearly: int, hour: int, month: int, chance: int) -> int:
    """A half hour's part of a year's amount; chance makes it a fifth to nine fifths of what is usual."""
    factor = 200 + chance % 1601
    return yearly * hour * month * factor // (365 * 2 * _EVEN * 100 * _EVEN)


def _hash(seed: int, number: int) -> int:
    """64 bits by splitmix64's mixing, a public domain generator."""
    mixed = (seed * 0x9E3779B97F4A7C15 + number * 0xD1342543DE82EF95) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)
