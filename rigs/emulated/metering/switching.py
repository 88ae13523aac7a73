"""Tariff switching tables: which rate holds when (SMETS 5.7.4.48: seasons, weeks, days, special days).

A special day comes before the season's week; the season is the one that began last, its start having
wildcards or not; the day's schedule gives the action, the last one of the day before holding until the first.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from rigs.emulated.metering.calendar import DatePattern, next_midnight, read_date, read_time

if TYPE_CHECKING:
    from protocols.dlms.axdr import Data

_DAY = timedelta(days=1)
# Longest that a day is looked for whose schedule has an action: none has, none ever will.
_DAYS_BACK = 7


@dataclass(slots=True)
class Season:
    """From which day it holds, and its week. The time of its start is not heeded (a choice of ours)."""

    start: DatePattern
    week: bytes

    def began(self, at: date) -> date | None:
        """When it last began, not later than the end of this day; None if it did not."""
        start = self.start
        if start.month is None or start.day is None:
            return date.min if start.year is None or start.year <= at.year else None
        for year in (at.year, at.year - 1) if start.year is None else (start.year,):
            found = DatePattern(year, start.month, start.day).next_after(date(max(year, 1), 1, 1))
            if found is not None and found <= at:
                return found
        return None


@dataclass(slots=True)
class SwitchingTable:
    """One table. ``days`` are lists of times and actions in their order, by day identifier."""

    seasons: list[Season] = field(default_factory=list)
    weeks: dict[bytes, list[int]] = field(default_factory=dict)
    days: dict[int, list[tuple[time, int]]] = field(default_factory=dict)
    special_days: list[tuple[DatePattern, int]] = field(default_factory=list)
    _known: dict[date, list[tuple[time, int]]] = field(default_factory=dict)

    def rate(self, at: datetime) -> int:
        """The action that holds at a moment (UTC), 0 for none."""
        schedule = self.schedule(at.date())
        index = bisect_right([entry[0] for entry in schedule], at.time())
        if index:
            return schedule[index - 1][1]
        for days in range(1, _DAYS_BACK + 1):
            before = self.schedule(at.date() - days * _DAY)
            if before:
                return before[-1][1]
        return 0

    def next_switch(self, after: datetime) -> datetime:
        """The next moment at which an action may begin: an entry of the day, or midnight."""
        for start, _action in self.schedule(after.date()):
            if start > after.time():
                return datetime.combine(after.date(), start, UTC)
        return next_midnight(after)

    def schedule(self, at: date) -> list[tuple[time, int]]:
        """The day's times and actions."""
        found = self._known.get(at)
        if found is None:
            if len(self._known) > 800:
                self._known.clear()
            found = self._known[at] = self.days.get(self._day_id(at), [])
        return found

    def _day_id(self, at: date) -> int:
        for pattern, day in self.special_days:
            if pattern.matches(at):
                return day
        season = self._season(at)
        week = self.weeks.get(season.week) if season is not None else None
        return week[at.weekday()] if week is not None else -1

    def _season(self, at: date) -> Season | None:
        began = [(start, season) for season in self.seasons if (start := season.began(at)) is not None]
        return max(began, key=lambda each: each[0], default=(None, None))[1]


def read_table(seasons: Data, weeks: Data, days: Data, special_days: Data) -> SwitchingTable:
    """A table from its COSEM attributes (class 20 attributes 3 to 5, class 11 attribute 2)."""
    table = SwitchingTable()
    for season in _members(seasons, 3):
        start, week = bytes(season[1].value), bytes(season[2].value)
        table.seasons.append(Season(read_date(start[:5]), week))
    for week_profile in _members(weeks, 8):
        table.weeks[bytes(week_profile[0].value)] = [day.value for day in week_profile[1:]]
    for day_profile in _members(days, 2):
        table.days[day_profile[0].value] = _schedule(day_profile[1])
    for special in _members(special_days, 3):
        table.special_days.append((read_date(bytes(special[1].value)), special[2].value))
    return table


def _schedule(entries: Data) -> list[tuple[time, int]]:
    times = ((read_time(bytes(entry[0].value)), entry[2].value) for entry in _members(entries, 3))
    return sorted((start, action) for start, action in times if start is not None)


def _members(value: Data, number: int) -> list[list[Data]]:
    """Structures of an array that have as many members as expected; the type checks saw to the rest."""
    entries = value.value if isinstance(value.value, list) else []
    return [entry.value for entry in entries if isinstance(entry.value, list) and len(entry.value) == number]
