"""Filling in a command: what the use case fixes, when it is to be carried out, and values by name."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Literal

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.named.slots import find, prepared, put

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.named.slot import Slot

NOW: Literal["now"] = "now"
NEVER: Literal["never"] = "never"
NEVER_TEXT = "9999-12-31T23:59:59Z"
At = datetime | Literal["now", "never"]
"""When a command is to be carried out: at a time, at once, or never (what is pending is cancelled)."""

# How the payload kinds write the two that are no times (GBCS 9.2.2); ASN.1 leaves the time out for at once.
_WORDS: dict[str, dict[str, str | None]] = {
    "dlms": {NOW: "now", NEVER: "*"},
    "gbz": {NOW: "now", NEVER: "never"},
    "asn1": {NOW: None, NEVER: NEVER_TEXT},
}
_ALL = "*/"
# Fields of ZCL commands that say when a future datable command is to be carried out.
_GBZ_DATES = frozenset(("Start Time", "Implementation Date/Time", "From Date Time"))


def fill(
    use_case: UseCase,
    header: GroupingHeader,
    given: Mapping[str, Any],
    *,
    payload: Mapping[str, Any] | None = None,
    at: At | None = None,
) -> dict[str, Any]:
    """Payload values of a command: what the use case fixes (or ``payload``), and ``given`` values on top.

    ``given`` goes by name or place (``slots.find``), or ``*/name`` for all values of a name; times, octets
    and EUI-64s may be Python's. ``at`` is put wherever a future datable command has a time for it that is not
    given; without it and without ``payload`` that is at once. EncodeError where a name is unknown or stands
    for several places.
    """
    values, known = prepared(use_case, header, given, None if payload is None else deepcopy(dict(payload)))
    # Those for all come first, so that one of them can be given another value.
    ordered = sorted(given.items(), key=lambda item: not item[0].startswith(_ALL))
    chosen = [(slot, value) for name, value in ordered for slot in _find(known, name)]
    named = {slot.place for slot, _ in chosen}
    if at is not None or payload is None:
        _date(use_case, values, [slot for slot in known if slot.place not in named], at)
    for slot, value in chosen:
        _put(values, slot, value)
    return values


def _find(known: list[Slot], name: str) -> list[Slot]:
    if not name.startswith(_ALL):
        return [find(known, name)]
    wanted = name.removeprefix(_ALL).casefold()
    found = [slot for slot in known if str(slot.path[-1]).casefold() == wanted]
    if not found:
        raise EncodeError("no such value", element=name)
    return found


def _date(use_case: UseCase, values: dict[str, Any], known: list[Slot], at: At | None) -> None:
    slots = [slot for slot in known if is_execution_time(use_case, slot)]
    if at is not None and not slots:
        problem = "the use case takes no time to be carried out at"
        raise EncodeError(problem, element="at", clause=f"GBCS use case {use_case.code}")
    words = _WORDS[use_case.payload_kind or "dlms"]
    value = at if isinstance(at, datetime) else words[at or NOW]
    for slot in slots if value is not None else ():
        _put(values, slot, value)


def is_execution_time(use_case: UseCase, slot: Slot) -> bool:
    """Whether a value says when a future datable command is to be carried out."""
    if not use_case.future_datable or slot.fixed is not None:
        return False
    last = str(slot.path[-1])
    if use_case.payload_kind == "dlms":
        return slot.type == "date-time" and ": activate" in last
    return last in _GBZ_DATES if use_case.payload_kind == "gbz" else last == "executionDateTime"


def _put(values: dict[str, Any], slot: Slot, value: Any) -> None:
    try:
        put(values, slot.path, document_value(value))
    except (IndexError, KeyError, TypeError):
        raise EncodeError("the values before it are missing", element=slot.place) from None


def document_value(value: Any) -> Any:
    """A value as documents have it: times and dates as text in UTC, octets and EUI-64s as hexadecimal."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise EncodeError(f"{value!r} has no zone", element="time")
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Eui64 | bytes | bytearray):
        return value.hex().upper()
    if isinstance(value, Mapping):
        return {name: document_value(each) for name, each in value.items()}
    return [document_value(each) for each in value] if isinstance(value, list | tuple) else value
