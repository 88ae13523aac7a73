import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.capture import CapturedFrame, exported_pdu, parse_exported_pdu, parse_tap, tap_packet
from protocols.errors import DecodeError, EncodeError
from protocols.pcapng import (
    Direction,
    Interface,
    LinkType,
    OtherBlock,
    Packet,
    PcapngWriter,
    Section,
    Statistics,
    build_interface,
    build_packet,
    build_section,
    build_statistics,
    read_pcapng,
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
comments = st.lists(texts, max_size=3).map(tuple)
more = st.lists(st.tuples(st.integers(100, 0xFFFF), st.binary(max_size=20)), max_size=2).map(tuple)
times = st.integers(0, 2**64 - 1)
counts = st.none() | st.integers(0, 2**64 - 1)
sections = st.builds(Section, comments, texts, texts, texts, more)
interfaces = st.builds(
    Interface, st.sampled_from([195, 252, 283, 0xFFFF]), texts, texts, comments, st.integers(0, 2**32 - 1), more=more
)  # fmt: skip
packets = st.builds(
    Packet, st.just(0), times, st.binary(max_size=200), comments, st.sampled_from(Direction),
    st.none() | st.integers(1000, 2**32 - 1), st.integers(0, 2**30 - 1).map(lambda bits: bits << 2), more,
)  # fmt: skip
statistics = st.builds(
    Statistics, st.just(0), times, counts, counts, st.none() | times, st.none() | times, comments, more
)


def build(block):
    builders = {
        Section: build_section,
        Interface: build_interface,
        Packet: build_packet,
        Statistics: build_statistics,
    }
    return builders[type(block)](block)


files = st.tuples(sections, interfaces, st.lists(packets | statistics | interfaces, max_size=4)).map(
    lambda parts: [parts[0], parts[1], *parts[2]]
)


@given(files)
def test_what_was_written_is_read(blocks):
    assert list(read_pcapng(b"".join(build(block) for block in blocks))) == blocks


@given(st.lists(files, min_size=2, max_size=3))
def test_a_new_section_begins_interfaces_anew(parts):
    octets = b"".join(build(block) for blocks in parts for block in blocks)
    assert list(read_pcapng(octets)) == [block for blocks in parts for block in blocks]


@given(files, st.data())
def test_a_file_cut_anywhere_ends_quietly_or_says_where(blocks, data):
    built = [build(block) for block in blocks]
    octets = b"".join(built)
    cut = data.draw(st.integers(12, len(octets) - 1))
    ends = [sum(map(len, built[: number + 1])) for number in range(len(built))]
    whole = sum(end <= cut for end in ends)
    assert list(read_pcapng(octets[:cut], whole=False)) == blocks[:whole]
    if cut in ends:
        assert list(read_pcapng(octets[:cut])) == blocks[:whole]
    else:
        with pytest.raises(DecodeError) as caught:
            list(read_pcapng(octets[:cut]))
        assert caught.value.offset == (ends[whole - 1] if whole else 0)


@given(files, st.data())
def test_a_flipped_bit_is_read_or_refused_with_an_offset(blocks, data):
    octets = bytearray(b"".join(build(block) for block in blocks))
    bit = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[bit // 8] ^= 1 << bit % 8
    try:
        list(read_pcapng(bytes(octets)))
    except DecodeError as error:
        assert 0 <= error.offset <= len(octets)


@given(st.binary(max_size=300))
def test_anything_is_read_or_refused(octets):
    for data in (octets, build_section(Section()) + octets):
        try:
            list(read_pcapng(data))
        except DecodeError as error:
            assert 0 <= error.offset <= len(data)


def test_the_other_byte_order_and_other_ticks_are_read():
    def block(kind, body):
        return struct.pack(">II", kind, len(body) + 12) + body + struct.pack(">I", len(body) + 12)

    octets = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    octets += block(1, struct.pack(">HHI", 195, 0, 0))  # microseconds, as no option says anything else
    octets += block(1, struct.pack(">HHI HHB3x", 195, 0, 0, 9, 1, 0x8A))  # 1/1024 s
    octets += block(6, struct.pack(">IIIII", 0, 1, 5, 3, 3) + b"abc\0")
    octets += block(6, struct.pack(">IIIII", 1, 0, 512, 3, 3) + b"abc\0")
    octets += block(0xBAD, b"")
    *_, first, second, other = read_pcapng(octets)
    assert first.time_ns == ((1 << 32) + 5) * 1000
    assert second.time_ns == 500_000_000
    assert first.octets == second.octets == b"abc"
    assert other == OtherBlock(0xBAD, b"")


def test_a_writer_gives_whole_blocks_and_counts_them():
    written = []
    writer = PcapngWriter(written.append, Section(application="bench"))
    assert writer.add_interface(Interface(LinkType.IEEE802_15_4_TAP, "han")) == 0
    assert writer.add_interface(Interface(LinkType.EXPORTED_PDU, "gbcs")) == 1
    writer.packet(Packet(0, 1_000, b"x"))
    writer.packet(Packet(0, 2_001, b"y"))
    writer.finish(3_000)
    assert len(written) == 7
    assert writer.counts() == [2, 0]
    *_, one, two = read_pcapng(b"".join(written))
    assert (one.received, one.dropped, one.start_ns, one.end_ns) == (2, 0, 1_000, 3_000)
    assert (two.interface, two.received) == (1, 0)
    with pytest.raises(EncodeError):
        writer.packet(Packet(2, 0, b""))
    assert len(written) == 7


@pytest.mark.parametrize(
    ("octets", "offset"),
    [
        (b"", 0),
        (b"\xd4\xc3\xb2\xa1" + bytes(20), 0),
        (build_section(Section()) + struct.pack("<III", 9, 10, 10), 32),
        (build_section(Section()) + struct.pack("<IIII", 9, 16, 0, 12), 40),
        (build_section(Section()) + build_packet(Packet(0, 0, b"")), 56),
    ],
)
def test_what_is_wrong_is_said_with_its_offset(octets, offset):
    with pytest.raises(DecodeError) as caught:
        list(read_pcapng(octets))
    assert caught.value.offset == offset


@given(
    st.binary(max_size=127),
    st.integers(0, 0xFFFF),
    st.none() | st.integers(-128, 20),
    st.none() | st.integers(0, 255),
)
def test_tap_headers_are_read_as_written(psdu, channel, rssi, lqi):
    packet = tap_packet(CapturedFrame(0, psdu, channel, rssi_dbm=rssi, lqi=lqi))
    frame = parse_tap(packet)
    assert (frame.psdu, frame.fcs_octets, frame.channel, frame.rssi_dbm, frame.lqi) == (
        psdu,
        2,
        channel,
        rssi,
        lqi,
    )


@given(st.binary(max_size=60))
def test_any_tap_header_and_tag_is_read_or_refused(octets):
    for parse in (parse_tap, parse_exported_pdu):
        try:
            parse(octets)
        except DecodeError as error:
            assert 0 <= error.offset <= len(octets)


@given(st.binary(max_size=60), st.text("abc_", min_size=1))
def test_exported_pdus_are_read_as_written(octets, name):
    assert parse_exported_pdu(exported_pdu(octets, name)) == (name, octets)
