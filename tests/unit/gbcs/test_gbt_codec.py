"""The octets of blocks of general block transfer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.gbt import (
    BLOCK,
    Block,
    RoutingHeader,
    encode_block,
    is_block,
    parse_block,
)
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message, build_message, parse_message

relaxed = settings(deadline=None)
ESME, SUPPLIER = Eui64("00-DB-12-34-56-78-90-A0"), Eui64("90-B3-D5-1F-30-01-00-00")
HEADER = RoutingHeader(CraFlag.RESPONSE, 0x0102030405060708, ESME, SUPPLIER, 0x0033)

eui64s = st.binary(min_size=8, max_size=8).map(Eui64)
headers = st.builds(
    RoutingHeader,
    st.sampled_from(CraFlag),
    st.integers(0, 2**64 - 1),
    eui64s,
    eui64s,
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0xFFFFFFFF),
)
blocks = st.builds(
    Block,
    headers,
    st.integers(1, 255),
    st.binary(max_size=1200),
    st.integers(0, 255),
    st.integers(0, 63),
    st.booleans(),
    st.booleans(),
)


def message_of(octets: int, counter: int = 7, cra: CraFlag = CraFlag.RESPONSE) -> bytes:
    """An encoded message of at least this many octets whose payload repeats nothing."""
    header = GroupingHeader(cra, counter, ESME, SUPPLIER, 0x0033)
    payload = b"".join(number.to_bytes(3, "big") for number in range(octets // 3 + 1))
    return build_message(Message(header, payload, signature=b"", mac=bytes(12)))


def test_the_octets_of_a_block():
    block = Block(HEADER, 0x02, b"\xaa\xbb", 1, window=6, streaming=True, last=True)
    expected = (
        "DD 09 02 0102030405060708 08 00DB1234567890A0 08 90B3D51F30010000 00 02 0033 00"
        "0E 00 00000000 E0 C6 0002 0001 02 AABB"
    )
    assert encode_block(block) == bytes.fromhex(expected)
    assert parse_block(encode_block(block)) == block
    assert len(encode_block(replace(block, data=bytes(1200)))) == 1251


def test_blocks_are_told_from_messages():
    block = encode_block(Block(HEADER, 1, b"\x01"))
    assert is_block(block)
    assert not is_block(message_of(10))
    assert not is_block(b"\xdf\x09")
    with pytest.raises(DecodeError, match="reassemble"):
        parse_message(block)


@relaxed
@given(blocks)
def test_blocks_come_back(block):
    octets = encode_block(block)
    assert parse_block(octets) == block
    assert BLOCK.parse(octets) == block
    assert BLOCK.build(block) == octets


@relaxed
@given(blocks.map(lambda block: replace(block, data=block.data[:40])))
def test_every_truncation_and_every_octet_too_many_is_refused(block):
    octets = encode_block(block)
    for length in range(len(octets)):
        with pytest.raises(DecodeError) as caught:
            parse_block(octets[:length])
        assert caught.value.offset <= length
        assert caught.value.path
    with pytest.raises(DecodeError, match="left over"):
        parse_block(octets + b"\x00")


@relaxed
@given(blocks, st.data())
def test_flipped_bits_decode_or_are_refused(block, data):
    octets = bytearray(encode_block(block))
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, 8 * len(octets) - 1))
        octets[position // 8] ^= 1 << position % 8
    try:
        again = parse_block(bytes(octets))
    except DecodeError:
        return
    assert encode_block(again) == octets


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"number": 0}, "block_number"),
        ({"number": 256}, "block_number"),
        ({"acknowledged": 256}, "block_number_ack"),
        ({"window": 64}, "window"),
        ({"data": bytes(1201)}, "block_data"),
        ({"header": replace(HEADER, originator_counter=2**64)}, "originator_counter"),
        ({"header": replace(HEADER, message_code=-1)}, "message_code"),
        ({"header": replace(HEADER, security_control=256)}, "security_control"),
        ({"header": replace(HEADER, invocation_counter=2**32)}, "invocation_counter"),
    ],
)
def test_what_a_block_cannot_carry(change, element):
    with pytest.raises(EncodeError) as caught:
        encode_block(replace(Block(HEADER, 1, b"\x01"), **change))
    assert caught.value.element == element


@pytest.mark.parametrize(
    ("octets", "replacement", "path"),
    [
        ("E0000001", "E1000001", "gbt_header.tag"),
        ("E0000001", "E0000000", "gbt_header.block_number"),
        ("E0000001", "E0000100", "gbt_header.block_number"),
        ("00000701AA", "00010001AA", "gbt_header.block_number_ack"),
        ("DD0902", "DD0904", "routing_header.cra_flag"),
        ("0002003300", "0102003300", "routing_header.date_time.length"),
        ("0002003300", "0003003300", "routing_header.other_information.length"),
        ("0002003300", "0002003301", "routing_header.key_info.length"),
    ],
)
def test_errors_name_the_field(octets, replacement, path):
    text = encode_block(Block(HEADER, 1, b"\xaa", 7)).hex().upper()
    octets, replacement = (
        octets.replace("00000701AA", "000701AA"),
        replacement.replace("00010001AA", "010001AA"),
    )
    assert octets in text
    with pytest.raises(DecodeError) as caught:
        parse_block(bytes.fromhex(text.replace(octets, replacement)))
    assert caught.value.path == path
