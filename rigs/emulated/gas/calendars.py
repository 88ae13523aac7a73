"""The calendars of a gas meter: which day profile counts at a moment, and when the next switching is.

A calendar is published in parts (gbz.md, cluster 0707): itself, with the time from which it is in force, its
day and week profiles, its seasons, its special days. Times are UTC. There are two kinds here: 0 switches
tariffs, 3 says when supply is not disabled (SMETS 4.6.4.30, 4.6.4.20).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rigs.emulated.storage import Storage

Record = dict[str, Any]
CLUSTER = 0x0707
CALENDAR, DAYS, WEEKS, SEASONS, SPECIAL_DAYS = (CommandPlace(CLUSTER, True, each) for each in range(5))
_SECTION = "gas.calendar"
_KEYS = {DAYS: "Day ID", WEEKS: "Week ID"}
_REF = "Day ID Ref {}"
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KEPT = 3  # calendars of a kind that can wait
_LIVE = "in force"
_SEARCHED = 366  # days in which a calendar that switches at all does so once
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


class Kind(IntEnum):
    """Calendar types that a gas meter has."""

    TARIFF = 0
    FRIENDLY_CREDIT = 3


class TooMuchError(ValueError):
    """A calendar has more parts than the meter can hold."""


# What a non-disablement calendar holds (SMETS-DISABLE-03): seasons, day profiles, switch times, special days.
_SEASONS_HELD, _DAYS_HELD, _SWITCHES_HELD, _SPECIAL_HELD = 3, 5, 3, 20


class Calendars:
    """The calendars of one device, by kind and identifier, in its storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    # ------------------------------------------------------------------ what commands bring

    def publish(self, place: CommandPlace, values: Record) -> None:
        """Keep one part of a calendar; TooMuchError where it goes beyond what the meter holds."""
        kind = values.get("Calendar Type", self._storage.get_json(_SECTION, "published", default=0))
        if kind == Kind.FRIENDLY_CREDIT:
            _check_size(place, values)
        identifier = f"{values['Issuer Calendar ID']}"
        held = self._all(kind)
        if place == CALENDAR:
            # Week profiles and seasons do not say of which kind they are: they follow their calendar.
            self._storage.put_json(_SECTION, "published", kind)
            held.pop(identifier, None)
            while len(held) >= _KEPT:
                held.pop(next(iter(held)))
        calendar = held.setdefault(identifier, {})
        if place in _KEYS:
            calendar.setdefault(f"{place}", {})[f"{values[_KEYS[place]]:03}"] = values
        elif place != SPECIAL_DAYS:
            calendar[f"{place}"] = values
        self._keep(kind, held, calendar)

    def take_over(self, place: CommandPlace, values: Record) -> None:
        """A calendar, or special days, are in force from now on."""
        kind = values["Calendar Type"]
        held = self._all(kind)
        calendar = held.setdefault(f"{values['Issuer Calendar ID']}", {})
        if place == CALENDAR:
            calendar[_LIVE] = True
        else:
            calendar[f"{place}"] = values
        self._keep(kind, held, calendar)

    def _keep(self, kind: int, held: dict[str, Any], calendar: dict[str, Any]) -> None:
        """Write calendars; what belongs to the one in force counts at once, what still waits does not."""
        self._storage.put_json(_SECTION, f"{kind}", held)
        if calendar.get(_LIVE):
            self._storage.put_json(_SECTION, f"{kind} in force", calendar)

    # ------------------------------------------------------------------ what is in force

    def parts(self, kind: int, place: CommandPlace) -> list[Record]:
        """What was published of the calendar in force."""
        part = self._storage.get_json(_SECTION, f"{kind} in force", default={}).get(f"{place}", {})
        if place in _KEYS:
            return [part[each] for each in sorted(part)]
        return [part] if part else []

    def in_force(self, kind: int) -> Calendar | None:
        """The calendar in force, if there is one whose days are all known."""
        days, weeks, seasons, special = (
            self.parts(kind, place) for place in (DAYS, WEEKS, SEASONS, SPECIAL_DAYS)
        )
        return Calendar(days, weeks, seasons, special) if days and weeks else None

    def _all(self, kind: int) -> dict[str, Any]:
        held: dict[str, Any] = self._storage.get_json(_SECTION, f"{kind}", default={})
        return held


