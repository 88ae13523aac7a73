"""GBZ payloads as named leaf values and back.

``{"Components": [...]}``; an alert has ``Alert Code``, ``Time`` and its own contents first. A component has
``Cluster``, ``Command``, ``Frame Control`` and ``Transaction Sequence Number``, where there is one ``From
Date Time``, where it is encrypted ``Additional Header Control`` and ``Additional Header Frame Counter``, and
then the command's fields by name (see ``zcl_values`` for the form of values, ``gbz_attributes`` for
attributes). An encrypted component nobody could open has ``Ciphered Information``: ciphertext and tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.gbz import (
    SECURITY_HEADER,
    Component,
    GbzPayload,
    build_gbz,
    decrypted,
    parse_gbz,
)
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named import gbz_alerts, gbz_attributes, gbz_counts, gbz_describe, gbz_rules
from protocols.gbcs.named.gbz_heads import (
    CIPHERED,
    FRAME_COUNTER,
    FROM_DATE_TIME,
    HEAD_KEYS,
    HEADER_CONTROL,
    SEQUENCE,
    Head,
    build_head,
    head_of,
    head_values,
)
from protocols.gbcs.zcl_fields import Note, Rules, read_fields, refuse_surplus, write_fields
from protocols.gbcs.zcl_values import number_octets, octets_of, time_number, time_text

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.catalogue.elements import GbzElement
    from protocols.gbcs.message import Message

COMPONENTS = "Components"
_WRAPPER_KEYS = HEAD_KEYS | {FROM_DATE_TIME, HEADER_CONTROL, FRAME_COUNTER}
_Crypt = Callable[[bytes], bytes]


@dataclass(slots=True)
class _Making:
    """What a component is built by."""

    rules: Rules
    row: GbzElement | None
    encrypt: _Crypt | None


def decode(message: Message, _use_case: UseCase | None, decrypt: _Crypt | None) -> dict[str, Any]:
    """Named values of a message's payload; DecodeError (offset in the payload) where it does not parse."""
    return _decode(message, decrypt, None)


def build(
    values: Mapping[str, Any],
    header: GroupingHeader,
    use_case: UseCase | None,
    *,
    strict: bool,
    encrypt: _Crypt | None,
) -> bytes:
    """Payload from named values; EncodeError with element and clause.

    ``strict`` enforces the use case's components, their order and number, fixed values and ranges.
    ``encrypt`` turns the ZCL payload of an encrypted component into a ciphered block.
    """
    clause = gbz_rules.clause_of(use_case, header.message_code)
    try:
        return _build(values, header, use_case, Rules(strict, clause), encrypt)
    except EncodeError as error:
        if error.clause:
            raise
        raise EncodeError(error.problem, element=error.element, clause=clause) from None


def describe(message: Message, use_case: UseCase | None, decrypt: _Crypt | None) -> list[dict[str, Any]]:
    """The payload's elements in order: name, clause, unit, scaling, value, text, offset and octets."""
    return gbz_describe.elements(message, use_case, lambda note: _decode(message, decrypt, note))


def _decode(message: Message, decrypt: _Crypt | None, note: Note | None) -> dict[str, Any]:
    is_alert = message.header.cra_flag is CraFlag.ALERT
    payload = parse_gbz(message.payload, alert=is_alert)
    values: dict[str, Any] = {}
    if payload.alert:
        count, code = len(payload.components), message.header.message_code
        values = gbz_alerts.decode_alert(payload.alert, code, count, note)
    if payload.components:
        values[COMPONENTS] = [
            _decode_component(component, decrypt, f"{COMPONENTS}[{index}]", note)
            for index, component in enumerate(payload.components)
        ]
    return values


def _decode_component(
    component: Component, decrypt: _Crypt | None, path: str, note: Note | None
) -> dict[str, Any]:
    head = head_of(component.cluster, component.frame_control, component.command)
    values = head_values(head) | {SEQUENCE: component.sequence}
    if component.from_date_time is not None:
        values[FROM_DATE_TIME] = time_text(component.from_date_time)
    start = component.payload_offset
    if component.ciphered is not None:
        values[HEADER_CONTROL] = component.additional_header_control
        values[FRAME_COUNTER] = component.frame_counter
        start += len(SECURITY_HEADER)
        if decrypt is None:
            values[CIPHERED] = component.ciphered[len(SECURITY_HEADER) :].hex().upper()
            if note:
                gbz_describe.note_ciphered(component, path, values[CIPHERED], note)
            return values
    content = decrypted(component, decrypt) if decrypt else component.payload
    inner: Note | None = None
    if note:
        told = note

        def inner(name: str, field: Any, value: Any, first: int, end: int) -> None:
            told(f"{path}.{name}", field, value, start + first, start + end)

    try:
        return values | _read_content(head, content, inner)
    except DecodeError as error:
        raise error.moved(start, f"gbz.{path}") from None


