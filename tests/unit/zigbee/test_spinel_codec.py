"""Spinel: HDLC-lite, packed integers, data types, frames, and the raw stream."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.errors import CodecError, DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.spinel.datatypes import pack, pack_uint, unpack, unpack_from, unpack_uint
from protocols.spinel.frame import Command, SpinelFrame, parse_frame
from protocols.spinel.hdlc import RESERVED, HdlcDecoder, HdlcError, encode_frame
from protocols.spinel.properties import FORMATS, Property
from protocols.spinel.status import Status, is_reset, status_name
from protocols.spinel.stream import (
    HeardFrame,
    TransmitDone,
    TransmitRequest,
    parse_heard_frame,
    parse_transmit_done,
    parse_transmit_request,
)

octets = st.binary(max_size=140)
eui64s = st.binary(min_size=8, max_size=8).map(Eui64)


def cuts(value: bytes) -> list[bytes]:
    return [value[:count] for count in range(len(value))]


def flips(value: bytes) -> list[bytes]:
    return [
        value[:at] + bytes((value[at] ^ 1 << bit,)) + value[at + 1 :]
        for at in range(len(value))
        for bit in range(8)
    ]


def refused_or_decoded(parse, value: bytes) -> None:
    try:
        parse(value)
    except DecodeError as error:
        assert 0 <= error.offset <= len(value)


# HDLC


def test_a_frame_stands_between_flags_with_the_crc_of_x25():
    # "123456789" has the X.25 check value 906E; nothing in it needs an escape.
    assert encode_frame(b"123456789") == b"\x7e123456789\x6e\x90\x7e"


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.data())
def test_frames_survive_any_chunking(frames, data):
    wire = b"".join(map(encode_frame, frames))
    decoder = HdlcDecoder()
    out = []
    while wire:
        count = data.draw(st.integers(1, len(wire)))
        out += decoder.feed(wire[:count])
        wire = wire[count:]
    assert out == frames


@given(st.binary(min_size=1, max_size=100))
def test_no_reserved_octet_stands_within_a_frame(frame):
    body = encode_frame(frame)[1:-1]
    assert not set(body) & set(RESERVED) - {0x7D}


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=50))
def test_a_good_frame_is_found_after_any_rubbish(rubbish, frame):
    decoder = HdlcDecoder()
    decoder.feed(rubbish)
    assert decoder.feed(encode_frame(frame))[-1] == frame


@given(st.binary(min_size=1, max_size=40), st.data())
def test_a_flipped_bit_never_passes_for_a_frame(frame, data):
    wire = encode_frame(frame)
    at = data.draw(st.integers(0, len(wire) * 8 - 1))
    bad = bytearray(wire)
    bad[at >> 3] ^= 1 << (at & 7)
    good = [item for item in HdlcDecoder().feed(bytes(bad) + b"\x7e") if not isinstance(item, HdlcError)]
    # A flip in an opening or closing flag leaves the frame whole, with the next flag as its end.
    assert all(item == frame for item in good)


def test_errors_tell_where_they_are_and_memory_is_bounded():
    decoder = HdlcDecoder(longest=100)
    (error,) = decoder.feed(b"\x7e\x01\x02\x03\x7e")
    assert isinstance(error, HdlcError)
    assert error.offset == 1
    (error,) = decoder.feed(b"x" * 5_000)
    assert "that long" in error.problem
    assert decoder.feed(b"x" * 5_000) == []
    assert len(decoder._waiting) < 300
    assert decoder.feed(b"\x7e" + encode_frame(b"good")) == [b"good"]


def test_an_escape_before_a_flag_gives_the_frame_up():
    (error,) = HdlcDecoder().feed(b"\x7e\x80\x06\x7d\x7e")
    assert "broke" in error.problem


# Packed integers and data types


@pytest.mark.parametrize(
    ("value", "wire"),
    [(0, "00"), (127, "7f"), (128, "8001"), (0x1303, "8326"), (16383, "ff7f"), (16384, "808001")],
)
def test_packed_integers(value, wire):
    assert pack_uint(value).hex() == wire
    assert unpack_uint(bytes.fromhex(wire)) == (value, len(wire) // 2)


@given(st.integers(0, 2**32 - 1))
@example(2**32 - 1)
def test_packed_integers_round_trip(value):
    wire = pack_uint(value)
    assert unpack_uint(b"\xff" + wire, 1) == (value, 1 + len(wire))
    for cut in cuts(wire):
        with pytest.raises(DecodeError):
            unpack_uint(cut)


@pytest.mark.parametrize("wire", ["ffffffffff", "ffffffff7f", "808080808001"])
def test_packed_integers_of_more_than_32_bits_are_refused(wire):
    with pytest.raises(DecodeError):
        unpack_uint(bytes.fromhex(wire))


NUMBERS = {
    "b": st.booleans(),
    "C": st.integers(0, 255),
    "c": st.integers(-128, 127),
    "S": st.integers(0, 65535),
    "s": st.integers(-32768, 32767),
    "L": st.integers(0, 2**32 - 1),
    "l": st.integers(-(2**31), 2**31 - 1),
    "X": st.integers(0, 2**64 - 1),
    "x": st.integers(-(2**63), 2**63 - 1),
    "i": st.integers(0, 2**32 - 1),
    "6": st.binary(min_size=16, max_size=16),
    "E": eui64s,
    "e": st.binary(min_size=6, max_size=6),
    "U": st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=20),
    "d": octets,
    "D": octets,
}


@st.composite
def formats(draw, depth=2):
    """A format and values of it."""
    form, values = "", []
    for _ in range(draw(st.integers(1, 5))):
        letter = draw(st.sampled_from([*NUMBERS, *("tTA" if depth else "")]))
        if letter in NUMBERS:
            form += letter
            values.append(draw(NUMBERS[letter]))
            continue
        if letter == "A":
            inner = draw(st.sampled_from(["S", "E", "Cc", "i"]))
            items = [tuple(draw(NUMBERS[each]) for each in inner) for _ in range(draw(st.integers(0, 4)))]
            form += f"A({inner})"
            values.append([item[0] for item in items] if len(inner) == 1 else items)
            return form, tuple(values)  # an array takes all that is left
        inner, content = draw(formats(depth - 1))
        form += f"{letter}({inner})"
        values.append(content)
    return form, tuple(values)


@given(formats())
def test_values_round_trip_and_cuts_are_refused_or_shorter(case):
    form, values = case
    wire = pack(form, *values)
    assert unpack(form, wire) == values
    assert unpack_from(form, b"\x00\x00" + wire, 2) == (values, len(wire) + 2)
    for cut in cuts(wire):
        refused_or_decoded(lambda value: unpack(form, value), cut)


@given(formats())
def test_flipped_bits_are_decoded_or_refused(case):
    form, values = case
    for wire in flips(pack(form, *values)[:40]):
        refused_or_decoded(lambda value: unpack(form, value), wire)


@given(st.sampled_from(list(FORMATS.values())), octets)
def test_any_octets_as_any_property(form, value):
    refused_or_decoded(lambda wire: unpack(form, wire), value)


def test_blocks_in_the_middle_have_a_length_and_at_the_end_not():
    assert pack("DC", b"ab", 1).hex() == "0200616201"
    assert pack("CD", 1, b"ab").hex() == "016162"
    assert pack("Cd", 1, b"ab").hex() == "0102006162"
    assert pack("t(CS)C", (1, 2), 3).hex() == "030001020003"


def test_eui64_travels_as_printed():
    address = Eui64("90-B3-D5-1F-30-01-00-00")
    assert pack("E", address).hex() == "90b3d51f30010000"
    assert unpack("E", bytes.fromhex("90b3d51f30010000")) == (address,)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("C", (256,)),
        ("C", ()),
        ("c", (-129,)),
        ("U", ("a\0b",)),
        ("6", (b"",)),
        ("i", (2**32,)),
        ("?", (1,)),
        ("t(C", (1,)),
        ("C", ("x",)),
    ],
)
def test_values_that_do_not_fit_are_refused(form, values):
    with pytest.raises(EncodeError):
        pack(form, *values)


def test_an_array_of_nothing_is_refused():
    with pytest.raises(DecodeError):
        unpack("A(.)", b"a")


# Frames


@given(st.integers(0, 15), st.integers(0, 3), st.sampled_from(range(2, 9)), st.integers(0, 2**21), octets)
def test_frames_round_trip(tid, interface, command, key, value):
    frame = SpinelFrame(command, key, value, tid, interface)
    assert parse_frame(frame.build()) == frame


@given(octets)
def test_any_octets_as_a_frame(value):
    refused_or_decoded(parse_frame, value)


def test_known_frames():
    # GET PROTOCOL_VERSION with TID 1, and SET MAC_SRC_MATCH_ENABLED.
    assert SpinelFrame(Command.GET, Property.PROTOCOL_VERSION, tid=1).build().hex() == "810201"
    assert SpinelFrame(Command.SET, Property.MAC_SRC_MATCH_ENABLED, b"\x01", 2).build().hex() == "8203832601"
    assert SpinelFrame(Command.RESET, value=b"\x02").build().hex() == "800102"
    for bad in (
        SpinelFrame(Command.RESET, 1),
        SpinelFrame(Command.GET),
        SpinelFrame(2, 1, tid=16),
        SpinelFrame(2, 1, interface=4),
    ):
        with pytest.raises(EncodeError):
            bad.build()


def test_statuses():
    assert is_reset(Status.RESET_WATCHDOG)
    assert not is_reset(Status.NO_ACK)
    assert status_name(17) == "no ack"
    assert status_name(15377) == "status 15377"


# The raw stream

requests = st.builds(
    TransmitRequest,
    st.binary(max_size=127),
    st.integers(11, 26),
    st.integers(0, 255),
    st.integers(0, 255),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.none() | st.integers(-128, 127),
)
heard = st.builds(
    HeardFrame,
    st.binary(max_size=127),
    st.integers(-128, 127),
    st.integers(-128, 127),
    st.integers(0, 65535),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 2**64 - 1),
    st.integers(0, 50),
)


@given(requests)
def test_requests_round_trip_and_options_may_be_left_out(request):
    wire = request.build()
    assert parse_transmit_request(wire) == request
    for cut in cuts(wire):
        refused_or_decoded(parse_transmit_request, cut)
    least = parse_transmit_request(wire[: len(request.psdu) + 3])
    assert (least.psdu, least.channel, least.csma, least.retries) == (request.psdu, request.channel, True, 3)


@given(heard)
def test_heard_frames_round_trip_and_metadata_may_be_left_out(frame):
    wire = frame.build()
    assert parse_heard_frame(wire) == frame
    for cut in cuts(wire):
        refused_or_decoded(parse_heard_frame, cut)
    assert parse_heard_frame(wire[: len(frame.psdu) + 2]).psdu == frame.psdu


@given(
    st.sampled_from(list(Status)),
    st.booleans(),
    st.booleans(),
    st.none() | heard.filter(lambda frame: frame.psdu),
)
def test_outcomes_round_trip(status, pending, updated, acknowledgement):
    done = TransmitDone(status, pending, updated, None if status else acknowledgement)
    wire = done.build()
    assert parse_transmit_done(wire) == done
    for cut in cuts(wire):
        refused_or_decoded(parse_transmit_done, cut)


@given(octets)
def test_any_octets_as_raw_stream(value):
    for parse in (parse_transmit_request, parse_heard_frame, parse_transmit_done):
        try:
            parse(value)
        except CodecError as error:
            assert isinstance(error, DecodeError)
