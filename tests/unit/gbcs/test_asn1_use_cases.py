"""ASN.1 use cases: values to octets and back, against the reference messages where they are at hand."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.gbcs.asn1.credentials import (
    RemotePartySeqNumberChange,
    SpecialistSeqNumber,
    TrustAnchorCell,
)
from protocols.gbcs.asn1.types import KeyUsage, RemotePartyRole
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message
from protocols.gbcs.use_cases import (
    Context,
    alert_codecs,
    codecs,
    decode_alert,
    decode_command,
    decode_response,
    encode_alert,
    encode_command,
    encode_response,
    message_code,
)
from protocols.smki import Hierarchy

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
OTHER = Eui64("00-DB-12-34-56-78-90-A5")
CONTEXT = Context(1000, SUPPLIER, METER)
WHEN = datetime(2030, 1, 15, 9, tzinfo=UTC)
DS, KA = KeyUsage.DIGITAL_SIGNATURE, KeyUsage.KEY_AGREEMENT
BY_MESSAGE_CODE = {0x0125: "CS02g", 0x0126: "CS02g"} | {0x0100 + mode: "CS02b" for mode in range(10)}

# What decoding shows beyond what encoding takes.
NAMES = {"outcome_name", "response_name", "status_name"}


def use_case_of(code: int) -> str | None:
    return BY_MESSAGE_CODE.get(code) or next(
        (codec.use_case for codec in codecs().values() if codec.message_code == code), None
    )


def shortest(payload: bytes) -> bytes:
    node = der.parse_der(payload)
    for each in node.walk():
        each.header = 0
    return der.build(node)


def without_names(values: dict) -> dict:
    return {name: value for name, value in values.items() if name not in NAMES}


def both_ways_command(use_case: str, values: dict) -> dict:
    payload = encode_command(use_case, CONTEXT, values)
    decoded = decode_command(use_case, payload)
    assert encode_command(use_case, CONTEXT, decoded) == payload
    return decoded


def both_ways_response(use_case: str, values: dict) -> dict:
    payload = encode_response(use_case, CONTEXT, values)
    decoded = decode_response(use_case, payload)
    assert encode_response(use_case, CONTEXT, without_names(decoded)) == payload
    return decoded


def both_ways_alert(code: int, values: dict) -> dict:
    payload = encode_alert(code, CONTEXT, values)
    decoded = decode_alert(code, payload)
    assert encode_alert(code, CONTEXT, without_names(decoded)) == payload
    assert {"alert_code", "time"} <= set(decoded)
    return decoded


def refused(element: str, call, *arguments) -> None:
    with pytest.raises(EncodeError) as caught:
        call(*arguments)
    assert caught.value.element == element


@pytest.fixture(scope="module")
def credentials() -> dict:
    hierarchy = Hierarchy("use cases")
    supplier = hierarchy.organisation("supplier")
    cells = [(2, DS, 0), (2, KA, 0), (2, KA, 1)]
    return {
        "replacements": list(zip((each.certificate for each in supplier), cells, strict=True)),
        "path": [hierarchy.issuing.certificate],
    }


def outcome(mode: int = 2) -> dict:
    ids = {
        "existing_subject_id": SUPPLIER,
        "existing_key_id": bytes(8),
        "replacing_subject_id": OTHER,
        "replacing_key_id": b"\x41" * 8,
    }
    return {
        "authorising_counter": 1000,
        "mode": mode,
        "changes": [
            {"role": 2, "floor_counter": 0, "specialist_floors": [{"usage": 0, "counter": 0}]},
            {"role": 3, "floor_counter": 5, "specialist_floors": None},
        ],
        "replacements": [{"cell": (2, DS, 0), "status": 0, **ids}, {"cell": (2, KA, 1), "status": 10, **ids}],
    }


def test_set_clock_layout():
    values = {"validity_start": WHEN, "validity_end": WHEN.replace(hour=10)}
    payload = encode_command("GCS28", CONTEXT, values)
    assert payload == b"\x30\x22\x18\x0f20300115090000Z\x18\x0f20300115100000Z"
    assert decode_command("GCS28", payload) == values
    response = both_ways_response("GCS28", {"device_time": WHEN, "status": 2})
    assert response == {"device_time": WHEN, "status": 2, "status_name": "unreliable"}


def test_activate_firmware():
    digest = bytes(range(32))
    at_once = both_ways_command("CS06", {"image_hash": digest})
    assert at_once == {"image_hash": digest, "originator_counter": 1000, "execution_time": None}
    assert both_ways_command("CS06", {"image_hash": digest, "execution_time": WHEN})["execution_time"] == WHEN
    cancelled = encode_command("CS06", CONTEXT, {"image_hash": digest, "execution_time": "cancel"})
    assert cancelled.endswith(b"99991231235959Z")
    assert decode_command("CS06", cancelled)["execution_time"] == "cancel"
    assert encode_response("CS06", CONTEXT, {"accepted": True}) == b"\x05\x00"
    assert decode_response("CS06", b"\x05\x00") == {"accepted": True}
    done = both_ways_response("CS06", {"response_code": 2, "firmware_version": b"\1\2\3\4"})
    assert done["response_name"] == "hash_mismatch"
    refused("image_hash", encode_command, "CS06", CONTEXT, {"image_hash": bytes(31)})
    refused("image_hash", encode_command, "CS06", CONTEXT, {})
    refused(
        "execution_time", encode_command, "CS06", CONTEXT, {"image_hash": digest, "execution_time": "now"}
    )
    refused("later", encode_command, "CS06", CONTEXT, {"image_hash": digest, "later": 1})
    refused("response_code", encode_response, "CS06", CONTEXT, {})


def test_read_firmware_version_of_a_ppmid():
    assert encode_command("CS08", CONTEXT, {}) == b"\x05\x00"
    found = both_ways_response("CS08", {"firmware_version": b"\1\2\3\4"})
    assert found == {"firmware_version": b"\1\2\3\4", "read_failure": False}
    assert both_ways_response("CS08", {"read_failure": True})["firmware_version"] == bytes(4)


@pytest.mark.parametrize(("use_case", "method"), [("CS03A1", 0), ("CS03A2", 1), ("CS03B", 2), ("CS03C", 3)])
def test_join(use_case, method):
    certificate = Hierarchy("join").device(OTHER).ka.certificate
    values = {"other_device_id": OTHER, "other_device_type": "ppmid", "other_device_certificate": certificate}
    assert both_ways_command(use_case, values) == values | {"method": method}
    plain = both_ways_command(use_case, {"other_device_id": str(OTHER), "other_device_type": "ihd"})
    assert plain["other_device_type"] == "type_2"
    assert plain["other_device_certificate"] == b""
    assert both_ways_response(use_case, {"outcome": 3})["outcome_name"] == "incompatible_with_existing_entry"
    assert decode_response(use_case, bytes.fromhex("02010E"))["outcome_name"] == "unknown"
    refused("other_device_type", encode_command, use_case, CONTEXT, values | {"other_device_type": "toaster"})
    refused("other_device_id", encode_command, use_case, CONTEXT, values | {"other_device_id": b"\x01"})


@pytest.mark.parametrize("use_case", ["CS04AC", "CS04B"])
def test_unjoin(use_case):
    assert both_ways_command(use_case, {"other_device_id": OTHER}) == {"other_device_id": OTHER}
    answer = both_ways_response(use_case, {"outcome": 1})
    assert answer["outcome_name"] == "other_device_not_in_device_log"


def test_read_device_join_details():
    assert encode_command("CS07", CONTEXT, {}) == b"\x05\x00"
    assert decode_command("CS07", b"\x05\x00") == {}
    devices = [{"device_id": OTHER, "device_type": "ppmid"}, {"device_id": METER, "device_type": 9}]
    assert both_ways_response("CS07", {"devices": devices}) == {"read_failure": False, "devices": devices}
    assert both_ways_response("CS07", {"read_failure": True}) == {"read_failure": True, "devices": []}
    refused("surplus", encode_command, "CS07", CONTEXT, {"surplus": 1})
    refused("devices.0.device_type", encode_response, "CS07", CONTEXT, {"devices": [{"device_id": OTHER}]})


def test_provide_credentials():
    values = {"authorising_cell": (4, KA), "roles": ["supplier", 3]}
    decoded = both_ways_command("CS02a", values)
    assert decoded == {"authorising_cell": (4, KA, 0), "roles": [2, 3]}
    party = {
        "role": 2,
        "status": 0,
        "current_counter": 7,
        "cells": [{"key_usage": KA, "cell_usage": 1, "subject_id": SUPPLIER, "key_id": bytes(8)}],
    }
    absent = {"role": 8, "status": 25, "current_counter": None, "cells": []}
    assert both_ways_response("CS02a", {"parties": [party, absent]}) == {"parties": [party, absent]}
    refused("roles.1", encode_command, "CS02a", CONTEXT, values | {"roles": [2, "nobody"]})
    refused("authorising_cell", encode_command, "CS02a", CONTEXT, values | {"authorising_cell": 4})
    refused("parties.0.current_counter", encode_response, "CS02a", CONTEXT, {"parties": [{"role": 2}]})
    wrong = {"parties": [party | {"status": 25}]}
    refused("parties.0.current_counter", encode_response, "CS02a", CONTEXT, wrong)


@pytest.mark.parametrize("mode", [2, 3, 4, 5, 6, 7, 8, 10, 11])
def test_update_credentials_in_all_usual_modes(credentials, mode):
    use_case = "CS02g" if mode >= 10 else "CS02b"
    decoded = both_ways_command(use_case, {"mode": mode, **credentials})
    assert decoded["authorising_counter"] == 1000
    assert (decoded["authorising_cell"] is None) == (mode == 4)
    assert decoded["replacements"][2] == (credentials["replacements"][2][0], (2, KA, 1))
    codes = {10: 0x0125, 11: 0x0126}
    assert message_code(use_case, {"mode": mode}) == codes.get(mode, 0x0100 + mode)


def test_update_credentials_takes_every_element(credentials):
    values = {
        "mode": 9,
        "plaintext_symmetric_key": bytes(16),
        "apply_time_based_checks": False,
        "authorising_cell": TrustAnchorCell(RemotePartyRole.ROOT, KeyUsage.KEY_CERT_SIGN),
        "authorising_counter": 5,
        "new_floor_counter": 6,
        "new_specialist_floors": [{"usage": 0, "counter": 7}],
        "other_changes": [{"role": 2, "floor_counter": 8, "specialist_floors": None}],
        "execution_time": "cancel",
        **credentials,
    }
    decoded = both_ways_command("CS02b", values)
    assert decoded == values
    given_as_structures = values | {
        "new_specialist_floors": [SpecialistSeqNumber(0, 7)],
        "other_changes": [RemotePartySeqNumberChange(2, 8)],
    }
    assert both_ways_command("CS02b", given_as_structures) == values


def test_update_credentials_refuses_what_does_not_fit(credentials):
    values = {"mode": 2, **credentials}
    for change, element in (
        ({"mode": 12}, "mode"),
        ({"new_floor_counter": -1}, "new_floor_counter"),
        ({"authorising_counter": 1 << 63}, "authorising_counter"),
        ({"replacements": [b"x"]}, "replacements.0"),
        ({"replacements": [(b"x", (2, DS))]}, "replacements[0].certificate"),
        ({"path": [b"x"]}, "certification_path[0]"),
        ({"other_changes": [{"role": 2}]}, "other_changes.0.floor_counter"),
        ({"new_specialist_floors": [{"usage": 0}]}, "new_specialist_floors.0.counter"),
        ({"mod": 1}, "mod"),
    ):
        refused(element, encode_command, "CS02b", CONTEXT, values | change)
    refused("mode", message_code, "CS02b", {})


def test_update_credentials_response():
    assert encode_response("CS02b", CONTEXT, {}) == bytes.fromhex("30020500")
    assert decode_response("CS02b", bytes.fromhex("30020500")) == {"accepted": True, "outcome": None}
    decoded = both_ways_response("CS02b", {"outcome": outcome()})
    assert decoded == {"accepted": True, "outcome": outcome()}
    wrong = outcome()
    wrong["replacements"][1]["existing_key_id"] = b""
    refused("outcome.replacements.1.existing_key_id", encode_response, "CS02b", CONTEXT, {"outcome": wrong})


@pytest.mark.parametrize(
    ("code", "values"),
    [
        (0x00CA, {"originator_counter": 1001, "response_code": 0, "firmware_version": b"\1\2\3\4"}),
        (0x00CB, {"outcome": outcome()}),
        (0x0124, {"outcome": outcome(10)}),
        (0x0128, {"device_id": OTHER, "firmware_version": b"\1\2\3\4", "response_code": 3}),
        (0x012B, {"firmware_version": b"\1\2\3\4", "response_code": 1}),
        (0x00B2, {"devices": [{"device_id": OTHER, "device_type": "gsme"}]}),
    ],
)
def test_alerts(code, values):
    values = {"alert_code": 0x8F66, "time": WHEN, **values}
    assert without_names(both_ways_alert(code, values)) == values
    refused("time", encode_alert, code, CONTEXT, values | {"time": WHEN.replace(tzinfo=None)})
    refused("alert_code", encode_alert, code, CONTEXT, values | {"alert_code": 0x10000})
    refused("surplus", encode_alert, code, CONTEXT, values | {"surplus": 0})


def test_truncated_payloads_are_decode_errors(credentials):
    payload = encode_command("CS02b", CONTEXT, {"mode": 2, **credentials})
    for length in range(0, len(payload), 7):
        with pytest.raises(DecodeError):
            decode_command("CS02b", payload[:length])


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_reference_payloads_come_from_values():
    seen: Counter[str] = Counter()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        header, payload = message.header, message.payload
        if payload[0] in {0xD9, 0xDA, 0x0F} or payload[:2] == b"\x01\x09":
            continue
        # Values that only repeat the header are left to the context.
        context = Context(header.originator_counter, header.business_originator_id, header.business_target_id)
        code, use_case = header.message_code, use_case_of(header.message_code)
        if header.cra_flag is CraFlag.ALERT:
            assert (code, "asn1") in alert_codecs()
            values = without_names(decode_alert(code, payload))
            ours = encode_alert(code, context, values)
        elif use_case is None:
            seen["without codec"] += 1
            continue
        elif header.cra_flag is CraFlag.COMMAND:
            values = decode_command(use_case, payload)
            for name in ("authorising_counter", "originator_counter"):
                assert values.pop(name, header.originator_counter) == header.originator_counter
            if use_case in {"CS02b", "CS02g"}:
                assert message_code(use_case, values) == code
            ours = encode_command(use_case, context, values)
        else:
            values = without_names(decode_response(use_case, payload))
            ours = encode_response(use_case, context, values)
        assert ours == shortest(payload)
        seen[header.cra_flag.name] += 1
    assert seen["COMMAND"] + seen["RESPONSE"] + seen["ALERT"] + seen["without codec"] == 143
    assert seen["without codec"] < 20


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_usual_values_of_a_mode_are_those_of_the_reference_commands():
    checked = set()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        use_case = BY_MESSAGE_CODE.get(message.header.message_code)
        if use_case is None or message.header.cra_flag is not CraFlag.COMMAND:
            continue
        values = decode_command(use_case, message.payload)
        given = {name: values[name] for name in ("mode", "replacements", "path", "execution_time")}
        if values["mode"] == 7 and values["execution_time"] == "cancel":
            given["other_changes"] = None
        context = Context(message.header.originator_counter, SUPPLIER, METER)
        assert encode_command(use_case, context, given) == message.payload
        checked.add(values["mode"])
    assert checked >= {2, 3, 4, 5, 7, 8, 10, 11}
