from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.gbz import (
    GBZ_ALERT,
    GBZ_PAYLOAD,
    AlertHead,
    Component,
    GbzPayload,
    build_gbz,
    decrypted,
    from_datetime,
    parse_gbz,
    to_datetime,
)
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message

REFERENCE = Path(__file__).parents[4] / "shared/rtds/messages.jsonl"
relaxed = settings(deadline=None)  # the machine may be busy
BLOCK_HEAD = bytes.fromhex("3100000000")
octet = st.integers(0, 0xFF)

PLAIN = st.builds(
    Component,
    cluster=st.integers(0, 0xFFFF),
    command=octet,
    payload=st.binary(max_size=60),
    frame_control=octet,
    sequence=octet,
    from_date_time=st.none() | st.integers(0, 0xFFFF_FFFF),
)
ENCRYPTED = st.builds(
    Component,
    cluster=st.integers(0, 0xFFFF),
    command=octet,
    frame_control=octet,
    sequence=octet,
    from_date_time=st.none() | st.integers(0, 0xFFFF_FFFF),
    ciphered=st.binary(min_size=12, max_size=60).map(lambda rest: BLOCK_HEAD + rest),
    frame_counter=octet,
    additional_header_control=octet,
)
COMPONENTS = st.lists(PLAIN | ENCRYPTED, min_size=1, max_size=4)
HEADS = st.builds(AlertHead, alert_code=st.integers(0, 0xFFFF), time=st.integers(0, 0xFFFF_FFFF))
CONTENTS = st.sampled_from([b"", b"\x09\x20" + bytes(32), b"\x00\x05", b"\x0e" + bytes(14)])
ALERTS = st.builds(
    lambda head, content: GbzPayload(
        alert=replace(head, content=content, number_of_components=int(bool(content)))
    ),
    HEADS,
    CONTENTS,
) | st.builds(
    lambda head, component: GbzPayload([component], replace(head, number_of_components=1)), HEADS, ENCRYPTED
)
PAYLOADS = st.builds(GbzPayload, COMPONENTS) | ALERTS


def parsed(octets: bytes, payload: GbzPayload) -> GbzPayload:
    return parse_gbz(octets, alert=payload.alert is not None)


def decode_error(octets: bytes, *, alert: bool) -> DecodeError | None:
    try:
        parse_gbz(octets, alert=alert)
    except DecodeError as error:
        return error
    return None


def test_layout_of_a_plain_command():
    # read attribute 0206 of the Metering cluster, as the use case tables lay it out
    component = Component(0x0702, 0x00, bytes.fromhex("0602"))
    assert build_gbz(GbzPayload([component])) == bytes.fromhex("0109 01 01 0702 0005 00 00 00 0602")


def test_layout_of_an_encrypted_component():
    block = BLOCK_HEAD + b"secret" + bytes(12)
    component = Component(0x0702, 0x01, frame_control=0x18, ciphered=block, frame_counter=3, sequence=1)
    assert build_gbz(GbzPayload([component])) == bytes.fromhex(
        "0109 01 03 0702 001E 00 03 18 01 01 0017 3100000000 736563726574 000000000000000000000000"
    )


def test_layout_of_a_dated_component_and_of_several():
    first = Component(0x0705, 0x09, b"\x01", frame_control=1, from_date_time=0xFFFFFFFF)
    second = Component(0x0707, 0x00, b"", frame_control=9, sequence=1)
    assert build_gbz(GbzPayload([first, second])) == bytes.fromhex(
        "0109 02 10 0705 0008 FFFFFFFF 01 00 09 01 01 0707 0003 09 01 00"
    )


def test_layout_of_alerts():
    head = AlertHead(0x8F72, 0x1C374A80, 1, b"\x09\x20" + bytes(32))
    assert build_gbz(GbzPayload(alert=head))[:11] == bytes.fromhex("0109 01 8F72 1C374A80 0920")
    assert build_gbz(GbzPayload(alert=AlertHead(0x8F30, 1))) == bytes.fromhex("0109 00 8F30 00000001")


@pytest.mark.parametrize(
    ("octets", "problem", "offset", "path"),
    [
        ("", "ends within profile_id", 0, "gbz.profile_id"),
        ("0109", "ends within number_of_components", 2, "gbz.number_of_components"),
        ("010A 01", "profile 010A", 0, "gbz.profile_id"),
        ("0109 00", "no components", 2, "gbz.number_of_components"),
        ("0109 01 01 0702", "ends within command_length", 6, "gbz.components[0].command_length"),
        ("0109 01 01 0702 0005 00", "5 octets announced, 1 left", 6, "gbz.components[0].command_length"),
        ("0109 01 05 0702 0003 000000", "unknown bits", 3, "gbz.components[0].control"),
        ("0109 01 00 0702 0003 000000", "lacks the mark", 3, "gbz.components[0].control"),
        ("0109 02 01 0702 0003 000000", "has the mark", 3, "gbz.components[0].control"),
        ("0109 01 01 0702 0003 000000 FF", "1 octets after", 11, "gbz"),
        ("0109 01 01 0702 0002 0000", "ends within command", 10, "gbz.components[0].command"),
        ("0109 01 11 0702 0003 000000", "ends within from_date_time", 11, "gbz.components[0].from_date_time"),
        ("0109 01 03 0702 0007 0000 000000 0005", "5 octets announced, 0", 13, "gbz.components[0].ciphered"),
        ("0109 01 03 0702 000C 0000 000000 0005 3100000000", "too few", 15, "gbz.components[0].ciphered"),
        (
            "0109 01 03 0702 000C 0000 000000 0005 3000000000",
            "security header",
            15,
            "gbz.components[0].ciphered",
        ),
    ],
)
def test_errors_say_where(octets, problem, offset, path):
    with pytest.raises(DecodeError, match=problem) as caught:
        parse_gbz(bytes.fromhex(octets))
    assert (caught.value.offset, caught.value.path) == (offset, path)


