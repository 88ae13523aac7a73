"""When dates and times with wildcards come next; compared with a search through every day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.emulated.metering.calendar import (
    DatePattern,
    Moments,
    next_half_hour,
    next_midnight,
    read_date,
    read_time,
)

_YEARS = st.one_of(st.none(), st.integers(2024, 2028))
_PATTERNS = st.builds(
    DatePattern,
    _YEARS,
    st.one_of(st.none(), st.integers(1, 12)),
    st.one_of(st.none(), st.integers(1, 31), st.sampled_from([0xFD, 0xFE])),
    st.one_of(st.none(), st.integers(1, 7)),
)


def _is_meant(pattern: DatePattern, day: date) -> bool:
    last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    number = {0xFE: last.day, 0xFD: last.day - 1}.get(pattern.day, pattern.day)
    wanted = (pattern.year, pattern.month, number, pattern.weekday)
    return all(
        want in {None, has}
        for want, has in zip(wanted, (day.year, day.month, day.day, day.isoweekday()), strict=True)
    )


@settings(max_examples=200, deadline=None)
@given(_PATTERNS, st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_the_next_day_is_the_first_of_all_days_that_is_meant(pattern, after):
    days = (after + timedelta(days=number) for number in range(366 * 3))
    expected = next((day for day in days if _is_meant(pattern, day)), None)
    found = pattern.next_after(after)
    if expected is None:  # later than this search looks, or never
        assert found is None or found >= after + timedelta(days=366 * 3)
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("octets", "after", "expected"),
    [
        ("FFFFFFFFFF", "2026-03-02T00:00", "2026-03-03T00:00"),  # daily
        ("FFFFFFFF01", "2026-03-02T00:00", "2026-03-09T00:00"),  # each Monday
        ("FFFFFF01FF", "2026-03-02T10:00", "2026-04-01T00:00"),  # monthly
        ("FFFFFFFEFF", "2028-02-10T00:00", "2028-02-29T00:00"),  # the last of the month
        ("FFFF0A01FF", "2026-11-02T00:00", "2027-10-01T00:00"),  # yearly
        ("07EA0C19FF", "2026-03-02T00:00", "2026-12-25T00:00"),  # once
        ("07E90C19FF", "2026-03-02T00:00", None),  # once, and over
    ],
)
def test_calendars_of_billing(octets, after, expected):
    moments = Moments(read_date(bytes.fromhex(octets)), time())
    found = moments.next_after(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == (None if expected is None else datetime.fromisoformat(expected).replace(tzinfo=UTC))


def test_a_time_of_day_that_is_yet_to_come_is_today():
    moments = Moments(DatePattern(), time(12))
    assert moments.next_after(datetime(2026, 3, 2, 11, 59, tzinfo=UTC)) == datetime(
        2026, 3, 2, 12, tzinfo=UTC
    )
    assert moments.next_after(datetime(2026, 3, 2, 12, tzinfo=UTC)) == datetime(2026, 3, 3, 12, tzinfo=UTC)


@given(st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year < 9999))
def test_half_hours_and_midnights_are_later_and_no_more_than_one_away(moment):
    half, midnight = next_half_hour(moment), next_midnight(moment)
    assert moment < half <= moment + timedelta(minutes=30)
    assert (half.minute % 30, half.second, half.microsecond) == (0, 0, 0)
    assert moment < midnight <= moment + timedelta(days=1)
    assert midnight.time() == time()


def test_octets_that_no_clock_shows():
    assert read_time(bytes((25, 0, 0, 0))) is None
    assert read_time(bytes.fromhex("FFFFFFFF")) == time()
    assert read_date(bytes(5)).next_after(date(2026, 1, 1)) is None
