"""What radio firmware reads of a frame."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.radio_frames import (
    ACK,
    BEACON,
    COMMAND,
    DATA,
    UNREADABLE,
    acknowledgement,
    has_right_fcs,
    read_header,
    with_fcs,
)
from protocols.zigbee.mac import FrameType, MacFrame, build_mac


def test_a_unicast_within_one_pan():
    header = read_header(bytes.fromhex("6188073412010002 00abcd".replace(" ", "")))
    assert (header.frame_type, header.sequence, header.ack_request) == (DATA, 7, True)
    assert (header.destination_pan, header.destination) == (0x1234, 1)
    assert (header.source_pan, header.source, header.end) == (0x1234, 2, 9)


def test_a_data_request_from_an_extended_address():
    header = read_header(bytes.fromhex("63c80934120000") + bytes.fromhex("0807060504030201") + b"\x04")
    assert header.frame_type == COMMAND
    assert header.data_request
    assert header.source == bytes.fromhex("0102030405060708")


def test_a_beacon_has_no_destination():
    header = read_header(bytes.fromhex("0080013412000000"))
    assert (header.frame_type, header.destination, header.source_pan, header.source) == (
        BEACON,
        None,
        0x1234,
        0,
    )


def test_a_beacon_request_has_no_source():
    header = read_header(bytes.fromhex("030803ffffffff07"))
    assert (header.destination_pan, header.destination, header.source, header.data_request) == (
        0xFFFF,
        0xFFFF,
        None,
        False,
    )


def test_frame_version_2_has_rules_of_its_own():
    # Both addresses short, PAN compression: one PAN; both extended without compression: destination PAN only.
    header = read_header(bytes.fromhex("41a80134120100020004"))
    assert (header.destination_pan, header.destination, header.source) == (0x1234, 1, 2)
    header = read_header(bytes.fromhex("01ec013412") + bytes(range(8)) + bytes(range(8, 16)))
    assert (header.destination, header.source) == (bytes(range(7, -1, -1)), bytes(range(15, 7, -1)))
    suppressed = read_header(bytes.fromhex("21a934120100341202"))
    assert suppressed is UNREADABLE
    assert read_header(bytes.fromhex("21a93412010034120200")).sequence == -1


def test_acknowledgements_and_fcs():
    assert acknowledgement(0x42).hex() == "020042"
    assert read_header(acknowledgement(0x42, frame_pending=True)).frame_pending
    assert read_header(acknowledgement(1)).frame_type == ACK
    # CRC-16/KERMIT check value: "123456789" gives 2189.
    assert with_fcs(b"123456789")[-2:].hex() == "8921"
    assert has_right_fcs(with_fcs(b"abc"))
    assert not has_right_fcs(with_fcs(b"abc")[:-1] + b"\x00\x00")
    assert not has_right_fcs(b"\x00")


@given(st.binary(max_size=127))
def test_no_octets_are_refused_with_an_error(octets):
    header = read_header(octets)
    assert header.end <= len(octets)


addresses = st.none() | st.integers(0, 0xFFFF) | st.binary(min_size=8, max_size=8).map(Eui64)
pans = st.integers(0, 0xFFFF)


@given(
    st.sampled_from([FrameType.BEACON, FrameType.DATA, FrameType.COMMAND]),
    st.integers(0, 255),
    addresses,
    addresses,
    pans,
    pans,
    st.booleans(),
    st.booleans(),
)
def test_it_reads_what_the_mac_codec_writes(kind, sequence, to, sender, to_pan, from_pan, ack, pending):
    frame = MacFrame(kind, sequence, payload=b"\x04", ack_request=ack, frame_pending=pending)
    if to is not None:
        frame = replace(frame, destination=to, destination_pan=to_pan)
    if sender is not None:
        frame = replace(frame, source=sender, source_pan=from_pan)
    octets = build_mac(frame)
    header = read_header(octets)
    assert (header.frame_type, header.sequence, header.ack_request, header.frame_pending) == (
        kind,
        sequence,
        ack,
        pending,
    )
    assert (header.destination, header.destination_pan) == (frame.destination, frame.destination_pan)
    assert (header.source, header.source_pan) == (frame.source, frame.source_pan)
    assert header.end == len(octets) - 1
    assert header.data_request == (kind is FrameType.COMMAND)
