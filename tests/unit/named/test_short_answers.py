"""Short names of responses and alerts: the Python values they give."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named.short import has_short_names, values_of
from tests.made_messages import METER, SUPPLIER, firmware_version, header_of, payload_of

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
OTHER = Eui64("00-DB-12-34-56-78-90-A5")
WHEN = datetime(2030, 1, 15, 9, tzinfo=UTC)
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT


def response(code, payload, **more):
    header = header_of(CraFlag.RESPONSE, code)
    return values_of(Message(header, payload_of(header, payload, **more)))


def alert(code, payload, **more):
    header = header_of(CraFlag.ALERT, code)
    return values_of(Message(header, payload_of(header, payload, **more)))


def test_dlms_responses():
    version = Message(header_of(CraFlag.RESPONSE, 0x0059), firmware_version())
    assert values_of(version) == {"results": [0], "firmware_version": b"\x01\x02\x03\x04"}
    names = ("clockBase", "setValidTimeRange", "setTime", "methodOutput: value", "methodOutput: status")
    results = {f"Time: {name}": 0 for name in names}
    elements = {"Time: methodOutput: value": "2030-01-15T09:00:00Z"}
    for status, name in ((0, "reliable"), (1, "invalid"), (2, "unreliable"), (3, "invalid")):
        payload = {"results": results, "elements": elements | {"Time: methodOutput: status": status}}
        assert response(0x0062, payload) == {
            "results": [0] * 5,
            "device_time": WHEN,
            "status": status,
            "status_name": name,
        }
    failed = {"results": dict(zip(results, (0, 0, 0, 1, 250), strict=True)), "elements": {}}
    assert response(0x0062, failed) == {
        "results": [0, 0, 0, 1, 250],
        "device_time": None,
        "status": None,
        "status_name": None,
    }


def test_the_device_log():
    extra = {f"extradetails{number}": number for number in (2, 4, 5, 6, 7, 8, 9, 10, 11, 12)}
    entry = extra | {
        "entityIdentifier": METER.hex().upper(),
        "extradetails1": "80",
        "subGHzLinkQuality": 3,
        "lastCommsTimestamp": "*",
    }
    order = [*("entityIdentifier", "extradetails1", "extradetails2", "subGHzLinkQuality"), *extra]
    entry = {key: entry[key] for key in dict.fromkeys([*order, "lastCommsTimestamp"])}
    name = "DeviceLog(CHF): logEntries"
    found = response(0x010F, {"results": {name: 0}, "elements": {name: [entry]}})
    (device,) = found["devices"]
    assert (device["device_id"], device["status"], device["last_communication"]) == (METER, 0x80, None)
    assert [device[each] for each in ("max_rssi", "average_rssi", "min_lqi", "stack_version")] == [
        2,
        3,
        7,
        12,
    ]
    assert response(0x010F, {"results": {name: 1}, "elements": {}}) == {"results": [1], "devices": []}


def sealed(plaintext):
    return bytes.fromhex("3100000000") + plaintext + bytes(12)


@pytest.mark.parametrize(("scale", "active"), [(0, 256), (3, 256_000), (-1, 25.6)])
def test_registers_are_scaled(scale, active):
    registers = {
        "active.value": 256,
        "active_scal_unit_type": {"scale": scale, "unit": 30},
        "reactive.value": 7,
        "reactive_scal_unit_type": {"scale": 0, "unit": 32},
        "secondary.value": 1,
    }
    name = "ImportRegisterCollection: read"
    inside = {name: {"ImportRegisterCollection: import_register_collection": registers}}
    header = header_of(CraFlag.RESPONSE, 0x0027)
    octets = payload_of(header, {"results": {name: 0}, "elements": inside}, encrypt=sealed)
    message = Message(header, octets)
    assert values_of(message) == {"results": [0], "registers": None, "decrypted": False}
    opened = values_of(message, lambda block: block[5:-12])
    assert opened["decrypted"]
    assert opened["registers"]["active_import_wh"] == active
    assert opened["registers"]["reactive_import_varh"] == 7
    assert "secondary_active_import_wh" in opened["registers"]
    failed = response(0x0027, {"results": {name: 1}, "elements": {}})
    assert failed == {"results": [1], "registers": None, "decrypted": False}


def test_gas_responses():
    read = {
        "Cluster": "Metering",
        "Command": "Read Attributes Response",
        "Frame Control": 24,
        "Transaction Sequence Number": 0,
        "Additional Header Control": 0,
        "Additional Header Frame Counter": 0,
    }
    values = {"Divisor": 1000, "Multiplier": 1, "Unit of Measure": 1}
    attributes = values | {"Current Summation Delivered": {"Status": 0xC0}}
    header = header_of(CraFlag.RESPONSE, 0x0074)
    octets = payload_of(header, {"Components": [read | {"Attributes": attributes}]}, encrypt=sealed)
    opened = values_of(Message(header, octets), lambda block: block[5:-12])
    shown = {"divisor": 1000, "multiplier": 1, "unit": 1, "consumption": None}
    assert opened == {"decrypted": True, "results": [0, 0, 0, 0xC0], **shown}
    closed = values_of(Message(header, octets))
    assert closed == {"decrypted": False, "results": None, **dict.fromkeys(shown)}
    refusal = {"Cluster": "Metering", "Command": "Default Response", "Frame Control": 8}
    refusal |= {"Transaction Sequence Number": 0, "Command Identifier": 0, "Status": 0xC0}
    assert response(0x0074, {"Components": [refusal]})["results"] == [0xC0] * 4
    assert response(0x0084, {"Components": [refusal]}) == {"results": [0xC0], "firmware_version": None}
    assert response(0x0087, {"Components": [refusal | {"Cluster": "Device Management"}]}) == {
        "results": [0xC0]
    }


def test_asn1_responses():
    assert response(0x0012, {"commandAccepted": True}) == {"accepted": True}
    outcome = {"activateImageResponseCode": 2, "firmwareVersion": "01020304"}
    assert response(0x0012, {"executionOutcome": outcome}) == {
        "response_code": 2,
        "response_name": "hash_mismatch",
        "firmware_version": b"\1\2\3\4",
    }
    assert response(0x000D, {"joinResponseCode": 14})["outcome_name"] == "unknown"
    assert response(0x000F, {"unjoinResponseCode": 1})["outcome_name"] == "other_device_not_in_device_log"
    failed = {"firmwareVersion": "00000000", "readFirmwareVersionResponseCode": 1}
    assert response(0x0129, failed) == {"firmware_version": bytes(4), "read_failure": True}
    log = [{"deviceId": str(OTHER), "deviceType": 5}, {"deviceId": str(METER), "deviceType": 9}]
    listed = [{"device_id": OTHER, "device_type": "ppmid"}, {"device_id": METER, "device_type": 9}]
    found = response(0x0013, {"readDeviceLogResponseCode": 0, "deviceLog": log})
    assert found == {"read_failure": False, "devices": listed}
    assert response(0x0013, {"readDeviceLogResponseCode": 1}) == {"read_failure": True, "devices": []}
    clock = response(0x007F, {"deviceTime": "2030-01-15T09:00:00Z", "deviceTimeStatus": 2})
    assert clock == {"device_time": WHEN, "status": 2, "status_name": "unreliable"}
    assert response(0x0102, {"commandAccepted": True}) == {"accepted": True, "outcome": None}


def test_credentials_of_a_device():
    cell = {"trustAnchorCellKeyUsage": "keyAgreement", "trustAnchorCellUsage": 1}
    cell |= {"subjectUniqueID": str(SUPPLIER), "subjectKeyIdentifier": "00" * 8}
    party = {"remotePartyRole": 2, "statusCode": 0, "currentSeqNumber": 7, "trustAnchorCellsDetails": [cell]}
    found = response(0x0008, {"remotePartyDetails": [party, {"remotePartyRole": 8, "statusCode": 25}]})
    held = {"key_usage": KA, "cell_usage": 1, "subject_id": SUPPLIER, "key_id": bytes(8)}
    assert found["parties"] == [
        {"role": 2, "status": 0, "current_counter": 7, "cells": [held]},
        {"role": 8, "status": 25, "current_counter": None, "cells": []},
    ]
    assert isinstance(found["parties"][0]["cells"][0]["key_usage"], KeyUsage)


OUTCOME = {
    "authorisingRemotePartySeqNumber": 1000,
    "credentialsReplacementMode": 2,
    "remotePartySeqNumberChanges": [
        {
            "otherRemotePartyRole": 2,
            "otherRemotePartyFloorSeqNumber": 0,
            "newRemotePartySpecialistFloorSeqNumber": [{"seqNumberUsage": 0, "seqNumber": 1}],
        },
        {"otherRemotePartyRole": 3, "otherRemotePartyFloorSeqNumber": 5},
    ],
    "replacementOutcomes": [
        {
            "affectedTrustAnchorCell": {
                "trustAnchorCellRemotePartyRole": 2,
                "trustAnchorCellKeyUsage": "digitalSignature",
            },
            "statusCode": 10,
            "existingSubjectUniqueID": str(SUPPLIER),
            "existingSubjectKeyIdentifier": "00" * 8,
            "replacingSubjectUniqueID": str(OTHER),
            "replacingSubjectKeyIdentifier": "41" * 8,
        }
    ],
}


def test_outcomes_of_replacements():
    found = response(0x0102, {"commandAccepted": True, "executionOutcome": OUTCOME})["outcome"]
    assert (found["authorising_counter"], found["mode"]) == (1000, 2)
    assert found["changes"] == [
        {"role": 2, "floor_counter": 0, "specialist_floors": [{"usage": 0, "counter": 1}]},
        {"role": 3, "floor_counter": 5, "specialist_floors": None},
    ]
    (replaced,) = found["replacements"]
    assert replaced["cell"] == TrustAnchorCell(2, DS)
    assert (replaced["status"], replaced["replacing_subject_id"]) == (10, OTHER)
    dated = {"alertCode": 0x8F66, "executionDateTime": "2030-01-15T09:00:00Z", "executionOutcome": OUTCOME}
    for code in (0x00CB, 0x0124):
        assert alert(code, dated, kind="asn1") == {"alert_code": 0x8F66, "time": WHEN, "outcome": found}


@pytest.mark.parametrize(
    ("code", "payload", "values"),
    [
        (0x1000, {"Alert Code": 0x8F72, "Time": "2030-01-15T09:00:00Z"}, {}),
        (
            0x00F2,
            {"Alert Code": 0x8F72, "Time": "2030-01-15T09:00:00Z", "Other Information": 5},
            {"other_information": 5},
        ),
        (
            0x00CF,
            {"Alert Code": 0x8F72, "Time": "2030-01-15T09:00:00Z", "Firmware Hash": "07" * 32},
            {"image_hash": b"\7" * 32},
        ),
    ],
)
def test_gbz_alerts(code, payload, values):
    assert alert(code, payload, kind="gbz") == {"alert_code": 0x8F72, "time": WHEN} | values


def test_dlms_alerts():
    head = {"AlertCode": 0x8F12, "Timestamp": "2030-01-15T09:00:00Z"}
    shown = {"alert_code": 0x8F12, "time": WHEN}
    assert alert(0x1001, {"elements": head}) == shown
    digest = {"ManufacturerImageHash": "07" * 32}
    assert alert(0x00CE, {"elements": head | digest}) == shown | {"image_hash": b"\7" * 32}
    instruction = {"MessageCode": 25, "OriginatorCounter": 8, "ClassID": 9000, "InstanceID": "00" * 6}
    found = alert(0x00CC, {"elements": head | {"FutureDatedInstruction": instruction | {"AttributeID": 6}}})
    assert found == shown | {
        "command_message_code": 25,
        "command_originator_counter": 8,
        "class_id": 9000,
        "obis": bytes(6),
        "member": 6,
    }
    duty = alert(0x0110, {"elements": head | {"EntityIdentifier": METER.hex().upper()}})
    assert [each.value for each in duty["further"]] == [bytes(METER)]


def test_what_has_no_short_names_keeps_those_of_the_specification():
    assert not has_short_names(0x0043, CraFlag.RESPONSE)
    assert has_short_names(0x1000, CraFlag.ALERT)
    assert response(0x000B, {"responseCode": 0}) == {"responseCode": 0}


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_spoilt_answers_have_values_or_say_where():
    chance, seen = random.Random(5), 0
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        header = message.header
        if header.cra_flag is CraFlag.COMMAND or not has_short_names(header.message_code, header.cra_flag):
            continue
        seen += 1
        for _ in range(20):
            octets = bytearray(message.payload)
            octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
            cut = chance.choice((len(octets), chance.randrange(len(octets))))
            try:
                assert isinstance(values_of(Message(header, bytes(octets[:cut]))), dict)
            except DecodeError as error:
                assert error.offset >= 0
    assert seen >= 100
