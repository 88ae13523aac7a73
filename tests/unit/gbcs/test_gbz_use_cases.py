"""GBZ use cases: values to octets and back, against the reference messages where they are at hand."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.crypto import decrypt_block, shared_secret
from protocols.gbcs.gbz import Component, GbzPayload, build_gbz, decrypted, parse_gbz
from protocols.gbcs.header import CraFlag
from protocols.gbcs.keystore import KeyUse, keystore_from_files
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
)

SHARED = Path(__file__).parents[4] / "shared/rtds"
REFERENCE = SHARED / "messages.jsonl"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
relaxed = settings(deadline=None)  # the machine may be busy
CONTEXT = Context(1000, Eui64("90-B3-D5-1F-30-01-00-00"), Eui64("00-DB-12-34-56-78-90-A1"))
WHEN = datetime(2015, 1, 1, tzinfo=UTC)
REGISTER = {"consumption": 123_456_789, "multiplier": 1, "divisor": 1000, "unit": 1}
USE_CASES = {codec.message_code: codec.use_case for codec in codecs().values()}


def seal(plaintext: bytes) -> bytes:
    """Stands in for encryption: the form of a ciphered block, the plaintext in the clear."""
    return bytes.fromhex("3100000000") + plaintext + bytes(12)


def unseal(block: bytes) -> bytes:
    return block[5:-12]


def same_block(decrypt, block: bytes, plaintext: bytes) -> bytes:
    """The reference's block, if our plaintext is the one it holds."""
    assert plaintext == decrypt(block)
    return block


def refused(element: str, call, *arguments) -> None:
    with pytest.raises(EncodeError) as caught:
        call(*arguments)
    assert caught.value.element == element


def test_read_consumption_register_layout():
    payload = encode_command("GCS13a", CONTEXT, {})
    assert payload == bytes.fromhex("0109 01 01 0702 000B 00 00 00 0203 0103 0003 0000")
    assert decode_command("GCS13a", payload) == {}
    refused("surplus", encode_command, "GCS13a", CONTEXT, {"surplus": 1})


def test_consumption_register_leaves_encrypted():
    payload = encode_response("GCS13a", CONTEXT, {**REGISTER, "encrypt": seal})
    (component,) = parse_gbz(payload).components
    assert decrypted(component, unseal) == bytes.fromhex(
        "0203 00 22 E80300  0103 00 22 010000  0003 00 30 01  0000 00 25 15CD5B070000"
    )
    assert component.frame_control == 0x18
    opened = decode_response("GCS13a", payload, unseal)
    assert opened == {"decrypted": True, "results": [0, 0, 0, 0], **REGISTER}
    closed = decode_response("GCS13a", payload)
    assert closed == {"decrypted": False, "results": None, **dict.fromkeys(REGISTER)}


def test_consumption_register_that_cannot_be_read():
    values = {"results": [0, 0, 0, 0xC0], **REGISTER, "consumption": None, "encrypt": seal}
    opened = decode_response("GCS13a", encode_response("GCS13a", CONTEXT, values), unseal)
    assert opened["results"] == [0, 0, 0, 0xC0]
    assert opened["consumption"] is None
    refusal = build_gbz(GbzPayload([Component(0x0702, 0x0B, b"\x00\xc0", frame_control=8)]))
    assert decode_response("GCS13a", refusal)["results"] == [0xC0] * 4


def test_what_a_consumption_register_refuses():
    values = {**REGISTER, "encrypt": seal}
    for change, element in (
        ({"consumption": 1 << 48}, "consumption"),
        ({"divisor": -1}, "divisor"),
        ({"encrypt": None}, "encrypt"),
        ({"results": [0]}, "results"),
        ({"results": [0, 0, 0, 256]}, "results.3"),
        ({"surplus": 1}, "surplus"),
    ):
        refused(element, encode_response, "GCS13a", CONTEXT, values | change)


def test_trouble_inside_a_block_is_placed_in_the_payload():
    broken = bytes.fromhex("0203 00 22 E80300 0103 00 4C")
    component = Component(0x0702, 0x01, frame_control=0x18, ciphered=seal(broken))
    payload = build_gbz(GbzPayload([component]))
    with pytest.raises(DecodeError, match="type 4C") as caught:
        decode_response("GCS13a", payload, unseal)
    assert payload[caught.value.offset] == 0x4C


def test_firmware_version():
    payload = encode_command("GCS38", CONTEXT, {})
    assert payload == bytes.fromhex("0109 01 01 0702 0005 00 00 00 0602")
    assert decode_command("GCS38", payload) == {}
    response = encode_response("GCS38", CONTEXT, {"firmware_version": b"\1\2\3\4"})
    assert response == bytes.fromhex("0109 01 01 0702 000C 08 00 01 0602 00 41 04 01020304")
    assert decode_response("GCS38", response) == {"results": [0], "firmware_version": b"\1\2\3\4"}
    failed = encode_response("GCS38", CONTEXT, {"results": [0x86]})
    assert decode_response("GCS38", failed) == {"results": [0x86], "firmware_version": None}


def test_set_mprn():
    payload = encode_command("GCS41", CONTEXT, {"mprn": "9876543210"})
    assert (
        payload
        == bytes.fromhex("0109 01 01 0708 001A 09 00 03 E8030000 00000000 00000000 0A") + b"9876543210"
    )
    assert decode_command("GCS41", payload) == {
        "mprn": "9876543210",
        "issuer_event_id": 1000,
        "site_id_time": 0,
        "provider_id": 0,
    }
    response = encode_response("GCS41", CONTEXT, {})
    assert response == bytes.fromhex("0109 01 01 0708 0005 00 00 0B 03 00")
    assert decode_response("GCS41", response) == {"results": [0]}
    for wrong in ("12345", "12345678901", "12345A", "\u0661\u0662\u0663\u0664\u0665\u0666", ""):
        refused("mprn", encode_command, "GCS41", CONTEXT, {"mprn": wrong})
    refused("mprn", encode_command, "GCS41", CONTEXT, {})


