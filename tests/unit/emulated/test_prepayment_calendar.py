from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from rigs.emulated.prepayment.calendar import BEGIN, END, Calendar, Entry, Pattern

ANY = Pattern(0xFFFF, 0xFF, 0xFF, 0xFF)
WEEKEND, WEEKDAYS, ALL = {6, 7}, {1, 2, 3, 4, 5}, {1, 2, 3, 4, 5, 6, 7}


def entry(begins: bool, hour: int, weekdays: set[int], special: set[int] | None = None, **season) -> Entry:
    at = datetime(2000, 1, 1, hour, tzinfo=UTC).time()
    return Entry(
        BEGIN if begins else END,
        at,
        weekdays,
        special or set(),
        season.get("first", ANY),
        season.get("last", ANY),
    )


NIGHTS = Calendar([entry(True, 20, ALL), entry(False, 8, ALL)], [])


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)  # the 1st is a Sunday


@pytest.mark.parametrize(
    ("at", "protected"),
    [(moment(2, 7, 59), True), (moment(2, 8), False), (moment(2, 19, 59), False), (moment(2, 20), True)],
)
def test_nights(at, protected):
    assert NIGHTS.is_protected(at) is protected


def test_what_began_on_friday_lasts_until_something_ends_it():
    calendar = Calendar([entry(True, 18, {5}), entry(False, 9, {1})], [])
    assert calendar.is_protected(moment(8, 12))
    assert not calendar.is_protected(moment(9, 9))
    assert calendar.next_change(moment(6, 19)) == moment(9, 9)


def test_the_next_change_lies_after_the_moment():
    assert NIGHTS.next_change(moment(2, 8)) == moment(2, 20)
    assert NIGHTS.next_change(moment(2, 7, 59)) == moment(2, 8)
    assert Calendar([], []).next_change(moment(2, 8)) is None
    assert not Calendar([], []).is_protected(moment(2, 8))


def test_a_special_day_follows_its_own_entries_alone():
    christmas = (Pattern(0xFFFF, 12, 25, 0xFF), 1)
    calendar = Calendar([entry(False, 0, ALL), entry(True, 6, set(), {1})], [christmas])
    assert calendar.is_protected(datetime(2026, 12, 25, 7, tzinfo=UTC))
    assert not calendar.is_protected(datetime(2026, 12, 26, 7, tzinfo=UTC))


@pytest.mark.parametrize(
    ("day", "inside"),
    [
        (date(2026, 10, 26), True),
        (date(2026, 12, 31), True),
        (date(2027, 3, 28), True),
        (date(2027, 4, 1), False),
    ],
)
def test_a_season_may_go_round_the_end_of_the_year(day, inside):
    winter = entry(True, 0, ALL, first=Pattern(0xFFFF, 10, 26, 0xFF), last=Pattern(0xFFFF, 3, 28, 0xFF))
    assert winter.in_season(day) is inside


@pytest.mark.parametrize(("number", "day"), [(0xFE, 28), (0xFD, 27)])
def test_last_days_of_a_month(number, day):
    assert Pattern(0xFFFF, 2, number, 0xFF).matches(date(2026, 2, day))
    assert not Pattern(0xFFFF, 2, number, 0xFF).matches(date(2026, 2, day - 1))
