"""scapy's layers, which nobody here wrote, must build our frames octet for octet: from fields, and from octets.

scapy encrypts nothing, so secured payloads go through it closed. scapy is GPL-2.0-only: nothing but this file and the
benchmark imports it, each in a process of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode, build_aps, parse_aps
from protocols.zigbee.mac import FrameType, MacFrame, build_mac, parse_mac
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, build_nwk, parse_nwk
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier
from tests.interop.zigbee_frames import METER, conversation
from tests.unit.zigbee.frames import aps_frames, mac_frames, nwk_frames

scapy = pytest.importorskip("scapy.config", reason="scapy is not here: make interop installs it")
scapy.conf.dot15d4_protocol = "zigbee"
layers = pytest.importorskip("scapy.layers.zigbee")
dot15d4 = pytest.importorskip("scapy.layers.dot15d4")
Raw = pytest.importorskip("scapy.packet").Raw

relaxed = settings(deadline=None)


def mode(address: object) -> int:
    return 0 if address is None else 3 if isinstance(address, bytes) else 2


def number(address: Any) -> int:
    return int.from_bytes(address, "big") if isinstance(address, bytes) else address


def mac_layers(frame: MacFrame, compressed: bool) -> Any:
    head = dot15d4.Dot15d4(
        fcf_reserved_1=frame.reserved & 1, fcf_reserved_2=frame.reserved >> 1, fcf_panidcompress=compressed,
        fcf_ackreq=frame.ack_request, fcf_pending=frame.frame_pending, fcf_frametype=int(frame.frame_type),
        fcf_srcaddrmode=mode(frame.source), fcf_framever=frame.frame_version,
        fcf_destaddrmode=mode(frame.destination), seqnum=frame.sequence,
    )  # fmt: skip
    body = dot15d4.Dot15d4Data(
        dest_panid=frame.destination_pan, dest_addr=number(frame.destination),
        src_panid=frame.source_pan, src_addr=number(frame.source),
    )  # fmt: skip
    return head / body / Raw(frame.payload)


def security_layer(security: AuxiliaryHeader, closed: bytes) -> Any:
    return layers.ZigbeeSecurityHeader(
        reserved1=security.reserved, extended_nonce=security.extended_nonce,
        key_type=int(security.key_identifier), nwk_seclevel=0, fc=security.frame_counter,
        source=number(security.source or b""), key_seqnum=security.key_sequence or 0, data=closed,
    )  # fmt: skip


def nwk_layers(frame: NwkFrame) -> Any:
    names = {
        "security": frame.security, "source_route": frame.source_route,
        "extended_dst": frame.destination_ieee, "extended_src": frame.source_ieee,
    }  # fmt: skip
    flags = [name for name, value in names.items() if value is not None]
    bits = frame.end_device_initiator << 5 | frame.reserved << 6
    head = layers.ZigbeeNWK(
        discover_route=frame.discover_route, proto_version=frame.protocol_version, frametype=int(frame.frame_type),
        flags="+".join(flags), destination=frame.destination, source=frame.source, radius=frame.radius,
        seqnum=frame.sequence, ext_dst=number(frame.destination_ieee or b""), ext_src=number(frame.source_ieee or b""),
    )  # fmt: skip
    head.flags = int(head.flags) | bits
    if frame.source_route is not None:
        head.relay_count = len(frame.source_route.relays)
        head.relay_index, head.relays = frame.source_route.relay_index, list(frame.source_route.relays)
    if frame.security is None:
        return head / Raw(frame.payload)
    return head / security_layer(frame.security, frame.payload)


def aps_layers(frame: ApsFrame) -> Any:
    flags = frame.ack_format | (frame.security is not None) << 1 | frame.ack_request << 2
    flags |= (frame.extended is not None) << 3
    head = layers.ZigbeeAppDataPayload(
        frame_control=flags, delivery_mode=int(frame.delivery_mode), aps_frametype=int(frame.frame_type),
        dst_endpoint=frame.destination_endpoint, group_addr=frame.group, cluster=frame.cluster,
        profile=frame.profile, src_endpoint=frame.source_endpoint, counter=frame.counter,
    )  # fmt: skip
    if frame.extended is not None:
        head.fragmentation = int(frame.extended.fragmentation)
        head.block_number, head.ack_bitfield = frame.extended.block_number, frame.extended.ack_bitfield
    if frame.security is None:
        return head / Raw(frame.payload)
    return head / security_layer(frame.security, frame.payload)


def plain_level(security: AuxiliaryHeader | None) -> bool:
    """scapy cuts the payload differently where the level shows on the air."""
    return security is None or security.on_air_level == 0


@relaxed
@given(mac_frames().filter(lambda frame: mode(frame.source) and mode(frame.destination)))
def test_scapy_builds_our_data_frames(frame):
    frame.frame_type, frame.security_enabled = FrameType.DATA, False
    compressed = frame.pan_id_compression
    if compressed is None:
        compressed = frame.source_pan == frame.destination_pan
    octets = build_mac(frame)
    assert bytes(mac_layers(frame, compressed)) == octets
    assert parse_mac(bytes(mac_layers(frame, compressed))) == frame


@relaxed
@given(
    nwk_frames().filter(
        lambda frame: frame.frame_type is not NwkFrameType.INTER_PAN and plain_level(frame.security)
    )
)
def test_scapy_builds_our_network_frames(frame):
    frame.multicast_control = None  # scapy has no field for it
    frame.closed = frame.security is not None
    octets = build_nwk(frame)
    assert bytes(nwk_layers(frame)) == octets
    assert parse_nwk(octets) == frame


@relaxed
@given(aps_frames().filter(lambda frame: plain_level(frame.security)))
def test_scapy_builds_our_application_frames(frame):
    if frame.frame_type is ApsFrameType.INTERPAN:
        return  # another class in scapy
    if frame.frame_type is ApsFrameType.ACK and frame.delivery_mode is not DeliveryMode.UNICAST:
        return  # nobody acknowledges these
    if frame.frame_type is ApsFrameType.COMMAND:
        frame.extended = None  # commands are not fragmented, and scapy has no field for it there
    if frame.extended is not None:
        frame.extended.reserved = 0
    frame.closed = frame.security is not None
    octets = build_aps(frame)
    assert bytes(aps_layers(frame)) == octets
    assert parse_aps(octets) == frame


def forget(packet: Any) -> None:
    """scapy keeps the octets it has read; without them it has to build."""
    while packet:
        packet.raw_packet_cache = None
        packet.raw_packet_cache_fields = None
        packet = packet.payload


@pytest.mark.parametrize(("name", "octets"), conversation())
def test_scapy_rebuilds_what_it_reads_of_ours(name, octets):
    packet = dot15d4.Dot15d4(octets)
    forget(packet)
    assert bytes(packet) == octets


def test_key_identifiers_are_scapys():
    found = {}
    for identifier in KeyIdentifier:
        sequence = 0 if identifier is KeyIdentifier.NETWORK else None
        octets = AuxiliaryHeader(identifier, 1, METER, sequence).build()
        packet = layers.ZigbeeSecurityHeader(octets + bytes(8))
        found[packet.sprintf("%key_type%")] = identifier
    assert found == {
        "data_key": KeyIdentifier.LINK,
        "network_key": KeyIdentifier.NETWORK,
        "key_transport_key": KeyIdentifier.KEY_TRANSPORT,
        "key_load_key": KeyIdentifier.KEY_LOAD,
    }
