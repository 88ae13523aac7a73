"""Every ASN.1 payload in every form it may have (see ``test_sweep_dlms``); and every use case is in a sweep."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.gbcs.asn1 import registry, schema
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named.asn1_engine import may_be_absent
from protocols.gbcs.named.asn1_names import names_of
from protocols.gbcs.named.asn1_payloads import alternatives
from tests.named_sweep import CATALOGUE, METER, SIZES, comes_back
from tests.unit.named.test_sweep_dlms import dlms_codes
from tests.unit.named.test_sweep_gbz import KINDS, gbz_messages

CERTIFICATE = "300402020102"


def asn1_value(expected, field, number, size, *, optional):
    """A value of a type; ``number`` counts through enumerations."""
    if isinstance(expected, schema.Record):
        return asn1_members(expected, number, size, optional=optional)
    if isinstance(expected, schema.SequenceOf):
        return [
            asn1_value(expected.element, field, number + at, size, optional=optional) for at in range(size)
        ]
    if field.codes is not None:
        return list(field.codes)[number % len(field.codes)].value
    if isinstance(expected, schema.Octets):
        return str(METER) if expected.kind is Eui64 else "AB" * expected.size
    plain = {
        schema.AnyOctets: "ABCD",
        schema.Usage: "keyAgreement",
        schema.Time: "2026-11-22T12:00:00Z",
        schema.Null: True,
        schema.Encoded: CERTIFICATE,
    }
    return plain.get(type(expected), 5)


def asn1_members(record, number, size, *, optional):
    values = {}
    for element, field in zip(record.elements, names_of(record), strict=True):
        if may_be_absent(element) and not optional:
            continue
        value = asn1_value(element.type, field, number, size, optional=optional)
        if element.default is None or value != element.default:
            values[field.name] = value
    return values


def asn1_forms():
    for kind, flag in (
        ("command", CraFlag.COMMAND),
        ("response", CraFlag.RESPONSE),
        ("alert", CraFlag.ALERT),
    ):
        for code in registry.ALERTS if kind == "alert" else registry.COMMANDS_AND_RESPONSES:
            for at, form in enumerate(alternatives(code, kind)):
                yield pytest.param(code, flag, form, id=f"{code:04X}-{kind}-{at}")


@pytest.mark.parametrize(("code", "flag", "form"), list(asn1_forms()))
def test_asn1_payloads(code, flag, form):
    """Rules that tie values to the header are ``test_asn1``'s; here only forms count, so building is lenient."""
    for optional in (False, True):
        for size in SIZES:
            for number in range(12):
                if form.field is not None:
                    value = asn1_value(form.type, form.field, number, size, optional=optional)
                    payload = {form.field.name: value}
                else:
                    nothing = form.type is schema.NULL
                    payload = {} if nothing else asn1_members(form.type, number, size, optional=optional)
                comes_back(code, flag, "asn1", payload, strict=False)


def test_every_use_case_is_swept():
    swept = {each.code for each in dlms_codes()}
    for flag in KINDS:
        swept |= {case.values[0].code for case in gbz_messages(flag)}
    codes = {code for table in (registry.ALERTS, registry.COMMANDS_AND_RESPONSES) for code in table}
    codes |= {int(code, 16) for code in CATALOGUE._dlms_alerts} | {0x1000, 0x1001, 0x00CF, 0x00F2, 0x00CD}
    swept |= {each.code for each in CATALOGUE if codes & set(each.message_codes)}
    assert {each.code for each in CATALOGUE if each.payload_kind} == swept
