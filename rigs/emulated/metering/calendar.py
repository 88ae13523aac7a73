"""Dates and times with wildcards, as DLMS calendars name them, and when they come next.

A date has 5 octets (year, month, day, weekday), a time 4 (hour, minute, second, hundredths); FFFF and FF are
wildcards, day FE is the last of the month and FD the last but one (dlms.md 6). All in UTC.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_ANY, _ANY_YEAR = 0xFF, 0xFFFF
_LAST_BUT_ONE, _LAST = 0xFD, 0xFE
# A 29 February that also has to be a certain weekday comes within 40 years.
_HORIZON = timedelta(days=366 * 41)
_DAY = timedelta(days=1)


@dataclass(slots=True)
class DatePattern:
    """A date with wildcards (None). ``day`` 0xFE is the last of the month, 0xFD the last but one."""

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None

    def matches(self, at: date) -> bool:
        """Whether a day is one of those meant."""
        if self.year is not None and self.year != at.year:
            return False
        if self.month is not None and self.month != at.month:
            return False
        if self.weekday is not None and self.weekday != at.isoweekday():
            return False
        return self.day is None or self.day == at.day or self._from_the_end(at)

    def _from_the_end(self, at: date) -> bool:
        if self.day is None or self.day < _LAST_BUT_ONE:
            return False
        return monthrange(at.year, at.month)[1] - at.day == _LAST - self.day

    def next_after(self, after: date) -> date | None:
        """The first such day not before ``after``; None when none comes."""
        if self.year is not None:
            after = max(after, date(self.year, 1, 1)) if 1 <= self.year <= 9998 else after
        end = date.max if after > date.max - _HORIZON else after + _HORIZON
        at = after
        while at <= end and (self.year is None or at.year <= self.year):
            if self.month is not None and at.month != self.month:
                at = _first_of_next_month(at)
                continue
            if self.matches(at):
                return at
            at += _DAY
        return None


def _first_of_next_month(at: date) -> date:
    return date(at.year + at.month // 12, at.month % 12 + 1, 1)


def read_date(octets: bytes) -> DatePattern:
    """A date of 5 octets; out of range fields match no day."""
    year = int.from_bytes(octets[:2], "big")
    month, day, weekday = (None if each == _ANY else each for each in octets[2:5])
    return DatePattern(None if year == _ANY_YEAR else year, month, day, weekday)


def read_time(octets: bytes) -> time | None:
    """A time of 4 octets, wildcards as zero; None for one that no clock shows."""
    hour, minute, second = (0 if each == _ANY else each for each in octets[:3])
    try:
        return time(hour, minute, second)
    except ValueError:
        return None


@dataclass(slots=True)
class Moments:
    """Every moment at a time of day on days of a pattern."""

    day: DatePattern
    at: time

    def is_at(self, moment: datetime) -> bool:
        """Whether a moment is one of them."""
        return moment.time() == self.at and self.day.matches(moment.date())

    def next_after(self, after: datetime) -> datetime | None:
        """The first one later than ``after``."""
        first = after.date() if after.time() < self.at else after.date() + _DAY
        found = self.day.next_after(first)
        return None if found is None else datetime.combine(found, self.at, UTC)


def next_half_hour(after: datetime) -> datetime:
    """The first full or half hour later than ``after``."""
    start = after.replace(minute=30 if after.minute >= 30 else 0, second=0, microsecond=0)
    return start + timedelta(minutes=30)


def next_midnight(after: datetime) -> datetime:
    """The first midnight (UTC) later than ``after``."""
    return datetime(after.year, after.month, after.day, tzinfo=UTC) + _DAY
