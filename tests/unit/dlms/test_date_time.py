"""DLMS date-times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.date_time import DATE_TIME, NEVER, NOW, DateTime, decode_date_time, encode_date_time
from protocols.errors import DecodeError, EncodeError

NEW_YEAR = datetime(2015, 1, 1, tzinfo=UTC)


@st.composite
def date_times(draw):
    def field(high, *special):
        return draw(st.one_of(st.none(), st.integers(0, high), st.sampled_from(special or [0])))

    return DateTime(
        draw(st.one_of(st.none(), st.integers(0, 0xFFFE))),
        field(12, 0xFD, 0xFE),
        field(31, 0xFD, 0xFE),
        field(7),
        field(23),
        field(59),
        field(59),
        field(99),
        draw(st.one_of(st.none(), st.integers(-720, 840))),
        draw(st.integers(0, 255)),
    )


@given(date_times())
def test_fields_survive(value):
    octets = encode_date_time(value)
    assert len(octets) == 12
    assert decode_date_time(octets) == value
    assert DATE_TIME.parse(octets) == value
    assert DATE_TIME.build(value) == octets


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001  # zone beside
def test_moments_survive_to_the_second(moment):
    assert decode_date_time(encode_date_time(moment)).to_datetime() == moment.replace(microsecond=0)


@given(st.binary(min_size=12, max_size=12))
def test_any_twelve_octets_decode_validly_or_raise_decode_error(octets):
    try:
        value = decode_date_time(octets)
    except DecodeError as error:
        assert error.path.startswith("date_time.")
        return
    assert encode_date_time(value) == octets
    value.to_datetime()


@pytest.mark.parametrize("length", [*range(12), 13])
def test_other_lengths_are_refused(length):
    with pytest.raises(DecodeError):
        decode_date_time(bytes(length))


def test_the_form_of_gbcs():
    assert encode_date_time(NEW_YEAR).hex().upper() == "07DF0101FF000000008000FF"
    assert encode_date_time(NEW_YEAR, status=2)[-1] == 2
    assert encode_date_time(NEW_YEAR.astimezone(timezone(timedelta(hours=1)))) == encode_date_time(NEW_YEAR)


def test_now_and_never():
    assert NOW.hex().upper() == "000000000000000000" + "8000FF"
    assert NEVER.hex().upper() == "FFFFFFFFFFFFFFFFFF" + "8000FF"
    assert encode_date_time(None) == NEVER
    assert decode_date_time(NOW).to_datetime() is None
    assert decode_date_time(NEVER).to_datetime() is None
    assert encode_date_time(decode_date_time(NOW)) == NOW


def test_deviation_counts_from_local_time_to_utc():
    local = DateTime(2015, 1, 1, None, 1, 0, 0, 0, -60)
    assert local.to_datetime() == NEW_YEAR


def test_days_that_do_not_exist_name_no_moment():
    assert DateTime(2015, 2, 30, None, 0, 0, 0).to_datetime() is None


def test_values_that_do_not_fit_are_named():
    with pytest.raises(EncodeError, match="zone"):
        encode_date_time(datetime(2015, 1, 1))  # noqa: DTZ001  # the point of the test
    with pytest.raises(EncodeError, match=r"date_time\.month"):
        encode_date_time(DateTime(month=13))
    with pytest.raises(EncodeError, match=r"date_time\.deviation"):
        encode_date_time(DateTime(deviation=1000))
    with pytest.raises(EncodeError, match=r"date_time\.year"):
        encode_date_time(DateTime(year=0xFFFF))
