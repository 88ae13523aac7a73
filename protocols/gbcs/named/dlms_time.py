"""DLMS dates and times as text, wildcards included; every octet comes back from the text.

========================  =======================================================================
``2026-11-22T12:00:00Z``  the usual form: UTC, with weekday, deviation and clock status unspecified
``*-12-25``               a date; ``*`` is an unspecified field (FF, for the year FFFF)
``2015-DB-L``             months ``DB`` and ``DE`` begin and end daylight saving, days ``L`` and ``L2``
                          are the last and the last but one of the month
``*-*-*w1``               ``w`` and the weekday, 1 is Monday; left out where it is unspecified
``09:30:00.*``            a time; hundredths stand behind a dot where they are not 00
``...[-60]``              deviation in minutes in place of ``Z``
``...#02``                clock status in hexadecimal where it is not FF
``now``                   all zero: do it at once (GBCS 9.2.2)
``*``                     all unspecified: cancel what is pending, or any time
========================  =======================================================================
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from protocols.errors import DecodeError, EncodeError

NOW_TEXT, ANY_TEXT = "now", "*"
_NOW = bytes(9) + b"\x80\x00\xff"
_ANY = b"\xff" * 9 + b"\x80\x00\xff"
_PLAIN_END = b"\x80\x00\xff"
_MONTHS = {0xFF: "*", 0xFE: "DB", 0xFD: "DE"}
_DAYS = {0xFF: "*", 0xFE: "L", 0xFD: "L2"}
_ANY_ONLY = {0xFF: "*"}
_LIMITS = ((12, _MONTHS), (31, _DAYS), (7, _ANY_ONLY), (23, _ANY_ONLY), (59, _ANY_ONLY), (59, _ANY_ONLY))
_HUNDREDTHS = (99, _ANY_ONLY)
_FIELD_NAMES = ("month", "day", "weekday", "hour", "minute", "second", "hundredths")
_DATE = r"(\d{4}|\*)-(\d\d|\*|DB|DE)-(\d\d|\*|L2?)(?:w(\d))?"
_TIME = r"(\d\d|\*):(\d\d|\*):(\d\d|\*)(?:\.(\d\d|\*))?"
_DATE_FORM = re.compile(_DATE, re.ASCII)
_TIME_FORM = re.compile(_TIME, re.ASCII)
_DATE_TIME_FORM = re.compile(rf"{_DATE}T{_TIME}(?:Z|\[([+-]\d+)\])(?:#([0-9A-F]{{2}}))?", re.ASCII)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_UTC_FORM = "%Y-%m-%dT%H:%M:%SZ"
_SHORTEST_DEVIATION, _LONGEST_DEVIATION = -720, 840
_UNSPECIFIED_DEVIATION = -0x8000


def date_text(octets: bytes) -> str:
    """Text of a date (5 octets)."""
    _check_size(octets, 5, "date")
    year = "*" if octets[:2] == b"\xff\xff" else f"{octets[0] << 8 | octets[1]:04d}"
    if year != "*" and len(year) > 4:
        raise DecodeError(f"{year} is not a year", offset=0, path="year")
    month, day = (_field(octets[2 + at], at) for at in (0, 1))
    weekday = "" if octets[4] == 0xFF else f"w{int(_field(octets[4], 2))}"
    return f"{year}-{month}-{day}{weekday}"


def time_text(octets: bytes) -> str:
    """Text of a time (4 octets)."""
    _check_size(octets, 4, "time")
    text = ":".join(_field(octets[at], 3 + at) for at in range(3))
    return text if octets[3] == 0 else f"{text}.{_field(octets[3], 6)}"


def date_time_text(octets: bytes) -> str:
    """Text of a date-time (12 octets)."""
    _check_size(octets, 12, "date-time")
    if octets == _NOW:
        return NOW_TEXT
    if octets == _ANY:
        return ANY_TEXT
    text = f"{date_text(octets[:5])}T{time_text(octets[5:9])}"
    if octets[9:] == _PLAIN_END:
        return f"{text}Z"
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    if deviation == _UNSPECIFIED_DEVIATION:
        zone = "Z"
    elif _SHORTEST_DEVIATION <= deviation <= _LONGEST_DEVIATION:
        zone = f"[{deviation:+d}]"
    else:
        raise DecodeError(f"{deviation} minutes is not a deviation", offset=9, path="deviation")
    return f"{text}{zone}" + ("" if octets[11] == 0xFF else f"#{octets[11]:02X}")


def date_octets(text: str) -> bytes:
    """The 5 octets of a date's text; EncodeError where it has not the form."""
    found = _DATE_FORM.fullmatch(text)
    if found is None:
        raise EncodeError(f"{text!r} is no date like 2026-11-22 or *-12-25")
    return _date(*found.groups())


