"""Reference replies changed as another real reply could differ: other values, lengths, results and statuses.

For tests of ``hil replay``: whatever a well-formed reply says, the replay has to explain it.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from protocols.dlms.access import AccessResult, SpecKind, build_access_response, parse_access_response
from protocols.dlms.axdr import Data, Tag, encode_data, null_data, parse_data
from protocols.dlms.protection import read_protected
from protocols.errors import DecodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.crypto import decrypt_block, encrypt_block
from protocols.gbcs.gbz import build_gbz, parse_gbz
from protocols.gbcs.zcl import (
    DEFAULT_RESPONSE,
    READ_ATTRIBUTES,
    READ_ATTRIBUTES_RESPONSE,
    AttributeRecord,
    Status,
    decode_attribute_records,
    decode_default_response,
    encode_attribute_records,
    encode_default_response,
)
from protocols.gbcs.zcl_fields import Rules, read_fields, write_fields
from tests.changed_asn1 import changed_asn1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from protocols.dlms.access import AccessResponse
    from protocols.gbcs.gbz import Component, GbzPayload
    from protocols.gbcs.message import Message


class Changed(NamedTuple):
    """A reply, and what was changed in it."""

    what: str
    reply: Message


def changed_replies(command: Message, reply: Message, kind: str, secret: bytes | None) -> Iterator[Changed]:
    """Every change of a reply; ``secret`` opens and seals its encrypted parts."""
    changes = {
        "dlms": lambda: _dlms(reply, secret),
        "gbz": lambda: _gbz(command, reply, secret),
        "asn1": lambda: changed_asn1(reply),
    }
    for what, payload in changes[kind]():
        if payload != reply.payload:
            yield Changed(what, replace(reply, payload=payload))


# ---------------------------------------------------------------------- DLMS

# What fails without being broken says so by itself; of items that do something others may depend on it.
_RESULTS = (AccessResult.HARDWARE_FAULT, AccessResult.TEMPORARY_FAILURE, AccessResult.READ_WRITE_DENIED)
_BREAKS = frozenset((AccessResult.HARDWARE_FAULT, AccessResult.TEMPORARY_FAILURE))
_INTEGERS = {
    Tag.DOUBLE_LONG: (-(2**31), 2**31 - 1),
    Tag.DOUBLE_LONG_UNSIGNED: (0, 2**32 - 1),
    Tag.INTEGER: (-128, 127),
    Tag.LONG: (-(2**15), 2**15 - 1),
    Tag.UNSIGNED: (0, 255),
    Tag.LONG_UNSIGNED: (0, 2**16 - 1),
    Tag.LONG64: (-(2**63), 2**63 - 1),
    Tag.LONG64_UNSIGNED: (0, 2**64 - 1),
}


def _next(data: Data) -> None:
    if data.tag in _INTEGERS:
        low, high = _INTEGERS[Tag(data.tag)]
        data.value = low if data.value == high else data.value + 1
    elif data.tag == Tag.BOOLEAN:
        data.value = int(not data.value)
    elif data.tag == Tag.OCTET_STRING:
        data.value = bytes(each ^ 1 for each in data.value)


def _highest(data: Data) -> None:
    if data.tag in _INTEGERS:
        data.value = _INTEGERS[Tag(data.tag)][1]


def _longer(data: Data) -> None:
    if data.tag == Tag.OCTET_STRING:
        data.value += b"\x01"


def _no_octets(data: Data) -> None:
    if data.tag == Tag.OCTET_STRING:
        data.value = b""


def _emptied(data: Data) -> None:
    if data.tag == Tag.ARRAY:
        data.value = []
    elif data.tag == Tag.COMPACT_ARRAY:
        data.value.items = []


def _doubled(data: Data) -> None:
    if data.tag == Tag.ARRAY and data.value:
        data.value = [*data.value, *deepcopy(data.value)]
    elif data.tag == Tag.COMPACT_ARRAY:
        data.value.items = [*data.value.items, *deepcopy(data.value.items)]


_VALUES: tuple[Callable[[Data], None], ...] = (_next, _highest, _longer, _no_octets, _emptied, _doubled)


def _walk(data: Data, change: Callable[[Data], None]) -> None:
    change(data)
    if data.tag in {Tag.ARRAY, Tag.STRUCTURE}:
        for each in data.value:
            _walk(each, change)
    elif data.tag == Tag.COMPACT_ARRAY and change is not _doubled:
        # An entry begins with its time; one out of the period that was asked for would not be answered.
        for each in data.value.items:
            for member in each.value[1:] if each.tag == Tag.STRUCTURE else ():
                _walk(member, change)


def _dlms(reply: Message, secret: bytes | None) -> Iterator[tuple[str, bytes]]:
    for change in _VALUES:
        response = parse_access_response(reply.payload)
        response.data = [_changed(each, change, reply, secret) for each in response.data]
        yield change.__name__.strip("_"), build_access_response(response)
    response = parse_access_response(reply.payload)
    for at, (kind, result) in enumerate(response.results):
        results = _RESULTS if kind is SpecKind.GET else _RESULTS[:2]
        for other in results if result != AccessResult.OTHER_REASON else ():
            yield f"item {at} {other.name}", _failed(response, at, other)
    if all(kind is SpecKind.SET for kind, _ in response.results):
        response.results = [(kind, AccessResult.SUCCESS) for kind, _ in response.results]
        yield "all done", build_access_response(response)


def _failed(response: AccessResponse, at: int, result: int) -> bytes:
    """One item fails, and where that is a fault those after it are not tried (as all the set's replies do)."""
    results, data = list(response.results), list(response.data)
    results[at], data[at] = (results[at][0], result), null_data()
    was = response.results[at][1]
    for later in range(at + 1, len(results)):
        if result in _BREAKS:
            results[later], data[later] = (results[later][0], AccessResult.OTHER_REASON), null_data()
        elif was in _BREAKS:
            results[later] = (results[later][0], result)
    return build_access_response(replace(response, results=results, data=data))


def _changed(item: Data, change: Callable[[Data], None], reply: Message, secret: bytes | None) -> Data:
    try:
        block = read_protected(item).block
    except DecodeError:
        _walk(item, change)
        return item
    assert secret is not None
    plain, _ = parse_data(decrypt_block(secret, reply.header, block))
    # The list of what was asked for keeps its length; what stands in it may change.
    for each in plain.value:
        _walk(each, change)
    item.value[1].value = encrypt_block(secret, reply.header, encode_data(plain))
    return item


# ---------------------------------------------------------------------- GBZ

_STATUSES = (Status.FAILURE, Status.UNSUPPORTED_ATTRIBUTE, Status.NOT_FOUND, Status.HARDWARE_FAILURE)
_BROKEN = frozenset((Status.FAILURE, Status.HARDWARE_FAILURE))
# What repeats the question, counts what follows or says what that is.
_ASKED_FOR = frozenset(
    (
        *(
            "Command Index",
            "Total Commands",
            "Total Number of Commands",
            "Snapshot Cause",
            "Day ID",
            "Week ID",
        ),
        *("Snapshot Payload Type", "Sample Type", "Issuer Calendar ID", "Calendar Type", "Number of Samples"),
        *("Total Number of Schedule Entries", "Total Number of Special Days", "Number of Tiers in Use"),
        *("Number of Events / Log Payload Control", "Number of Tiers and Block Thresholds in Use"),
    )
)
# What follows from the command and how it went, or from other fields: no value in a store would make a device
# say otherwise, and a replay may not put words into its mouth.
_FOLLOWS = frozenset(
    (
        *("Provider ID", "Issuer Event ID", "Supply Status", "Cleared Event Logs", "Total Number of Events"),
        *("Result Type", "Top Up Value", "Source of Top Up", "Sample ID"),
    )
)
_NO_COMMAND = 0xFF  # in the default response to a command that was not tried


def _gbz(command: Message, reply: Message, secret: bytes | None) -> Iterator[tuple[str, bytes]]:
    asked = {each.sequence: each for each in parse_gbz(command.payload).components}
    for at, component in enumerate(_opened(reply, secret).components):
        if _not_tried(component):
            return
        for what, changed in _changes(component, asked[component.sequence]):
            said = _opened(reply, secret)
            said.components[at] = changed
            if changed.command != component.command:
                # A command that is refused gives one answer, however many parts it would have had.
                others = [each for each in said.components if each.sequence != changed.sequence]
                before = len([each for each in said.components[:at] if each.sequence != changed.sequence])
                said.components = [*others[:before], changed, *others[before:]]
            _break_off(said.components, asked)
            yield f"component {at} {what}", _sealed(said, reply, secret)


def _changes(component: Component, asked: Component) -> Iterator[tuple[str, Component]]:
    if _has_fault(component):
        return
    for what, payload in _component(component):
        yield what, replace(component, payload=payload)
    # The other direction's default response has a form of its own in some use cases.
    refusable = component.command != DEFAULT_RESPONSE and not asked.frame_control & 0x08
    for status in _STATUSES if refusable else ():
        if asked.command != READ_ATTRIBUTES or asked.frame_control & 0x03:
            yield f"refused {status.name}", _instead(component, asked, asked.command, status)


def _break_off(components: list[Component], asked: dict[int, Component]) -> None:
    """What comes after a fault is not tried (as in all the set's replies)."""
    at = next((at for at, each in enumerate(components) if _has_fault(each)), None)
    if at is None:
        return
    rest = {each.sequence: each for each in components[at + 1 :] if each.sequence != components[at].sequence}
    components[at + 1 :] = [
        _instead(each, asked[each.sequence], _NO_COMMAND, Status.FAILURE) for each in rest.values()
    ]


def _has_fault(component: Component) -> bool:
    if component.frame_control & 0x01:
        return False
    if component.command == DEFAULT_RESPONSE:
        return decode_default_response(component.payload)[1] in _BROKEN
    return any(each.status in _BROKEN for each in decode_attribute_records(component.payload))


def _not_tried(component: Component) -> bool:
    """Whether a component says that one before it was broken, and its own command not looked at."""
    return component.command == DEFAULT_RESPONSE and component.payload[0] == _NO_COMMAND


def _opened(reply: Message, secret: bytes | None) -> GbzPayload:
    said = parse_gbz(reply.payload)
    for each in said.components:
        if each.ciphered is not None:
            assert secret is not None
            each.payload = decrypt_block(secret, reply.header, each.ciphered)
    return said


def _sealed(said: GbzPayload, reply: Message, secret: bytes | None) -> bytes:
    ciphered = [each for each in said.components if each.ciphered is not None]
    for number, each in enumerate(ciphered):
        assert secret is not None
        each.ciphered, each.payload = encrypt_block(secret, reply.header, each.payload), b""
        each.frame_counter = number
    return build_gbz(said)


def _instead(component: Component, asked: Component, command: int, status: int) -> Component:
    payload = encode_default_response(command, status)
    control = (asked.frame_control & 0x08) ^ 0x08
    return replace(
        component,
        command=DEFAULT_RESPONSE,
        payload=payload,
        frame_control=control,
        ciphered=None,
        from_date_time=None,
        additional_header_control=0,
        frame_counter=0,
    )


def _component(component: Component) -> Iterator[tuple[str, bytes]]:
    profile_wide = not component.frame_control & 0x01
    if profile_wide and component.command == DEFAULT_RESPONSE:
        code, _ = decode_default_response(component.payload)
        for status in _STATUSES:
            yield f"status {status.name}", encode_default_response(code, status)
    elif profile_wide and component.command == READ_ATTRIBUTES_RESPONSE:
        yield from _attributes(decode_attribute_records(component.payload))
    else:
        yield from _fields(component)


def _attributes(records: list[AttributeRecord]) -> Iterator[tuple[str, bytes]]:
    yield "other values", encode_attribute_records([_other_value(each) for each in records])
    for at, record in enumerate(records):
        for status in _STATUSES:
            failed = AttributeRecord(record.attribute, status)
            changed = [*records[:at], failed, *records[at + 1 :]]
            yield f"attribute {record.attribute:04X} {status.name}", encode_attribute_records(changed)


def _other_value(record: AttributeRecord) -> AttributeRecord:
    if isinstance(record.value, bytes):
        return replace(record, value=record.value[1:])
    if record.value is None:
        return record
    return replace(record, value=record.value ^ 1)


def _fields(component: Component) -> Iterator[tuple[str, bytes]]:
    from_server = bool(component.frame_control & 0x08)
    known = zcl_tables().command(component.cluster, component.command, from_server=from_server)
    assert known is not None
    values = read_fields(known.fields, component.payload)
    for name, value in values.items():
        refused = name == "Credit Remaining" and values.get("Result Type")  # has no amounts
        if isinstance(value, int) and not refused and name not in _ASKED_FOR | _FOLLOWS:
            yield f"{name} + 1", _with(known.fields, values, {name: value ^ 1})
        elif isinstance(value, list) and len(value) > 1:
            counts = {
                each: 1 for each in values if each.startswith("Total Number") or each == "Number of Samples"
            }
            yield f"one of {name}", _with(known.fields, values, {name: value[:1]} | counts)


def _with(fields: Any, values: dict[str, Any], other: dict[str, Any]) -> bytes:
    return write_fields(fields, values | other, "changed", Rules())
