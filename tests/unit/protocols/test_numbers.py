"""`Numbers` against construct, which says the same by its own means."""

from __future__ import annotations

import pytest
from construct import Int8ub, Int16ub, Int32ub, Int64ub, Struct
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.fixed_layout import Numbers, build_fixed, parse_fixed

NUMBERS = Numbers(kind=1, length=2, time=4, counter=8)
STRUCT = Struct("kind" / Int8ub, "length" / Int16ub, "time" / Int32ub, "counter" / Int64ub)
values = st.tuples(*(st.integers(0, (1 << 8 * octets) - 1) for octets in (1, 2, 4, 8)))
anything = st.none() | st.floats() | st.text() | st.integers(-(1 << 70), 1 << 70) | st.binary()


@given(values, st.binary(max_size=4))
def test_writes_and_reads_what_construct_does(numbers, around):
    octets = NUMBERS.write("", *numbers)
    assert octets == STRUCT.build(dict(zip(("kind", "length", "time", "counter"), numbers, strict=True)))
    data = around + octets + around
    assert NUMBERS.read(data, len(around), len(data)) == numbers
    assert NUMBERS.read_named(data, len(around)) == parse_fixed(STRUCT, data, len(around))
    assert NUMBERS.size == STRUCT.sizeof()


@pytest.mark.parametrize("length", range(15))
def test_the_number_that_is_cut_off_is_named_as_with_construct(length):
    data = bytes(3 + length)
    with pytest.raises(DecodeError) as theirs:
        parse_fixed(STRUCT, data, 3, "outer")
    with pytest.raises(DecodeError) as ours:
        NUMBERS.read(data + b"\xff", 3, len(data), "outer")
    assert str(ours.value) == str(theirs.value)


@given(values, st.integers(0, 3), anything)
def test_the_number_that_does_not_fit_is_named_as_with_construct(numbers, place, wrong):
    given_ = [*numbers[:place], wrong, *numbers[place + 1 :]]
    outcomes = []
    for write in (
        lambda: build_fixed(
            STRUCT, dict(zip(("kind", "length", "time", "counter"), given_, strict=True)), "x"
        ),
        lambda: NUMBERS.write("x", *given_),
    ):
        try:
            outcomes.append(write())
        except EncodeError as error:
            outcomes.append(str(error))
    assert outcomes[0] == outcomes[1]


def test_little_endian():
    small = Numbers("<", first=2, second=4)
    assert small.write("", 0x0102, 0x03040506) == bytes.fromhex("0201 06050403")
    assert small.read_named(bytes.fromhex("0201 06050403")) == {"first": 0x0102, "second": 0x03040506}
