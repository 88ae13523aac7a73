"""Messages through the emulated NCP: encryption, lengths, fragments both ways, ZDO, counters."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.ezsp.names import ApsOption, ConfigId, Counter, Decision, PolicyId
from protocols.ezsp.status import SlStatus
from protocols.han import DataReceived, FrameSecurity, HanRole
from tests.ncp_host import DEVICE, HUB, NcpHost
from tests.unit.emulated.test_ncp_host import OTHER, VERSIONS, formed

FRAGMENT = int(ApsOption.RETRY | ApsOption.ENCRYPTION | ApsOption.FRAGMENT)


@pytest.mark.parametrize("version", VERSIONS)
def test_encrypted_unicasts_both_ways(version):
    host = formed(version)
    device = host.join()
    answer = host.send(device, b"to the device", tag=5)
    host.run(3.0)
    assert host.sent(5) is SlStatus.OK
    (received,) = device.of(DataReceived)
    assert (received.source, received.payload, received.security) == (
        HUB,
        b"to the device",
        FrameSecurity.LINK,
    )
    told = host.of("messageSentHandler")[-1]
    assert told["aps_frame"]["sequence"] == answer["sequence"]
    assert told["message"] == b""
    token = device.send(b"to the hub")
    host.run(3.0)
    assert device.status(token) == "done"
    (message,) = host.messages()
    assert (message["message"], message["sender"], message["type"]) == (
        b"to the hub",
        device.node.network.short_address,
        0,
    )
    assert message["aps_frame"]["options"] & ApsOption.ENCRYPTION
    if version >= 14:
        assert message["sender_eui64"] == DEVICE


def test_what_is_not_encrypted_is_handed_over_as_such():
    host = formed()
    device = host.join()
    device.send(b"plain", secured=False)
    host.run(3.0)
    (message,) = host.messages()
    assert message["message"] == b"plain"
    assert not message["aps_frame"]["options"] & ApsOption.ENCRYPTION


def test_contents_come_back_where_the_policy_says_so():
    host = formed()
    device = host.join()
    contents = Decision.MESSAGE_TAG_AND_CONTENTS_IN_CALLBACK
    host.ask("setPolicy", policy=PolicyId.MESSAGE_CONTENTS_IN_CALLBACK, decision=contents)
    host.send(device, b"again")
    host.run(3.0)
    assert host.of("messageSentHandler")[-1]["message"] == b"again"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("encrypted", [True, False])
def test_what_does_not_fit_in_a_frame_is_too_long(version, encrypted):
    host = formed(version)
    device = host.join()
    longest = host.ask("maximumPayloadLength")["length"] - (9 if encrypted else 0)
    options = ApsOption.RETRY | (ApsOption.ENCRYPTION if encrypted else 0)
    answer = host.send(device, bytes(longest), options=int(options))
    assert host.meant("sendUnicast", answer) is SlStatus.OK
    host.run(3.0)
    assert host.sent() is SlStatus.OK
    answer = host.send(device, bytes(longest + 1), options=int(options))
    assert host.meant("sendUnicast", answer) is SlStatus.MESSAGE_TOO_LONG


def test_reasons_why_nothing_is_sent():
    host = NcpHost()
    host.start()
    values = {"type": 0, "destination": 0x1000, "aps_frame": host.aps(), "tag": 1, "message": b"x"}
    assert host.status("sendUnicast", **values) is SlStatus.NETWORK_DOWN
    host.form()
    assert host.status("sendUnicast", **values) is SlStatus.APS_ENCRYPTION_ERROR
    assert host.status("sendUnicast", **values | {"destination": 0xFFFD}) is SlStatus.INVALID_PARAMETER
    assert host.status("sendUnicast", **values | {"type": 2}) is SlStatus.INVALID_PARAMETER
    device = host.join()
    host.ask("eraseKeyTableEntry", index=0)
    assert host.meant("sendUnicast", host.send(device, b"x")) is SlStatus.APS_ENCRYPTION_ERROR


def test_a_device_that_is_gone_is_not_reached():
    host = formed()
    device = host.join()
    device.radio.power_off()
    host.send(device, b"anybody?")
    host.run(60.0)
    assert host.sent() is SlStatus.DELIVERY_FAILED
    assert host.ask("readCounters")["values"][Counter.APS_TX_UNICAST_FAILED] == 1
    host.ask("readAndClearCounters")
    assert host.ask("readCounters")["values"][Counter.APS_TX_UNICAST_FAILED] == 0


def send_blocks(host, device, message, size=60):
    """As a host fragments: one block after the other, each acknowledged."""
    blocks = [message[start : start + size] for start in range(0, len(message), size)]
    sequence = 0
    for number, block in enumerate(blocks):
        group = len(blocks) << 8 | number
        answer = host.send(device, block, number + 1, options=FRAGMENT, group=group, sequence=sequence)
        assert host.meant("sendUnicast", answer) is SlStatus.OK
        sequence = answer["sequence"] if number == 0 else sequence
        host.run(30.0)
        assert host.sent(number + 1) is SlStatus.OK


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("loss", [0.0, 0.4])
def test_the_hosts_fragments_arrive_as_one_message(version, loss):
    host = formed(version)
    device = host.join()
    host.medium.default_link.loss = loss
    message = bytes(range(200)) * 3
    try:
        send_blocks(host, device, message)
    finally:
        host.medium.default_link.loss = 0.0
    assert device.received == [message]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_devices_fragments_are_the_hosts_to_acknowledge_and_put_together(version):
    host = formed(version)
    device = host.join()
    message = bytes(range(250))
    token = device.send(message)
    pieces: dict[int, bytes] = {}
    for _ in range(60):
        host.run(0.5)
        for told in host.messages():
            aps = told["aps_frame"]
            number = aps["group"] & 0xFF
            if number in pieces:
                continue
            assert aps["options"] & ApsOption.FRAGMENT
            pieces[number] = told["message"]
            back = aps | {"group": 0xFF00 | number}
            answer = {"sender": told["sender"], "aps_frame": back, "message": b""}
            assert host.status("sendReply", **answer) is SlStatus.OK
    assert device.status(token) == "done"
    assert b"".join(pieces[number] for number in sorted(pieces)) == message
    assert host.messages()[0]["aps_frame"]["group"] >> 8 == len(pieces)


def test_without_acknowledgements_a_devices_fragments_fail():
    host = formed()
    device = host.join()
    token = device.send(bytes(250))
    host.run(60.0)
    assert device.status(token) == "no-ack"


def test_a_reply_is_a_message_of_its_own():
    host = formed()
    device = host.join()
    short = device.node.network.short_address
    assert host.status("sendReply", sender=short, aps_frame=host.aps(), message=b"re") is SlStatus.OK
    host.run(3.0)
    assert device.received == [b"re"]


def test_broadcasts_and_groups():
    host = formed()
    device = host.join(HanRole.ROUTER)
    aps = host.aps(options=0, cluster=0x0000)  # basic: needs no link key
    host.ask("sendBroadcast", destination=0xFFFD, aps_frame=aps, radius=0, tag=3, message=b"all")
    host.run(3.0)
    assert device.received == [b"all"]
    assert host.sent(3) is SlStatus.OK
    group = {
        "aps_frame": aps | {"group": 0x4321},
        "hops": 0,
        "non_member_radius": 3,
        "tag": 4,
        "message": b"g",
    }
    host.ask("sendMulticast", **group)
    host.run(3.0)
    assert host.sent(4) is SlStatus.OK


def test_its_own_zdo_answers_the_host():
    host = formed()
    aps = host.aps(options=0, profile=0, cluster=0x0002, source_endpoint=0, destination_endpoint=0)
    values = {"type": 0, "destination": 0, "aps_frame": aps, "tag": 9, "message": b"\x21\x00\x00"}
    assert host.status("sendUnicast", **values) is SlStatus.OK
    host.run()
    (answer,) = host.of("incomingMessageHandler")
    assert answer["aps_frame"]["cluster"] == 0x8002
    assert answer["message"][:4] == b"\x21\x00\x00\x00"
    assert host.sent(9) is SlStatus.OK


def test_requests_of_devices_are_told_where_the_host_asked_for_that():
    host = NcpHost()
    host.start()
    host.ask("setConfigurationValue", config=ConfigId.APPLICATION_ZDO_FLAGS, value=1)
    host.form()
    host.join()
    clusters = [values["aps_frame"]["cluster"] for values in host.of("incomingMessageHandler")]
    assert 0x0013 in clusters
    quiet = formed()
    quiet.join()
    assert quiet.of("incomingMessageHandler") == []


def test_addresses_are_looked_up():
    host = formed()
    device = host.join()
    short = device.node.network.short_address
    assert host.ask("lookupNodeIdByEui64", eui64=DEVICE)["node"] == short
    assert host.ask("lookupNodeIdByEui64", eui64=OTHER)["node"] == 0xFFFF
    assert host.ask("lookupEui64ByNodeId", node=short)["eui64"] == DEVICE
    assert host.status("lookupEui64ByNodeId", node=short ^ 1) is SlStatus.NOT_FOUND
    host.ask("setAddressTableRemoteEui64", index=0, eui64=Eui64(DEVICE))
    host.ask("setAddressTableRemoteNodeId", index=0, node=short)
    values = {"type": 1, "destination": 0, "aps_frame": host.aps(), "tag": 2, "message": b"by table"}
    assert host.status("sendUnicast", **values) is SlStatus.OK
    host.run(3.0)
    assert device.received == [b"by table"]


def test_a_raw_frame_goes_out_as_given():
    host = formed()
    heard = []
    host.medium.tap(heard.append)
    frame = bytes.fromhex("018801341200 0000 00 DEAD".replace(" ", ""))
    values = {"message": frame, "priority": 1, "clear_channel": True}
    assert host.status("sendRawMessageExtended", **values) is SlStatus.OK
    host.run()
    assert frame in [each.psdu[:-2] for each in heard]
    assert len(host.of("rawTransmitCompleteHandler")) == 1