def time_octets(text: str) -> bytes:
    """The 4 octets of a time's text; EncodeError where it has not the form."""
    found = _TIME_FORM.fullmatch(text)
    if found is None:
        raise EncodeError(f"{text!r} is no time like 09:30:00")
    return _time(*found.groups())


def date_time_octets(text: str) -> bytes:
    """The 12 octets of a date-time's text; ``cancel`` is a further name of ``*``."""
    if text == NOW_TEXT:
        return _NOW
    if text in (ANY_TEXT, "cancel"):
        return _ANY
    found = _DATE_TIME_FORM.fullmatch(text)
    if found is None:
        raise EncodeError(f"{text!r} is no time like 2026-11-22T12:00:00Z")
    parts = found.groups()
    deviation = _UNSPECIFIED_DEVIATION if parts[8] is None else int(parts[8])
    if parts[8] is not None and not _SHORTEST_DEVIATION <= deviation <= _LONGEST_DEVIATION:
        raise EncodeError(f"{deviation} minutes is not a deviation")
    status = 0xFF if parts[9] is None else int(parts[9], 16)
    return (
        _date(*parts[:4]) + _time(*parts[4:8]) + deviation.to_bytes(2, "big", signed=True) + bytes((status,))
    )


def utc_text(seconds: int) -> str:
    """Text of a time stamp: seconds since the start of 2000 in UTC, 32 bits."""
    return (_EPOCH + timedelta(seconds=seconds)).strftime(_UTC_FORM)


def utc_seconds(text: str) -> int:
    """Seconds since the start of 2000; EncodeError where it does not fit 32 bits."""
    try:
        moment = datetime.strptime(text, _UTC_FORM).replace(tzinfo=UTC)
    except ValueError:
        raise EncodeError(f"{text!r} is no time like 2026-11-22T12:00:00Z") from None
    seconds = int((moment - _EPOCH).total_seconds())
    if not 0 <= seconds <= 0xFFFF_FFFF:
        raise EncodeError(f"{text} is not within 32 bits of seconds since 2000")
    return seconds


def _check_size(octets: bytes, size: int, what: str) -> None:
    if len(octets) != size:
        raise DecodeError(f"{len(octets)} octets instead of {size} for a {what}", offset=0)


def _limit(index: int) -> tuple[int, dict[int, str]]:
    return _LIMITS[index] if index < len(_LIMITS) else _HUNDREDTHS


def _field(octet: int, index: int) -> str:
    highest, special = _limit(index)
    if octet <= highest:
        return f"{octet:02d}"
    try:
        return special[octet]
    except KeyError:
        name = _FIELD_NAMES[index]
        raise DecodeError(f"{octet} is not a {name}", offset=0, path=name) from None


def _octet(text: str | None, index: int) -> int:
    if text is None:
        return 0xFF
    highest, special = _limit(index)
    number = next((octet for octet, name in special.items() if name == text), None)
    if number is None:
        number = int(text)
        if number > highest:
            raise EncodeError(f"{number} is not a {_FIELD_NAMES[index]}")
    return number


def _date(year: str, month: str, day: str, weekday: str | None) -> bytes:
    head = b"\xff\xff" if year == "*" else int(year).to_bytes(2, "big")
    return head + bytes((_octet(month, 0), _octet(day, 1), _octet(weekday, 2)))


def _time(hour: str, minute: str, second: str, hundredths: str | None) -> bytes:
    last = 0 if hundredths is None else _octet(hundredths, 6)
    return bytes((_octet(hour, 3), _octet(minute, 4), _octet(second, 5), last))
