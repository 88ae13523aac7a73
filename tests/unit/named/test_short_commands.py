"""Short names of commands: octet for octet what the specification's names make."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.errors import EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import SpecialistSeqNumber, TrustAnchorCell
from protocols.gbcs.asn1.types import KeyUsage, RemotePartyRole
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message, parse_message
from protocols.gbcs.named import decode_named
from protocols.gbcs.named.short import command_payload, message_code
from protocols.gbcs.named.short_answers import ALERTS, RESPONSES
from protocols.gbcs.named.short_commands import COMMANDS
from protocols.gbcs.named.slots import slots
from protocols.smki import Hierarchy
from tests.made_messages import METER, command, header_of

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
OTHER = Eui64("00-DB-12-34-56-78-90-A5")
WHEN = datetime(2030, 1, 15, 9, tzinfo=UTC)
LATER = WHEN.replace(hour=10)
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT


def named(use_case, **values):
    found = load_catalogue()[use_case]
    header = header_of(CraFlag.COMMAND, message_code(found, values), 1000)
    return decode_named(Message(header, command_payload(found, header, values)))["payload"]


def refused(element, use_case, **values):
    with pytest.raises(EncodeError) as caught:
        command(use_case, **values)
    assert caught.value.element == element


@pytest.fixture(scope="module")
def credentials():
    hierarchy = Hierarchy("use cases")
    cells = [(2, DS, 0), (2, KA, 0), (2, KA, 1)]
    supplier = hierarchy.organisation("supplier")
    return {
        "replacements": list(zip((each.certificate for each in supplier), cells, strict=True)),
        "path": [hierarchy.issuing.certificate],
    }


def test_every_row_names_a_place_of_its_use_case():
    catalogue = load_catalogue()
    for code, rows in COMMANDS.items():
        known = slots(catalogue[code], header_of(CraFlag.COMMAND, catalogue[code].message_codes[0]))
        for row in rows:
            under = [slot for slot in known if f"{slot.place}/".startswith(f"{row.place}/")]
            assert under, (code, row.name)
    assert set(RESPONSES) <= {each.code for each in catalogue}
    assert all(catalogue.alert_message(code) for code in ALERTS)


def test_dlms_commands_by_hand():
    mpans = command("ECS39a", mpan="1234567890123", second_mpan="3210987654321", counter=0x01_0000_03E8)
    assert mpans[:5].hex() == "d9200003e8"  # the low 24 bits of the counter
    assert b"\x09\x1a12345678901233210987654321" in mpans
    added = named("CCS01", device_id=METER, install_code=bytes(16), device_type="gpf", join_time_s=600)
    assert added["elements"]["DeviceLog(CHF): addEntry"]["deviceType"] == 254
    assert added["elements"]["DeviceLog(CHF): joiningTimePeriod"] == 600
    window = named("ECS70", validity_start=WHEN, validity_end=LATER)
    assert window["elements"]["Time: setValidTimeRange"]["timeRangeEnd"] == "2030-01-15T10:00:00Z"


def test_gas_and_asn1_commands_by_hand():
    head, site = "0109 01 01 0708 001A 09 00 03 E8030000 00000000 00000000 0A", b"9876543210"
    assert command("GCS41", mprn="9876543210", counter=1000) == bytes.fromhex(head) + site
    assert command("GCS38") == bytes.fromhex("0109 01 01 0702 0005 00 00 00 0602")
    clock = command("GCS28", validity_start=WHEN, validity_end=LATER)
    assert clock == b"\x30\x22\x18\x0f20300115090000Z\x18\x0f20300115100000Z"
    digest = bytes(range(32))
    cancelled = command("CS06", image_hash=digest, execution_time="cancel")
    assert cancelled.endswith(b"99991231235959Z")
    assert (
        named("CS06", image_hash=digest, execution_time=WHEN)["executionDateTime"] == "2030-01-15T09:00:00Z"
    )
    assert "executionDateTime" not in named("CS06", image_hash=digest, execution_time=None)
    # What the specification forbids goes out: a counter that is not the header's.
    assert named("CS06", image_hash=digest, originator_counter=1)["originatorCounter"] == 1
    assert command("CS07") == command("CS08") == b"\x05\x00"


@pytest.mark.parametrize(("use_case", "method"), [("CS03A1", 0), ("CS03A2", 1), ("CS03B", 2), ("CS03C", 3)])
def test_join_commands(use_case, method):
    certificate = Hierarchy("join").device(OTHER).ka.certificate
    values = {"other_device_id": str(OTHER), "other_device_type": "ihd", "other_device_certificate": b""}
    assert named(use_case, **values) == {
        "joinMethodAndRole": method,
        "otherDeviceEntityIdentifier": str(OTHER),
        "otherDeviceType": 6,
    }
    more = named(use_case, **values | {"method": 9, "other_device_certificate": certificate})
    assert more["joinMethodAndRole"] == 9
    assert more["otherDeviceCertificate"] == certificate.hex().upper()
    refused("other_device_type", use_case, **values | {"other_device_type": "toaster"})
    refused("other_device_id", use_case, **values | {"other_device_id": b"\x01"})


@pytest.mark.parametrize(
    ("use_case", "values", "element"),
    [
        ("ECS39a", {}, "mpan"),
        ("ECS39a", {"mpan": "12345"}, "mpan"),
        ("ECS39a", {"mpan": 1234567890123}, "mpan"),
        ("ECS39a", {"mpan": "1234567890123", "surplus": 1}, "surplus"),
        ("CCS02", {"device_id": b"x"}, "device_id"),
        ("ECS70", {"validity_start": WHEN.replace(tzinfo=None), "validity_end": WHEN}, "validity_start"),
        ("GCS41", {"mprn": "١٢٣٤٥٦"}, "mprn"),
        ("GCS41", {"mprn": "12345678901"}, "mprn"),
        ("CS06", {"image_hash": bytes(31)}, "image_hash"),
        ("CS06", {"image_hash": bytes(32), "execution_time": "now"}, "execution_time"),
        ("CS02a", {"authorising_cell": 4, "roles": [2]}, "authorising_cell"),
        ("CS02a", {"authorising_cell": (4, KA), "roles": [2, "nobody"]}, "roles.1"),
        ("CS02b", {"mode": 12}, "mode"),
        ("CS02b", {"mode": 2}, "replacements"),
        ("CS02b", {"mode": 2, "replacements": [b"x"]}, "replacements.0"),
        ("CS02b", {}, "message_code"),
        ("ECS52", {"surplus": 1}, "surplus"),
        ("ECS68", {}, "ECS68"),
    ],
)
def test_values_that_do_not_fit_are_named(use_case, values, element):
    refused(element, use_case, **values)


def test_short_and_long_names_mix():
    found = load_catalogue()["ECS70"]
    header = header_of(CraFlag.COMMAND, 0x0062)
    both = {"validity_start": WHEN, "timeRangeEnd": LATER}
    short = {"validity_start": WHEN, "validity_end": LATER}
    assert command_payload(found, header, both) == command_payload(found, header, short)


@pytest.mark.parametrize("mode", [2, 3, 4, 5, 6, 7, 8, 10, 11])
def test_usual_values_of_replacement_modes(credentials, mode):
    use_case = "CS02g" if mode >= 10 else "CS02b"
    found = named(use_case, mode=mode, **credentials)
    control = found["authorisingRemotePartyControl"]
    assert control["credentialsReplacementMode"] == mode
    assert control["authorisingRemotePartySeqNumber"] == 1000
    assert ("authorisingRemotePartyTACellIdentifier" in control) == (mode != 4)
    assert found["replacements"][2]["targetTrustAnchorCell"] == {
        "trustAnchorCellRemotePartyRole": 2,
        "trustAnchorCellKeyUsage": "keyAgreement",
        "trustAnchorCellUsage": 1,
    }


def test_replacement_takes_every_element(credentials):
    found = named(
        "CS02b",
        mode=9,
        plaintext_symmetric_key=bytes(16),
        apply_time_based_checks=False,
        authorising_cell=TrustAnchorCell(RemotePartyRole.ROOT, KeyUsage.KEY_CERT_SIGN),
        authorising_counter=5,
        new_floor_counter=6,
        new_specialist_floors=[SpecialistSeqNumber(0, 7)],
        other_changes=[
            {"role": "supplier", "floor_counter": 8, "specialist_floors": [{"usage": 0, "counter": 9}]}
        ],
        execution_time="cancel",
        **credentials,
    )
    assert found["authorisingRemotePartyControl"] == {
        "credentialsReplacementMode": 9,
        "plaintextSymmetricKey": "00" * 16,
        "applyTimeBasedCPVChecks": 1,
        "authorisingRemotePartyTACellIdentifier": {
            "trustAnchorCellRemotePartyRole": 0,
            "trustAnchorCellKeyUsage": "keyCertSign",
        },
        "authorisingRemotePartySeqNumber": 5,
        "newRemotePartyFloorSeqNumber": 6,
        "newRemotePartySpecialistFloorSeqNumber": [{"seqNumberUsage": 0, "seqNumber": 7}],
        "otherRemotePartySeqNumberChanges": [
            {
                "otherRemotePartyRole": 2,
                "otherRemotePartyFloorSeqNumber": 8,
                "newRemotePartySpecialistFloorSeqNumber": [{"seqNumberUsage": 0, "seqNumber": 9}],
            }
        ],
    }
    assert found["executionDateTime"] == "9999-12-31T23:59:59Z"


def _cell(found):
    usage = {"digitalSignature": DS, "keyAgreement": KA, "keyCertSign": KeyUsage.KEY_CERT_SIGN}
    role, name = found["trustAnchorCellRemotePartyRole"], found["trustAnchorCellKeyUsage"]
    return role, usage[name], found.get("trustAnchorCellUsage", 0)


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_usual_values_of_a_mode_are_those_of_the_reference_commands():
    checked = set()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        found = load_catalogue().by_message_code(message.header.message_code, CraFlag.COMMAND)
        if message.header.cra_flag is not CraFlag.COMMAND or found.code not in {"CS02b", "CS02g"}:
            continue
        payload = decode_named(message)["payload"]
        mode = payload["authorisingRemotePartyControl"]["credentialsReplacementMode"]
        values = {
            "mode": mode,
            "replacements": [
                (bytes.fromhex(each["replacementCertificate"]), _cell(each["targetTrustAnchorCell"]))
                for each in payload["replacements"]
            ],
            "path": [bytes.fromhex(each) for each in payload["certificationPathCertificates"]],
        }
        when = payload.get("executionDateTime")
        if when is not None:
            cancelled = when.startswith("9999")
            values["execution_time"] = "cancel" if cancelled else datetime.fromisoformat(when)
            if mode == 7 and cancelled:
                values["other_changes"] = None
        assert message_code(found, values) == message.header.message_code
        assert command_payload(found, message.header, values) == message.payload
        checked.add(mode)
    assert checked >= {2, 3, 4, 5, 7, 8, 10, 11}
