"""Trees of messages made here; the reference messages have their own test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, IntFlag
from typing import NamedTuple

import pytest

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message
from protocols.gbcs.payload import build_payload, parse_payload, payload_kind
from protocols.gbcs.plain import plain
from protocols.gbcs.tree import decode_tree
from tests.made_messages import command, generic_alert, header_of, payload_of

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def message(flag, code, payload, **more):
    pair = (SUPPLIER, METER) if flag is CraFlag.COMMAND else (METER, SUPPLIER)
    made = Message(GroupingHeader(flag, 5, *pair, code, **more), payload, bytes(64), bytes(12))
    return parse_message(build_message(made))


def test_a_command_with_names():
    made = message(CraFlag.COMMAND, 0x0062, command("ECS70", validity_start=TIME, validity_end=TIME))
    tree = decode_tree(made)
    assert (tree["use_case"], tree["kind"], tree["message_code"]) == ("ECS70", "command", "0x0062")
    window = tree["named"]["payload"]["elements"]["Time: setValidTimeRange"]
    assert window["timeRangeStart"] == "2026-01-02T03:04:05Z"
    base, window = tree["payload"]["elements"][:2]
    assert (base["name"], base["access"], base["obis"]) == ("Time.clock_base", "set", "0-0:1.0.0.255")
    start = window["children"][0]["children"][1]
    assert start["name"].endswith("timeRangeStart")
    assert start["time"] == TIME.isoformat()
    octets = build_message(made)
    assert octets[start["offset"] :][: start["octets"]] == b"\x09\x0c" + bytes.fromhex(start["value"])
    assert "verdict" not in tree["mac"]


def test_header_offsets_point_at_the_fields():
    certificate = b"\x30\x82\x01\x00" + bytes(256)
    made = message(
        CraFlag.COMMAND,
        0x0059,
        command("ECS52"),
        date_time=bytes.fromhex("07DF0101FF000000008000FF"),
        supplementary_remote_party_id=SUPPLIER,
        supplementary_remote_party_counter=9,
        certificate=certificate,
    )
    octets = build_message(made)
    header = decode_tree(made)["header"]
    expected = {
        "cra_flag": b"\x01",
        "originator_counter": bytes(7) + b"\x05",
        "business_originator_id": SUPPLIER,
        "business_target_id": METER,
        "date_time": made.header.date_time,
        "message_code": b"\x00\x59",
        "supplementary_remote_party_id": SUPPLIER,
        "supplementary_remote_party_counter": bytes(7) + b"\x09",
        "certificate": certificate,
    }
    assert set(header["offsets"]) == set(expected)
    for name, field in expected.items():
        assert octets[header["offsets"][name] :].startswith(field), name
    assert header["date_time"]["time"] == "2015-01-01T00:00:00+00:00"


def test_a_response_names_its_items_and_results():
    names = ("clockBase", "setValidTimeRange", "setTime", "methodOutput: value", "methodOutput: status")
    results = {f"Time: {name}": result for name, result in zip(names, (0, 0, 0, 1, 250), strict=True)}
    payload = payload_of(header_of(CraFlag.RESPONSE, 0x0062), {"results": results, "elements": {}})
    elements = decode_tree(message(CraFlag.RESPONSE, 0x0062, payload))["payload"]["elements"]
    assert [each["name"] for each in elements][3:] == ["Time.time", "Time.status"]
    assert [each["result_name"] for each in elements][3:] == ["hardware-fault", "other-reason"]


def test_protected_answers_open_with_a_decryptor():
    sealed = []

    def encrypt(plaintext):
        sealed.append(plaintext)
        return bytes.fromhex("3100000000") + bytes(len(plaintext) + 12)

    registers = {
        "active.value": 1,
        "active_scal_unit_type": {"scale": 0, "unit": 30},
        "reactive.value": 2,
        "reactive_scal_unit_type": {"scale": 0, "unit": 32},
    }
    name = "ImportRegisterCollection: read"
    inside = {name: {"ImportRegisterCollection: import_register_collection": registers}}
    values = {"results": {name: 0}, "elements": inside}
    header = header_of(CraFlag.RESPONSE, 0x0027)
    made = message(CraFlag.RESPONSE, 0x0027, payload_of(header, values, encrypt=encrypt))
    closed = decode_tree(made)
    assert "plaintext" not in closed["payload"]["elements"][0]
    opened = decode_tree(made, None, lambda _: sealed[0])
    names = json.dumps(opened["payload"]["elements"][0]["plaintext"])
    assert "active.value" in names
    assert opened["named"]["payload"]["elements"] == inside
    assert opened["encrypted"][0]["plaintext"] == sealed[0].hex().upper()


def test_an_alert_has_its_name():
    tree = decode_tree(message(CraFlag.ALERT, 0x1000, generic_alert(0x8F3D)))
    assert tree["use_case"] is None
    assert tree["title"] == "Generic Critical Alert"
    assert tree["elements"][0]["text"] == tree["payload"]["elements"][0]["text"]
    assert "Trusted Source" in tree["elements"][0]["text"].title()


def test_unknown_codes_are_told_by_their_octets():
    for payload, kind in (
        (bytes.fromhex("0500"), "asn1"),
        (bytes.fromhex("D900"), "dlms"),
        (b"\x01\x09\x01", "gbz"),
    ):
        assert payload_kind(message(CraFlag.COMMAND, 0xFFFF, payload)) == kind
    tree = decode_tree(message(CraFlag.COMMAND, 0xFFFF, bytes.fromhex("0500")))
    assert (tree["title"], tree["payload"]["elements"][0]["type"]) == ("unknown message code", "NULL")


def test_a_faulty_payload_is_placed_in_the_whole_message():
    made = message(CraFlag.COMMAND, 0x0062, bytes.fromhex("D9200003E800FF"))
    with pytest.raises(DecodeError) as caught:
        decode_tree(made)
    assert caught.value.offset >= made.payload_offset
    assert caught.value.path.startswith("message.payload")


def test_long_asn1_lengths_survive():
    # Some meters write lengths of 128 to 255 as 82 00 nn.
    payload = bytes.fromhex("048200C8") + bytes(200)
    made = message(CraFlag.COMMAND, 0xFFFF, payload)
    assert build_payload(parse_payload(made)) == payload


class Colour(IntEnum):
    DARK_RED = 1


class Bits(IntFlag):
    ONE = 1
    TWO = 2


class Pair(NamedTuple):
    left: int
    right: bytes


@dataclass(slots=True)
class Record:
    at: datetime
    items: tuple[int, ...]


def test_plain_values_are_json():
    value = {
        "enum": Colour.DARK_RED,
        "flag": Bits.TWO,
        "pair": Pair(1, b"\xab"),
        "record": Record(TIME, (1, 2)),
        "eui64": METER,
        "nothing": None,
        1: True,
    }
    assert json.loads(json.dumps(plain(value))) == {
        "enum": "dark_red",
        "flag": "two",
        "pair": {"left": 1, "right": "AB"},
        "record": {"at": TIME.isoformat(), "items": [1, 2]},
        "eui64": str(METER),
        "nothing": None,
        "1": True,
    }
