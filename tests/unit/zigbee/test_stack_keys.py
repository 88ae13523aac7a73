"""Keys made by the trust centre: partner link keys, network key refresh, link keys verified and confirmed."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.han import (
    DataStatus,
    FrameRefused,
    HanRole,
    KeySource,
    LinkKeyChanged,
    LinkKeyRefused,
    NetworkKeyChanged,
)
from protocols.zigbee.aps_commands import TransportKey
from protocols.zigbee.security import KeyIdentifier
from protocols.zigbee.stack.settings import NodeSettings
from tests.zigbee_air import Han

SLOW = NodeSettings(poll_interval_s=6.0)


@pytest.mark.parametrize("loss", [0.0, 0.15])
@pytest.mark.parametrize("role", [HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_partners_get_the_same_link_key(role, loss):
    han = Han()
    router = han.join(HanRole.ROUTER)
    one = han.join(HanRole.END_DEVICE, behind=router)
    two = han.join(role, SLOW)
    han.medium.loss = loss
    one.node.request_link_key(two.eui64)
    expected = LinkKeyChanged(two.eui64, KeySource.TRUST_CENTRE)
    assert han.medium.run_until(lambda: expected in one.events)
    han.medium.run(10)
    assert LinkKeyChanged(one.eui64, KeySource.TRUST_CENTRE) in two.events
    key = one.node.aps.keys.by_partner[two.eui64].key
    assert two.node.aps.keys.by_partner[one.eui64].key == key
    for sender, receiver in ((one, two), (two, one)):
        token = sender.send(receiver.eui64, b"between us")
        assert han.confirmed(sender, token, 120) is DataStatus.DONE
        assert receiver.payloads() == [b"between us"]


def test_a_partner_key_that_is_asked_for_again_is_told_again():
    """The trust centre repeats the key that it has just given: whoever asks waits for an answer all the same."""
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    told = LinkKeyChanged(two.eui64, KeySource.TRUST_CENTRE)
    for times in (1, 2):
        one.node.request_link_key(two.eui64)
        assert han.medium.run_until(lambda times=times: one.events.count(told) == times, 3)
    one.node.request_link_key(two.eui64)
    one.node.request_link_key(two.eui64)
    han.medium.run(15)
    assert one.events.count(told) == 3
    assert two.events.count(LinkKeyChanged(one.eui64, KeySource.TRUST_CENTRE)) == 1
    assert not one.of(LinkKeyRefused)
    assert not one.node.keys.waiting
    assert one.node.aps.keys.by_partner[two.eui64].key == two.node.aps.keys.by_partner[one.eui64].key


def test_no_partner_key_before_key_establishment_or_with_a_stranger():
    han = Han()
    one = han.join(HanRole.END_DEVICE)
    two = han.join(HanRole.END_DEVICE, established=False)
    one.node.request_link_key(two.eui64)
    han.medium.run(15)
    assert one.of(LinkKeyRefused) == [LinkKeyRefused(two.eui64)]
    assert FrameRefused("aps", "not-authorised", two.eui64) in han.hub.events
    one.node.request_link_key(Eui64(b"stranger"))
    two.node.request_link_key(one.eui64)
    han.medium.run(15)
    assert one.of(LinkKeyRefused)[-1].partner == Eui64(b"stranger")
    assert two.of(LinkKeyRefused) == [LinkKeyRefused(one.eui64)]


def test_the_network_key_is_refreshed_for_all():
    han = Han()
    router = han.join(HanRole.ROUTER)
    devices = [
        router,
        han.join(HanRole.END_DEVICE, behind=router),
        han.join(HanRole.SLEEPY_END_DEVICE, SLOW),
        han.join(HanRole.END_DEVICE, established=False),
    ]
    before = han.hub.node.nwk.keys.active.key
    han.hub.node.refresh_network_key()
    han.medium.run(20)
    active = han.hub.node.nwk.keys.active
    assert active.key != before
    for device in (han.hub, *devices):
        assert device.of(NetworkKeyChanged) == [NetworkKeyChanged(1)]
        assert device.node.nwk.keys.active.key == active.key
    for device in devices[:3]:
        token = device.send(han.hub.eui64, b"still here")
        assert han.confirmed(device, token) is DataStatus.DONE


def test_a_device_that_slept_through_a_refresh_comes_back_through_the_trust_centre():
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE, NodeSettings(poll_interval_s=100.0))
    han.medium.run(10)
    before = han.medium.time
    han.hub.node.refresh_network_key()
    han.medium.run(60)
    assert han.medium.time - before < 100 - 10
    assert han.hub.of(NetworkKeyChanged) == [NetworkKeyChanged(1)]
    # Whatever the hub sends now, the device cannot read.
    for _ in range(3):
        han.hub.send(device.eui64, b"?")
        device.node.stay_awake(1)
        han.medium.run(10)
    assert han.medium.run_until(lambda: device.node.nwk.keys.active.sequence == 1, 120)
    token = device.send(han.hub.eui64, b"back")
    assert han.confirmed(device, token) is DataStatus.DONE


def test_trust_centre_link_keys_are_verified_where_they_are_given():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    confirmed: list[bool] = []
    device.node.keys.on_trust_centre_key = confirmed.append
    device.node.keys.request_trust_centre_key()
    han.medium.run(3)
    assert confirmed == []  # not in Smart Energy
    han.hub.node.trust_centre_keys.gives_trust_centre_keys = True
    device.node.keys.request_trust_centre_key()
    han.medium.run(3)
    assert confirmed == [True]
    token = device.send(han.hub.eui64, b"new key")
    assert han.confirmed(device, token) is DataStatus.DONE


def test_a_key_from_somebody_else_than_the_trust_centre_is_refused():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    one.node.request_link_key(two.eui64)
    han.medium.run(3)
    link = one.node.aps.keys.by_partner[two.eui64]
    short = two.node.network.short_address
    partner = Eui64(b"phantom!")
    forged = TransportKey(3, bytes(16), partner=partner, initiator=0)
    one.node.aps.send_command(forged, short, link=link, identifier=KeyIdentifier.KEY_LOAD)
    network = TransportKey(1, bytes(16), sequence=1, destination=two.eui64, source=one.eui64)
    one.node.aps.send_command(network, short, link=link, identifier=KeyIdentifier.KEY_TRANSPORT)
    han.medium.run(2)
    refused = [event for event in two.of(FrameRefused) if event.reason == "not-trust-centre"]
    assert len(refused) == 2
    assert partner not in two.node.aps.keys.by_partner
    assert list(two.node.nwk.keys.by_sequence) == [0]


def test_a_partner_that_names_the_trust_centre_as_the_source_gives_nobody_a_network_key():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.join(HanRole.END_DEVICE)
    one.node.request_link_key(two.eui64)
    han.medium.run(3)
    for target, short in ((two, two.node.network.short_address), (han.hub, 0)):
        link = one.node.aps.keys.by_partner[target.eui64]
        forged = TransportKey(1, bytes(16), sequence=1, destination=target.eui64, source=han.hub.eui64)
        one.node.aps.send_command(forged, short, link=link, identifier=KeyIdentifier.KEY_TRANSPORT)
        han.medium.run(2)
        assert [event.reason for event in target.of(FrameRefused)] == ["not-trust-centre"]
        assert list(target.node.nwk.keys.by_sequence) == [0]


def test_a_trust_centre_link_key_nobody_asked_for_does_not_replace_the_established_one():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    link = han.hub.node.aps.keys.by_partner[device.eui64]
    given = TransportKey(4, bytes(16), destination=device.eui64, source=han.hub.eui64)
    short = device.node.network.short_address
    han.hub.node.aps.send_command(given, short, link=link, identifier=KeyIdentifier.KEY_LOAD)
    han.medium.run(2)
    assert device.node.aps.keys.by_partner[han.hub.eui64].source is KeySource.ESTABLISHED
    assert han.confirmed(device, device.send(han.hub.eui64, b"still")) is DataStatus.DONE
