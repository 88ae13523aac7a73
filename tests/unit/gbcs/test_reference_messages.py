"""The reference messages (RTDS 4.5.0), read in place and never carried along: every octet, key and value."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.corpus import CorpusSummary, check_message
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.header import CraFlag
from protocols.gbcs.keystore import keystore_from_files
from protocols.gbcs.message import build_message, parse_message
from protocols.gbcs.named.short import command_payload, message_code, values_of
from protocols.gbcs.protect import decryptor, verify_with_keystore
from protocols.gbcs.tree import decode_tree

REFERENCE = Path(__file__).parents[4] / "shared/rtds"
pytestmark = pytest.mark.skipif(not REFERENCE.exists(), reason=f"no reference messages in {REFERENCE}")

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
NETWORK = Eui64("90-B3-D5-1F-30-02-00-00")
BROKER = Eui64("90-B3-D5-1F-30-00-00-02")
ESME, GSME, CHF = (Eui64(f"00-DB-12-34-56-78-90-A{digit}") for digit in "012")
NEW_YEAR = datetime(2015, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def messages():
    rows = [json.loads(line) for line in (REFERENCE / "messages.jsonl").read_text().splitlines()]
    return {row["name"]: bytes.fromhex(row["hex"]) for row in rows}


@pytest.fixture(scope="module")
def keystore():
    return keystore_from_files({file.name: file.read_bytes() for file in (REFERENCE / "keystore").iterdir()})


@pytest.fixture(scope="module")
def cache():
    return SecretCache()


def find(messages, start, kind):
    """The one message whose name starts and ends like this."""
    (name,) = [each for each in messages if each.startswith(start) and each.endswith(f"{kind}_GBCS")]
    return parse_message(messages[name])


def test_all_messages_parse_encode_again_and_verify(messages, keystore, cache):
    summary = CorpusSummary()
    unverifiable = []
    for name, octets in messages.items():
        result = check_message(octets, keystore, cache, name)
        summary.add(result)
        if "no_key" in (result.verdicts.mac, result.verdicts.signature):
            unverifiable.append(name.split("_")[0])
    counts = summary.as_dict()
    assert counts["failures"] == []
    assert (counts["messages"], counts["parsed"], counts["reencoded"]) == (991, 991, 991)
    assert counts["signature"] == {"ok": 370, "bad": 0, "no_key": 0, "none": 621}
    assert counts["mac"] == {"ok": 635, "bad": 0, "no_key": 2, "none": 354}
    assert counts["encrypted"] == {"ok": 45, "bad": 0}
    assert unverifiable == ["PCS02", "PCS02"]


def test_the_misnamed_certificate_is_passed_over(keystore):
    list(keystore)
    assert ["90b3d51f30000007-ka" in problem for problem in keystore.problems] == [True]


def test_every_changed_octet_of_a_message_is_noticed(messages, keystore, cache):
    # One of each protection: MAC and signature, MAC and ciphered block, signature alone.
    for start, kind in (
        ("ECS70_6.11_SUCCESS", "_COMMAND"),
        ("ECS17b_4.1.1_SINGLE", "RESPONSE"),
        ("GCA-DLMS", "ALERT"),
    ):
        octets = build_message(find(messages, start, kind))
        for index in range(len(octets)):
            changed = bytearray(octets)
            changed[index] ^= 0x01
            try:
                message = parse_message(bytes(changed))
            except DecodeError:
                continue
            verdicts = verify_with_keystore(message, keystore, cache)
            assert {verdicts.mac, verdicts.signature} & {"bad", "no_key"}, (start, index)


def test_every_truncation_of_every_message_is_refused(messages):
    for name, octets in messages.items():
        message = parse_message(octets)
        # A signed command without MAC may lose its signature field: what is left is a pre-command.
        allowed = len(octets) - 65 if message.kind == "command" and message.mac is None else None
        for length in range(0, len(octets), 1 if len(octets) < 200 else 7):
            if length != allowed:
                with pytest.raises(DecodeError):
                    parse_message(octets[:length])
        assert name


def test_message_codes_lead_to_the_use_case_in_the_name(messages):
    catalogue = load_catalogue()
    known = Counter()
    for name, octets in messages.items():
        header = parse_message(octets).header
        use_case = catalogue.by_message_code(header.message_code, header.cra_flag)
        if use_case is None:
            assert catalogue.alert_message(header.message_code), name
        elif not name.startswith(("CS04B", "DBCH04")):  # two folders that hold a neighbour's messages
            assert name.startswith(use_case.code), name
            known[use_case.code] += 1
    assert len(known) > 150


def test_trees_of_all_messages_are_json_with_true_offsets(messages, keystore, cache):
    for name, octets in messages.items():
        message = parse_message(octets)
        verdicts = verify_with_keystore(message, keystore, cache)
        tree = decode_tree(message, verdicts, decryptor(message, keystore, cache))
        assert "problem" not in json.dumps(tree), name
        assert tree["octets"] == len(octets)
        assert octets[tree["payload"]["offset"] :].startswith(message.payload)
        for node in _nodes(tree["payload"]["elements"]):
            assert tree["payload"]["offset"] <= node["offset"]
            assert node["offset"] + node["octets"] <= tree["payload"]["offset"] + len(message.payload)
        for part in (tree["signature"], tree["mac"], *tree["encrypted"]):
            if part and "value" in part:
                assert octets[part["offset"] :].startswith(bytes.fromhex(part["value"]))


def _nodes(nodes):
    for node in nodes:
        yield node
        yield from _nodes(node.get("children", ()))


CCS01 = {"device_id": ESME, "install_code": b"0123456789ABCDEF", "device_type": "esme", "join_time_s": 90}
WINDOW = {
    "validity_start": datetime(2014, 12, 31, 23, 59, 10, tzinfo=UTC),
    "validity_end": datetime(2015, 1, 1, 0, 0, 10, tzinfo=UTC),
}
COMMANDS = [
    ("ECS52_11.2_SUCCESS", "ECS52", {}, "COMMAND"),
    ("ECS17b_4.1.1_SINGLE", "ECS17b", {}, "COMMAND"),
    ("ECS27_4.15_ERROR", "ECS27", {}, "COMMAND"),
    ("ECS70_6.11_SUCCESS", "ECS70", WINDOW, "_COMMAND"),
    ("ECS70_6.11_SUCCESS", "ECS70", WINDOW, "PRECOMMAND"),
    ("ECS39a_6.20.1_SINGLE", "ECS39a", {"mpan": "1312345678333"}, "COMMAND"),
    ("ECS39a_6.20.1_TWIN", "ECS39a", {"mpan": "1312345678111", "second_mpan": "1312345678222"}, "COMMAND"),
    ("CCS01_8.11_SUCCESS", "CCS01", CCS01, "COMMAND"),
    ("CCS02_8.11_SUCCESS", "CCS02", {"device_id": ESME}, "COMMAND"),
    ("CCS06_8.9_SUCCESS", "CCS06", {}, "COMMAND"),
]


@pytest.mark.parametrize(("start", "use_case", "values", "kind"), COMMANDS)
def test_commands_come_out_octet_for_octet(messages, start, use_case, values, kind):
    message = find(messages, start, kind)
    header = message.header
    found = load_catalogue()[use_case]
    assert command_payload(found, header, values) == message.payload
    assert message_code(found, values) == header.message_code


LOAD_LIMIT = {
    "load_limit_supply_state": False,
    "load_limit_counter": 30,
    "load_limit_counter_scaler": 0,
    "load_limit_counter_unit": 255,
    "load_limit_power_threshold_w": 6900,
    "load_limit_period_s": 300,
    "load_limit_restoration_period_s": 30,
}
RESPONSES = [
    ("ECS52_11.2_SUCCESS", "ECS52", {"results": [0], "firmware_version": bytes.fromhex("0123ABCD")}),
    ("ECS52_11.2_ERROR", "ECS52", {"results": [1], "firmware_version": None}),
    ("ECS27_4.15_SUCCESS", "ECS27", {"results": [0] * 6} | LOAD_LIMIT),
    ("ECS70_6.11_SUCCESS", "ECS70", {"results": [0] * 5, "device_time": NEW_YEAR, "status": 0}),
    ("ECS70_6.11_ERROR", "ECS70", {"results": [0, 0, 0, 1, 250], "device_time": None, "status": None}),
    ("ECS39a_6.20.1_SINGLE_ERROR", "ECS39a", {"results": [1]}),
    ("CCS01_8.11_ERROR", "CCS01", {"results": [0, 1, 250]}),
    ("CCS02_8.11_SUCCESS", "CCS02", {"results": [0]}),
    ("CCS06_8.9_ERROR", "CCS06", {"results": [1], "devices": []}),
]


@pytest.mark.parametrize(("start", "use_case", "values"), RESPONSES)
def test_responses_have_short_names(messages, start, use_case, values):
    decoded = values_of(find(messages, start, "RESPONSE"))
    assert {name: decoded[name] for name in values} == values, use_case


@pytest.mark.parametrize("start", ["ECS17b_4.1.1_SINGLE", "ECS17b_4.1.1_TWIN"])
def test_import_registers_open_for_their_reader(messages, keystore, cache, start):
    message = find(messages, start, "RESPONSE")
    closed = values_of(message)
    assert (closed["decrypted"], closed["registers"]) == (False, None)
    values = values_of(message, decryptor(message, keystore, cache))
    assert values["decrypted"]
    assert values["registers"]["active_import_wh"] == 10


def test_all_alerts_have_their_code_and_time(messages):
    seen = Counter()
    for name, octets in messages.items():
        message = parse_message(octets)
        if message.header.cra_flag is not CraFlag.ALERT:
            continue
        values = values_of(message)
        if message.header.message_code != 0x008B:  # GCS53 has the specification's names only
            assert 0x8000 <= values["alert_code"] <= 0x8FFF, name
            assert values["time"].year in {2015, 2018, 2030}, name
            seen[message.header.message_code] += 1
    assert set(seen) >= {0x0018, 0x00CC, 0x00CD, 0x00CE, 0x00CF, 0x00F0, 0x0120, 0x1000, 0x1001}


def test_the_device_log_alert_by_hand(messages):
    values = values_of(find(messages, "CS14", "ALERT"))
    assert (values["alert_code"], values["time"], values["backup_time"]) == (0x8F12, NEW_YEAR, NEW_YEAR)
    assert values["extended_pan_id"] == bytes(range(8))
    assert [device["device_id"] for device in values["devices"]] == [ESME, GSME]


def test_parties_of_hub_messages(messages):
    header = find(messages, "CCS01_8.11_SUCCESS", "COMMAND").header
    assert (header.business_originator_id, header.business_target_id) == (BROKER, CHF)
    assert header.supplementary_remote_party_id == SUPPLIER
