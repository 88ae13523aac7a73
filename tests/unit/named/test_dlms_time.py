from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.date_time import NEVER, NOW, decode_date_time, encode_date_time
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.named import dlms_time as times

DATES = st.binary(min_size=5, max_size=5)
TIMES = st.binary(min_size=4, max_size=4)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("07EA0B16FF0C00000080 00FF", "2026-11-22T12:00:00Z"),
        ("07EA0B1607 0C00000080 00FF", "2026-11-22w7T12:00:00Z"),
        ("07EA0B16FF0C00003280 00FF", "2026-11-22T12:00:00.50Z"),
        ("07EA0B16FF0C0000FF80 00FF", "2026-11-22T12:00:00.*Z"),
        ("07EA0B16FF0C000000FFC4FF", "2026-11-22T12:00:00[-60]Z".replace("]Z", "]")),
        ("07EA0B16FF0C00000080 0002", "2026-11-22T12:00:00Z#02"),
        ("FFFF0C19FF000000008000FF", "*-12-25T00:00:00Z"),
        ("FFFFFEFEFF020000008000FF", "*-DB-LT02:00:00Z"),
        ("FFFFFDFDFFFFFFFF008000FF", "*-DE-L2T*:*:*Z"),
        ("000000000000000000 8000FF", "now"),
        ("FFFFFFFFFFFFFFFFFF 8000FF", "*"),
    ],
)
def test_date_times(octets, text):
    assert times.date_time_text(bytes.fromhex(octets)) == text
    assert times.date_time_octets(text) == bytes.fromhex(octets)


def test_names_agree_with_the_date_time_module():
    assert times.date_time_octets("now") == NOW
    assert times.date_time_octets("cancel") == times.date_time_octets("*") == NEVER


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001
def test_plain_times_are_iso_8601(moment):
    moment = moment.replace(tzinfo=UTC, microsecond=0)
    octets = encode_date_time(moment)
    text = times.date_time_text(octets)
    assert datetime.fromisoformat(text) == moment
    assert times.date_time_octets(text) == octets


@given(st.binary(min_size=12, max_size=12))
def test_every_date_time_comes_back(octets):
    try:
        text = times.date_time_text(octets)
    except DecodeError:
        # The other module has the last word on what a date-time is; years beyond 9999 have no text.
        if int.from_bytes(octets[:2], "big") <= 9999:
            with pytest.raises(DecodeError):
                decode_date_time(octets)
        return
    assert times.date_time_octets(text) == octets


@given(DATES, TIMES)
def test_every_date_and_time_comes_back(date, time):
    for octets, to_text, to_octets in (
        (date, times.date_text, times.date_octets),
        (time, times.time_text, times.time_octets),
    ):
        try:
            text = to_text(octets)
        except DecodeError:
            continue
        assert to_octets(text) == octets


@pytest.mark.parametrize(
    ("text", "expected"),
    [("*-12-25", "FFFF0C19FF"), ("2015-05-01", "07DF0501FF"), ("0000-01-*", "000001FFFF")],
)
def test_dates(text, expected):
    assert times.date_octets(text).hex().upper() == expected
    assert times.date_text(bytes.fromhex(expected)) == text


@given(st.integers(0, 0xFFFF_FFFF))
def test_time_stamps_are_seconds_since_2000(seconds):
    assert times.utc_seconds(times.utc_text(seconds)) == seconds


def test_time_stamp_of_a_new_year():
    # 15 years with four leap days.
    assert times.utc_text((15 * 365 + 4) * 86_400) == "2015-01-01T00:00:00Z"


@pytest.mark.parametrize("text", ["1999-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "soon", "2015-01-01"])
def test_time_stamps_that_do_not_fit(text):
    with pytest.raises(EncodeError):
        times.utc_seconds(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-13-01T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-01w8T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00[-721]",
        "2026-01-01T00:00:00Z#0g",
        "2026-01-01T00:00:00Z\n",
        "२०२६-01-01T00:00:00Z",
    ],
)
def test_texts_that_are_no_date_time(text):
    with pytest.raises(EncodeError):
        times.date_time_octets(text)


@pytest.mark.parametrize("octets", ["", "07DF0501", "07DF0D01FF", "07DF0120FF", "07DF010108", "2710 0101FF"])
def test_octets_that_are_no_date(octets):
    with pytest.raises(DecodeError):
        times.date_text(bytes.fromhex(octets))
