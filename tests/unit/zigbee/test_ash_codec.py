"""ASH frames: known octets, every reserved octet stuffed, and nothing but DecodeError from broken lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.ezsp.ash import (
    LONGEST_DATA,
    AshDecoder,
    AshFrame,
    AshKind,
    ResetCode,
    encode_frame,
    parse_frame,
    randomise,
    stuff,
)

RESERVED = (0x7E, 0x7D, 0x11, 0x13, 0x18, 0x1A)
numbers = st.integers(0, 7)
data_frames = st.builds(
    AshFrame,
    st.just(AshKind.DATA),
    st.binary(min_size=3, max_size=LONGEST_DATA),
    numbers,
    numbers,
    st.booleans(),
)
acknowledgements = st.builds(
    AshFrame,
    st.sampled_from([AshKind.ACK, AshKind.NAK]),
    acknowledges=numbers,
    not_ready=st.booleans(),
)
resets = st.one_of(
    st.just(AshFrame(AshKind.RST)),
    st.builds(
        AshFrame,
        st.sampled_from([AshKind.RSTACK, AshKind.ERROR]),
        st.binary(min_size=2, max_size=2),
    ),
)
frames = st.one_of(data_frames, acknowledgements, resets)


@pytest.mark.parametrize(
    ("frame", "octets"),
    [
        # The examples of UG101: RST, RSTACK after power-on, an ACK, and the first command of a host.
        (AshFrame(AshKind.RST), "C038BC7E"),
        (AshFrame(AshKind.RSTACK, bytes((2, ResetCode.POWER_ON))), "C102029B7B7E"),
        (AshFrame(AshKind.ACK, acknowledges=1), "8160597E"),
        (AshFrame(AshKind.DATA, bytes.fromhex("00000002"), 2, 5), "254221A856A6097E"),
    ],
)
def test_frames_are_those_of_the_specification(frame, octets):
    assert encode_frame(frame) == bytes.fromhex(octets)
    assert AshDecoder().feed(bytes.fromhex(octets)) == [frame]


def test_randomising_twice_changes_nothing():
    assert randomise(bytes(5)) == bytes.fromhex("4221A8542A")
    assert randomise(randomise(b"anything")) == b"anything"


@given(frames)
def test_round_trip(frame):
    wire = encode_frame(frame)
    assert AshDecoder().feed(wire) == [frame]
    assert not set(wire[:-1]) & (set(RESERVED) - {0x7D})


@given(st.lists(frames, max_size=6), st.data())
def test_frames_come_whole_however_the_line_cuts_them(sent, data):
    wire = b"".join(map(encode_frame, sent))
    decoder, found = AshDecoder(), []
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        found += decoder.feed(wire[:size])
        wire = wire[size:]
    assert found == sent


@given(frames, st.data())
def test_truncation_and_flipped_bits_are_told(frame, data):
    wire = encode_frame(frame)
    cut = data.draw(st.integers(1, len(wire) - 2))
    # One cut in 65,536 leaves octets whose own end is their checksum: then they are a frame, and no other.
    for each in AshDecoder().feed(wire[:cut] + b"\x7e"):
        assert isinstance(each, DecodeError) or encode_frame(each) == wire[:cut] + b"\x7e"
    place, bit = data.draw(st.integers(0, len(wire) - 1)), data.draw(st.integers(0, 7))
    broken = wire[:place] + bytes((wire[place] ^ 1 << bit,)) + wire[place + 1 :]
    assert frame not in AshDecoder().feed(broken + b"\x7e") or broken == wire


@given(st.binary(max_size=600))
def test_noise_raises_nothing_and_ends_at_the_next_flag(noise):
    decoder = AshDecoder()
    decoder.feed(noise)
    decoder.feed(b"\x7e")
    assert decoder.feed(encode_frame(AshFrame(AshKind.RST))) == [AshFrame(AshKind.RST)]


@given(st.binary(max_size=140))
def test_what_is_accepted_is_built_again(octets):
    try:
        frame = parse_frame(octets)
    except DecodeError:
        return
    assert encode_frame(frame) == stuff(octets)


def test_cancel_drops_and_substitute_spoils_what_stands_there():
    wire = encode_frame(AshFrame(AshKind.ACK, acknowledges=3))
    decoder = AshDecoder()
    assert decoder.feed(wire[:2] + b"\x1a" + wire) == [AshFrame(AshKind.ACK, acknowledges=3)]
    (error,) = decoder.feed(wire[:2] + b"\x18" + wire[2:])
    assert "substitute" in str(error)
    assert decoder.feed(b"\x11" + wire[:2] + b"\x13" + wire[2:]) == [AshFrame(AshKind.ACK, acknowledges=3)]


def test_memory_is_bounded():
    decoder = AshDecoder()
    assert decoder.feed(bytes(100_000)) == []
    assert len(decoder._octets) < 400
    (error,) = decoder.feed(b"\x7e")
    assert "longer" in str(error)


@pytest.mark.parametrize("size", [0, 2, LONGEST_DATA + 1])
def test_data_that_does_not_fit_is_refused(size):
    with pytest.raises(EncodeError):
        encode_frame(AshFrame(AshKind.DATA, bytes(size)))
