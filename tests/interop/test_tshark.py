"""Wireshark's GBCS dissector, which nobody here wrote, must read our messages the way we mean them.

The messages travel as exported PDUs (link type 252, dissector name ``gbcs_message``), so tshark needs no options.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message
from tests.interop.wireshark import dissect, needs_tshark

RTDS = Path(__file__).parents[3] / "shared" / "rtds" / "messages.jsonl"
HEADER = "gbcs_message.grouping_header."
FIELDS = {
    "cra_flag": HEADER + "cra_flag",
    "originator_counter": HEADER + "originator_counter",
    "business_originator_id": HEADER + "business_originator_id",
    "business_target_id": HEADER + "business_target_id",
    "message_code": HEADER + "message_code",
    "supplementary_remote_party_id": HEADER + "supplementary_remote_party_id",
    "supplementary_remote_party_counter": HEADER + "supplementary_remote_party_counter",
    "mac": "gbcs_message.mac",
}

pytestmark = needs_tshark


def number(text: str) -> int:
    return int(text, 0)


def expected(message: Message) -> dict[str, object]:
    header = message.header
    values: dict[str, object] = {
        "cra_flag": int(header.cra_flag),
        "originator_counter": header.originator_counter,
        "business_originator_id": header.business_originator_id,
        "business_target_id": header.business_target_id,
        "message_code": header.message_code,
    }
    if header.supplementary_remote_party_id is not None:
        values["supplementary_remote_party_id"] = header.supplementary_remote_party_id
    if header.supplementary_remote_party_counter is not None:
        values["supplementary_remote_party_counter"] = header.supplementary_remote_party_counter
    if message.mac is not None:
        values["mac"] = message.mac
    return values


def check(message: Message, layers: dict[str, list[str]]) -> None:
    for name, value in expected(message).items():
        shown = layers[FIELDS[name]][0]
        if isinstance(value, bytes):
            assert bytes.fromhex(shown.replace(":", "")) == bytes(value), name
        else:
            assert number(shown) == value, name


def our_messages() -> list[Message]:
    supplier, esme, other = Eui64("90B3D51F30010000"), Eui64("00DB1234567890F0"), Eui64("90B3D51F30080000")
    plain = GroupingHeader(CraFlag.COMMAND, 0x1_0000_0001, supplier, esme, 0x0042)
    answer = GroupingHeader(
        CraFlag.RESPONSE, 7, esme, supplier, 0x0027, date_time=bytes.fromhex("07EA0B16FF0F0000008000FF")
    )
    acting = GroupingHeader(
        CraFlag.COMMAND, 9, supplier, esme, 0x000E,
        supplementary_remote_party_id=other, supplementary_remote_party_counter=12,
    )  # fmt: skip
    alert = GroupingHeader(CraFlag.ALERT, 2**40, esme, supplier, 0x1000)
    return [
        Message(plain, b"\xd9" + bytes(40), signature=b"", mac=bytes(range(12))),
        Message(plain, b"\xd9" + bytes(200), signature=bytes(range(64)), mac=bytes(range(12))),
        Message(answer, b"\xda" + bytes(30), signature=bytes(range(64)), mac=None),
        Message(acting, bytes.fromhex("0500"), signature=b"", mac=bytes(12)),
        Message(alert, b"\x0f" + bytes(20), signature=bytes(64), mac=None),
    ]


def test_our_messages_read_as_meant(tmp_path):
    messages = our_messages()
    shown = dissect([build_message(message) for message in messages], FIELDS.values(), tmp_path)
    assert len(shown) == len(messages)
    for message, layers in zip(messages, shown, strict=True):
        check(message, layers)


def test_reference_messages_read_alike(tmp_path):
    if not RTDS.exists():
        pytest.skip(f"{RTDS} is not here")
    rows = [json.loads(line) for line in RTDS.read_text().splitlines()]
    octets = [bytes.fromhex(row["hex"]) for row in rows if row["kind"] != "precommand"]
    shown = dissect(octets, FIELDS.values(), tmp_path)
    assert len(shown) == len(octets) > 800
    for data, layers in zip(octets, shown, strict=True):
        message = parse_message(data)
        check(message, layers)
