"""Wireshark's 802.15.4 and ZigBee dissectors must read and decrypt our frames the way we mean them.

tshark gets the install code's link key and nothing else: the network key and the partner link key it has to learn
from our transport key commands.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop.wireshark import MALFORMED, needs_tshark
from tests.interop.zigbee_frames import (
    HUB,
    LINK_KEY,
    METER,
    NETWORK_KEY,
    NWK_COMMANDS,
    PARTNER,
    PARTNER_KEY,
    capture,
    conversation,
    gbcs_message,
)

pytestmark = needs_tshark

Layers = dict[str, list[str]]
ENCRYPTED, FCS_OK = "zbee_sec.encrypted_payload", "wpan.fcs_ok"
FIELDS = (
    "frame.protocols", "_ws.expert.message", FCS_OK, ENCRYPTED, "wpan.src16", "wpan.dst16", "wpan.src64", "wpan.dst64",
    "wpan.dst_pan", "wpan.cmd", "wpan.seq_no", "wpan.asoc.addr",
    "zbee_beacon.ext_panid", "zbee_beacon.router", "zbee_beacon.end_dev",
    "zbee_nwk.cmd.id", "zbee_nwk.src64", "zbee_nwk.dst64", "zbee_nwk.relay", "zbee_nwk.relay.index",
    "zbee_nwk.cmd.route.dest_ext", "zbee_nwk.cmd.route.orig_ext", "zbee_nwk.cmd.route.resp_ext",
    "zbee_nwk.cmd.route.cost", "zbee_nwk.cmd.link.address", "zbee_nwk.cmd.link.incoming_cost",
    "zbee_nwk.cmd.link.outgoing_cost", "zbee_nwk.cmd.relay_device", "zbee_nwk.panid", "zbee_nwk.cmd.leave.rejoin",
    "zbee_nwk.cmd.leave.request", "zbee_nwk.cmd.leave.children", "zbee_nwk.cmd.ed_tmo_req",
    "zbee_nwk.cmd.link_pwr_delta.power_delta",
    "zbee_aps.cmd.id", "zbee_aps.cmd.key", "zbee_aps.cmd.key_type", "zbee_aps.cmd.dst", "zbee_aps.cmd.src",
    "zbee_aps.cmd.partner", "zbee_aps.cmd.device", "zbee_aps.cmd.seqno", "zbee_aps.cmd.key_hash",
    "zbee_aps.cluster", "zbee_aps.profile", "zbee_aps.block", "zbee_aps.block_acks", "zbee_aps.fragmentation",
    "zbee_aps.fragment.count", "zbee_aps.reassembled.length",
    "zbee.sec.counter", "zbee.sec.key_id", "zbee.sec.src64",
    "zbee_zdp.nwk_addr", "zbee_zdp.ext_addr", "zbee_zdp.endpoint", "zbee_zcl.cmd.id", "zbee_zcl_se.tun.tunnel_id",
    "gbcs_tunnel.command", "gbcs_message.grouping_header.business_target_id",
    "gbcs_message.grouping_header.message_code",
)  # fmt: skip


def dissect(frames: list[bytes], folder: Path, key: bytes) -> list[Layers]:
    """What tshark shows of each frame, given one key."""
    path = folder / "frames.pcap"
    path.write_bytes(capture(frames))
    keys = f'uat:zigbee_pc_keys:"{key.hex(":")}","Normal","bench"'
    command = ["tshark", "-r", str(path), "-o", keys, "-T", "json"]
    for name in (*FIELDS, MALFORMED):
        command += ["-e", name]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    layers = [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
    assert len(layers) == len(frames)
    return layers


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> list[tuple[str, Layers]]:
    talk = conversation()
    layers = dissect([octets for _, octets in talk], tmp_path_factory.mktemp("tshark"), LINK_KEY)
    return [(name, found) for (name, _), found in zip(talk, layers, strict=True)]


def named(shown, name: str) -> list[Layers]:
    found = [layers for shown_name, layers in shown if shown_name == name]
    assert found, name
    return found


def numbers(layers: Layers, name: str) -> list[int]:
    return [int(text, 0) for text in layers[name]]


def octets(layers: Layers, name: str) -> list[bytes]:
    return [bytes.fromhex(text.replace(":", "")) for text in layers[name]]


def test_nothing_is_malformed_undecrypted_or_remarked_upon(shown):
    for name, layers in shown:
        assert layers[FCS_OK] == ["1"], name
        assert MALFORMED not in layers, name
        assert ENCRYPTED not in layers, name
        assert "_ws.expert.message" not in layers, (name, layers["_ws.expert.message"])
        assert layers["frame.protocols"][0].startswith("wpan"), name


def test_without_the_key_all_that_is_secured_stays_closed(tmp_path):
    talk = conversation()
    layers = dissect([octets for _, octets in talk], tmp_path, bytes(16))
    closed = [ENCRYPTED in found for found in layers]
    assert closed == [not name.startswith("mac ") for name, _ in talk]


def test_joining(shown):
    (beacon,) = named(shown, "mac Beacon")
    assert octets(beacon, "zbee_beacon.ext_panid") == [HUB]
    assert numbers(beacon, "zbee_beacon.router") == numbers(beacon, "zbee_beacon.end_dev") == [1]
    (request,) = named(shown, "mac AssociationRequest")
    assert octets(request, "wpan.src64") == [METER]
    (response,) = named(shown, "mac AssociationResponse")
    assert octets(response, "wpan.dst64") == [METER]
    assert numbers(response, "wpan.asoc.addr") == [0x1234]
    assert [numbers(found, "wpan.cmd") for name, found in shown if "wpan.cmd" in found] == [
        [7],
        [1],
        [4],
        [2],
    ]


def test_keys(shown):
    network, partner = named(shown, "aps TransportKey")
    assert octets(network, "zbee_aps.cmd.key") == [NETWORK_KEY]
    assert octets(network, "zbee_aps.cmd.dst") == [METER]
    assert octets(network, "zbee_aps.cmd.src") == [HUB]
    assert numbers(network, "zbee.sec.key_id") == [2]
    assert octets(partner, "zbee_aps.cmd.key") == [PARTNER_KEY]
    assert octets(partner, "zbee_aps.cmd.partner") == [PARTNER]
    assert numbers(partner, "zbee.sec.key_id") == [1, 3]
    (tunnel,) = named(shown, "aps Tunnel")
    assert numbers(tunnel, "zbee_aps.cmd.id") == [0x0E, 0x05]
    assert octets(tunnel, "zbee_aps.cmd.key") == [NETWORK_KEY]
    identifiers = [numbers(found, "zbee_aps.cmd.id")[0] for _, found in shown if "zbee_aps.cmd.id" in found]
    assert identifiers == [0x05, 0x06, 0x0E, 0x08, 0x08, 0x05, 0x0F, 0x10, 0x09, 0x07]


def test_network_commands(shown):
    commands = [found for _, found in shown if "zbee_nwk.cmd.id" in found]
    assert [numbers(found, "zbee_nwk.cmd.id") for found in commands] == [
        [command.identifier] for command in NWK_COMMANDS
    ]
    for found in commands:
        assert octets(found, "zbee_nwk.src64") == [METER]
        assert octets(found, "zbee_nwk.dst64") == [HUB]
    request, many = named(shown, "nwk RouteRequest")
    assert octets(request, "zbee_nwk.cmd.route.dest_ext") == [PARTNER]
    assert "zbee_nwk.cmd.route.dest_ext" not in many
    (reply,) = named(shown, "nwk RouteReply")
    assert octets(reply, "zbee_nwk.cmd.route.orig_ext") == [METER]
    assert octets(reply, "zbee_nwk.cmd.route.resp_ext") == [PARTNER]
    assert numbers(reply, "zbee_nwk.cmd.route.cost") == [2]
    (links,) = named(shown, "nwk LinkStatus")
    assert numbers(links, "zbee_nwk.cmd.link.address") == [0x1111, 0x2222]
    assert numbers(links, "zbee_nwk.cmd.link.incoming_cost") == [1, 7]
    assert numbers(links, "zbee_nwk.cmd.link.outgoing_cost") == [3, 0]
    (record,) = named(shown, "nwk RouteRecord")
    assert numbers(record, "zbee_nwk.cmd.relay_device") == [0x1111, 0x2222]
    (leave,) = named(shown, "nwk Leave")
    assert [leave[f"zbee_nwk.cmd.leave.{bit}"] for bit in ("rejoin", "request", "children")] == [
        ["1"],
        ["1"],
        ["0"],
    ]
    (report,) = named(shown, "nwk NetworkReport")
    assert numbers(report, "zbee_nwk.panid") == [0x1111, 0x2222]
    (delta,) = named(shown, "nwk LinkPowerDelta")
    assert numbers(delta, "zbee_nwk.cmd.link_pwr_delta.power_delta") == [-3]
    (routed,) = named(shown, "nwk source route")
    assert numbers(routed, "zbee_nwk.relay") == [0x1111, 0x2222]
    assert numbers(routed, "zbee_nwk.relay.index") == [1]


def test_device_profile_and_clusters(shown):
    (announcement,) = named(shown, "zdp DeviceAnnce")
    assert numbers(announcement, "zbee_zdp.nwk_addr") == [0x1234]
    assert octets(announcement, "zbee_zdp.ext_addr") == [METER]
    (request,) = named(shown, "zdp SimpleDescReq")
    assert numbers(request, "zbee_zdp.endpoint") == [1]
    (secured,) = named(shown, "zcl secured APS")
    assert numbers(secured, "zbee.sec.key_id") == [1, 0]
    assert numbers(secured, "zbee_zcl.cmd.id") == [0]


def test_blocks_become_a_gbcs_message(shown):
    blocks = named(shown, "aps block")
    assert [numbers(found, "zbee_aps.block")[0] for found in blocks] == [len(blocks), *range(1, len(blocks))]
    last = blocks[-1]
    assert last["frame.protocols"][0].endswith("zbee_zcl:zbee_zcl_se.tun:gbcs_tunnel:gbcs_message:data")
    assert numbers(last, "zbee_aps.fragment.count") == [len(blocks)]
    assert numbers(last, "zbee_aps.reassembled.length") == [len(gbcs_message()) + 6]
    assert numbers(last, "gbcs_tunnel.command") == [3]
    assert octets(last, "gbcs_message.grouping_header.business_target_id") == [METER]
    assert numbers(last, "gbcs_message.grouping_header.message_code") == [0x42]
    acks = named(shown, "aps block ack")
    assert [numbers(found, "zbee_aps.block") for found in acks] == [[0], [3], [6], [9]]
    assert all(numbers(found, "zbee_aps.block_acks") == [0xFF] for found in acks)
