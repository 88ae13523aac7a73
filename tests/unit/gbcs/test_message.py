"""Grouping Header, MAC Header and whole messages."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.header import (
    GROUPING_HEADER,
    MAC_HEADER,
    CraFlag,
    GroupingHeader,
    encode_grouping_header,
    encode_mac_header,
    parse_grouping_header,
    parse_mac_header,
)
from protocols.gbcs.message import Message, build_message, covered_octets, parse_message

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")
NO_DEADLINE = settings(deadline=None)
uint64 = st.integers(0, 2**64 - 1)
eui64s = st.binary(min_size=8, max_size=8).map(Eui64)
# A SEQUENCE with any content stands for a certificate: the header looks no further.
certificates = st.binary(min_size=256, max_size=500).map(
    lambda body: b"\x30\x82" + len(body).to_bytes(2, "big") + body
)


@st.composite
def headers(draw):
    header = GroupingHeader(
        draw(st.sampled_from(CraFlag)),
        draw(uint64),
        draw(eui64s),
        draw(eui64s),
        draw(st.integers(0, 0xFFFF)),
        draw(st.sampled_from([b"", bytes(12)])),
    )
    form = draw(st.sampled_from([2, 10, 18, 26, 300]))
    if form > 2:
        header.supplementary_remote_party_id = draw(eui64s)
    if form > 10:
        header.supplementary_remote_party_counter = draw(uint64)
    if form == 26:
        header.supplementary_originator_counter = draw(uint64)
    if form == 300:
        header.certificate = draw(certificates)
    return header


@st.composite
def messages(draw):
    header = draw(headers())
    payload = draw(st.binary(max_size=300))
    signature = draw(st.sampled_from([b"", bytes(range(64))]))
    mac = draw(st.sampled_from([None, bytes(range(12))]))
    if header.cra_flag is CraFlag.COMMAND and mac is None and draw(st.booleans()):
        return Message(header, payload)
    return Message(header, payload, signature, mac)


@NO_DEADLINE
@given(headers())
def test_headers_survive(header):
    octets = encode_grouping_header(header)
    assert parse_grouping_header(octets) == (header, len(octets))
    assert GROUPING_HEADER.parse(octets) == header
    assert GROUPING_HEADER.build(header) == octets


@NO_DEADLINE
@given(messages())
def test_messages_survive(message):
    octets = build_message(message)
    parsed = parse_message(octets)
    assert parsed == message
    assert build_message(parsed) == octets
    assert octets[parsed.payload_offset :].startswith(message.payload)


@settings(deadline=None, max_examples=30)
@given(messages())
def test_every_truncation_is_refused(message):
    octets = build_message(message)
    # A command without MAC, cut behind its payload, is a pre-command by the specification itself.
    precommand = message.header.cra_flag is CraFlag.COMMAND and message.mac is None
    whole = len(build_message(replace(message, signature=None, mac=None))) if precommand else -1
    for length in range(len(octets)):
        if length == whole:
            assert parse_message(octets[:length]).kind == "precommand"
            continue
        with pytest.raises(DecodeError) as caught:
            parse_message(octets[:length])
        assert 0 <= caught.value.offset <= length
        assert caught.value.path.startswith("message")


@NO_DEADLINE
@given(messages(), st.data())
def test_bit_flips_decode_validly_or_raise_decode_error(message, data):
    octets = bytearray(build_message(message))
    for _ in range(data.draw(st.integers(1, 4))):
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        parsed = parse_message(bytes(octets))
    except DecodeError:
        return
    assert build_message(parsed) == octets


@NO_DEADLINE
@given(st.binary(max_size=80))
def test_arbitrary_octets_decode_validly_or_raise_decode_error(octets):
    for start in (b"", b"\xdf\x09\x01", b"\xdd\x00\x00\x00\x00\x00\x00"):
        try:
            parsed = parse_message(start + octets)
        except DecodeError:
            continue
        assert build_message(parsed) == start + octets


def header(**changes):
    return replace(GroupingHeader(CraFlag.COMMAND, 1000, SUPPLIER, METER, 0x0062), **changes)


def test_header_octets_are_those_of_the_specification():
    assert encode_grouping_header(header()).hex() == (
        "df0901" + "00000000000003e8" + "08" + SUPPLIER.hex() + "08" + METER.hex() + "00" + "02" + "0062"
    )
    assert header().transaction_id.hex() == "0100000000000003e8"


def test_mac_header_counts_what_follows():
    octets = encode_mac_header(0x1A1 - 5)
    assert octets.hex() == "dd000000000000" + "8201a1" + "1100000000"
    assert parse_mac_header(octets) == (0x1A1 - 5, len(octets))
    assert MAC_HEADER.parse(octets) == 0x1A1 - 5


def test_kinds():
    assert Message(header(), b"x").kind == "precommand"
    assert Message(header(), b"x", b"").kind == "precommand"
    assert Message(header(), b"x", b"", bytes(12)).kind == "command"
    assert Message(header(), b"x", bytes(64)).kind == "command"
    assert Message(header(cra_flag=CraFlag.RESPONSE), b"x", b"", bytes(12)).kind == "response"
    assert Message(header(cra_flag=CraFlag.ALERT), b"x", bytes(64)).kind == "alert"


def test_what_signature_and_mac_cover():
    message = Message(header(), b"payload", bytes(64), bytes(12))
    content = encode_grouping_header(header()) + b"\x07payload"
    assert message.signed_octets() == content[1:]
    assert message.authenticated_octets() == bytes.fromhex("1100000000" + "00") + content + b"\x40" + bytes(
        64
    )


@pytest.mark.parametrize(
    ("changes", "element"),
    [
        ({"originator_counter": 2**64}, "originator_counter"),
        ({"originator_counter": -1}, "originator_counter"),
        ({"business_target_id": b"short"}, "business_target_id"),
        ({"message_code": 0x10000}, "message_code"),
        ({"date_time": b"x"}, "date_time"),
        ({"supplementary_remote_party_counter": 1}, "supplementary_remote_party_id"),
        (
            {"supplementary_remote_party_id": SUPPLIER, "certificate": b"\x30\x00"},
            "supplementary_remote_party_counter",
        ),
        (
            {
                "supplementary_remote_party_id": SUPPLIER,
                "supplementary_remote_party_counter": 1,
                "certificate": b"\x31\x00",
            },
            "certificate",
        ),
    ],
)
def test_values_that_do_not_fit_are_named(changes, element):
    with pytest.raises(EncodeError) as caught:
        encode_grouping_header(header(**changes))
    assert caught.value.element == element


def test_wrong_signature_and_mac_lengths_are_named():
    with pytest.raises(EncodeError, match="signature"):
        build_message(Message(header(), b"", b"x"))
    with pytest.raises(EncodeError, match="mac"):
        build_message(Message(header(), b"", b"", b"x"))


def test_octets_left_over_are_refused_at_their_place():
    for message in (Message(header(), b"p", b"", bytes(12)), Message(header(), b"p", bytes(64))):
        octets = build_message(message)
        with pytest.raises(DecodeError, match="left over") as caught:
            parse_message(octets + b"\x00")
        assert caught.value.offset == len(octets)


def test_a_block_of_a_block_transfer_is_refused_clearly():
    with pytest.raises(DecodeError, match="reassemble"):
        parse_message(bytes.fromhex("DD0901") + bytes(40))


def test_nothing_in_the_mac_header_may_differ():
    octets = build_message(Message(header(), b"payload", b"", bytes(12)))
    for index in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12):
        changed = bytearray(octets)
        changed[index] ^= 0x40
        with pytest.raises(DecodeError):
            parse_message(bytes(changed))


@pytest.mark.parametrize("signature", [b"", bytes(range(64))])
@pytest.mark.parametrize("mac", [None, bytes(12)])
@pytest.mark.parametrize("octets", [0, 10, 127, 200, 1000])
def test_what_is_covered_is_cut_out_of_the_octets_received(signature, mac, octets):
    header = GroupingHeader(CraFlag.RESPONSE, 7, Eui64(bytes(8)), Eui64(bytes(range(8))), 0x0013)
    data = build_message(Message(header, bytes(octets), signature, mac))
    message = parse_message(data)
    assert covered_octets(data, message) == (message.signed_octets(), message.authenticated_octets())
