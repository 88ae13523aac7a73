"""Whatever comes from whomever: both sides go on, with bounded memory, and count it."""

from __future__ import annotations

import random

import pytest

from protocols.eui64 import Eui64
from protocols.han import DataReceived, FrameSecurity
from protocols.zigbee.smart_energy.events import Malformed, MessageDelivered
from protocols.zigbee.smart_energy.settings import DeviceType
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zcl.frame import ZclFrame
from tests.smart_energy_han import HUB, Han

FRAMES = 3000
TYPES = (DeviceType.ESME, DeviceType.GSME, DeviceType.PPMID)
STRANGER = Eui64("00-DB-12-34-56-78-90-EE")


def octets(chance: random.Random, cluster: int) -> bytes:
    """A frame that is nearly right: a command of the cluster with a payload of any octets."""
    if chance.random() < 0.1:
        return chance.randbytes(chance.randrange(80))
    from_server = chance.random() < 0.5
    general = chance.random() < 0.3
    commands = load()[cluster].commands(from_server=from_server)
    command = chance.randrange(0x18) if general or not commands else chance.choice(sorted(commands))
    size = min(chance.randrange(1600), chance.randrange(60), chance.randrange(1600))
    payload = chance.choice((chance.randbytes(size), bytes(size), b"\xff" * size))
    manufacturer = 0x121D if chance.random() < 0.02 else None
    quiet = chance.random() < 0.2
    kind = 0 if general else chance.choice((1, 1, 1, 1, 1, 1, 2, 3))
    return ZclFrame(kind, chance.randrange(256), command, payload, from_server, quiet, manufacturer).build()


def storm(han, member, sources, seed, frames=FRAMES):
    chance = random.Random(seed)
    clusters = sorted(load())
    for number in range(frames):
        cluster = chance.choice(clusters)
        security = FrameSecurity.LINK if chance.random() < 0.95 else FrameSecurity.NETWORK
        source = chance.choice(sources)
        member.app.han_event(
            DataReceived(
                source, 0x1234, chance.choice((0x0109, 0x0109, 0x0109, 0x0104)), cluster, chance.randrange(4),
                chance.choice((0, 1, 1, 1, 2, 3, 255)), octets(chance, cluster), security,
                broadcast=chance.random() < 0.05,
            )
        )  # fmt: skip
        if number % 50 == 0:
            han.run(0.5)


@pytest.mark.parametrize("seed", range(3))
def test_any_octets_at_the_hub(seed):
    han = Han()
    members = [han.join(han.device(each, 0xA0 + index)) for index, each in enumerate(TYPES)]
    members[1].app.add_partner(HUB)
    storm(han, han.hub, [*(member.eui64 for member in members), STRANGER, None], seed)
    hub = han.hub.app
    assert hub.statistics["zcl.malformed"] > 10
    assert hub.statistics["zcl.needs-link-key"] > 10
    assert len(han.hub.of(Malformed)) <= 256
    han.run(300)
    assert not hub.zcl._pending
    assert len(hub._tunnels._links) <= 4
    assert all(len(mirror.values) <= 512 for mirror in hub._mirrors.mirrors.values())
    han.hub.events.clear()
    for member in members:
        assert hub.is_commissioned(member.eui64)
        token = hub.send_message(member.eui64, b"still")
        member.app.wake()
        han.run(100)
        assert MessageDelivered(token, member.eui64) in han.hub.events
        sent = member.app.send_message(b"here")
        han.run(100)
        assert MessageDelivered(sent, HUB) in member.events
    assert hub.state()


@pytest.mark.parametrize("device_type", TYPES)
def test_any_octets_at_a_device(device_type):
    han = Han()
    member = han.join(han.device(device_type, 0xA0, attributes=lambda _cluster, attribute: attribute or None))
    storm(han, member, [HUB, HUB, STRANGER, None], device_type.value)
    han.run(400)
    assert member.app.hub == HUB
    assert not member.app.zcl._pending
    assert len(member.app._tunnels._links) <= 2
    token = han.hub.app.send_message(member.eui64, b"still")
    member.app.wake()
    han.run(100)
    assert MessageDelivered(token, member.eui64) in han.hub.events


def test_a_stranger_opens_no_tunnel_and_gets_nothing():
    han = Han()
    member = han.join(han.device(DeviceType.ESME, 0xA0))
    request = bytes.fromhex("010700" + "06FFFF00DC05")
    for target in (han.hub, member):
        target.app.han_event(DataReceived(STRANGER, 9, 0x0109, 0x0704, 1, 1, request, FrameSecurity.LINK))
        assert target.app._tunnels.server.tunnel_of(STRANGER) is None
        data = bytes.fromhex("010802" + "0000" + "01")
        target.app.han_event(DataReceived(STRANGER, 9, 0x0109, 0x0704, 1, 1, data, FrameSecurity.LINK))
        assert target.app.statistics["zcl.transfer-no_such_tunnel"] == 1


def test_a_flood_of_messages_is_bounded():
    han = Han()
    meter = han.join(han.device(DeviceType.ESME, 0xA0))
    tokens = [han.hub.app.send_message(meter.eui64, bytes(1000)) for _ in range(100)]
    han.run(300)
    delivered = han.hub.of(MessageDelivered)
    assert len(delivered) == 33  # one on its way and the queue
    assert len(tokens) == 100
