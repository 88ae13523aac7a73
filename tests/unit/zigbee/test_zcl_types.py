"""Data types of the ZigBee Cluster Library."""

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.zcl.types import (
    BY_CODE,
    BY_NUMBER,
    DEEPEST,
    Array,
    Structure,
    is_invalid,
    read_value,
    write_value,
)
from tests.zcl_samples import typed_value


@pytest.mark.parametrize(
    ("data_type", "octets", "value"),
    [
        (0x10, "01", 1),
        (0x18, "A5", 0xA5),
        (0x1B, "04030201", 0x01020304),
        (0x22, "010203", 0x030201),
        (0x25, "060504030201", 0x010203040506),
        (0x28, "FF", -1),
        (0x2A, "000080", -0x800000),
        (0x31, "3412", 0x1234),
        (0x39, "0000803F", 1.0),
        (0x41, "03010203", b"\x01\x02\x03"),
        (0x41, "FF", None),
        (0x42, "026869", "hi"),
        (0x43, "0200ABCD", b"\xab\xcd"),
        (0x44, "FFFF", None),
        (0x48, "2002000507", Array(0x20, [5, 7])),
        (0x48, "20FFFF", Array(0x20, None)),
        (0x4C, "0200200521CDAB", Structure([(0x20, 5), (0x21, 0xABCD)])),
        (0x51, "300000", Array(0x30, [])),
        (0xE1, "7A0B1607", b"\x7a\x0b\x16\x07"),
        (0xE2, "01000000", 1),
        (0xF0, "0807060504030201", Eui64("0102030405060708")),
        (0xF1, "00112233445566778899AABBCCDDEEFF", bytes.fromhex("00112233445566778899AABBCCDDEEFF")),
    ],
)
def test_layouts_of_the_library(data_type, octets, value):
    raw = bytes.fromhex(octets)
    assert read_value(data_type, raw, 0) == (value, len(raw))
    assert write_value(data_type, value) == raw


def test_invalid_values_are_those_of_the_library():
    expected = {"u8": 0xFF, "u24": 0xFFFFFF, "i16": -0x8000, "e16": 0xFFFF, "time": 0xFFFFFFFF, "bool": 0xFF}
    assert {code: BY_CODE[code].invalid for code in expected} == expected
    assert not any(BY_CODE[code].has_invalid for code in ("b8", "d64", "key", "none"))
    assert is_invalid(0x42, None)
    assert is_invalid(0x39, read_value(0x39, b"\xff" * 4, 0)[0])
    assert is_invalid(0x48, Array(0x20, None))
    assert is_invalid(0xF0, Eui64(b"\xff" * 8))
    assert not is_invalid(0x20, 0xFE)


def test_analog_types_are_those_with_a_reportable_change():
    analog = {row.code for row in BY_NUMBER.values() if row.analog}
    numbers = {f"{sign}{8 * size}" for sign in "ui" for size in range(1, 9)}
    assert analog == numbers | {"f16", "f32", "f64", "tod", "date", "time"}


def test_a_nan_keeps_its_octets():
    signalling = struct.pack("<I", 0x7F800001)
    value, _ = read_value(0x39, signalling, 0)
    assert value == signalling
    assert write_value(0x39, value) == signalling


def test_collections_go_only_so_deep():
    structure = b"\x01\x00\x4c"
    with pytest.raises(DecodeError, match="within one another"):
        read_value(0x4C, structure * (DEEPEST + 1) + b"\x00\x00", 0)
    value, _ = read_value(0x4C, structure * DEEPEST + b"\x00\x00", 0)
    assert write_value(0x4C, value) == structure * DEEPEST + b"\x00\x00"


def test_an_array_of_nothing_does_not_run_away():
    with pytest.raises(DecodeError, match="no octets"):
        read_value(0x48, b"\x00\xfe\xff", 0)


@pytest.mark.parametrize(
    ("data_type", "value"),
    [
        (0x20, 256),
        (0x20, -1),
        (0x28, 128),
        (0x20, "x"),
        (0x41, b"x" * 255),
        (0x41, "x"),
        (0x42, b"x"),
        (0xF1, b"x"),
        (0x4C, 3),
        (0x48, Array(0x20, [300])),
        (0x00, 1),
        (0x99, 1),
        (0x38, 1e9),
    ],
)
def test_values_that_do_not_fit(data_type, value):
    with pytest.raises(EncodeError):
        write_value(data_type, value, "here")


@settings(deadline=None)
@given(st.sampled_from(sorted(BY_NUMBER)), st.integers(0, 2**32))
def test_round_trip_and_truncation(number, seed):
    value = typed_value(BY_NUMBER[number], random.Random(seed))
    octets = write_value(number, value)
    assert read_value(number, octets, 0) == (value, len(octets))
    for cut in range(len(octets)):
        with pytest.raises(DecodeError):
            read_value(number, octets[:cut], 0)


@settings(deadline=None)
@given(st.sampled_from([*sorted(BY_NUMBER), 0x99]), st.binary(max_size=80))
def test_any_octets_decode_losslessly_or_are_refused(number, octets):
    try:
        value, end = read_value(number, octets, 0)
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)
    else:
        assert write_value(number, value) == octets[:end]
