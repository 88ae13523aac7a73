"""MAC, NWK and APS frames: forms by hand from the specifications, and everything else at random."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.aps import (
    ApsFrame,
    ApsFrameType,
    DeliveryMode,
    ExtendedHeader,
    Fragmentation,
    build_aps,
    open_aps,
    parse_aps,
)
from protocols.zigbee.mac import Ack, FrameType, MacFrame, build_mac, check_fcs, fcs, parse_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, SourceRoute, build_nwk, open_nwk, parse_nwk
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier, SecurityError
from tests.unit.zigbee.frames import IEEE, KEY, aps_frames, mac_frames, nwk_frames, relaxed, survives

DEVICE = Eui64("00-12-4B-00-01-02-03-04")
PARTNER = Eui64("00-DB-12-34-56-78-90-A4")


@pytest.mark.parametrize(
    ("frame", "octets"),
    [
        (Ack(0x56, frame_pending=True), "120056"),
        # A beacon request: broadcast to every PAN, no source.
        (MacFrame(FrameType.COMMAND, 1, 0xFFFF, 0xFFFF, payload=b"\x07"), "030801FFFFFFFF07"),
        # An association request: from an extended address in no PAN.
        (
            MacFrame(FrameType.COMMAND, 2, 0x1A62, 0, 0xFFFF, DEVICE, b"\x01\x8e", ack_request=True),
            "23C802621A0000FFFF04030201004B1200018E",
        ),
        # An association response: both addresses extended, one PAN.
        (
            MacFrame(FrameType.COMMAND, 3, 0x1A62, DEVICE, 0x1A62, PARTNER, b"\x02\x34\x12\x00", ack_request=True),
            "63CC03621A04030201004B1200A490785634 12DB0002341200".replace(" ", ""),
        ),
        # A beacon: source only.
        (MacFrame(FrameType.BEACON, 4, source_pan=0x1A62, source=0, payload=b"\xff\xcf\x00\x00"), "008004621A0000FFCF0000"),
        (
            MacFrame(FrameType.DATA, 5, 0x1A62, 0x1234, 0x1A62, 0, b"x", pan_id_compression=False),
            "018805621A3412621A000078",
        ),
    ],
)  # fmt: skip
def test_mac_forms(frame, octets):
    data = bytes.fromhex(octets)
    assert frame.build() == data
    if isinstance(frame, MacFrame):
        assert parse_mac(data) == frame


def test_fcs_of_the_standards_example():
    # 802.15.4-2006 7.2.1.9: an acknowledgement 02 00 6A has the FCS with bits 0010 0111 1001 1110, first bit first.
    assert fcs(bytes.fromhex("02006A")) == bytes.fromhex("E479")
    assert check_fcs(bytes.fromhex("02006AE479")) == bytes.fromhex("02006A")
    for wrong in ("02006AE478", "E4", ""):
        with pytest.raises(DecodeError, match="FCS"):
            check_fcs(bytes.fromhex(wrong))


@pytest.mark.parametrize(
    ("octets", "problem", "path"),
    [
        ("0500 01", "frame type 5 is reserved", "frame_type"),
        ("0120 01", "frame version 2", "frame_version"),
        ("0104 01", "addressing mode 1", "destination"),
        ("0140 01", "addressing mode 1", "source"),
        ("4188 01 621A 3412 00", "ends within the addresses", "addresses"),
        ("0108 01 62", "ends within the destination_pan", "destination_pan"),
        ("01C0 01 621A 0102030405", "ends within the source", "source"),
        ("01", "frame control", ""),
    ],
)
def test_mac_refusals(octets, problem, path):
    with pytest.raises(DecodeError, match=problem) as caught:
        parse_mac(bytes.fromhex(octets))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"sequence": 256}, "sequence"),
        ({"destination": None}, "destination"),
        ({"source": 0x10000}, "source"),
        ({"source_pan": 1, "pan_id_compression": True}, "source_pan"),
        ({"frame_version": 2}, "frame_version"),
        ({"reserved": 8}, "reserved"),
    ],
)
def test_mac_frames_that_cannot_be(change, element):
    frame = MacFrame(FrameType.DATA, 1, 0x1A62, 0, 0x1A62, 1)
    for name, value in change.items():
        setattr(frame, name, value)
    with pytest.raises(EncodeError) as caught:
        build_mac(frame)
    assert caught.value.element == element


@relaxed
@given(mac_frames(), st.data())
def test_mac_frames_round_trip_and_survive(frame, data):
    octets = build_mac(frame)
    assert parse_mac(octets) == frame
    survives(octets, parse_mac, build_mac, data)


def test_nwk_forms():
    secured = NwkFrame(
        NwkFrameType.DATA, 0x0000, 0x1234, 30, 0xAB, b"closed", closed=True,
        security=AuxiliaryHeader(KeyIdentifier.NETWORK, 9, DEVICE, 0), source_ieee=DEVICE, discover_route=1,
    )  # fmt: skip
    octets = (
        bytes.fromhex("4812 0000 3412 1E AB 04030201004B1200 28 09000000 04030201004B1200 00") + b"closed"
    )
    assert build_nwk(secured) == octets
    assert parse_nwk(octets) == secured
    routed = NwkFrame(
        NwkFrameType.DATA, 1, 2, 5, 6, b"p",
        source_route=SourceRoute(1, (0x1111, 0x2222)), multicast_control=0x7D, end_device_initiator=True,
    )  # fmt: skip
    octets = bytes.fromhex("0825 0100 0200 05 06 7D 02 01 1111 2222 70")
    assert build_nwk(routed) == octets
    assert parse_nwk(octets) == routed
    inter_pan = NwkFrame(NwkFrameType.INTER_PAN, radius=0, payload=b"\x0b")
    assert build_nwk(inter_pan) == bytes.fromhex("0B000B")


@relaxed
@given(nwk_frames(), KEY, IEEE, st.data())
def test_nwk_frames_round_trip_and_survive(frame, key, sender, data):
    octets = build_nwk(frame, key, sender)
    found = parse_nwk(octets)
    assert found.closed == (frame.security is not None)
    assert build_nwk(found) == octets
    if found.closed:
        opened = open_nwk(found, key, sender)
        assert opened == frame
        assert build_nwk(opened, key, sender) == octets
    else:
        assert found == frame
    survives(octets, parse_nwk, build_nwk, data)


@relaxed
@given(nwk_frames().filter(lambda frame: frame.security), KEY, IEEE, st.data())
def test_every_bit_of_a_secured_nwk_frame_counts(frame, key, sender, data):
    octets = bytearray(build_nwk(frame, key, sender))
    place = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[place // 8] ^= 1 << place % 8
    try:
        found = parse_nwk(bytes(octets))
    except DecodeError:
        return
    if found.closed and found.security.on_air_level != frame.security.on_air_level:
        return  # the level on the air is all that is not authenticated
    with pytest.raises(SecurityError):
        open_nwk(found, key, sender)


def test_aps_forms():
    data = ApsFrame(
        ApsFrameType.DATA, DeliveryMode.UNICAST, 1, None, 0x0702, 0x0109, 2, 7, b"z", ack_request=True
    )
    octets = bytes.fromhex("40 01 0207 0901 02 07 7A")
    assert build_aps(data) == octets
    assert parse_aps(octets) == data
    to_group = ApsFrame(ApsFrameType.DATA, DeliveryMode.GROUP, None, 0xBEEF, 0x0702, 0x0109, 2, 7, b"")
    assert build_aps(to_group) == bytes.fromhex("0C EFBE 0207 0901 02 07")
    block = ApsFrame(
        ApsFrameType.DATA, DeliveryMode.UNICAST, 1, None, 0x0704, 0x0109, 1, 9, b"part", ack_request=True,
        extended=ExtendedHeader(Fragmentation.FIRST, 11),
        security=AuxiliaryHeader(KeyIdentifier.LINK, 5, DEVICE), closed=True,
    )  # fmt: skip
    octets = bytes.fromhex("E0 01 0407 0901 01 09 01 0B 20 05000000 04030201004B1200") + b"part"
    assert build_aps(block) == octets
    assert parse_aps(octets) == block
    ack = ApsFrame(
        ApsFrameType.ACK, DeliveryMode.UNICAST, 1, None, 0x0704, 0x0109, 1, 9,
        extended=ExtendedHeader(Fragmentation.PART, 3, 0xFD),
    )  # fmt: skip
    assert build_aps(ack) == bytes.fromhex("82 01 0407 0901 01 09 02 03 FD")
    assert build_aps(ApsFrame(ApsFrameType.ACK, counter=4, ack_format=True)) == bytes.fromhex("1204")
    inter_pan = ApsFrame(
        ApsFrameType.INTERPAN, DeliveryMode.BROADCAST, cluster=0x0702, profile=0x0109, payload=b"q"
    )
    assert build_aps(inter_pan) == bytes.fromhex("0B 0207 0901 71")


@pytest.mark.parametrize(
    ("octets", "path"),
    [
        ("04 01 0207 0901 02 07", "delivery_mode"),
        ("80 01 0207 0901 02 07 03", "extended.fragmentation"),
        ("23 0207 0901", "frame_control"),
        ("00 01 0207", "header"),
        ("A0 01 0207 0901 02 07 00 20 0500", "security"),
        ("", "header"),
    ],
)
def test_aps_refusals(octets, path):
    with pytest.raises(DecodeError) as caught:
        parse_aps(bytes.fromhex(octets))
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("change", "element"),
    [
        ({"group": 1}, "group"),
        ({"cluster": None}, "cluster"),
        ({"counter": 256}, "counter"),
        ({"closed": True}, "closed"),
        ({"extended": ExtendedHeader(Fragmentation.FIRST)}, "extended"),
        ({"security": AuxiliaryHeader(KeyIdentifier.LINK, 1, DEVICE)}, "security"),
        ({"frame_type": ApsFrameType.COMMAND}, "destination_endpoint"),
    ],
)
def test_aps_frames_that_cannot_be(change, element):
    frame = ApsFrame(ApsFrameType.DATA, DeliveryMode.UNICAST, 1, None, 0x0702, 0x0109, 2, 7)
    for name, value in change.items():
        setattr(frame, name, value)
    with pytest.raises(EncodeError) as caught:
        build_aps(frame)
    assert caught.value.element == element


@relaxed
@given(aps_frames(), KEY, IEEE, st.data())
def test_aps_frames_round_trip_and_survive(frame, key, sender, data):
    octets = build_aps(frame, key, sender)
    found = parse_aps(octets)
    assert build_aps(found) == octets
    if found.closed:
        opened = open_aps(found, key, sender)
        assert opened == frame
        assert build_aps(opened, key, sender) == octets
        with pytest.raises(SecurityError):
            open_aps(found, bytes(octet ^ 1 for octet in key), sender)
    else:
        assert found == frame
    survives(octets, parse_aps, build_aps, data)


def test_what_is_not_closed_cannot_be_opened():
    with pytest.raises(SecurityError):
        open_nwk(NwkFrame(NwkFrameType.DATA), bytes(16))
    with pytest.raises(SecurityError):
        open_aps(ApsFrame(ApsFrameType.COMMAND, counter=1), bytes(16))
    nobody = AuxiliaryHeader(KeyIdentifier.LINK, 1, extended_nonce=False)
    with pytest.raises(SecurityError, match="who secured"):
        open_aps(ApsFrame(ApsFrameType.COMMAND, counter=1, security=nobody, closed=True), bytes(16))
    secured = NwkFrame(NwkFrameType.DATA, security=AuxiliaryHeader(KeyIdentifier.NETWORK, 1, DEVICE, 0))
    with pytest.raises(EncodeError, match="needs a key"):
        build_nwk(secured)
