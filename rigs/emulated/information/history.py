"""Consumption and cost of days, weeks and months, present and past, as displays read them.

SMETS calls them cumulative and historical values. Days are UTC's, weeks begin on Monday (choices of ours).
What was consumed before the present tenancy stays unseen (ECS12, GBCS-ECS12-02): such days count as nothing,
and so does the day on which it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from rigs.emulated.events import EPOCH

DAYS, WEEKS, MONTHS = 8, 5, 13
"""How many past periods of each kind there are."""
_DAY = timedelta(days=1)
_DECEMBER = 12


class Used(NamedTuple):
    """Energy in Wh and its cost in 10^-5 of the currency unit."""

    energy: int = 0
    cost: int = 0


@dataclass(slots=True)
class History:
    """``days`` by date, the present one among them; days that are not there count as nothing."""

    days: dict[date, Used]
    today: date
    since: datetime | None = None

    def day(self, back: int) -> Used:
        """So many days ago; 0 is today."""
        first = self.today - back * _DAY
        return self._between(first, first + _DAY)

    def week(self, back: int) -> Used:
        """So many weeks ago."""
        first = self.today - self.today.weekday() * _DAY - 7 * back * _DAY
        return self._between(first, first + 7 * _DAY)

    def month(self, back: int) -> Used:
        """So many months ago."""
        return self._between(_month(self.today, back), _month(self.today, back - 1))

    def _between(self, first: date, end: date) -> Used:
        found = Used()
        while first < end:
            used = self.days.get(first)
            if used is not None and self._is_seen(first):
                found = Used(found.energy + used.energy, found.cost + used.cost)
            first += _DAY
        return found

    def _is_seen(self, day: date) -> bool:
        """Whether all of the day is the present tenant's."""
        return self.since is None or datetime(day.year, day.month, day.day, tzinfo=UTC) >= self.since


def _month(today: date, back: int) -> date:
    """The first of the month so many months ago."""
    months = today.year * _DECEMBER + today.month - 1 - back
    return date(months // _DECEMBER, months % _DECEMBER + 1, 1)


def day_of(end: int) -> date:
    """The day whose entry has this time stamp: the midnight at its end, in seconds since 2000."""
    return (EPOCH + timedelta(seconds=end) - _DAY).date()


def attributes(history: History) -> tuple[dict[int, int], dict[int, int]]:
    """Attributes of the metering cluster (consumption), and of the prepayment cluster (cost), by number."""
    metering, prepayment = {}, {}
    for read, consumed, cost, past in (
        (history.day, [0x0401, 0x0403], [0x051C, 0x051E], [*range(0x0420, 0x042E, 2)]),
        (history.week, [0x0430, 0x0432], [0x0530, 0x0532], [*range(0x0434, 0x043C, 2)]),
        (history.month, [0x0440, 0x0442], [0x0540, 0x0542], [*range(0x0444, 0x045C, 2)]),
    ):
        # Costs of periods that are over have the same lower octet as their consumption.
        numbers = zip([*consumed, *past], [*cost, *(0x0500 | each & 0xFF for each in past)], strict=True)
        for back, (energy_number, cost_number) in enumerate(numbers):
            used = read(back)
            metering[energy_number], prepayment[cost_number] = used.energy, used.cost
    return metering, prepayment
