"""Whatever octets a role hears, it lives on; and a lossy medium still converges."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from protocols.han import DataStatus, HanRole
from protocols.radio import ReceivedFrame
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode
from protocols.zigbee.nwk import NwkFrameType
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier
from tests.zigbee_air import CHANNELS, INSTALL_KEY, Device, Han

ROLES = (HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE)


class Recorded:
    """A HAN of all roles, and every frame of how it came to be."""

    def __init__(self) -> None:
        self.han = han = Han()
        han.medium.record = True
        self.router = han.join(HanRole.ROUTER)
        self.devices = [
            han.hub,
            self.router,
            han.join(HanRole.END_DEVICE, behind=self.router),
            han.join(HanRole.SLEEPY_END_DEVICE),
        ]
        for device in self.devices[1:]:
            assert han.confirmed(device, device.send(han.hub.eui64, b"x" * 100)) is DataStatus.DONE
            device.node.request_link_key(self.devices[2].eui64)
        han.medium.run(20)
        self.frames = list(dict.fromkeys(han.medium.frames))
        han.medium.record = False

    def hear(self, device: Device, octets: bytes) -> None:
        medium = self.han.medium
        channel = device.radio.settings.channel
        device.node.mac.frame_received(ReceivedFrame(octets, channel, medium.time))

    def check(self) -> None:
        """Everybody is alive and nobody's own code failed."""
        han = self.han
        han.medium.run(1)
        for device in self.devices:
            assert device.own_faults() == []


@pytest.fixture(scope="module")
def recorded():
    return Recorded()


@pytest.mark.parametrize("seed", range(4))
def test_mutated_frames_leave_every_role_alive(seed):
    recorded = Recorded()
    chance = random.Random(seed)
    for _ in range(2500):
        octets = bytearray(chance.choice(recorded.frames))
        for _ in range(chance.choice((0, 1, 1, 2, 5))):
            way = chance.randrange(4)
            if way == 0 and octets:
                octets[chance.randrange(len(octets))] ^= 1 << chance.randrange(8)
            elif way == 1:
                del octets[chance.randrange(len(octets) + 1) :]
            elif way == 2:
                octets += chance.randbytes(chance.randrange(12))
            elif octets:
                octets[chance.randrange(len(octets))] = chance.randrange(256)
        recorded.hear(chance.choice(recorded.devices), bytes(octets))
        recorded.han.medium.run(0.02)
    recorded.check()
    recorded.han.medium.run(200)
    for device in recorded.devices[1:]:
        assert recorded.han.medium.run_until(lambda d=device: d.node.network is not None, 2000)
    counted = sum(
        (device.node.statistics for device in recorded.devices), start=type(device.node.statistics)()
    )
    assert counted["mac.malformed"] > 100


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(octets=st.binary(max_size=125))
def test_any_octets_leave_every_role_alive(recorded, octets):
    for device in recorded.devices:
        recorded.hear(device, octets)
    recorded.check()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.binary(max_size=60),
    kind=st.sampled_from(NwkFrameType),
    broadcast=st.booleans(),
    octet=st.integers(0, 16),
)
def test_any_network_payload_under_the_network_key(recorded, payload, kind, broadcast, octet):
    """A member of the network gone mad: what is inside passes the MIC."""
    if kind is NwkFrameType.INTER_PAN:
        return
    if kind is NwkFrameType.COMMAND:
        payload = bytes((octet,)) + payload
    if payload[:1] in (b"\x04", b"\x07", b"\x0a") and kind is NwkFrameType.COMMAND:
        return  # leave, rejoin response, PAN update: the trusted way to send a device away
    recorded.han.medium.run(0.1)
    for sender, receiver in ((0, 1), (1, 2), (3, 0), (2, 1)):
        source, target = recorded.devices[sender].node.nwk, recorded.devices[receiver]
        frame = source.frame(kind, 0xFFFD if broadcast else target.node.nwk.short, payload)
        sealed = source.seal(frame)
        mac = recorded.devices[sender].node.mac
        octets = (
            b"\x61\x88\x01"
            + mac.settings.pan_id.to_bytes(2, "little")
            + target.node.nwk.short.to_bytes(2, "little")
            + source.short.to_bytes(2, "little")
            + sealed
        )
        recorded.hear(target, octets)
    recorded.check()


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    payload=st.binary(max_size=60),
    kind=st.sampled_from([ApsFrameType.DATA, ApsFrameType.COMMAND, ApsFrameType.ACK]),
    cluster=st.one_of(st.integers(0, 0x3F), st.integers(0x8000, 0x803F), st.just(0x0702)),
    endpoint=st.sampled_from([0, 1, 255]),
    secured=st.booleans(),
)
def test_any_aps_payload_from_a_partner(recorded, payload, kind, cluster, endpoint, secured):
    han = recorded.han
    for sender, receiver in (
        (recorded.devices[3], recorded.devices[0]),
        (recorded.devices[0], recorded.devices[1]),
    ):
        if (kind is ApsFrameType.COMMAND and payload[:1] in (b"\x07", b"\x0e")) or cluster == 0x34:
            continue
        aps = sender.node.aps
        link = aps.keys.by_partner[receiver.eui64]
        frame = ApsFrame(
            kind,
            DeliveryMode.UNICAST,
            endpoint,
            None,
            cluster,
            0x0109 if endpoint else 0,
            endpoint,
            7,
            payload,
        )
        if kind is ApsFrameType.COMMAND:
            frame = ApsFrame(kind, counter=7, payload=payload)
        if secured:
            frame.security = AuxiliaryHeader(KeyIdentifier.LINK, 0, sender.eui64)
        aps.nwk.send_data(receiver.node.nwk.short, aps.keys.seal(frame, link if secured else None))
        han.medium.run(0.05)
    recorded.check()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("seed", range(6))
def test_joining_over_a_lossy_medium(role, seed):
    han = Han(seed=seed)
    router = han.join(HanRole.ROUTER)
    device = han.device(role, behind=router if seed % 2 else None)
    han.medium.loss = 0.2
    han.hub.node.allow_device(device.eui64, INSTALL_KEY, 900)
    for _ in range(20):
        if device.node.network is None and not device.node.joiner.active:
            device.node.join(INSTALL_KEY, CHANNELS)
        han.medium.run(15)
    assert device.node.network is not None
    han.medium.run(10)
    han.establish(device)
    for sender, receiver in ((han.hub, device), (device, han.hub)):
        done = False
        for _ in range(5):
            done = han.confirmed(sender, sender.send(receiver.eui64, bytes(400)), 300) is DataStatus.DONE
            if done:
                break
        assert done
        assert bytes(400) in receiver.payloads()
