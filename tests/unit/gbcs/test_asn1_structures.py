"""The typed ASN.1 structures; asn1tools, with ASN.1 text of our own, is the independent judge."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path

import asn1tools
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1 import clock, credentials, firmware, joining, registry, schema
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
relaxed = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))

TEXT = """
G DEFINITIONS IMPLICIT TAGS ::= BEGIN
Certificate ::= SEQUENCE { serial INTEGER, mark OCTET STRING }
Eui ::= OCTET STRING (SIZE (8))
Usage ::= BIT STRING
Cell ::= SEQUENCE { remotePartyRole INTEGER, keyUsage Usage, cellUsage INTEGER DEFAULT 0 }
Specialist ::= SEQUENCE { usage INTEGER, seqNumber INTEGER }
Change ::= SEQUENCE { role INTEGER, floorSeqNumber INTEGER, specialist SEQUENCE OF Specialist OPTIONAL }
Status ::= ENUMERATED { s0(0), s5(5), s10(10), s17(17), s25(25), s30(30), s127(127) }
ProvideCredentialsCommand ::= SEQUENCE { authorisingCell Cell, roles SEQUENCE OF INTEGER }
CellDetails ::= SEQUENCE { keyUsage Usage, cellUsage INTEGER DEFAULT 0, subjectUniqueId Eui,
  subjectKeyIdentifier Eui }
PartyDetails ::= SEQUENCE { role INTEGER, status Status, currentSeqNumber INTEGER OPTIONAL,
  cells SEQUENCE OF CellDetails OPTIONAL }
ProvideCredentialsResponse ::= SEQUENCE OF PartyDetails
Control ::= SEQUENCE { mode INTEGER, plaintextSymmetricKey [0] OCTET STRING OPTIONAL,
  applyTimeBasedCpvChecks [1] INTEGER DEFAULT 0, authorisingCell [2] Cell OPTIONAL,
  authorisingSeqNumber [3] INTEGER, newFloorSeqNumber [4] INTEGER OPTIONAL,
  newSpecialistFloors [5] SEQUENCE OF Specialist OPTIONAL, otherChanges [6] SEQUENCE OF Change OPTIONAL }
Replacement ::= SEQUENCE { certificate Certificate, cell Cell }
UpdateCredentialsCommand ::= SEQUENCE { control Control, replacements SEQUENCE OF Replacement,
  certificationPath SEQUENCE OF Certificate, executionDateTime GeneralizedTime OPTIONAL }
ReplacementOutcome ::= SEQUENCE { affectedCell Cell, status Status, existingSubjectUniqueId Eui,
  existingSubjectKeyIdentifier Eui, replacingSubjectUniqueId Eui, replacingSubjectKeyIdentifier Eui }
ExecutionOutcome ::= SEQUENCE { authorisingSeqNumber INTEGER, mode INTEGER, changes SEQUENCE OF Change,
  replacementOutcomes SEQUENCE OF ReplacementOutcome }
UpdateCredentialsResponse ::= SEQUENCE { commandAccepted NULL, outcome ExecutionOutcome OPTIONAL }
UpdateCredentialsAlert ::= SEQUENCE { alertCode INTEGER, executionDateTime GeneralizedTime,
  outcome ExecutionOutcome }
JoinCommand ::= SEQUENCE { joinMethodAndRole INTEGER, otherDeviceId Eui, otherDeviceType INTEGER,
  otherDeviceCertificate Certificate OPTIONAL }
LogEntry ::= SEQUENCE { deviceId Eui, deviceType INTEGER }
JoinDetailsResponse ::= SEQUENCE { responseCode INTEGER, deviceLog SEQUENCE OF LogEntry OPTIONAL }
BackupDeviceLogAlert ::= SEQUENCE { alertCode INTEGER, backupDateTime GeneralizedTime,
  deviceLog SEQUENCE OF LogEntry }
RestoreDeviceLogResponse ::= SEQUENCE { outcomes SEQUENCE OF SEQUENCE { entry LogEntry,
  joinResponseCode INTEGER } }
ActivateFirmwareCommand ::= SEQUENCE { manufacturerImageHash OCTET STRING (SIZE (32)),
  originatorCounter INTEGER, executionDateTime GeneralizedTime OPTIONAL }
ActivationOutcome ::= SEQUENCE { responseCode INTEGER, firmwareVersion OCTET STRING (SIZE (4)) }
ActivateFirmwareAlert ::= SEQUENCE { alertCode INTEGER, executionDateTime GeneralizedTime,
  originatorCounter INTEGER, outcome ActivationOutcome }
FirmwareTransferAlert ::= SEQUENCE { alertCode INTEGER, dateTime GeneralizedTime, deviceId Eui,
  firmwareVersion OCTET STRING (SIZE (4)), responseCode INTEGER }
