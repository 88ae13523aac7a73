"""Values of ASN.1 commands (see ``slots``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1 import schema
from protocols.gbcs.named.asn1_engine import may_be_absent
from protocols.gbcs.named.asn1_names import Field, names_of
from protocols.gbcs.named.asn1_payloads import alternatives
from protocols.gbcs.named.asn1_rules import join_method, replacement_mode
from protocols.gbcs.named.slot import Slot

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader

_TYPES: dict[type, tuple[str, bool]] = {
    schema.Integer: ("INTEGER", False),
    schema.Octets: ("OCTET STRING", True),
    schema.AnyOctets: ("OCTET STRING", True),
    schema.Usage: ("KeyUsage", True),
    schema.Time: ("GeneralizedTime", True),
    schema.Null: ("NULL", False),
    schema.Encoded: ("Certificate", True),
    schema.SequenceOf: ("SEQUENCE OF", False),
}


def slots(use_case: UseCase, header: GroupingHeader) -> list[Slot]:
    """Values of a command; those that repeat the header or follow from the message code are fixed."""
    clause = f"GBCS {use_case.code}"
    given = {
        "originatorCounter": header.originator_counter,
        "authorisingRemotePartySeqNumber": header.originator_counter,
        "credentialsReplacementMode": replacement_mode(header.message_code),
        "joinMethodAndRole": join_method(header.message_code),
    }
    found = []
    for alternative in alternatives(header.message_code, "command")[:1]:
        if alternative.field is not None:
            field = alternative.field
            found = list(_slots(alternative.type, field, (field.name,), clause, given))
        elif isinstance(alternative.type, schema.Record):
            found = list(_members(alternative.type, (), clause, given))
    return found


def _members(
    record: schema.Record[Any], path: tuple[str | int, ...], clause: str, given: dict[str, Any]
) -> Iterator[Slot]:
    for element, field in zip(record.elements, names_of(record), strict=True):
        optional = may_be_absent(element)
        for slot in _slots(element.type, field, (*path, field.name), clause, given):
            slot.optional = slot.optional or optional
            yield slot


def _slots(
    expected: schema.Type, field: Field, path: tuple[str | int, ...], clause: str, given: dict[str, Any]
) -> Iterator[Slot]:
    if isinstance(expected, schema.Record):
        yield from _members(expected, path, clause, given)
        return
    kind, is_text = _TYPES[type(expected)]
    if isinstance(expected, schema.SequenceOf):
        kind = f"{kind} {_inside(expected.element)}"
    choices = ", ".join(f"{code.value} {code.name.lower()}" for code in field.codes or ())
    yield Slot(path, kind, field.name, clause, given.get(field.name), is_text=is_text, choices=choices)


def _inside(expected: schema.Type) -> str:
    if isinstance(expected, schema.Record):
        return "{ " + ", ".join(field.name for field in names_of(expected)) + " }"
    return _TYPES[type(expected)][0]
