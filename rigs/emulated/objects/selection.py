"""Selective access to buffers: by range of time, by entry numbers, with wildcards in dates (dlms.md 4, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import CompactArray, Data, Tag
from protocols.dlms.date_time import decode_date_time
from protocols.errors import DecodeError
from protocols.gbcs.gbz import from_datetime

if TYPE_CHECKING:
    from collections.abc import Callable

BY_RANGE, BY_ENTRY = 1, 2
_ALL = (0, 0xFFFF_FFFF)


def select(value: Data, selector: int | None, selection: Data | None) -> Data:
    """The part of a buffer that a get with selection asks for; DecodeError for what is no descriptor."""
    if selection is None or selection.tag != Tag.STRUCTURE or len(selection.value) != 4:
        raise DecodeError(
            "not a range or entry descriptor", offset=selection.offset if selection else 0, path="selection"
        )
    if selector == BY_ENTRY:
        return _entries(value, selection)
    first, last = selection.value[1:3]
    if first.tag != last.tag or first.tag not in {Tag.DOUBLE_LONG_UNSIGNED, Tag.OCTET_STRING}:
        raise DecodeError("not a range of times", offset=first.offset, path="selection")
    if first.tag == Tag.OCTET_STRING:
        return in_window(value, window(first.value, last.value))
    return in_window(value, (first.value, last.value))


def window(first: bytes, last: bytes) -> tuple[int, int]:
    """Seconds since 2000 of two date-times; one without a definite moment does not limit."""
    return _seconds(first, _ALL[0]), _seconds(last, _ALL[1])


def _seconds(octets: bytes, otherwise: int) -> int:
    moment = decode_date_time(octets).to_datetime()
    if moment is None:
        return otherwise
    return min(max(int(moment.timestamp() - 946_684_800), _ALL[0]), _ALL[1])


def in_window(value: Data, limits: tuple[int, int]) -> Data:
    """Entries whose time stamp lies within the limits, both included; what has no time stamps stays whole."""
    return _filtered(value, lambda _number, entry: _is_within(entry, limits))


def _is_within(entry: Data, limits: tuple[int, int]) -> bool:
    first = entry.value[0] if entry.tag == Tag.STRUCTURE and entry.value else entry
    if first.tag == Tag.OCTET_STRING and len(first.value) == 12:
        moment = decode_date_time(first.value).to_datetime()
        return moment is None or limits[0] <= from_datetime(moment) <= limits[1]
    return first.tag != Tag.DOUBLE_LONG_UNSIGNED or limits[0] <= first.value <= limits[1]


def _entries(value: Data, selection: Data) -> Data:
    first, last = (each.value for each in selection.value[:2])
    if not isinstance(first, int) or not isinstance(last, int):
        raise DecodeError("not a range of entries", offset=selection.offset, path="selection")
    # 0 as the last entry means the last one there is.
    return _filtered(value, lambda number, _entry: first <= number and (not last or number <= last))


def _filtered(value: Data, keep: Callable[[int, Data], bool]) -> Data:
    if value.tag == Tag.COMPACT_ARRAY:
        items = [item for number, item in enumerate(value.value.items, 1) if keep(number, item)]
        return Data(Tag.COMPACT_ARRAY, CompactArray(value.value.description, items))
    if value.tag == Tag.ARRAY:
        return Data(Tag.ARRAY, [item for number, item in enumerate(value.value, 1) if keep(number, item)])
    return value
