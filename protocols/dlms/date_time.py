"""DLMS date-time, 12 octets: year, month, day, weekday, hour, minute, second, hundredths, deviation, status.

GBCS writes times in UTC with weekday, deviation and clock status left unspecified and hundredths zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from protocols.dlms.lazy_layout import lazy_layouts
from protocols.dlms.length import take
from protocols.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from protocols.dlms.layout import Layout

# Activation times with a meaning of their own (GBCS section 9.2.2): do it now, cancel what is pending.
NOW = bytes.fromhex("000000000000000000") + bytes.fromhex("8000FF")
NEVER = bytes.fromhex("FFFFFFFFFFFFFFFFFF") + bytes.fromhex("8000FF")

_UNSPECIFIED_DEVIATION = -0x8000
# Field, offset, highest ordinary value, further values: FF unspecified, FD and FE as dlms.md 6 says.
_FIELDS = (
    ("month", 2, 12, (0xFD, 0xFE)),
    ("day", 3, 31, (0xFD, 0xFE)),
    ("weekday", 4, 7, ()),
    ("hour", 5, 23, ()),
    ("minute", 6, 59, ()),
    ("second", 7, 59, ()),
    ("hundredths", 8, 99, ()),
)


@dataclass(slots=True)
class DateTime:
    """A date-time field by field; None is unspecified (a wildcard).

    ``month`` 0xFD and 0xFE are the end and the beginning of daylight saving, ``day`` 0xFD and 0xFE the last
    but one and the last of the month. ``weekday`` 1 is Monday. ``deviation`` is minutes from local time to
    UTC.
    """

    year: int | None = None
    month: int | None = None
    day: int | None = None
    weekday: int | None = None
    hour: int | None = None
    minute: int | None = None
    second: int | None = None
    hundredths: int | None = None
    deviation: int | None = None
    status: int = 0xFF

    def to_datetime(self) -> datetime | None:
        """The moment in UTC, or None where the fields name none (wildcards, NOW, the 30th of February)."""
        year, month, day, hour = self.year, self.month, self.day, self.hour
        minute, second, hundredths = self.minute, self.second, self.hundredths or 0
        if year is None or month is None or day is None or hour is None or minute is None or second is None:
            return None
        try:
            moment = datetime(year, month, day, hour, minute, second, hundredths * 10_000, tzinfo=UTC)
            return moment + timedelta(minutes=self.deviation or 0)
        except (ValueError, OverflowError):
            return None


def _read(data: bytes, offset: int) -> tuple[DateTime, int]:
    octets, end = take(data, offset, 12, "date_time")
    fields: dict[str, int | None] = {}
    for name, index, highest, special in _FIELDS:
        value = octets[index]
        if value > highest and value != 0xFF and value not in special:
            raise DecodeError(f"{value} is not a {name}", offset=offset + index, path=f"date_time.{name}")
        fields[name] = None if value == 0xFF else value
    year = int.from_bytes(octets[:2], "big")
    deviation = int.from_bytes(octets[9:11], "big", signed=True)
    if deviation != _UNSPECIFIED_DEVIATION and not -720 <= deviation <= 840:
        problem = f"{deviation} minutes is not a deviation"
        raise DecodeError(problem, offset=offset + 9, path="date_time.deviation")
    decoded = DateTime(None if year == 0xFFFF else year, status=octets[11])
    for name, number in fields.items():
        setattr(decoded, name, number)
    decoded.deviation = None if deviation == _UNSPECIFIED_DEVIATION else deviation
    return decoded, end


def decode_date_time(octets: bytes) -> DateTime:
    """Date-time from exactly 12 octets; DecodeError names the field out of range."""
    if len(octets) != 12:
        raise DecodeError(
            f"12 octets expected, not {len(octets)}", offset=min(len(octets), 12), path="date_time"
        )
    return _read(octets, 0)[0]


def encode_date_time(value: datetime | DateTime | None, *, status: int | None = None) -> bytes:
    """12 octets: a moment (timezone-aware, whole seconds, in UTC), single fields, or None for all wildcards.

    ``status`` replaces the clock status (FF, unspecified, where nothing else is said).
    """
    if isinstance(value, datetime):
        value = _from_datetime(value)
    value = value or DateTime()
    year, deviation = value.year, value.deviation
    if not 0 <= (0 if year is None else year) < 0xFFFF:
        raise EncodeError(f"{year} does not fit", element="date_time.year")
    if deviation is not None and not -720 <= deviation <= 840:
        raise EncodeError(f"{deviation} does not fit", element="date_time.deviation")
    out = bytearray((0xFFFF if year is None else year).to_bytes(2, "big"))
    for name, _, highest, special in _FIELDS:
        field = getattr(value, name)
        if field is not None and not 0 <= field <= highest and field not in special:
            raise EncodeError(f"{field} does not fit", element=f"date_time.{name}")
        out.append(0xFF if field is None else field)
    out += (_UNSPECIFIED_DEVIATION if deviation is None else deviation).to_bytes(2, "big", signed=True)
    out.append(value.status if status is None else status)
    return bytes(out)


def _from_datetime(moment: datetime) -> DateTime:
    if moment.tzinfo is None:
        raise EncodeError("a time without zone could be any time", element="date_time")
    utc = moment.astimezone(UTC)
    return DateTime(utc.year, utc.month, utc.day, None, utc.hour, utc.minute, utc.second, 0, None)


DATE_TIME: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(DATE_TIME=(_read, encode_date_time))
