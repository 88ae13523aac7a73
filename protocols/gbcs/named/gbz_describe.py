"""GBZ payloads for people: every element in order with its unit, scaling, text, place and clause."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.gbcs import zcl
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import Field, zcl_tables
from protocols.gbcs.gbz import SECURITY_HEADER, Component, parse_gbz
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named import gbz_heads as heads
from protocols.gbcs.named.gbz_alerts import ALERT_CODE
from protocols.gbcs.named.gbz_rules import clause_of
from protocols.gbcs.zcl_values import time_text

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message
    from protocols.gbcs.zcl_fields import Note

Element = dict[str, Any]
_PATH = re.compile(r"Components\[(\d+)\]\.([^.\[]+)")
_HEADS = heads.HEAD_KEYS | {
    heads.HEADER_CONTROL,
    heads.FRAME_COUNTER,
    heads.CIPHERED,
    heads.COMMAND_IDENTIFIER,
    heads.STATUS,
    "Provider ID",
    "Issuer Event ID",
    "Command Index",
    "Total Number of Commands",
}
_FROM_SERVER = 0x08
_ZCL_HEADER_OCTETS = 3
_ENCRYPTED_HEADER_OCTETS = 2


def elements(message: Message, use_case: UseCase | None, walk: Callable[[Note], object]) -> list[Element]:
    """Elements of a payload, in the order of their octets; ``walk`` decodes it and tells of each value.

    ``object`` is what SMETS (or CHTS) calls it, where one of its objects stands behind the element.
    ``offset`` and ``octets`` say where in the message an element is; within an encrypted component that is
    the place of its ciphertext. ``scaling`` is a power of ten; ``text`` what a number means, where known.
    """
    clause = clause_of(use_case, message.header.message_code)
    payload = parse_gbz(message.payload, alert=message.header.cra_flag is CraFlag.ALERT)
    found: list[Element] = []

    def note(name: str, field: Field, value: Any, start: int, end: int) -> None:
        thing, where = _object(use_case, payload.components, name, value)
        found.append(
            {
                "name": name,
                "object": thing or None,
                "clause": f"{where}; {clause}" if where else clause,
                "unit": field.unit or None,
                "scaling": field.scale or None,
                "value": value,
                "text": _text(name, field, value),
                "offset": message.payload_offset + start,
                "octets": end - start,
            }
        )

    for index, component in enumerate(payload.components):
        _note_head(component, f"Components[{index}]", note)
    walk(note)
    return sorted(found, key=lambda element: element["offset"])


def _object(use_case: UseCase | None, components: list[Component], path: str, value: Any) -> tuple[str, str]:
    """SMETS object and clause of an element; empty for headers, statuses and what no object stands for."""
    match = _PATH.match(path)
    code = use_case.code if use_case else ""
    if match is None:
        return "", ""
    component, name = components[int(match[1])], match[2]
    cluster = f"{component.cluster:04X}"
    if name in _HEADS:
        return "", ""
    if name == heads.ATTRIBUTES:
        asked = path[match.end() :].startswith("[")
        name = str(value) if asked else path[match.end() :].removeprefix(".")
        known = zcl_tables().attribute_named(component.cluster, name)
        keys = [f"{cluster}:{known.attribute:04X}"] if known else []
        return zcl_tables().smets_object(*keys, code)
    command = f"{cluster}{'<' if component.frame_control & _FROM_SERVER else '>'}{component.command:02X}"
    return zcl_tables().smets_object(f"{code}:{cluster}", f"{command}.{name}", command, code)


def _note_head(component: Component, path: str, note: Note) -> None:
    """Elements of the GBZ and ZCL headers."""
    values = heads.head_values(heads.head_of(component.cluster, component.frame_control, component.command))
    start = component.offset
    at = component.payload_offset - (_ENCRYPTED_HEADER_OCTETS if component.encrypted else 0)
    at -= _ZCL_HEADER_OCTETS
    rows = [
        (heads.CLUSTER, values[heads.CLUSTER], start + 1, start + 3),
        (heads.FRAME_CONTROL, component.frame_control, at, at + 1),
        (heads.SEQUENCE, component.sequence, at + 1, at + 2),
        (heads.COMMAND, values[heads.COMMAND], at + 2, at + 3),
    ]
    if component.from_date_time is not None:
        rows.append((heads.FROM_DATE_TIME, time_text(component.from_date_time), start + 5, start + 9))
    if component.ciphered is not None:
        rows.append((heads.HEADER_CONTROL, component.additional_header_control, at - 2, at - 1))
        rows.append((heads.FRAME_COUNTER, component.frame_counter, at - 1, at))
    for name, value, first, end in rows:
        note(f"{path}.{name}", Field(name), value, first, end)


def note_ciphered(component: Component, path: str, value: str, note: Note) -> None:
    """The element of a component that stays closed."""
    start = component.payload_offset + len(SECURITY_HEADER)
    end = component.payload_offset + len(component.ciphered or b"")
    note(f"{path}.{heads.CIPHERED}", Field(heads.CIPHERED, "octets"), value, start, end)


def _text(name: str, field: Field, value: Any) -> str | None:
    if name == ALERT_CODE:
        return load_catalogue().alert_name(value)
    if isinstance(value, dict):
        value, field = value.get(heads.STATUS), Field(heads.STATUS)
    if field.name == heads.STATUS and isinstance(value, int):
        known = {status.value: status.name.lower().replace("_", " ") for status in zcl.Status}
        return known.get(value)
    if isinstance(value, int) and (field.unit or field.scale):
        return f"{_scaled(value, field.scale)} {field.unit}".strip()
    return _printable(value) if field.type == "octets" else None


def _scaled(value: int, scale: int) -> str:
    """The number with its point where the power of ten puts it."""
    if scale >= 0:
        return str(value * 10**scale)
    digits = str(abs(value)).rjust(1 - scale, "0")
    return f"{'-' if value < 0 else ''}{digits[:scale]}.{digits[scale:]}"


def _printable(value: Any) -> str | None:
    octets = bytes.fromhex(value) if isinstance(value, str) else b""
    text = octets.decode("ascii", "replace")
    return text if octets and octets.isascii() and text.isprintable() else None