def _read_content(head: Head, content: bytes, note: Note | None) -> dict[str, Any]:
    if not head.attributes:
        return read_fields(head.table.fields if head.table else [], content, note)
    if head.command == zcl.READ_ATTRIBUTES:
        return gbz_attributes.read_names(head.cluster, content, note)
    return gbz_attributes.read_records(head.cluster, content, note)


def _build(
    values: Mapping[str, Any],
    header: GroupingHeader,
    use_case: UseCase | None,
    rules: Rules,
    encrypt: _Crypt | None,
) -> bytes:
    is_alert = header.cra_flag is CraFlag.ALERT
    keys = gbz_alerts.alert_keys(header.message_code, strict=rules.strict) if is_alert else set()
    refuse_surplus(values, keys | {COMPONENTS}, "payload", rules.clause)
    components = values.get(COMPONENTS, [] if is_alert else None)
    if not isinstance(components, list):
        problem = "the value is missing" if components is None else f"{components!r} is no list"
        raise EncodeError(problem, element=COMPONENTS, clause=rules.clause)
    heads = [
        build_head(each, f"{COMPONENTS}[{index}]", rules.clause, strict=rules.strict)
        for index, each in enumerate(components)
    ]
    rows = _rows(heads, components, use_case, header.cra_flag, rules)
    built = [
        _build_component(head, each, f"{COMPONENTS}[{index}]", _Making(rules, row, encrypt))
        for index, (head, each, row) in enumerate(zip(heads, components, rows, strict=True))
    ]
    if rules.strict and header.cra_flag is CraFlag.COMMAND:
        # After the components: their values have the right form now.
        gbz_counts.check_counts(components, rules.clause)
    payload = GbzPayload(built)
    if is_alert:
        payload.alert = gbz_alerts.build_alert(values, header.message_code, len(built), rules)
    return build_gbz(payload)


def _rows(
    heads: list[Head], components: list[Any], use_case: UseCase | None, flag: CraFlag, rules: Rules
) -> list[GbzElement | None]:
    """The row of each component, where a strict builder knows any."""
    rows = gbz_rules.rows_of(use_case, flag) if rules.strict else []
    if not rows:
        if rules.strict and flag is CraFlag.ALERT and heads:
            problem = "the alert has no components"
            raise EncodeError(problem, element=f"{COMPONENTS}[0]", clause=rules.clause)
        return [None] * len(heads)
    gbz_rules.check_frame_counters(components, rules.clause)
    return list(gbz_rules.match_rows(rows, list(zip(heads, components, strict=True)), rules.clause))


def _build_component(head: Head, values: Mapping[str, Any], element: str, making: _Making) -> Component:
    rules, row = making.rules, making.row
    if row is not None:
        gbz_rules.check_component(row, head, values, element, rules.clause)
    number_octets(values[SEQUENCE], 1, f"{element}.{SEQUENCE}")
    component = Component(
        head.cluster, head.command, frame_control=head.frame_control, sequence=values[SEQUENCE]
    )
    if FROM_DATE_TIME in values:
        component.from_date_time = time_number(values[FROM_DATE_TIME], f"{element}.{FROM_DATE_TIME}")
    content = {name: value for name, value in values.items() if name not in _WRAPPER_KEYS}
    if FRAME_COUNTER not in values:
        component.payload = _write_content(head, content, element, making)
        return component
    component.additional_header_control = values.get(HEADER_CONTROL, 0)
    component.frame_counter = values[FRAME_COUNTER]
    for name in (HEADER_CONTROL, FRAME_COUNTER):
        number_octets(values.get(name, 0), 1, f"{element}.{name}")
    component.ciphered = _cipher(head, content, element, making)
    return component


def _cipher(head: Head, content: Mapping[str, Any], element: str, making: _Making) -> bytes:
    if CIPHERED in content:
        refuse_surplus(content, {CIPHERED}, element, making.rules.clause)
        return SECURITY_HEADER + octets_of(str(content[CIPHERED]), f"{element}.{CIPHERED}")
    plaintext = _write_content(head, content, element, making)
    if making.encrypt is None:
        problem = "the component is to be encrypted, and there is no key to do it"
        raise EncodeError(problem, element=element, clause=making.rules.clause)
    return making.encrypt(plaintext)


def _write_content(head: Head, content: Mapping[str, Any], element: str, making: _Making) -> bytes:
    rules, row = making.rules, making.row
    if row is not None and not head.is_default_response:
        details = row.details
        allowed = dict.fromkeys(details) if isinstance(details, list) else details
        rules = Rules(rules.strict, rules.clause, allowed)
    if head.attributes:
        strict = rules.strict and row is not None
        rules = Rules(strict, rules.clause, rules.allowed)
        if head.command == zcl.READ_ATTRIBUTES:
            return gbz_attributes.write_names(head.cluster, content, element, rules)
        return gbz_attributes.write_records(head.cluster, content, element, rules)
    payload = write_fields(head.table.fields if head.table else [], content, element, rules)
    if rules.strict:
        gbz_rules.check_top_up(head, content, element, rules.clause)
    return payload
