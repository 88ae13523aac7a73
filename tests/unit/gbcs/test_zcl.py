from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.zcl import AttributeRecord, DataType

relaxed = settings(deadline=None)  # the machine may be busy
UNSIGNED = {0x18: 1, 0x19: 2, 0x20: 1, 0x21: 2, 0x22: 3, 0x23: 4, 0x25: 6, 0x30: 1, 0xE2: 4}
ATTRIBUTES = st.integers(0, 0xFFFF)


def record(data_type: int, value: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(AttributeRecord, ATTRIBUTES, st.just(0), st.just(data_type), value)


RECORDS = st.lists(
    st.one_of(
        *(record(kind, st.integers(0, 256**size - 1)) for kind, size in UNSIGNED.items()),
        record(DataType.INT32, st.integers(-(2**31), 2**31 - 1)),
        record(DataType.OCTET_STRING, st.none() | st.binary(max_size=254)),
        record(DataType.CHARACTER_STRING, st.binary(max_size=20)),
        st.builds(AttributeRecord, ATTRIBUTES, st.integers(1, 0xFF)),
    ),
    max_size=5,
)


def test_little_endian_layout():
    records = [
        AttributeRecord(0x0302, 0, DataType.UINT24, 1000),
        AttributeRecord(0x0300, 0x86),
        AttributeRecord(0x0206, 0, DataType.OCTET_STRING, b"\x01\x02"),
        AttributeRecord(0x0001, 0, DataType.INT32, -2),
    ]
    octets = bytes.fromhex("0203 00 22 E80300  0003 86  0602 00 41 02 0102  0100 00 2B FEFFFFFF")
    assert zcl.encode_attribute_records(records) == octets
    assert zcl.decode_attribute_records(octets) == records
    assert zcl.encode_read_attributes([0x0302, 0]) == bytes.fromhex("02030000")
    assert zcl.encode_default_response(3, 0xC0) == bytes.fromhex("03C0")


@pytest.mark.parametrize(
    ("octets", "problem", "offset"),
    [
        ("0203", "3 octets expected, 2 left", 2),
        ("020300", "1 octets expected, 0 left", 3),
        ("02030022E803", "3 octets expected, 2 left", 6),
        ("0203004105AA", "5 octets expected, 1 left", 6),
        ("0203004C00", "type 4C", 3),
    ],
)
def test_errors_say_where(octets, problem, offset):
    with pytest.raises(DecodeError, match=problem) as caught:
        zcl.decode_attribute_records(bytes.fromhex(octets))
    assert caught.value.offset == offset
    assert caught.value.path.startswith("zcl.records[0]")


def test_other_errors():
    with pytest.raises(DecodeError, match="cut off"):
        zcl.decode_read_attributes(b"\x01")
    with pytest.raises(DecodeError, match="instead of command and status"):
        zcl.decode_default_response(b"\x01")
    for wrong in (
        AttributeRecord(0x10000, 0x86),
        AttributeRecord(1, 0, DataType.UINT8, 256),
        AttributeRecord(1, 0, DataType.UINT8, None),
        AttributeRecord(1, 0, DataType.OCTET_STRING, 5),
        AttributeRecord(1, 0, DataType.OCTET_STRING, bytes(255)),
        AttributeRecord(1, 0, 0x4C, b""),
        AttributeRecord(1, 0),
    ):
        with pytest.raises(EncodeError) as caught:
            zcl.encode_attribute_records([wrong])
        assert caught.value.element


@relaxed
@given(RECORDS)
def test_records_round_trip(records):
    assert zcl.decode_attribute_records(zcl.encode_attribute_records(records)) == records


@relaxed
@given(RECORDS)
def test_truncations_decode_whole_records_or_say_where(records):
    octets = zcl.encode_attribute_records(records)
    ends = {len(zcl.encode_attribute_records(records[:count])) for count in range(len(records) + 1)}
    for length in range(len(octets)):
        if length in ends:
            zcl.decode_attribute_records(octets[:length])
        else:
            with pytest.raises(DecodeError):
                zcl.decode_attribute_records(octets[:length])


@relaxed
@given(RECORDS.filter(bool), st.data())
def test_flipped_bits_decode_or_say_where(records, data):
    octets = bytearray(zcl.encode_attribute_records(records))
    position = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[position // 8] ^= 1 << position % 8
    try:
        found = zcl.decode_attribute_records(bytes(octets))
    except DecodeError:
        return
    assert zcl.encode_attribute_records(found) == octets