def _check_size(place: CommandPlace, values: Record) -> None:
    sizes = {
        CALENDAR: ((values.get("Number of Seasons", 0), _SEASONS_HELD),
                   (values.get("Number of Day Profiles", 0), _DAYS_HELD)),
        DAYS: ((len(values.get("Day Schedule Entries", ())), _SWITCHES_HELD),),
        SEASONS: ((len(values.get("Season Entries", ())), _SEASONS_HELD),),
        SPECIAL_DAYS: ((len(values.get("Special Day Entries", ())), _SPECIAL_HELD),),
    }  # fmt: skip
    if any(number > most for number, most in sizes.get(place, ())):
        problem = f"{place} has more than a non-disablement calendar holds"
        raise TooMuchError(problem)


class Calendar:
    """One calendar: its switchings in time. An entry is what a day profile says from a minute on."""

    def __init__(
        self,
        days: Iterable[Record],
        weeks: Iterable[Record],
        seasons: Iterable[Record],
        special: Iterable[Record],
    ) -> None:
        self._days = {each["Day ID"]: _switchings(each) for each in days}
        self._weeks = {each["Week ID"]: [each[_REF.format(name)] for name in _WEEKDAYS] for each in weeks}
        self._seasons = [entry for each in seasons for entry in each["Season Entries"]]
        self._special = [
            (each["Special Day Date"].partition("/")[0], each["Day ID Ref"])
            for record in special
            for each in record["Special Day Entries"]
        ]

    def at(self, moment: datetime) -> int | None:
        """The value of the last switching at or before a moment (UTC); None where there was none."""
        for day, minute in ((moment.date(), moment.hour * 60 + moment.minute), _end_of_day_before(moment)):
            passed = [value for start, value in self._switchings(day) if start <= minute]
            if passed:
                return passed[-1]
        return None

    def next_switching(self, after: datetime) -> datetime | None:
        """The first moment later than ``after`` at which the value is another; None where there is none."""
        present = self.at(after)
        if {value for entries in self._days.values() for _start, value in entries} <= {present}:
            return None  # and no need to look through the days of years
        day = after.date()
        for _ in range(_SEARCHED):
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            for start, value in self._switchings(day):
                moment = midnight + start * _MINUTE
                if moment > after and value != present:
                    return moment
            day += _DAY
        return None

    def _switchings(self, day: date) -> list[tuple[int, int]]:
        return self._days.get(self._profile(day), [])

    def _profile(self, day: date) -> int:
        for text, profile in self._special:
            if _falls_on(text, day):
                return int(profile)
        week = self._weeks.get(self._week(day)) or next(iter(self._weeks.values()))
        return int(week[day.weekday()])

    def _week(self, day: date) -> int:
        """The week profile of the season that began last; seasons without a year begin every year."""
        begun = [
            (start, entry["Week ID Ref"])
            for entry in self._seasons
            if (start := _last_start(entry["Season Start Date"].partition("/")[0], day)) is not None
        ]
        return int(max(begun)[1]) if begun else 0


def _switchings(day: Record) -> list[tuple[int, int]]:
    names = ("Price Tier", "Friendly Credit Enable")
    return sorted(
        (each["Start Time"], next(each[name] for name in names if name in each))
        for each in day["Day Schedule Entries"]
    )


def _end_of_day_before(moment: datetime) -> tuple[date, int]:
    return moment.date() - _DAY, 24 * 60


def _fields(text: str) -> list[int | None]:
    return [None if each == "*" else int(each) for each in text.split("-")]


def _falls_on(text: str, day: date) -> bool:
    wanted = zip(_fields(text), (day.year, day.month, day.day), strict=True)
    return all(each is None or each == number for each, number in wanted)


def _last_start(text: str, day: date) -> date | None:
    """When a season began last, on or before a day."""
    year, month, number = _fields(text)
    years = (day.year, day.year - 1) if year is None else (year,)
    for each in years:
        try:
            start = date(each, month or 1, number or 1)
        except ValueError:
            continue
        if start <= day:
            return start
    return None
