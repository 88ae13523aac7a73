"""The non-disablement calendar of an ESME: a COSEM schedule with special days (SMETS 5.7.4.30).

Script 32 of the load switch begins a period in which supply stays on, script 33 ends it. A day that is a
special day follows the entries that name it, any other those of its weekday. All times are UTC.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.dlms.axdr import Data

BEGIN, END = 32, 33
_ANY_YEAR, _ANY = 0xFFFF, 0xFF
_LAST_DAY, _SECOND_LAST_DAY = 0xFE, 0xFD
# How far back the last switching may lie, and how far ahead the next one: entries repeat weekly, and what
# begins with a season later on is seen as that comes near.
_DAYS = 8


@dataclass(slots=True)
class Pattern:
    """A COSEM date, any part of it open."""

    year: int
    month: int
    day: int
    weekday: int

    @classmethod
    def of(cls, octets: bytes) -> Pattern:
        """Five octets: year, month, day, weekday."""
        return cls(int.from_bytes(octets[:2], "big"), octets[2], octets[3], octets[4])

    def matches(self, day: date) -> bool:
        """Whether a day is one of those meant."""
        return (
            self.year in {_ANY_YEAR, day.year}
            and self.month in {_ANY, day.month}
            and (self.day == _ANY or self._number(day) == day.day)
            and self.weekday in {_ANY, day.isoweekday()}
        )

    def key(self, day: date) -> tuple[int, int, int] | None:
        """The pattern as a date to compare a day of that year with; None where it leaves too much open."""
        if _ANY in {self.month, self.day}:
            return None
        return (day.year if self.year == _ANY_YEAR else self.year, self.month, self._number(day))

    def _number(self, day: date) -> int:
        if self.day not in {_LAST_DAY, _SECOND_LAST_DAY}:
            return self.day
        month = day.month if self.month == _ANY else self.month
        after = date(day.year + month // 12, month % 12 + 1, 1)
        return (after - timedelta(days=1)).day - (self.day == _SECOND_LAST_DAY)


@dataclass(slots=True)
class Entry:
    """One entry of the schedule; ``weekdays`` and ``special`` are the days on which it holds."""

    script: int
    at: time
    weekdays: set[int]
    special: set[int]
    first: Pattern
    last: Pattern

    def in_season(self, day: date) -> bool:
        """Whether a day lies in the entry's range of dates, which may go round the end of the year."""
        start, stop = self.first.key(day), self.last.key(day)
        here = (day.year, day.month, day.day)
        if start is None or stop is None:
            return (start is None or start <= here) and (stop is None or here <= stop)
        if start <= stop:
            return start <= here <= stop
        return here >= start or here <= stop


@dataclass(slots=True)
class Calendar:
    """The whole calendar; ``special`` are day identifiers by the dates on which they hold."""

    entries: list[Entry]
    special: list[tuple[Pattern, int]]

    def is_protected(self, at: datetime) -> bool:
        """Whether supply stays on at a moment: what the last switching before it began."""
        for back in range(_DAYS):
            day = at.date() - timedelta(days=back)
            passed = [each for each in self.on(day) if back or each.at <= at.time()]
            if passed:
                return passed[-1].script == BEGIN
        return False

    def next_change(self, after: datetime) -> datetime | None:
        """The next switching, None where there is none within a week; then the end of that week."""
        if not self.entries:
            return None
        for ahead in range(_DAYS):
            day = after.date() + timedelta(days=ahead)
            moments = (datetime.combine(day, each.at, UTC) for each in self.on(day))
            coming = next((moment for moment in moments if moment > after), None)
            if coming is not None:
                return coming
        return datetime.combine(after.date() + timedelta(days=_DAYS), time(), UTC)

    def on(self, day: date) -> list[Entry]:
        """The entries of a day, by time."""
        identifiers = {number for pattern, number in self.special if pattern.matches(day)}
        held = [
            each
            for each in self.entries
            if each.in_season(day)
            and (each.special & identifiers if identifiers else day.isoweekday() in each.weekdays)
        ]
        return sorted(held, key=lambda each: each.at)


def read_calendar(
    entries: Data | None, special_days: Data | None, scripts: Container[int] = (BEGIN, END)
) -> Calendar:
    """The calendar that a schedule's entries for some scripts and a special days table make."""
    return Calendar(
        [entry for each in _items(entries) if (entry := _entry(each, scripts)) is not None],
        [(Pattern.of(each.value[1].value), int(each.value[2].value)) for each in _items(special_days)],
    )


def _items(data: Data | None) -> list[Data]:
    return list(data.value) if data is not None and isinstance(data.value, list) else []


def _entry(data: Data, scripts: Container[int]) -> Entry | None:
    """An entry that is enabled; index, enable, table, script, time, window, weekdays, special days, dates."""
    _, enabled, _, script, at, _, weekdays, special, first, last = (each.value for each in data.value)
    if not enabled or script not in scripts:
        return None
    hour, minute, second = (0 if octet == _ANY else octet for octet in at[:3])
    return Entry(
        script,
        time(hour, minute, second),
        _numbers(weekdays),
        _numbers(special),
        Pattern.of(first),
        Pattern.of(last),
    )


def _numbers(bits: object) -> set[int]:
    """Numbers of the bits set, the first one being 1: Monday, or the special day with identifier 1."""
    octets, count = getattr(bits, "octets", b""), getattr(bits, "bits", 0)
    return {n + 1 for n in range(count) if octets[n // 8] >> (7 - n % 8) & 1}
