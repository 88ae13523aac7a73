"""Wireshark's GBCS dissector, which nobody here wrote, must read our messages the way we mean them.

The messages travel as exported PDUs (link type 252, dissector name ``gbcs_message``), so tshark needs no options.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from protocols.dlms.date_time import decode_date_time
from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader, encode_grouping_header
from protocols.gbcs.message import Message, build_message, parse_message
from tests.interop.wireshark import dissect, needs_tshark

RTDS = Path(__file__).parents[3] / "shared" / "rtds" / "messages.jsonl"
HEADER = "gbcs_message.grouping_header."
FIELDS = {
    "general_ciphering": "gbcs_message.mac_header.general_ciphering",
    "security_control": "gbcs_message.mac_header.security_control_byte",
    "invocation_counter": "gbcs_message.mac_header.invocation_counter",
    "general_signing": HEADER + "general_signing",
    "cra_flag": HEADER + "cra_flag",
    "originator_counter": HEADER + "originator_counter",
    "business_originator_id": HEADER + "business_originator_id",
    "business_target_id": HEADER + "business_target_id",
    "date_time": HEADER + "date_time",
    "message_code": HEADER + "message_code",
    "supplementary_remote_party_id": HEADER + "supplementary_remote_party_id",
    "supplementary_remote_party_counter": HEADER + "supplementary_remote_party_counter",
    "supplementary_originator_counter": HEADER + "supplementary_remote_party_originator_counter",
    "certificate": HEADER + "supplementary_remote_party_ka_certificate",
    "signature": "gbcs_message.krp",
    "mac": "gbcs_message.mac",
}
LENGTHS = "gbcs_message.element_length"
# tshark 4.0 takes the first 8 octets of a certificate for a counter.
TAKEN_FOR_COUNTER = 8

pytestmark = needs_tshark


def expected(message: Message) -> dict[str, object]:
    """Every header field that tshark names, as we mean it; None where it must show nothing."""
    header = message.header
    maced = message.mac is not None
    counter = header.supplementary_originator_counter
    if header.certificate:
        counter = int.from_bytes(header.certificate[:TAKEN_FOR_COUNTER], "big")
    return {
        "general_ciphering": 0xDD if maced else None,
        "security_control": 0x11 if maced else None,
        "invocation_counter": 0 if maced else None,
        "general_signing": 0xDF,
        "cra_flag": int(header.cra_flag),
        "originator_counter": header.originator_counter,
        "business_originator_id": header.business_originator_id,
        "business_target_id": header.business_target_id,
        "date_time": decode_date_time(header.date_time).to_datetime() if header.date_time else None,
        "message_code": header.message_code,
        "supplementary_remote_party_id": header.supplementary_remote_party_id,
        "supplementary_remote_party_counter": header.supplementary_remote_party_counter,
        "supplementary_originator_counter": counter,
        "certificate": header.certificate[TAKEN_FOR_COUNTER:] or None,
        "signature": message.signature or None,
        "mac": message.mac,
    }


def lengths(message: Message) -> list[int]:
    """The length fields in order; a pre-command ends with its payload."""
    header = message.header
    other = len(encode_grouping_header(header)) - 2 - 9 - 1 - 8 - 1 - 8 - 1 - len(header.date_time)
    other -= 1 if other < 0x81 else 3
    found = [9, 8, 8, len(header.date_time), other, len(message.payload)]
    if message.mac is None:
        return found if message.signature is None else [*found, len(message.signature)]
    signature = len(message.signature or b"")
    after = len(build_message(message)) - 7
    return [0] * 6 + [after - (1 if after < 0x81 else 2 if after < 0x102 else 3), *found, signature]


def number_of(text: str) -> int:
    return int(text, 0)


def check(message: Message, layers: dict[str, list[str]]) -> None:
    for name, value in expected(message).items():
        shown = layers.get(FIELDS[name])
        if value is None:
            assert shown is None, name
        elif isinstance(value, datetime):
            assert datetime.strptime(shown[0][:-14], "%b %d, %Y %H:%M:%S").replace(tzinfo=UTC) == value
        elif isinstance(value, bytes):
            assert bytes.fromhex(shown[0].replace(":", "")) == bytes(value), name
        else:
            assert number_of(shown[0]) == value, name
    assert [number_of(text) for text in layers[LENGTHS]] == lengths(message)


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
    shown = dissect([build_message(message) for message in messages], (*FIELDS.values(), LENGTHS), tmp_path)
    assert len(shown) == len(messages)
    for message, layers in zip(messages, shown, strict=True):
        check(message, layers)


def test_reference_messages_read_alike(tmp_path):
    if not RTDS.exists():
        pytest.skip(f"{RTDS} is not here")
    rows = [json.loads(line) for line in RTDS.read_text().splitlines()]
    octets = [bytes.fromhex(row["hex"]) for row in rows if row["kind"] != "precommand"]
    shown = dissect(octets, (*FIELDS.values(), LENGTHS), tmp_path)
    assert len(shown) == len(octets) > 800
    for data, layers in zip(octets, shown, strict=True):
        message = parse_message(data)
        check(message, layers)


def test_reference_precommands_read_alike_up_to_the_payloads_end(tmp_path):
    if not RTDS.exists():
        pytest.skip(f"{RTDS} is not here")
    rows = [json.loads(line) for line in RTDS.read_text().splitlines()]
    octets = [bytes.fromhex(row["hex"]) for row in rows if row["kind"] == "precommand"]
    # The dissector wants a signature field after the payload and runs off the end: malformed, but only there.
    shown = dissect(octets, (*FIELDS.values(), LENGTHS), tmp_path, malformed=len(octets))
    for data, layers in zip(octets, shown, strict=True):
        check(parse_message(data), layers)
