"""Single ZCL values as JSON has them: numbers, times and dates as text, strings; little-endian on the wire.

UTCTime is ``2026-11-22T12:00:00Z``, and ``now`` for 0 and ``never`` for FFFFFFFF (in a command to be carried
out later they mean at once and cancel). A date is ``2026-11-22/7`` (weekday, Monday 1, left out where
unspecified); ``*`` stands for an unspecified year, month or day, 253 and 254 for the special months and days.
Octet strings are hexadecimal, character strings text; null is a string that says it has no value.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.zcl import DataType, decode_string, encode_string

Value = int | str | None

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_SECONDS = "%Y-%m-%dT%H:%M:%SZ"
NOW, NEVER = "now", "never"
_NEVER = 0xFFFF_FFFF
_DATE = re.compile(r"(\*|\d{4})-(\*|\d{1,3})-(\*|\d{1,3})(?:/(\d{1,3}))?", re.ASCII)
_FIRST_YEAR = 1900
_ANY = 0xFF
_SPECIAL = (0xFD, 0xFE)
SIZES = {"u8": 1, "u16": 2, "u24": 3, "u32": 4, "u48": 6, "i32": 4, "e8": 1, "b8": 1, "b16": 2, "b32": 4}
SIZES |= {"time": 4, "date": 4}
# Types of attributes that are written as another kind of value.
OF_DATA_TYPE: dict[int, str] = {
    DataType.OCTET_STRING: "octets",
    DataType.CHARACTER_STRING: "chars",
    DataType.UTC_TIME: "time",
}


def read_value(kind: str, data: bytes, at: int, path: str) -> tuple[Value, int]:
    """One value and the offset after it; DecodeError where it is cut off."""
    size = SIZES.get(kind)
    if size is None:
        octets, end = decode_string(data, at, path)
        return shown(kind, octets), end
    end = at + size
    if end > len(data):
        raise DecodeError(f"{size} octets expected, {len(data) - at} left", offset=len(data), path=path)
    if kind == "date":
        return _date_text(data[at:end]), end
    number = int.from_bytes(data[at:end], "little", signed=kind == "i32")
    return (time_text(number) if kind == "time" else number), end


def write_value(kind: str, value: object, element: str) -> bytes:
    """Octets of one value; EncodeError where it does not fit its type."""
    if kind == "date":
        return _date_octets(value, element)
    raw = plain(kind, value, element)
    size = SIZES.get(kind)
    if size is None or not isinstance(raw, int):
        return encode_string(raw, element)
    return number_octets(raw, size, element, signed=kind == "i32")


def number_octets(value: object, size: int, element: str, *, signed: bool = False) -> bytes:
    """Octets of a number; EncodeError where it is none or does not fit."""
    bits = 8 * size - signed
    lowest = -(1 << bits) if signed else 0
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value < 1 << bits:
        raise EncodeError(f"{value!r} is no number from {lowest} to {(1 << bits) - 1}", element=element)
    return value.to_bytes(size, "little", signed=signed)


def shown(kind: str, raw: int | bytes | None) -> Value:
    """A value as the wire has it in its JSON form."""
    if isinstance(raw, bytes):
        return raw.hex().upper() if kind == "octets" else raw.decode("utf-8", "surrogateescape")
    return time_text(raw) if kind == "time" and raw is not None else raw


def plain(kind: str, value: object, element: str) -> int | bytes | None:
    """The reverse of ``shown``; EncodeError where the value is not of this kind."""
    if kind == "time":
        return time_number(value, element)
    if kind not in {"octets", "chars"}:
        if isinstance(value, bool) or not isinstance(value, int):
            raise EncodeError(f"{value!r} is no number", element=element)
        return value
    if value is None:
        return None
    try:
        text = str.encode(value, "utf-8", "surrogateescape")  # type: ignore[arg-type]  # TypeError is caught
        return octets_of(text.decode("ascii"), element) if kind == "octets" else text
    except (TypeError, UnicodeError):
        raise EncodeError(f"{value!r} is no text for {kind}", element=element) from None


def octets_of(text: str, element: str) -> bytes:
    """Octets from hexadecimal text."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise EncodeError(f"{text!r} is not hexadecimal", element=element) from None


def time_text(seconds: int) -> str:
    """Text of a UTCTime."""
    if seconds == 0:
        return NOW
    return NEVER if seconds == _NEVER else (_EPOCH + timedelta(seconds=seconds)).strftime(_SECONDS)


def time_number(value: object, element: str) -> int:
    """Seconds since 2000 from the text of a UTCTime."""
    if value == NOW:
        return 0
    if value == NEVER:
        return _NEVER
    try:
        moment = datetime.strptime(value, _SECONDS).replace(tzinfo=UTC)  # type: ignore[arg-type]  # caught
    except (TypeError, ValueError):
        problem = f"{value!r} is no time like 2026-11-22T12:00:00Z, {NOW} or {NEVER}"
        raise EncodeError(problem, element=element) from None
    seconds = (moment - _EPOCH) // timedelta(seconds=1)
    if not 0 <= seconds <= _NEVER:
        raise EncodeError(f"{value!r} is outside 2000 to 2136", element=element)
    return seconds


def _date_text(octets: bytes) -> str:
    year, month, day, weekday = octets
    text = "*" if year == _ANY else str(_FIRST_YEAR + year)
    for part in (month, day):
        text += "-*" if part == _ANY else f"-{part:02d}"
    return text if weekday == _ANY else f"{text}/{weekday}"


def _date_octets(value: object, element: str) -> bytes:
    match = _DATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise EncodeError(f"{value!r} is no date like 2026-11-22/7 or *-12-25", element=element)
    year, month, day, weekday = match.groups()
    octets = [_ANY if part in {"*", None} else int(part) for part in (year, month, day, weekday)]
    if year != "*":
        octets[0] -= _FIRST_YEAR
    if not all(0 <= octet <= _ANY for octet in octets):
        raise EncodeError(f"{value!r} is outside the range of dates", element=element)
    return bytes(octets)


def check_date(value: object, element: str, clause: str) -> None:
    """EncodeError where a date names a month, day or weekday that does not exist."""
    _, month, day, weekday = _date_octets(value, element)
    for number, highest, special in ((month, 12, _SPECIAL), (day, 31, _SPECIAL), (weekday, 7, ())):
        if not 1 <= number <= highest and number != _ANY and number not in special:
            raise EncodeError(f"{value!r} is no date", element=element, clause=clause)
