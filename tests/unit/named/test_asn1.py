"""ASN.1 payloads as named values: known octets by hand, refusals, round trips over generated values."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1 import registry, schema
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.named import asn1
from protocols.gbcs.named.asn1_engine import may_be_absent
from protocols.gbcs.named.asn1_names import names_of
from protocols.gbcs.named.asn1_payloads import alternatives

METER = Eui64("00-DB-12-34-56-78-90-A0")
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
# Any DER value will do for a certificate: what is inside stays opaque.
CERTIFICATE = der.sequence(der.encode_integer(1), der.encode(der.OCTET_STRING, bytes(200)))
KINDS = {"command": CraFlag.COMMAND, "response": CraFlag.RESPONSE, "alert": CraFlag.ALERT}


def header(code, kind="command", counter=1000):
    return GroupingHeader(KINDS[kind], counter, SUPPLIER, METER, code)


def use_case(head):
    return load_catalogue().by_message_code(head.message_code, head.cra_flag)


def build(values, code, kind="command", *, strict=True):
    head = header(code, kind)
    return asn1.build(values, head, use_case(head), strict=strict)


def decode(payload, code, kind="command"):
    head = header(code, kind)
    return asn1.decode(Message(head, payload), use_case(head))


# Octets written by hand from the definitions of the use cases.
BY_HAND = [
    (
        0x0008,
        "command",
        "30 11 30 07 020104 03020308 30 06 020102 020108",
        {
            "authorisingRemotePartyTACellIdentifier": {
                "trustAnchorCellRemotePartyRole": 4,
                "trustAnchorCellKeyUsage": "keyAgreement",
            },
            "remotePartyRolesCredentialsRequired": [2, 8],
        },
    ),
    (
        0x0008,
        "response",
        "30 08 30 06 020108 0A0119",
        {"remotePartyDetails": [{"remotePartyRole": 8, "statusCode": 25}]},
    ),
    (0x000A, "command", "30 04 03020780", {"keyUsage": "digitalSignature"}),
    (0x000A, "response", "020101", {"responseCode": 1}),
    (0x000B, "command", CERTIFICATE.hex(), {"certificate": CERTIFICATE.hex().upper()}),
    (0x000B, "response", "020107", {"responseCode": 7}),
    (0x000C, "response", "020103", {"responseCode": 3}),
    (
        0x000D,
        "command",
        "30 10 020100 0408 0011223344556677 020104",
        {
            "joinMethodAndRole": 0,
            "otherDeviceEntityIdentifier": "00-11-22-33-44-55-66-77",
            "otherDeviceType": 4,
        },
    ),
    (0x00AF, "response", "02010B", {"joinResponseCode": 11}),
    (0x0010, "command", "0408 0011223344556677", {"otherDeviceEntityIdentifier": "00-11-22-33-44-55-66-77"}),
    (0x000F, "response", "020101", {"unjoinResponseCode": 1}),
    (0x0012, "response", "0500", {"commandAccepted": True}),
    (
        0x0012,
        "response",
        "30 09 020102 0404 01020304",
        {"executionOutcome": {"activateImageResponseCode": 2, "firmwareVersion": "01020304"}},
    ),
    (0x0013, "command", "0500", {}),
    (0x0013, "response", "30 03 020101", {"readDeviceLogResponseCode": 1}),
    (
        0x0013,
        "response",
        "30 14 020100 30 0F 30 0D 0408 0011223344556677 020106",
        {
            "readDeviceLogResponseCode": 0,
            "deviceLog": [{"deviceId": "00-11-22-33-44-55-66-77", "deviceType": 6}],
        },
    ),
    (
        0x007F,
        "command",
        "30 22 180F 32303135303130313030303030305A 180F 32303135303130313030303031305A",
        {"validityIntervalStart": "2015-01-01T00:00:00Z", "validityIntervalEnd": "2015-01-01T00:00:10Z"},
    ),
    (
        0x0128,
        "alert",
        "30 29 0203008F8A 180F 32303135303130313030303030305A 0408 0011223344556677 0404 00000001 020100",
        {
            "alertCode": 0x8F8A,
            "dateTime": "2015-01-01T00:00:00Z",
            "deviceId": "00-11-22-33-44-55-66-77",
            "firmwareVersion": "00000001",
            "responseCode": 0,
        },
    ),
    (
        0x0129,
        "response",
        "30 09 0404 00000000 020101",
        {"firmwareVersion": "00000000", "readFirmwareVersionResponseCode": 1},
    ),
]


@pytest.mark.parametrize(("code", "kind", "octets", "values"), BY_HAND)
def test_octets_by_hand(code, kind, octets, values):
    payload = bytes.fromhex(octets)
    assert decode(payload, code, kind) == values
    assert build(json.loads(json.dumps(values)), code, kind) == payload


def outcome(cells):
    """A CS02b response with so many cells, 58 octets each and more around them."""
    return {
        "commandAccepted": True,
        "executionOutcome": {
            "authorisingRemotePartySeqNumber": 1000,
            "credentialsReplacementMode": 2,
            "remotePartySeqNumberChanges": [],
            "replacementOutcomes": [
                {
                    "affectedTrustAnchorCell": {
                        "trustAnchorCellRemotePartyRole": 2,
                        "trustAnchorCellKeyUsage": "keyAgreement",
                        "trustAnchorCellUsage": 1,
                    },
                    "statusCode": 0,
                    "existingSubjectUniqueID": "90-B3-D5-1F-30-01-00-00",
                    "existingSubjectKeyIdentifier": "4041424344454647",
                    "replacingSubjectUniqueID": "90-B3-D5-1F-30-01-00-00",
                    "replacingSubjectKeyIdentifier": "4041424344454648",
                }
            ]
            * cells,
        },
    }


def test_certificates_keep_their_own_lengths():
    certificate = bytes.fromhex("3082000302") + bytes.fromhex("0101")
    payload = bytes.fromhex("3017 020103 0408 0011223344556677 020105") + certificate
    values = decode(payload, 0x00AF)
    assert values["otherDeviceCertificate"] == certificate.hex().upper()
    assert "long_lengths" not in values
    assert build(values, 0x00AF) == payload


JOIN = {
    "joinMethodAndRole": 2,
    "otherDeviceEntityIdentifier": "00-11-22-33-44-55-66-77",
    "otherDeviceType": 3,
}
FIRMWARE = {"manufacturerImageHash": "00" * 32, "originatorCounter": 1000}
REPLACE = {
    "authorisingRemotePartyControl": {
        "credentialsReplacementMode": 2,
        "authorisingRemotePartyTACellIdentifier": {
            "trustAnchorCellRemotePartyRole": 2,
            "trustAnchorCellKeyUsage": "digitalSignature",
        },
        "authorisingRemotePartySeqNumber": 1000,
    },
    "replacements": [],
    "certificationPathCertificates": [],
}
DETAILS = {"remotePartyRole": 2, "statusCode": 0}


def changed(values, **others):
    return values | others


@pytest.mark.parametrize(
    ("values", "code", "kind", "element", "problem"),
    [
        ({}, 0x000E, "command", "joinMethodAndRole", "missing"),
        (changed(JOIN, colour=1), 0x000E, "command", "colour", "no such element"),
        (changed(JOIN, joinMethodAndRole=0), 0x000E, "command", "joinMethodAndRole", "000E is for 2"),
        (changed(JOIN, joinMethodAndRole=9), 0x000E, "command", "joinMethodAndRole", "not among"),
        (changed(JOIN, joinMethodAndRole="2"), 0x000E, "command", "joinMethodAndRole", "not among"),
        (changed(JOIN, otherDeviceType=7), 0x000E, "command", "otherDeviceType", "not among"),
        (
            changed(JOIN, otherDeviceEntityIdentifier="00"),
            0x000E,
            "command",
            "otherDeviceEntityIdentifier",
            "EUI-64",
        ),
        (
            changed(JOIN, otherDeviceCertificate="3000"),
            0x000E,
            "command",
            "otherDeviceCertificate",
            "only method C",
        ),
        (
            changed(JOIN, joinMethodAndRole=3),
            0x00AF,
            "command",
            "otherDeviceCertificate",
            "method C needs it",
        ),
        (changed(FIRMWARE, originatorCounter=1), 0x0012, "command", "originatorCounter", "header has 1000"),
        (
            changed(FIRMWARE, manufacturerImageHash="00"),
            0x0012,
            "command",
            "manufacturerImageHash",
            "1 octets",
        ),
        (
            changed(FIRMWARE, executionDateTime="soon"),
            0x0012,
            "command",
            "executionDateTime",
            "does not match",
        ),
        (
            REPLACE,
            0x0103,
            "command",
            "authorisingRemotePartyControl.credentialsReplacementMode",
            "0103 is for 3",
        ),
        ({"keyUsage": "everything"}, 0x000A, "command", "keyUsage", "'everything' is not among"),
        ({"keyUsage": ""}, 0x000A, "command", "keyUsage", "no key usage"),
        ({"responseCode": 0}, 0x000A, "response", "responseCode", "not among"),
        ({}, 0x000A, "response", "certificationRequest or responseCode", "one of them"),
        ({"readDeviceLogResponseCode": 0}, 0x0013, "response", "deviceLog", "needs it"),
        (
            {"remotePartyDetails": [DETAILS]},
            0x0008,
            "response",
            "remotePartyDetails[0].currentSeqNumber",
            "missing",
        ),
        ({"remotePartyDetails": {}}, 0x0008, "response", "remotePartyDetails", "no list"),
        ({"commandAccepted": False}, 0x0012, "response", "commandAccepted", "instead of true"),
        ({"x": 1}, 0x0013, "command", "x", "no such element"),
        (
            {"validityIntervalStart": "2015-01-02T00:00:00Z", "validityIntervalEnd": "2015-01-01T00:00:00Z"},
            0x007F,
            "command",
            "validityIntervalEnd",
            "before",
        ),
        ({}, 0x0042, "command", "message_code", "no ASN.1"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(values, code, kind, element, problem):
    with pytest.raises(EncodeError, match=problem) as caught:
        build(values, code, kind)
    assert caught.value.element == element
    assert caught.value.clause.startswith("GBCS")


def test_the_lenient_builder_makes_what_only_rules_forbid():
    for values, code in (
        (changed(JOIN, joinMethodAndRole=9), 0x000E),
        (changed(JOIN, joinMethodAndRole=3), 0x00AF),
        (changed(FIRMWARE, originatorCounter=1), 0x0012),
        (REPLACE, 0x0103),
    ):
        assert decode(build(values, code, strict=False), code) == values


def test_defaults_are_left_out():
    cell = {
        "trustAnchorCellRemotePartyRole": 4,
        "trustAnchorCellKeyUsage": "keyAgreement",
        "trustAnchorCellUsage": 0,
    }
    values = {"authorisingRemotePartyTACellIdentifier": cell, "remotePartyRolesCredentialsRequired": []}
    with pytest.raises(EncodeError, match="default 0 has to be left out"):
        build(values, 0x0008)
    assert decode(build(values, 0x0008, strict=False), 0x0008) == values


def test_elements_are_described_in_order_with_offsets():
    payload = bytes.fromhex("30 09 020102 0404 01020304")
    head = header(0x0012, "response")
    rows = asn1.describe(Message(head, payload, payload_offset=50), use_case(head))
    assert [(row["name"], row["value"], row["text"], row["offset"], row["octets"]) for row in rows] == [
        ("executionOutcome.activateImageResponseCode", 2, "hash_mismatch", 52, 3),
        ("executionOutcome.firmwareVersion", "01020304", None, 55, 6),
    ]
    assert {row["clause"] for row in rows} == {"GBCS CS06"}


def every_payload():
    """Message code and kind of every ASN.1 payload."""
    yield from ((code, kind) for code in registry.COMMANDS_AND_RESPONSES for kind in ("command", "response"))
    yield from ((code, "alert") for code in registry.ALERTS)


def test_every_payload_has_a_form_and_every_element_a_name():
    for code, kind in every_payload():
        assert alternatives(code, kind), (code, kind)
    assert alternatives(0x0042, "command") == ()


EUI64S = st.binary(min_size=8, max_size=8).map(lambda octets: str(Eui64(octets)))
TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(  # noqa: DTZ001
    lambda moment: f"{moment.year:04d}{moment.replace(tzinfo=UTC).strftime('-%m-%dT%H:%M:%SZ')}"
)


def values_of(expected, field):
    """Strategy for the JSON values of a type."""
    if isinstance(expected, schema.Record):
        required, optional = {}, {}
        for element, inner in zip(expected.elements, names_of(expected), strict=True):
            kind = optional if may_be_absent(element) else required
            values = values_of(element.type, inner)
            if element.default is not None:
                values = values.filter(lambda value, default=element.default: value != default)
            kind[inner.name] = values
        return st.fixed_dictionaries(required, optional=optional)
    if isinstance(expected, schema.SequenceOf):
        return st.lists(values_of(expected.element, field), max_size=3)
    return leaf_values(expected, field)


def hexadecimal(smallest, largest):
    return st.binary(min_size=smallest, max_size=largest).map(lambda octets: octets.hex().upper())


def leaf_values(expected, field):
    if isinstance(expected, schema.Integer) and field.codes is not None:
        return st.sampled_from([code.value for code in field.codes])
    if isinstance(expected, schema.Octets):
        return EUI64S if expected.kind is Eui64 else hexadecimal(expected.size, expected.size)
    return {
        schema.Integer: lambda: st.integers(expected.lowest, expected.highest),
        schema.AnyOctets: lambda: hexadecimal(0, 200),
        schema.Usage: lambda: st.sampled_from(["digitalSignature", "keyAgreement", "keyCertSign cRLSign"]),
        schema.Time: lambda: TIMES,
        schema.Null: lambda: st.just(value=True),
        schema.Encoded: lambda: st.sampled_from([CERTIFICATE.hex().upper(), "3000"]),
    }[type(expected)]()


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_generated_values_come_back(data):
    code, kind = data.draw(st.sampled_from(list(every_payload())))
    chosen = data.draw(st.sampled_from(alternatives(code, kind)))
    if chosen.field is not None:
        values = {chosen.field.name: data.draw(values_of(chosen.type, chosen.field))}
    elif chosen.type is schema.NULL:
        values = {}
    else:
        values = data.draw(values_of(chosen.type, None))
    payload = build(values, code, kind, strict=False)
    found = decode(payload, code, kind)
    assert found == values
    assert schema.decode(registry.structure(code, kind), payload) is not None
    # Truncations are refused, changed octets are refused or give values that build to the same octets.
    if payload:
        with pytest.raises(DecodeError):
            decode(payload[: data.draw(st.integers(0, len(payload) - 1))], code, kind)
        spoilt = bytearray(payload)
        spoilt[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        try:
            other = decode(bytes(spoilt), code, kind)
        except DecodeError:
            return
        assert build(other, code, kind, strict=False) == bytes(spoilt)
