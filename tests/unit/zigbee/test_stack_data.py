"""APS data over the HAN: secured both ways, fragmented, to sleepers, over lossy links, replayed, refused."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.han import (
    DataReceived,
    DataStatus,
    FrameRefused,
    FrameSecurity,
    HanRole,
)
from protocols.radio import ReceivedFrame
from protocols.zigbee.mac import parse_mac
from protocols.zigbee.nwk import parse_nwk
from protocols.zigbee.stack.settings import NodeSettings
from tests.zigbee_air import Han

LARGE = bytes(n * 7 & 0xFF for n in range(1200))
SLOW = NodeSettings(poll_interval_s=6.0)


@pytest.mark.parametrize("role", [HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_secured_data_goes_both_ways(role):
    han = Han()
    device = han.join(role)
    for sender, receiver, payload in ((han.hub, device, b"down"), (device, han.hub, b"up")):
        token = sender.send(receiver.eui64, payload)
        assert han.confirmed(sender, token) is DataStatus.DONE
        received = receiver.of(DataReceived)[-1]
        assert (received.source, received.payload) == (sender.eui64, payload)
        assert (received.profile, received.cluster, received.security) == (0x0109, 0x0702, FrameSecurity.LINK)
        assert (received.source_endpoint, received.destination_endpoint, received.broadcast) == (1, 1, False)


def test_key_establishment_goes_under_the_network_key():
    han = Han()
    device = han.join(HanRole.END_DEVICE, established=False)
    device.send(han.hub.eui64, b"initiate", cluster=0x0800)
    han.medium.run(1)
    assert han.hub.of(DataReceived)[-1].security is FrameSecurity.NETWORK


def test_broadcast_reaches_all_once_and_sleepers_when_they_poll():
    han = Han()
    router = han.join(HanRole.ROUTER)
    behind = han.join(HanRole.END_DEVICE, behind=router)
    sleeper = han.join(HanRole.SLEEPY_END_DEVICE, SLOW)
    han.hub.send(0xFFFF, b"to all", cluster=0x0000)
    han.medium.run(8)
    for device in (router, behind, sleeper):
        assert [(event.payload, event.broadcast) for event in device.of(DataReceived)] == [(b"to all", True)]
    behind.send(0xFFFD, b"from below", cluster=0x0000)
    han.medium.run(8)
    assert han.hub.payloads() == router.payloads()[1:] == [b"from below"]
    assert sleeper.payloads() == [b"to all"]  # 0xFFFD is for receivers that are on


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a_large_payload_goes_to_and_from_a_sleeper(loss):
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE, SLOW)
    han.medium.loss = loss
    for sender, receiver in ((han.hub, device), (device, han.hub)):
        token = sender.send(receiver.eui64, LARGE, cluster=0x0704)
        assert han.confirmed(sender, token, 300) is DataStatus.DONE
        assert receiver.payloads() == [LARGE]


def test_fragments_through_a_router():
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(HanRole.END_DEVICE, behind=router)
    token = device.send(han.hub.eui64, LARGE)
    assert han.confirmed(device, token) is DataStatus.DONE
    assert han.hub.payloads() == [LARGE]


def test_too_long_for_255_blocks():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    assert han.confirmed(han.hub, han.hub.send(device.eui64, bytes(20_000))) is DataStatus.TOO_LONG


def test_300_fragmented_transfers_use_the_counters_again():
    han = Han()
    device = han.join(HanRole.ROUTER)
    for number in range(300):
        token = device.send(han.hub.eui64, bytes([number & 0xFF]) * 100)
        assert han.confirmed(device, token) is DataStatus.DONE
    assert [payload[0] for payload in han.hub.payloads()] == [number & 0xFF for number in range(300)]


def test_loss_costs_retries_not_data():
    han = Han(seed=3)
    router = han.join(HanRole.ROUTER)
    device = han.join(HanRole.END_DEVICE, behind=router)
    han.medium.loss = 0.25
    tokens = [device.send(han.hub.eui64, bytes([number])) for number in range(50)]
    for token in tokens:
        assert han.confirmed(device, token, 120) is DataStatus.DONE
    received = [payload[0] for payload in han.hub.payloads()]
    assert sorted(received) == list(range(50))  # each once, order is not promised
    assert device.node.statistics["aps.retries"] > 0


def test_a_sleeper_closes_its_receiver():
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE, SLOW)
    han.medium.run(20)
    awake = asleep = 0
    for _ in range(2000):
        han.medium.run(0.01)
        awake += device.radio.settings.receiver_on_when_idle
        asleep += not device.radio.settings.receiver_on_when_idle
    assert asleep > 50 * awake
    token = han.hub.send(device.eui64, b"wake up")
    assert han.confirmed(han.hub, token) is DataStatus.DONE


def test_data_without_a_key_or_an_address_is_not_sent():
    han = Han()
    device = han.join(HanRole.END_DEVICE, established=False)
    assert han.confirmed(device, device.send(han.hub.eui64, b"x")) is DataStatus.NO_KEY
    nobody = Eui64(b"nobody!!")
    assert han.confirmed(device, device.send(nobody, b"x")) is DataStatus.UNKNOWN_ADDRESS
    stranger = han.device(HanRole.END_DEVICE)
    assert han.confirmed(stranger, stranger.send(0, b"x")) is DataStatus.NO_NETWORK


def test_no_acknowledgement_from_a_device_that_is_gone():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    device.cut_power()
    token = han.hub.send(device.eui64, b"x")
    assert han.confirmed(han.hub, token) is DataStatus.NOT_DELIVERED


def test_an_address_nobody_told_is_asked_for():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    one.node.nwk.addresses.forget(two.eui64)
    one.node.install_link_key(two.eui64, b"pair" * 4)
    two.node.install_link_key(one.eui64, b"pair" * 4)
    assert han.confirmed(one, one.send(two.eui64, b"hello")) is DataStatus.DONE
    assert two.payloads() == [b"hello"]


def test_without_extended_nonce_the_address_map_tells_the_key():
    han = Han(hub_settings=NodeSettings(extended_nonce=False))
    device = han.join(HanRole.END_DEVICE, NodeSettings(extended_nonce=False))
    token = han.hub.send(device.eui64, bytes(73))
    assert han.confirmed(han.hub, token) is DataStatus.DONE
    assert device.payloads() == [bytes(73)]


def _again(han, device, octets):
    heard = ReceivedFrame(octets, han.hub.radio.settings.channel, han.medium.time)
    device.node.mac.frame_received(heard)


def test_a_replayed_frame_is_refused_and_told():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    han.medium.record = True
    han.confirmed(device, device.send(han.hub.eui64, b"pay 10"))
    frame = next(frame for frame in han.medium.frames if frame[0] & 7 == 1)
    han.medium.run(5)
    _again(han, han.hub, frame)
    han.medium.run(1)
    assert han.hub.of(FrameRefused) == [FrameRefused("nwk", "replay", device.eui64)]
    assert han.hub.payloads() == [b"pay 10"]


def test_an_aps_frame_replayed_inside_a_fresh_network_frame_is_refused():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    sealed: list[bytes] = []
    send = device.node.nwk.send_data

    def keep(destination, payload, done=None, **how):
        sealed.append(payload)
        send(destination, payload, done, **how)

    device.node.nwk.send_data = keep
    han.confirmed(device, device.send(han.hub.eui64, b"pay 10"))
    device.node.nwk.send_data = send
    han.medium.run(10)
    send(0, sealed[0])
    han.medium.run(2)
    assert han.hub.of(FrameRefused) == [FrameRefused("aps", "replay", device.eui64, 0x0702)]
    assert han.hub.payloads() == [b"pay 10"]


def test_a_frame_under_another_network_key_is_refused_and_told():
    han, other = Han(), Han(seed=9)
    device = han.join(HanRole.END_DEVICE)
    stranger = other.join(HanRole.END_DEVICE)
    other.medium.record = True
    stranger.send(0, b"x", cluster=0)
    other.medium.run(1)
    mac = parse_mac(other.medium.frames[0])
    assert parse_nwk(mac.payload).security is not None
    mac.destination_pan = mac.source_pan = han.hub.node.mac.settings.pan_id
    han.hub.node.nwk.keys.active.key = bytes(16)
    _again(han, han.hub, mac.build())
    assert han.hub.of(FrameRefused)[0].reason == "bad-mic"
    assert device.node.network is not None


def test_an_unsecured_frame_is_not_taken():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    nwk = device.node.nwk
    frame = nwk.frame(0, 0, b"\x00\x01\x00\x00\x09\x01\x01\x01hello")
    nwk.transmit(frame, 0, secured=False)
    han.medium.run(1)
    assert han.hub.payloads() == []
    assert han.hub.node.statistics["nwk.unsecured"] == 1


def test_data_for_an_endpoint_that_is_not_there():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    device.node.send(
        han.hub.eui64, profile=0x0109, cluster=0x0702, source_endpoint=1, destination_endpoint=9, payload=b"x"
    )
    han.medium.run(1)
    assert han.hub.payloads() == []
    assert han.hub.node.statistics["aps.no-endpoint"] == 1
