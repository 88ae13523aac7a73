"""Attribute reads as named values: which attributes are asked for, and what became of each.

``Attributes`` of a read is a list of names. Of its answer it is an object: an attribute's value, or
``{"Status": number}`` where reading failed. An attribute that came with another type than its own is
``{"Data Type": number, "Value": value}``, and one without a name ``unnamed attribute 1234``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.errors import EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.catalogue.zcl import Attribute, Field, zcl_tables
from protocols.gbcs.named.gbz_heads import ATTRIBUTES, STATUS
from protocols.gbcs.zcl_fields import Note, Rules, check_allowed, refuse_surplus
from protocols.gbcs.zcl_values import OF_DATA_TYPE, number_octets, plain, shown

_UNNAMED = "unnamed attribute "
_DATA_TYPE, _VALUE = "Data Type", "Value"
_HEAD_OCTETS = 3
_KNOWN_STATUSES = [int(status) for status in zcl.Status]


def read_names(cluster: int, payload: bytes, note: Note | None) -> dict[str, Any]:
    """Attributes of a Read Attributes command."""
    numbers = zcl.decode_read_attributes(payload)
    names = [_name(cluster, number) for number in numbers]
    if note:
        for index, name in enumerate(names):
            note(f"{ATTRIBUTES}[{index}]", Field(name, "u16"), name, 2 * index, 2 * index + 2)
    return {ATTRIBUTES: names}


def write_names(cluster: int, values: Mapping[str, Any], element: str, rules: Rules) -> bytes:
    """ZCL payload of Read Attributes."""
    names = _attributes(values, element, list, rules.clause)
    element = f"{element}.{ATTRIBUTES}"
    numbers = [_number(cluster, name, f"{element}[{index}]", rules)[0] for index, name in enumerate(names)]
    if rules.strict:
        _same([f"{number:04X}" for number in numbers], list(rules.allowed), cluster, element, rules.clause)
    return zcl.encode_read_attributes(numbers)


def read_records(cluster: int, payload: bytes, note: Note | None) -> dict[str, Any]:
    """Attributes of a Read Attributes Response."""
    values: dict[str, Any] = {}
    at = 0
    for record in zcl.decode_attribute_records(payload):
        known = zcl_tables().attribute(cluster, record.attribute)
        name = _name(cluster, record.attribute)
        count = 1
        while name in values:
            count += 1
            name = f"{_name(cluster, record.attribute)}[{count}]"
        values[name] = _record_value(record, known)
        end = at + len(zcl.encode_attribute_records([record]))
        if note:
            field = Field(
                name,
                OF_DATA_TYPE.get(record.data_type or 0, ""),
                known.unit if known else "",
                known.scale if known else 0,
            )
            note(f"{ATTRIBUTES}.{name}", field, values[name], at, end)
        at = end
    return {ATTRIBUTES: values}


def write_records(cluster: int, values: Mapping[str, Any], element: str, rules: Rules) -> bytes:
    """ZCL payload of Read Attributes Response."""
    found = _attributes(values, element, Mapping, rules.clause)
    element = f"{element}.{ATTRIBUTES}"
    records = []
    for name, value in found.items():
        here = f"{element}.{name}"
        number, known = _number(cluster, name, here, rules)
        record = _record(number, known, value, here, rules)
        allowed = rules.allowed.get(f"{number:04X}") if rules.strict else None
        if allowed is not None and not record.status:
            check_allowed(record.value, allowed, here, rules.clause)
        records.append(record)
    if rules.strict:
        numbers = [f"{record.attribute:04X}" for record in records]
        _same(numbers, list(rules.allowed), cluster, element, rules.clause)
    return zcl.encode_attribute_records(records)


def _record_value(record: zcl.AttributeRecord, known: Attribute | None) -> Any:
    if record.status:
        return {STATUS: record.status}
    value = shown(OF_DATA_TYPE.get(record.data_type or 0, ""), record.value)
    if known is not None and known.data_type == record.data_type:
        return value
    return {_DATA_TYPE: record.data_type, _VALUE: value}


def _record(
    number: int, known: Attribute | None, value: Any, element: str, rules: Rules
) -> zcl.AttributeRecord:
    if isinstance(value, Mapping) and STATUS in value:
        refuse_surplus(value, {STATUS}, element, rules.clause)
        number_octets(value[STATUS], 1, f"{element}.{STATUS}")
        if not value[STATUS]:
            problem = "an attribute that was read has a value instead"
            raise EncodeError(problem, element=f"{element}.{STATUS}", clause=rules.clause)
        if rules.strict:
            check_allowed(value[STATUS], _KNOWN_STATUSES, f"{element}.{STATUS}", rules.clause)
        return zcl.AttributeRecord(number, value[STATUS])
    if isinstance(value, Mapping):
        return _odd_record(number, value, element, rules)
    if known is None:
        problem = "the type of this attribute is not known"
        raise EncodeError(problem, element=element, clause=rules.clause)
    return _typed(number, known.data_type, value, element)


def _odd_record(number: int, value: Mapping[str, Any], element: str, rules: Rules) -> zcl.AttributeRecord:
    if rules.strict:
        raise EncodeError("the attribute has another type", element=element, clause=rules.clause)
    refuse_surplus(value, {_DATA_TYPE, _VALUE}, element, rules.clause)
    number_octets(value.get(_DATA_TYPE), 1, f"{element}.{_DATA_TYPE}")
    return _typed(number, value[_DATA_TYPE], value.get(_VALUE), element)


def _typed(number: int, data_type: int, value: Any, element: str) -> zcl.AttributeRecord:
    raw = plain(OF_DATA_TYPE.get(data_type, ""), value, element)
    zcl.encode_value(data_type, raw, element)
    return zcl.AttributeRecord(number, 0, data_type, raw)


def _attributes(values: Mapping[str, Any], element: str, kind: Any, clause: str) -> Any:
    found = values.get(ATTRIBUTES)
    if not isinstance(found, kind):
        problem = "the value is missing" if found is None else f"{found!r} has the wrong form"
        raise EncodeError(problem, element=f"{element}.{ATTRIBUTES}", clause=clause)
    refuse_surplus(values, {ATTRIBUTES}, element, clause)
    return found


def _name(cluster: int, number: int) -> str:
    known = zcl_tables().attribute(cluster, number)
    return known.name if known else f"{_UNNAMED}{number:04X}"


def _number(cluster: int, name: Any, element: str, rules: Rules) -> tuple[int, Attribute | None]:
    text = str(name)
    plain_name = text.rsplit("[", 1)[0] if text.endswith("]") else text
    known = zcl_tables().attribute_named(cluster, plain_name)
    if known is not None:
        return known.attribute, known
    try:
        number = int(plain_name.removeprefix(_UNNAMED), 16) if plain_name.startswith(_UNNAMED) else None
    except ValueError:
        number = None
    if number is None or rules.strict:
        raise EncodeError("no such attribute of the cluster", element=element, clause=rules.clause)
    return number, None


def _same(found: list[str], wanted: list[str], cluster: int, element: str, clause: str) -> None:
    if found == wanted:
        return
    names = [_name(cluster, int(number, 16)) for number in wanted]
    for number, name in zip(wanted, names, strict=True):
        if number not in found:
            raise EncodeError("the attribute is missing", element=f"{element}.{name}", clause=clause)
    for number in found:
        if number not in wanted:
            here = f"{element}.{_name(cluster, int(number, 16))}"
            raise EncodeError("no such element here", element=here, clause=clause)
    raise EncodeError(f"the order is {', '.join(names)}", element=element, clause=clause)
