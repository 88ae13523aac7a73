"""MAC, NWK and APS commands, beacons, ZDP: forms by hand from the specifications, the rest at random."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee import aps_commands as aps
from protocols.zigbee import mac_commands as mac
from protocols.zigbee import nwk_commands as nwk
from protocols.zigbee.commands import Command, OtherCommand
from protocols.zigbee.zdp import ZdpCluster, ZdpMessage, build_zdp, parse_zdp
from protocols.zigbee.zdp_table import (
    MESSAGES,
    RESPONSE,
    Binding,
    Neighbour,
    NodeDescriptor,
    Route,
    SimpleDescriptor,
)
from tests.unit.zigbee.frames import relaxed, survives

DEVICE = Eui64("00-12-4B-00-01-02-03-04")
PARTNER = Eui64("00-DB-12-34-56-78-90-A4")
ON_AIR, PARTNER_ON_AIR = "04030201004B1200", "A490785634 12DB00"
KEY = bytes(range(16))
PARSERS: dict[str, Any] = {
    "mac": mac.parse_mac_command,
    "nwk": nwk.parse_nwk_command,
    "aps": aps.parse_aps_command,
}

FORMS = [
    ("mac", mac.AssociationRequest(0x8E), "01 8E"),
    ("mac", mac.AssociationResponse(0x1234), "02 3412 00"),
    ("mac", mac.DisassociationNotification(2), "03 02"),
    ("mac", mac.DataRequest(), "04"),
    ("mac", mac.PanIdConflict(), "05"),
    ("mac", mac.OrphanNotification(), "06"),
    ("mac", mac.BeaconRequest(), "07"),
    ("mac", mac.CoordinatorRealignment(0x1A62, 0, 15, 0x1234), "08 621A 0000 0F 3412"),
    ("mac", mac.CoordinatorRealignment(0x1A62, 0, 15, 0x1234, 0), "08 621A 0000 0F 3412 00"),
    ("mac", mac.GtsRequest(0x11), "09 11"),
    ("nwk", nwk.RouteRequest(7, 0x1234, 3), "01 00 07 3412 03"),
    ("nwk", nwk.RouteRequest(7, 0xFFFC, 0, options=nwk.ManyToOne.WITH_ROUTE_RECORDS), "01 08 07 FCFF 00"),
    ("nwk", nwk.RouteRequest(7, 0x1234, 3, DEVICE), f"01 20 07 3412 03 {ON_AIR}"),
    ("nwk", nwk.RouteReply(7, 1, 2, 3, None, DEVICE), f"02 20 07 0100 0200 03 {ON_AIR}"),
    ("nwk", nwk.RouteReply(7, 1, 2, 3, PARTNER, DEVICE), f"02 30 07 0100 0200 03 {PARTNER_ON_AIR} {ON_AIR}"),
    ("nwk", nwk.NetworkStatus(nwk.NetworkStatusCode.SOURCE_ROUTE_FAILURE, 0x1234), "03 0B 3412"),
    ("nwk", nwk.Leave.of(request=True, rejoin=True), "04 60"),
    ("nwk", nwk.Leave.of(request=False, remove_children=True), "04 80"),
    ("nwk", nwk.RouteRecord([0x1111, 0x2222]), "05 02 1111 2222"),
    ("nwk", nwk.RejoinRequest(0x80), "06 80"),
    ("nwk", nwk.RejoinResponse(0x1234, 0), "07 3412 00"),
    ("nwk", nwk.LinkStatus([nwk.Link(0x1234, 1, 3)]), "08 61 3412 31"),
    ("nwk", nwk.NetworkReport(PARTNER, [0x1A62]), f"09 01 {PARTNER_ON_AIR} 621A"),
    ("nwk", nwk.NetworkUpdate(PARTNER, 4, [0x1A63]), f"0A 01 {PARTNER_ON_AIR} 04 631A"),
    ("nwk", nwk.EndDeviceTimeoutRequest(8), "0B 08 00"),
    ("nwk", nwk.EndDeviceTimeoutResponse(0, 3), "0C 00 03"),
    ("nwk", nwk.LinkPowerDelta(0, [nwk.PowerDelta(0x1234, -3)]), "0D 00 01 3412 FD"),
    (
        "aps",
        aps.TransportKey(aps.StandardKeyType.STANDARD_NETWORK, KEY, 1, DEVICE, PARTNER),
        f"05 01 {KEY.hex()} 01 {ON_AIR} {PARTNER_ON_AIR}",
    ),
    (
        "aps",
        aps.TransportKey(aps.StandardKeyType.TRUST_CENTER_LINK, KEY, destination=DEVICE, source=PARTNER),
        f"05 04 {KEY.hex()} {ON_AIR} {PARTNER_ON_AIR}",
    ),
    (
        "aps",
        aps.TransportKey(aps.StandardKeyType.APPLICATION_LINK, KEY, partner=PARTNER, initiator=1),
        f"05 03 {KEY.hex()} {PARTNER_ON_AIR} 01",
    ),
    (
        "aps",
        aps.UpdateDevice(DEVICE, 0x1234, aps.UpdateDeviceStatus.STANDARD_UNSECURED_JOIN),
        f"06 {ON_AIR} 3412 01",
    ),
    ("aps", aps.RemoveDevice(DEVICE), f"07 {ON_AIR}"),
    ("aps", aps.RequestKey(aps.RequestKeyType.TRUST_CENTER_LINK), "08 04"),
    ("aps", aps.RequestKey(aps.RequestKeyType.APPLICATION_LINK, PARTNER), f"08 02 {PARTNER_ON_AIR}"),
    ("aps", aps.SwitchKey(2), "09 02"),
    ("aps", aps.Tunnel(DEVICE, b"\x21\x05sealed"), f"0E {ON_AIR} 2105 {b'sealed'.hex()}"),
    ("aps", aps.VerifyKey(4, DEVICE, KEY), f"0F 04 {ON_AIR} {KEY.hex()}"),
    ("aps", aps.ConfirmKey(0, 4, DEVICE), f"10 00 04 {ON_AIR}"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "command", "octets"), FORMS, ids=lambda value: type(value).__name__)
def test_forms(layer, command, octets):
    data = bytes.fromhex(octets)
    assert command.build() == data
    assert PARSERS[layer](data) == command
    assert command.identifier == data[0]


@pytest.mark.parametrize(("layer", "command", "octets"), FORMS, ids=lambda value: type(value).__name__)
def test_every_truncation_is_refused_or_says_the_same(layer, command, octets):
    data = bytes.fromhex(octets)
    parse = PARSERS[layer]
    for end in range(len(data)):
        try:
            found = parse(data[:end])
        except DecodeError as error:
            assert error.offset == end
            continue
        assert found.build() == data[:end]
        # Only what may be left out, or reaches to the end, is still the same kind of command.
        assert isinstance(command, mac.CoordinatorRealignment | aps.Tunnel)


@relaxed
@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=60), st.data())
def test_any_octets_are_a_command_or_a_decode_error(layer, octets, data):
    # The identifiers in use come up often.
    octets = bytes((data.draw(st.integers(0, 0x13)),)) + octets
    survives(octets, PARSERS[layer], lambda command: command.build(), data)


@relaxed
@given(st.sampled_from(FORMS), st.binary(max_size=5), st.data())
def test_flipped_bits_and_appended_octets(form, rest, data):
    layer, command, _ = form
    if not isinstance(command, mac.CoordinatorRealignment | aps.Tunnel):
        longer = dataclasses.replace(command, rest=rest)
        assert PARSERS[layer](longer.build()) == longer
    survives(command.build() + rest, PARSERS[layer], lambda found: found.build(), data)


def test_all_aps_commands_are_named_and_unknown_ones_kept():
    assert [identifier.value for identifier in aps.ApsCommandId] == list(range(1, 0x13))
    assert aps.parse_aps_command(b"\x01rest") == OtherCommand(1, rest=b"rest")
    assert OtherCommand(0x7F, rest=b"x").build() == b"\x7fx"


@pytest.mark.parametrize(
    ("command", "element"),
    [
        (nwk.RouteRequest(7, 0x1234, options=0x20), "options"),
        (nwk.LinkStatus([nwk.Link(1, 1, 1)] * 32), "options"),
        (nwk.LinkStatus([nwk.Link(1, 8, 1)]), "links.incoming_cost"),
        (nwk.RouteRecord([0x10000]), "relays"),
        (nwk.RouteRecord([1] * 256), "relays"),
        (aps.TransportKey(1, KEY, 1, DEVICE), "source"),
        (aps.TransportKey(3, KEY, partner=DEVICE, initiator=1, sequence=2), "sequence"),
        (aps.SwitchKey(256), "sequence"),
        (aps.VerifyKey(4, DEVICE, KEY[:15]), "hash"),
        (aps.RequestKey(4, DEVICE), "partner"),
    ],
)
def test_commands_that_cannot_be(command, element):
    with pytest.raises(EncodeError) as caught:
        command.build()
    assert caught.value.element == element


def test_a_router_beacon():
    inner = mac.ZigbeeBeacon(
        PARTNER, router_capacity=True, end_device_capacity=True, device_depth=1, update_id=5
    )
    beacon = mac.Beacon(association_permit=True, payload=inner.build())
    # Superframe: orders 15, final slot 15, association permitted; no GTS, nothing pending.
    octets = bytes.fromhex(f"FF8F 00 00 00 22 8C {PARTNER_ON_AIR} FFFFFF 05")
    assert beacon.build() == octets
    assert mac.parse_beacon(octets) == beacon
    assert mac.parse_zigbee_beacon(beacon.payload) == inner
    with pytest.raises(DecodeError, match="protocol 3"):
        mac.parse_zigbee_beacon(b"\x03")


def test_a_beacon_with_slots_and_pending_addresses():
    beacon = mac.Beacon(
        6, 5, 9, pan_coordinator=True, gts_permit=True, gts_directions=1, gts_descriptors=[b"\x34\x12\x1f"],
        pending_short=[0x1111], pending_extended=[DEVICE],
    )  # fmt: skip
    octets = bytes.fromhex(f"5649 81 01 34121F 11 1111 {ON_AIR}")
    assert beacon.build() == octets
    assert mac.parse_beacon(octets) == beacon


@relaxed
@given(st.binary(max_size=60), st.data())
def test_beacons_survive(octets, data):
    survives(octets, mac.parse_beacon, mac.Beacon.build, data)
    survives(b"\0" + octets, mac.parse_zigbee_beacon, mac.ZigbeeBeacon.build, data)


NODE = NodeDescriptor(
    logical_type=1, mac_capability=0x8E, manufacturer_code=0x1234, server_mask=0x2C00, user_available=1
)
SIMPLE = SimpleDescriptor(1, 0x0109, 0x0500, [0, 0x0702], [0x000A], device_version=2)
ZDP_FORMS = [
    (ZdpCluster.NWK_ADDR_REQ, {"ieee": DEVICE, "request_type": 1, "start_index": 0}, f"{ON_AIR} 01 00"),
    (
        ZdpCluster.NWK_ADDR_REQ | RESPONSE,
        {"status": 0, "ieee": DEVICE, "nwk": 0x1234, "start_index": None, "associated": None},
        f"00 {ON_AIR} 3412",
    ),
    (
        ZdpCluster.IEEE_ADDR_REQ | RESPONSE,
        {"status": 0, "ieee": DEVICE, "nwk": 0x1234, "start_index": 0, "associated": [0x1111, 0x2222]},
        f"00 {ON_AIR} 3412 02 00 1111 2222",
    ),
    (
        ZdpCluster.IEEE_ADDR_REQ | RESPONSE,
        {"status": 0, "ieee": DEVICE, "nwk": 0x1234, "start_index": None, "associated": []},
        f"00 {ON_AIR} 3412 00",
    ),
    (ZdpCluster.NODE_DESC_REQ, {"nwk": 0x1234}, "3412"),
    (
        ZdpCluster.NODE_DESC_REQ | RESPONSE,
        {"status": 0, "nwk": 0, "descriptor": NODE},
        "00 0000 11 40 8E 3412 52 4006 002C 4006 00",
    ),
    (ZdpCluster.NODE_DESC_REQ | RESPONSE, {"status": 0x81, "nwk": 0x1234}, "81 3412"),
    (ZdpCluster.SIMPLE_DESC_REQ, {"nwk": 0x1234, "endpoint": 1}, "3412 01"),
    (
        ZdpCluster.SIMPLE_DESC_REQ | RESPONSE,
        {"status": 0, "nwk": 0x1234, "descriptor": SIMPLE},
        "00 3412 0E 01 0901 0005 02 02 0000 0207 01 0A00",
    ),
    (ZdpCluster.SIMPLE_DESC_REQ | RESPONSE, {"status": 0x82, "nwk": 1, "descriptor": None}, "82 0100 00"),
    (ZdpCluster.ACTIVE_EP_REQ | RESPONSE, {"status": 0, "nwk": 1, "endpoints": [1, 2]}, "00 0100 02 01 02"),
    (
        ZdpCluster.MATCH_DESC_REQ,
        {"nwk": 0, "profile": 0x0109, "input_clusters": [0x0800], "output_clusters": []},
        "0000 0901 01 0008 00",
    ),
    (ZdpCluster.DEVICE_ANNCE, {"nwk": 0x1234, "ieee": DEVICE, "capability": 0x8E}, f"3412 {ON_AIR} 8E"),
    (ZdpCluster.PARENT_ANNCE, {"children": [DEVICE]}, f"01 {ON_AIR}"),
    (ZdpCluster.PARENT_ANNCE | RESPONSE, {"status": 0, "children": []}, "00 00"),
    (
        ZdpCluster.BIND_REQ,
        {
            "source": DEVICE, "source_endpoint": 1, "cluster": 0x0702, "mode": 3, "group": None,
            "destination": PARTNER, "destination_endpoint": 2,
        },
        f"{ON_AIR} 01 0207 03 {PARTNER_ON_AIR} 02",
    ),
    (
        ZdpCluster.UNBIND_REQ,
        {
            "source": DEVICE, "source_endpoint": 1, "cluster": 0x0702, "mode": 1, "group": 0xBEEF,
            "destination": None, "destination_endpoint": None,
        },
        f"{ON_AIR} 01 0207 01 EFBE",
    ),
    (ZdpCluster.BIND_REQ | RESPONSE, {"status": 0x84}, "84"),
    (
        ZdpCluster.MGMT_LQI_REQ | RESPONSE,
        {
            "status": 0, "total": 1, "start_index": 0,
            "entries": [Neighbour(PARTNER, DEVICE, 0x1234, 1, 1, 2, 2, 15, 200)],
        },
        f"00 01 00 01 {PARTNER_ON_AIR} {ON_AIR} 3412 25 02 0F C8",
    ),
    (
        ZdpCluster.MGMT_RTG_REQ | RESPONSE,
        {"status": 0, "total": 1, "start_index": 0, "entries": [Route(0x1234, 0, 0x1111, many_to_one=1)]},
        "00 01 00 01 3412 10 1111",
    ),
    (
        ZdpCluster.MGMT_BIND_REQ | RESPONSE,
        {
            "status": 0, "total": 1, "start_index": 0,
            "entries": [Binding(DEVICE, 1, 0x0702, destination=PARTNER, destination_endpoint=2)],
        },
        f"00 01 00 01 {ON_AIR} 01 0207 03 {PARTNER_ON_AIR} 02",
    ),
    (
        ZdpCluster.MGMT_LEAVE_REQ,
        {"ieee": DEVICE, "reserved": 0, "remove_children": 0, "rejoin": 1},
        f"{ON_AIR} 80",
    ),
    (ZdpCluster.MGMT_PERMIT_JOINING_REQ, {"duration_s": 180, "trust_centre_significance": 1}, "B4 01"),
    (
        ZdpCluster.MGMT_NWK_UPDATE_REQ,
        {"channels": 0x07FFF800, "scan_duration": 3, "scan_count": 1, "update_id": None, "manager": None},
        "00F8FF07 03 01",
    ),
    (
        ZdpCluster.MGMT_NWK_UPDATE_REQ,
        {"channels": 0x00008000, "scan_duration": 0xFE, "scan_count": None, "update_id": 4, "manager": None},
        "00800000 FE 04",
    ),
    (
        ZdpCluster.MGMT_NWK_UPDATE_REQ | RESPONSE,
        {"status": 0, "scanned_channels": 0x1800, "transmissions": 9, "failures": 1, "energy": [5, 6]},
        "00 00180000 0900 0100 02 05 06",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cluster", "values", "octets"), ZDP_FORMS)
def test_zdp_forms(cluster, values, octets):
    data = bytes.fromhex("2A" + octets)
    message = ZdpMessage(cluster, 0x2A, values)
    assert message.build() == data
    assert parse_zdp(cluster, data) == message
    assert message.is_response == (cluster >= 0x8000)


@relaxed
@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=80), st.data())
def test_zdp_messages_survive(cluster, octets, data):
    survives(octets, lambda octets: parse_zdp(cluster, octets), build_zdp, data)


@relaxed
@given(st.sampled_from(ZDP_FORMS), st.binary(max_size=3), st.data())
def test_zdp_forms_survive(form, rest, data):
    cluster, _, octets = form
    survives(bytes.fromhex("2A" + octets) + rest, lambda octets: parse_zdp(cluster, octets), build_zdp, data)


def test_zdp_messages_that_are_unknown_or_incomplete():
    unknown = parse_zdp(0x7FFF, b"\x01rest")
    assert unknown == ZdpMessage(0x7FFF, 1, {"rest": b"rest"})
    assert unknown.build() == b"\x01rest"
    for message, element in (
        (ZdpMessage(ZdpCluster.NODE_DESC_REQ, 1), "nwk"),
        (ZdpMessage(ZdpCluster.NODE_DESC_REQ, 1, {"nwk": 1, "more": 2}), "more"),
        (ZdpMessage(ZdpCluster.NODE_DESC_REQ, 256, {"nwk": 1}), "sequence"),
        (ZdpMessage(ZdpCluster.ACTIVE_EP_REQ | RESPONSE, 1, {"status": 0, "nwk": 1}), "endpoints"),
        (ZdpMessage(ZdpCluster.ACTIVE_EP_REQ | RESPONSE, 1, {"status": 0x82, "endpoints": []}), "nwk"),
        (ZdpMessage(0x7FFF, 1, {"nwk": 1}), "nwk"),
    ):
        with pytest.raises(EncodeError, match=re.escape(element)) as caught:
            build_zdp(message)
        assert caught.value.element == element


def test_every_request_that_is_answered_has_its_answer():
    unanswered = {ZdpCluster.DEVICE_ANNCE}
    requests = set(ZdpCluster)
    assert set(MESSAGES) == requests | {cluster | RESPONSE for cluster in requests - unanswered}


def test_commands_have_distinct_identifiers():
    kinds = [kind for kind in Command.__subclasses__() if kind is not OtherCommand]
    by_module: dict[str, list[int]] = {}
    for kind in kinds:
        by_module.setdefault(kind.__module__, []).append(kind.IDENTIFIER)
    assert all(len(set(found)) == len(found) for found in by_module.values())