def test_values_that_do_not_fit():
    cases = [
        (GbzPayload(), "gbz.components"),
        (GbzPayload([Component(0x10000, 0)]), "gbz.components[0].cluster"),
        (GbzPayload([Component(0, 256)]), "gbz.components[0].command"),
        (GbzPayload([Component(0, 0, bytes(0xFFFF))]), "gbz.components[0].command_length"),
        (GbzPayload([Component(0, 0, b"x", ciphered=BLOCK_HEAD + bytes(12))]), "gbz.components[0].payload"),
        (GbzPayload([Component(0, 0, ciphered=bytes(17))]), "gbz.components[0].ciphered"),
        (GbzPayload(alert=AlertHead(0x10000, 0)), "gbz.alert.alert_code"),
        (GbzPayload(alert=AlertHead(0, 0, 0, b"x")), "gbz.alert.content"),
    ]
    for payload, element in cases:
        with pytest.raises(EncodeError) as caught:
            build_gbz(payload)
        assert caught.value.element == element


def test_an_encrypted_component_is_opened_with_the_key_of_the_caller():
    block = BLOCK_HEAD + b"secret" + bytes(12)
    assert decrypted(Component(0, 0, b"plain"), lambda _: b"") == b"plain"
    assert decrypted(Component(0, 0, ciphered=block), lambda given: given[5:-12]) == b"secret"

    def refuse(_: bytes) -> bytes:
        raise DecodeError("the tag does not match", offset=11)

    with pytest.raises(DecodeError) as caught:
        decrypted(Component(0, 0, ciphered=block, payload_offset=17), refuse)
    assert caught.value.offset == 28


def test_times_count_from_2000():
    assert to_datetime(0x1C374A80) == datetime(2015, 1, 1, tzinfo=UTC)
    assert from_datetime(datetime(2000, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == 0
    for wrong in (datetime(2030, 1, 1), datetime(1999, 12, 31, tzinfo=UTC), datetime(2137, 1, 1, tzinfo=UTC)):  # noqa: DTZ001
        with pytest.raises(EncodeError):
            from_datetime(wrong)


@relaxed
@given(PAYLOADS)
def test_payloads_round_trip(payload):
    octets = build_gbz(payload)
    assert parsed(octets, payload) == payload
    assert build_gbz(parsed(octets, payload)) == octets


@relaxed
@given(COMPONENTS, HEADS)
def test_the_layouts_work_as_construct(components, head):
    payload = GbzPayload(components)
    assert GBZ_PAYLOAD.parse(GBZ_PAYLOAD.build(payload)) == payload
    alert = GbzPayload(alert=head)
    assert GBZ_ALERT.parse(GBZ_ALERT.build(alert)) == alert


@relaxed
@given(st.builds(GbzPayload, COMPONENTS))
def test_every_truncation_is_an_error(payload):
    octets = build_gbz(payload)
    for length in range(len(octets)):
        error = decode_error(octets[:length], alert=False)
        assert error is not None
        assert 0 <= error.offset <= length
        assert error.path.startswith("gbz")


@relaxed
@given(PAYLOADS, st.data())
def test_flipped_bits_decode_or_say_where(payload, data):
    octets = bytearray(build_gbz(payload))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    alert = payload.alert is not None
    error = decode_error(bytes(octets), alert=alert)
    if error is None:
        assert build_gbz(parse_gbz(bytes(octets), alert=alert)) == octets
    else:
        assert 0 <= error.offset <= len(octets)
        assert error.path


@relaxed
@given(st.binary(max_size=80), st.booleans())
def test_any_octets_decode_or_say_where(octets, alert):
    octets = b"\x01\x09" + octets
    error = decode_error(octets, alert=alert)
    if error is None:
        assert build_gbz(parse_gbz(octets, alert=alert)) == octets


@pytest.mark.skipif(not REFERENCE.exists(), reason="reference messages not at hand")
def test_reference_payloads_come_back_octet_for_octet():
    seen: Counter[str] = Counter()
    for line in REFERENCE.read_text().splitlines():
        message = parse_message(bytes.fromhex(json.loads(line)["hex"]))
        if message.payload[:2] != b"\x01\x09":
            continue
        payload = parse_gbz(message.payload, alert=message.header.cra_flag is CraFlag.ALERT)
        assert build_gbz(payload) == message.payload
        for component in payload.components:
            held = component.ciphered or component.payload
            assert message.payload[component.payload_offset :].startswith(held)
        seen["payloads"] += 1
        seen["components"] += len(payload.components)
        seen["encrypted"] += sum(component.encrypted for component in payload.components)
    assert seen["payloads"] == 270
    assert seen["encrypted"] == 29
    assert seen["components"] > 500
