"""What GBZ alerts say first: code, time and, for four message codes, contents of their own (big-endian)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue.zcl import Field
from protocols.gbcs.gbz import AlertHead
from protocols.gbcs.zcl_fields import Note, Rules, check_allowed
from protocols.gbcs.zcl_values import number_octets, octets_of, time_number, time_text

ALERT_CODE, TIME, COUNT, UNNAMED_CONTENT = "Alert Code", "Time", "Number of Components", "unnamed content"
_HASH_OCTETS = 32
_HEX_DIGITS = 2
_OTHER_CODES = [[0x8000, 0x8FFF]]


@dataclass(slots=True)
class _Content:
    """Octets that come first, then numbers of so many octets each, or one octet string of ``hash`` octets."""

    head: bytes = b""
    numbers: dict[str, int] = field(default_factory=dict)
    octets: str = ""
    codes: list[Any] = field(default_factory=lambda: _OTHER_CODES)

    @property
    def has_content(self) -> bool:
        """Whether there is anything after the time."""
        return bool(self.numbers or self.octets)


_CONTENTS = {
    0x00CF: _Content(bytes((0x09, _HASH_OCTETS)), octets="Firmware Hash", codes=[0x8F72]),
    0x00F2: _Content(numbers={"Other Information": 2}),
    0x00CD: _Content(
        bytes((14,)),
        {
            "Message Code": 2,
            "Originator Counter": 8,
            "Cluster": 2,
            "Frame Control": 1,
            "Command Identifier": 1,
        },
        codes=[0x8F66, 0x8F67],
    ),
    0x008B: _Content(codes=[0x8F0A]),
}


def decode_alert(alert: AlertHead, message_code: int, components: int, note: Note | None) -> dict[str, Any]:
    """Named values of an alert before its components."""
    values: dict[str, Any] = {ALERT_CODE: alert.alert_code, TIME: time_text(alert.time)}
    if note:
        note(ALERT_CODE, Field(ALERT_CODE, "u16"), alert.alert_code, 3, 5)
        note(TIME, Field(TIME, "time"), values[TIME], 5, 9)
    if alert.number_of_components != _count(alert.content, components):
        values[COUNT] = alert.number_of_components
    shape = _CONTENTS.get(message_code, _Content())
    if components or not (alert.content or shape.has_content):
        return values
    if not shape.has_content:
        values[UNNAMED_CONTENT] = alert.content.hex().upper()
        if note:
            end = alert.content_offset + len(alert.content)
            note(
                UNNAMED_CONTENT,
                Field(UNNAMED_CONTENT, "octets"),
                values[UNNAMED_CONTENT],
                alert.content_offset,
                end,
            )
        return values
    try:
        return values | _read(shape, alert.content, alert.content_offset, note)
    except DecodeError as error:
        raise error.moved(alert.content_offset, "gbz.alert") from None


def build_alert(values: Mapping[str, Any], message_code: int, components: int, rules: Rules) -> AlertHead:
    """Alert head from named values; EncodeError names what is missing or does not fit."""
    shape = _CONTENTS.get(message_code, _Content())
    for name in (ALERT_CODE, TIME):
        if name not in values:
            raise EncodeError("the value is missing", element=name, clause=rules.clause)
    number_octets(values[ALERT_CODE], 2, ALERT_CODE)
    if rules.strict:
        check_allowed(values[ALERT_CODE], shape.codes, ALERT_CODE, rules.clause)
    if UNNAMED_CONTENT in values and not rules.strict:
        content = octets_of(str(values[UNNAMED_CONTENT]), UNNAMED_CONTENT)
    else:
        content = b"" if components else _write(shape, values, rules)
    count = _count(content, components)
    if COUNT in values and not rules.strict:
        number_octets(values[COUNT], 1, COUNT)
        count = values[COUNT]
    return AlertHead(values[ALERT_CODE], time_number(values[TIME], TIME), count, content)


def content_fields(message_code: int) -> tuple[bytes, dict[str, int]]:
    """What follows an alert's time: fixed octets, then fields by name with their octets; mostly nothing."""
    shape = _CONTENTS.get(message_code, _Content())
    return shape.head, {shape.octets: _HASH_OCTETS} if shape.octets else shape.numbers


def alert_keys(message_code: int, *, strict: bool) -> set[str]:
    """Names an alert may have beside its components."""
    shape = _CONTENTS.get(message_code, _Content())
    names = {ALERT_CODE, TIME, *shape.numbers} | ({shape.octets} if shape.octets else set())
    return names if strict else names | {COUNT, UNNAMED_CONTENT}


def _count(content: bytes, components: int) -> int:
    return components or bool(content)


def _read(shape: _Content, content: bytes, base: int, note: Note | None) -> dict[str, Any]:
    size = _HASH_OCTETS if shape.octets else sum(shape.numbers.values())
    at = len(shape.head)
    if content[:at] != shape.head or len(content) != at + size:
        problem = f"{len(content)} octets from {content[:at].hex().upper()} are not those of this alert"
        raise DecodeError(problem, offset=0, path="content")
    if shape.octets:
        value = content[at:].hex().upper()
        if note:
            note(shape.octets, Field(shape.octets, "octets"), value, base + at, base + len(content))
        return {shape.octets: value}
    values: dict[str, Any] = {}
    for name, octets in shape.numbers.items():
        values[name] = int.from_bytes(content[at : at + octets], "big")
        if note:
            note(name, Field(name, "number"), values[name], base + at, base + at + octets)
        at += octets
    return values


def _write(shape: _Content, values: Mapping[str, Any], rules: Rules) -> bytes:
    out = shape.head
    for name in [*shape.numbers, *([shape.octets] if shape.octets else [])]:
        if name not in values:
            raise EncodeError("the value is missing", element=name, clause=rules.clause)
    for name, octets in shape.numbers.items():
        out += number_octets(values[name], octets, name)[::-1]
    if shape.octets:
        text = str(values[shape.octets])
        if len(text) != _HASH_OCTETS * _HEX_DIGITS:
            problem = f"{len(text) // _HEX_DIGITS} octets instead of {_HASH_OCTETS}"
            raise EncodeError(problem, element=shape.octets, clause=rules.clause)
        out += octets_of(text, shape.octets)
    return out