FirmwareActivationAlert ::= SEQUENCE { alertCode INTEGER, dateTime GeneralizedTime,
  firmwareVersion OCTET STRING (SIZE (4)), responseCode INTEGER }
SetClockCommand ::= SEQUENCE { validityIntervalStart GeneralizedTime, validityIntervalEnd GeneralizedTime }
SetClockResponse ::= SEQUENCE { deviceTime GeneralizedTime, deviceTimeStatus INTEGER }
END
"""
JUDGED = {
    "ProvideCredentialsCommand": credentials.PROVIDE_CREDENTIALS_COMMAND,
    "ProvideCredentialsResponse": credentials.PROVIDE_CREDENTIALS_RESPONSE,
    "UpdateCredentialsCommand": credentials.UPDATE_CREDENTIALS_COMMAND,
    "UpdateCredentialsResponse": credentials.UPDATE_CREDENTIALS_RESPONSE,
    "UpdateCredentialsAlert": credentials.UPDATE_CREDENTIALS_ALERT,
    "JoinCommand": joining.JOIN_COMMAND,
    "JoinDetailsResponse": joining.JOIN_DETAILS_RESPONSE,
    "BackupDeviceLogAlert": joining.BACKUP_DEVICE_LOG_ALERT,
    "RestoreDeviceLogResponse": joining.RESTORE_DEVICE_LOG_RESPONSE,
    "ActivateFirmwareCommand": firmware.ACTIVATE_FIRMWARE_COMMAND,
    "ActivateFirmwareAlert": firmware.ACTIVATE_FIRMWARE_ALERT,
    "ActivationOutcome": firmware.ACTIVATION_OUTCOME,
    "FirmwareTransferAlert": firmware.FIRMWARE_TRANSFER_ALERT,
    "FirmwareActivationAlert": firmware.FIRMWARE_ACTIVATION_ALERT,
    "SetClockCommand": clock.SET_CLOCK_COMMAND,
    "SetClockResponse": clock.SET_CLOCK_RESPONSE,
}
# Every structure of the registry once, by the name of its message code and kind.
STRUCTURES = {
    **{f"{code:04X} command": pair[0] for code, pair in registry.COMMANDS_AND_RESPONSES.items()},
    **{f"{code:04X} response": pair[1] for code, pair in registry.COMMANDS_AND_RESPONSES.items()},
    **{f"{code:04X} alert": each for code, each in registry.ALERTS.items()},
}
DISTINCT = list({id(each): (name, each) for name, each in STRUCTURES.items()}.values())
STATUSES = [0, 5, 10, 17, 25, 30, 127]
USAGES = [KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT, KeyUsage.KEY_CERT_SIGN]
TIMES = st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
MARK = b"in place of a certificate"
CERTIFICATES = st.integers(0, 10**30).map(
    lambda serial: der.sequence(der.encode_integer(serial), der.encode(der.OCTET_STRING, MARK))
)


STRATEGIES = {
    schema.Integer: lambda kind: (
        st.sampled_from(STATUSES) if kind.tag == der.ENUMERATED else st.integers(kind.lowest, kind.highest)
    ),
    schema.Octets: lambda kind: st.binary(min_size=kind.size, max_size=kind.size).map(kind.kind),
    schema.AnyOctets: lambda _: st.binary(max_size=20),
    schema.Usage: lambda _: st.sampled_from(USAGES),
    schema.Time: lambda _: TIMES,
    schema.Null: lambda _: st.just(True),
    schema.Encoded: lambda _: CERTIFICATES,
    schema.SequenceOf: lambda kind: st.lists(values_of(kind.element), max_size=4),
    schema.Choice: lambda kind: st.one_of(*(values_of(each) for _, each, _ in kind.alternatives)),
    schema.Record: lambda kind: st.builds(
        kind.cls, **{each.name: element_of(each) for each in kind.elements}
    ),
}


def values_of(kind) -> st.SearchStrategy:
    """Values that a declared type can carry."""
    return STRATEGIES[type(kind)](kind)


def element_of(element: schema.Element) -> st.SearchStrategy:
    inner = values_of(element.type)
    return st.none() | inner if element.optional else inner


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def for_judge(value):
    """The same value as asn1tools wants it."""
    if is_dataclass(value) or hasattr(value, "_fields"):
        names = value._fields if hasattr(value, "_fields") else [each.name for each in fields(value)]
        pairs = {name: getattr(value, name) for name in names}
        if "status" in pairs:
            pairs["status"] = f"s{pairs['status']}"
        if "command_accepted" in pairs:
            pairs["command_accepted"] = None
            return {"commandAccepted": None} | (
                {"outcome": for_judge(value.outcome)} if value.outcome else {}
            )
        return {camel(name): for_judge(each) for name, each in pairs.items() if each is not None}
    if isinstance(value, list):
        return [for_judge(each) for each in value]
    if isinstance(value, KeyUsage):
        return bytes([value]), 9 - (value & -value).bit_length()
    if isinstance(value, bytes) and value.endswith(MARK):
        return {"serial": der.integer(der.parse_der(value).children[0]), "mark": MARK}
    return bytes(value) if isinstance(value, bytes) else value


def decode_error(kind, data: bytes) -> DecodeError | None:
    try:
        schema.decode(kind, data)
    except DecodeError as error:
        return error
    return None


@pytest.fixture(scope="module")
def judge():
    return asn1tools.compile_string(TEXT, "der")


@relaxed
@pytest.mark.parametrize("name", JUDGED)
@given(st.data())
def test_asn1tools_gives_the_same_octets(judge, name, data):
    value = data.draw(values_of(JUDGED[name]))
    ours = schema.encode(JUDGED[name], value)
    assert ours == judge.encode(name, for_judge(value))


@relaxed
@pytest.mark.parametrize(("name", "kind"), DISTINCT)
@given(st.data())
def test_structures_round_trip(name, kind, data):
    value = data.draw(values_of(kind))
    octets = schema.encode(kind, value)
    assert schema.decode(kind, octets) == value


@relaxed
@pytest.mark.parametrize(("name", "kind"), DISTINCT)
@given(st.data())
def test_every_truncation_is_an_error(name, kind, data):
    octets = schema.encode(kind, data.draw(values_of(kind)))
    for length in range(len(octets)):
        error = decode_error(kind, octets[:length])
        assert error is not None
        assert 0 <= error.offset <= length


@relaxed
@pytest.mark.parametrize(("name", "kind"), DISTINCT)
@given(st.data())
def test_flipped_bits_decode_or_say_where(name, kind, data):
    octets = bytearray(schema.encode(kind, data.draw(values_of(kind))))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    error = decode_error(kind, bytes(octets))
    assert error is None or 0 <= error.offset <= len(octets)


def test_errors_name_element_and_octet():
    cell = der.sequence(der.encode_integer(4), bytes.fromhex("03020308"))
    with pytest.raises(DecodeError) as caught:
        credentials.PROVIDE_CREDENTIALS_COMMAND.decode(der.sequence(cell, der.encode(0x30, b"\x04\x01\x02")))
    assert caught.value.path == "payload.roles[0]"
    assert caught.value.offset == 13
    with pytest.raises(DecodeError, match="surplus") as caught:
        clock.SET_CLOCK_COMMAND.decode(
            der.sequence(*[der.encode_generalized_time(datetime(2030, 1, 1, tzinfo=UTC))] * 3)
        )
    assert caught.value.path == "payload"
    with pytest.raises(DecodeError, match="missing") as caught:
        clock.SET_CLOCK_COMMAND.decode(der.sequence())
    assert caught.value.path == "payload.validity_interval_start"


def test_values_that_do_not_fit_name_the_element():
    cases = [
        (joining.JOIN_COMMAND, joining.JoinCommand(0, b"\x01", 1), "payload.other_device_id"),
        (joining.JOIN_COMMAND, joining.JoinCommand(256, Eui64(bytes(8)), 1), "payload.join_method_and_role"),
        (joining.JOIN_COMMAND, joining.JoinCommand(0, Eui64(bytes(8)), 1, b"x"), "payload.other_device_certificate"),
        (clock.SET_CLOCK_RESPONSE, clock.SetClockResponse(datetime(2030, 1, 1), 0), "payload.device_time"),  # noqa: DTZ001
        (
            credentials.PROVIDE_CREDENTIALS_COMMAND,
            credentials.ProvideCredentialsCommand((4, 0, 0), [2]),
            "payload.authorising_cell.key_usage",
        ),
        (
            credentials.PROVIDE_CREDENTIALS_COMMAND,
            credentials.ProvideCredentialsCommand((4, 8, 0), [2, "x"]),
            "payload.roles[1]",
        ),
    ]  # fmt: skip
    for kind, value, element in cases:
        with pytest.raises(EncodeError) as caught:
            schema.encode(kind, value)
        assert caught.value.element == element


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_reference_payloads_come_back_from_the_structures():
    seen: Counter[str] = Counter()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        payload = message.payload
        if payload[0] in {0xD9, 0xDA, 0x0F} or payload[:2] == b"\x01\x09":
            continue
        kind = CraFlag(message.header.cra_flag).name.lower()
        structure = registry.structure(message.header.message_code, kind)
        assert structure is not None
        ours = schema.encode(structure, schema.decode(structure, payload))
        shortest = der.parse_der(payload)
        for node in shortest.walk():
            node.header = 0
        assert ours == der.build(shortest)
        seen["identical" if ours == payload else "long length form"] += 1
    assert seen == {"identical": 128, "long length form": 15}
