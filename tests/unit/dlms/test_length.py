"""A-XDR lengths and the construct bridge."""

from __future__ import annotations

import pytest
from construct import Byte, Struct

from protocols.dlms.axdr import DATA, Data, Tag
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError


@pytest.mark.parametrize(
    ("length", "octets"),
    [(0, "00"), (0x7F, "7F"), (0x80, "8180"), (0xFF, "81FF"), (0x100, "820100"), (0xFFFF, "82FFFF")],
)
def test_lengths_both_ways(length, octets):
    assert encode_length(length) == bytes.fromhex(octets)
    assert read_length(bytes.fromhex(octets), 0) == (length, len(octets) // 2)


@pytest.mark.parametrize("octets", ["", "81", "817F", "82", "8200", "8200FF", "80", "83000100", "FF"])
def test_cut_overlong_and_unused_forms_are_refused(octets):
    with pytest.raises(DecodeError):
        read_length(bytes.fromhex(octets), 0)


def test_a_length_beyond_16_bits_has_no_form():
    with pytest.raises(EncodeError):
        encode_length(0x10000)


def test_take_says_where_the_data_ends():
    with pytest.raises(DecodeError) as caught:
        take(b"abc", 1, 5, "here")
    assert (caught.value.offset, caught.value.path) == (3, "here")


def test_a_layout_stands_inside_a_construct_struct_and_keeps_our_errors():
    layout = Struct("before" / Byte, "data" / DATA, "after" / Byte)
    parsed = layout.parse(bytes.fromhex("07 1103 09"))
    assert (parsed.before, parsed.data, parsed.after) == (7, Data(Tag.UNSIGNED, 3), 9)
    assert layout.build({"before": 7, "data": Data(Tag.UNSIGNED, 3), "after": 9}) == bytes.fromhex("07110309")
    with pytest.raises(DecodeError) as caught:
        layout.parse(bytes.fromhex("07 0601"))
    assert caught.value.offset == 3


def test_a_layout_cannot_be_compiled():
    with pytest.raises(NotImplementedError):
        DATA.compile()