@pytest.mark.parametrize(
    ("use_case", "octets", "problem"),
    [
        ("GCS38", "0109 01 01 0702 0005 00 00 00 0702", "attributes 0207"),
        ("GCS38", "0109 01 01 0700 0005 00 00 00 0602", "cluster 0700"),
        ("GCS38", "0109 01 01 0702 0004 00 00 00 06", "cut off"),
        ("GCS38", "0109 01 01 0702 0005 01 00 00 0602", "frame control and command 01 00"),
        ("GCS38", "0109 02 00 0702 0003 000000 01 0702 0003 000000", "2 components"),
        ("GCS41", "0109 01 01 0708 0004 09 00 03 00", "ends within issuer_event_id"),
        ("GCS41", "0109 01 01 0708 0011 09 00 03 00000000 00000000 00000000 01 41", "not digits"),
        ("GCS41", "0109 01 01 0708 0012 09 00 03 00000000 00000000 00000000 01 31 31", "after the SiteID"),
    ],
)
def test_commands_that_are_not_the_use_cases(use_case, octets, problem):
    data = bytes.fromhex(octets)
    with pytest.raises(DecodeError, match=problem) as caught:
        decode_command(use_case, data)
    assert 0 < caught.value.offset <= len(data)
    assert caught.value.path.startswith("gbz")


ALERTS = [
    (0x1000, {}, ""),
    (0x1001, {}, ""),
    (0x00CF, {"image_hash": bytes(range(32))}, "0920" + bytes(range(32)).hex()),
    (0x00F2, {"other_information": 5}, "0005"),
    (
        0x00CD,
        {
            "command_message_code": 0x6F,
            "command_originator_counter": 1001,
            "cluster": 0x0705,
            "frame_control": 1,
            "command": 9,
        },
        "0E 006F 00000000000003E9 0705 01 09",
    ),
]


@pytest.mark.parametrize(("code", "content", "octets"), ALERTS)
def test_alerts(code, content, octets):
    values = {"alert_code": 0x8F72, "time": WHEN, **content}
    given_values = values | ({"payload_kind": "gbz"} if code >= 0x1000 else {})
    payload = encode_alert(code, CONTEXT, given_values)
    count = "01" if content else "00"
    assert payload == bytes.fromhex(f"0109 {count} 8F72 1C374A80 {octets}")
    assert decode_alert(code, payload) == values
    refused("surplus", encode_alert, code, CONTEXT, given_values | {"surplus": 1})
    refused("time", encode_alert, code, CONTEXT, given_values | {"time": datetime(1999, 1, 1, tzinfo=UTC)})
    for length in range(3, len(payload)):
        with pytest.raises(DecodeError):
            decode_alert(code, payload[:length])
    with pytest.raises(DecodeError):
        decode_alert(code, payload + b"\x00")


@relaxed
@given(st.sampled_from(["GCS13a", "GCS38", "GCS41"]), st.booleans(), st.data())
def test_flipped_bits_decode_or_say_where(use_case, command, data):
    if command:
        octets = bytearray(
            encode_command(use_case, CONTEXT, {"mprn": "1234567890"} if use_case == "GCS41" else {})
        )
    else:
        values = {
            "GCS13a": {**REGISTER, "encrypt": seal},
            "GCS38": {"firmware_version": b"\1\2\3\4"},
            "GCS41": {},
        }
        octets = bytearray(encode_response(use_case, CONTEXT, values[use_case]))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    try:
        if command:
            decode_command(use_case, bytes(octets))
        else:
            decode_response(use_case, bytes(octets), unseal)
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)


@needs_reference
def test_reference_payloads_come_from_values():
    files = {path.name: path.read_bytes() for path in (SHARED / "keystore").iterdir()}
    keystore = keystore_from_files(files)
    seen: Counter[str] = Counter()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        header, payload = message.header, message.payload
        if payload[:2] != b"\x01\x09":
            continue
        context = Context(header.originator_counter, header.business_target_id, header.business_originator_id)
        use_case = USE_CASES.get(header.message_code)
        if header.cra_flag is CraFlag.ALERT:
            if (header.message_code, "gbz") not in alert_codecs():
                continue
            values = decode_alert(header.message_code, payload) | {"payload_kind": "gbz"}
            assert encode_alert(header.message_code, context, values) == payload
        elif use_case is None:
            continue
        elif header.cra_flag is CraFlag.COMMAND:
            assert encode_command(use_case, context, decode_command(use_case, payload)) == payload
        else:
            z = shared_secret(
                keystore.private(header.business_target_id, KeyUse.KA),
                keystore.public(header.business_originator_id, KeyUse.KA),
            )
            decrypt = partial(decrypt_block, z, header)
            values = decode_response(use_case, payload, decrypt)
            if "decrypted" in values:
                assert values.pop("decrypted")
                values["encrypt"] = partial(same_block, decrypt, parse_gbz(payload).components[0].ciphered)
                seen["decrypted"] += 1
            assert encode_response(use_case, context, values) == payload
        seen[header.cra_flag.name] += 1
    assert seen == {"COMMAND": 6, "RESPONSE": 7, "ALERT": 15, "decrypted": 4}
