"""Forming, joining by install code, directly and through a router, and every reason to be refused."""

from __future__ import annotations

import pytest

from protocols.eui64 import Eui64
from protocols.han import (
    DataReceived,
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    FrameRefused,
    HanRole,
    HanService,
    JoinFailure,
    JoinKind,
    JoinRefusal,
    JoinRefused,
    KeySource,
    NetworkDown,
    NetworkUp,
)
from protocols.zigbee.stack.settings import NodeSettings
from tests.zigbee_air import CHANNELS, INSTALL_KEY, Device, Han, Medium

ROLES = (HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE)


def test_a_coordinator_forms_on_the_quietest_channel_with_the_fewest_networks():
    medium = Medium()
    medium.noise = {11: -40, 15: -91, 20: -93}
    other = Device(medium, HanRole.COORDINATOR, 2)
    other.node.form((20,))
    medium.run(2)
    hub = Device(medium, HanRole.COORDINATOR, 1)
    hub.node.form(CHANNELS)
    medium.run(5)
    network = hub.node.network
    assert network is not None
    assert (network.channel, network.short_address, network.parent) == (15, 0, None)
    assert network.extended_pan_id == hub.eui64
    assert other.node.network is not None
    assert network.pan_id != other.node.network.pan_id
    assert hub.of(NetworkUp) == [NetworkUp(network)]


def test_a_node_is_a_han_service():
    assert isinstance(Device(Medium(), HanRole.ROUTER, 1).node, HanService)


@pytest.mark.parametrize("role", ROLES)
def test_a_device_joins_by_install_code(role):
    han = Han()
    device = han.join(role, established=False)
    network = device.node.network
    assert network is not None
    assert network.extended_pan_id == han.hub.eui64
    assert han.hub.of(DeviceJoined) == [
        DeviceJoined(device.eui64, network.short_address, 0, JoinKind.ASSOCIATION)
    ]
    assert han.hub.node.device_state(device.eui64) is DeviceState.JOINED
    han.establish(device)
    assert han.hub.of(DeviceAuthorised) == [DeviceAuthorised(device.eui64)]
    assert han.hub.node.device_state(device.eui64) is DeviceState.AUTHORISED


@pytest.mark.parametrize("role", ROLES)
def test_a_device_joins_through_a_router(role):
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(role, behind=router)
    assert device.node.network is not None
    assert router.node.network is not None
    assert device.node.network.parent == router.node.network.short_address
    joined = han.hub.of(DeviceJoined)[-1]
    assert (joined.eui64, joined.parent) == (device.eui64, router.node.network.short_address)
    token = han.hub.send(device.eui64, b"through the router")
    assert han.confirmed(han.hub, token) == "done"
    assert device.payloads() == [b"through the router"]


def test_joining_two_hops_away_needs_a_route():
    han = Han()
    near = han.join(HanRole.ROUTER)
    far = han.join(HanRole.ROUTER, behind=near)
    device = han.join(HanRole.END_DEVICE, behind=far)
    for payload, sender, receiver in ((b"down", han.hub, device), (b"up", device, han.hub)):
        token = sender.send(receiver.eui64, payload)
        assert han.confirmed(sender, token) == "done"
        assert receiver.payloads() == [payload]


def test_an_unknown_device_is_refused_by_the_hub():
    han = Han()
    listed = han.device(HanRole.END_DEVICE)
    han.start_join(listed)
    stranger = han.device(HanRole.END_DEVICE)
    stranger.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(20)
    assert JoinRefused(stranger.eui64, JoinRefusal.UNKNOWN_EUI64) in han.hub.events
    assert [event.reason for event in stranger.of(NetworkDown)] == [JoinFailure.ASSOCIATION_REFUSED]
    assert stranger.node.network is None
    assert listed.node.network is not None


def test_an_unknown_device_is_refused_behind_a_router():
    han = Han()
    router = han.join(HanRole.ROUTER)
    stranger = han.device(HanRole.END_DEVICE, behind=router)
    stranger.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(30)
    assert JoinRefused(stranger.eui64, JoinRefusal.UNKNOWN_EUI64) in han.hub.events
    assert [event.reason for event in stranger.of(NetworkDown)] == [JoinFailure.NO_TRANSPORT_KEY]
    assert not router.node.nwk.neighbours.by_eui64.get(stranger.eui64)


@pytest.mark.parametrize("routed", [False, True])
def test_a_wrong_install_code_never_gets_on_the_network(routed):
    han = Han()
    router = han.join(HanRole.ROUTER) if routed else None
    device = han.device(HanRole.END_DEVICE, behind=router)
    han.start_join(device, key=bytes(16))
    han.medium.run(40)
    assert JoinRefused(device.eui64, JoinRefusal.NOT_ANNOUNCED) in han.hub.events
    assert [event.reason for event in device.of(NetworkDown)] == [JoinFailure.TRANSPORT_KEY_UNREADABLE]
    assert han.hub.node.device_state(device.eui64) is DeviceState.LISTED
    assert not han.hub.of(DeviceJoined) or han.hub.of(DeviceJoined)[-1].eui64 != device.eui64
    # The right code still works while the window is open.
    device.node.join(INSTALL_KEY, CHANNELS)
    assert han.medium.run_until(lambda: device.node.network is not None)


def test_an_expired_join_window_is_told_and_kept_shut():
    han = Han()
    device = han.device(HanRole.END_DEVICE)
    han.hub.node.allow_device(device.eui64, INSTALL_KEY, 30)
    han.medium.run(30.5)
    assert JoinRefused(device.eui64, JoinRefusal.WINDOW_EXPIRED) in han.hub.events
    device.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(10)
    down = device.of(NetworkDown)
    assert [event.reason for event in down] == [JoinFailure.NO_NETWORK]
    assert "none permits joining" in down[0].detail
    # Another device's window is no way in either.
    other = han.device(HanRole.END_DEVICE)
    han.hub.node.allow_device(other.eui64, INSTALL_KEY, 60)
    device.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(10)
    assert han.hub.of(JoinRefused)[-1] == JoinRefused(device.eui64, JoinRefusal.WINDOW_EXPIRED)
    # Listed again, it joins.
    han.hub.node.allow_device(device.eui64, bytes(16), 60)
    device.node.join(INSTALL_KEY, CHANNELS)
    assert han.medium.run_until(lambda: device.node.network is not None)


def test_nobody_joins_while_joining_is_closed():
    han = Han()
    device = han.device(HanRole.ROUTER)
    device.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(10)
    assert device.of(NetworkDown)[0].reason is JoinFailure.NO_NETWORK
    assert han.hub.of(JoinRefused) == []


def test_no_capacity_is_told():
    han = Han()
    han.join(HanRole.END_DEVICE)
    han.hub.node.membership.max_children = 2
    second = han.device(HanRole.END_DEVICE)
    han.start_join(second)
    han.medium.run_until(lambda: second.node.network is not None)
    han.hub.node.membership.max_children = 1
    third = han.device(HanRole.END_DEVICE)
    han.start_join(third)
    han.medium.run(10)
    assert third.of(NetworkDown)[0].reason is JoinFailure.NO_NETWORK  # beacons say that there is no room


def test_key_establishment_decides_who_stays():
    han = Han(hub_settings=NodeSettings(key_establishment_timeout_s=60))
    slow = han.join(HanRole.END_DEVICE, established=False)
    failed = han.join(HanRole.END_DEVICE, established=False)
    han.hub.node.key_establishment_failed(failed.eui64)
    han.medium.run(5)
    assert JoinRefused(failed.eui64, JoinRefusal.KEY_ESTABLISHMENT_FAILED) in han.hub.events
    assert failed.of(NetworkDown)[-1].reason is JoinFailure.LEFT
    assert han.hub.node.device_state(failed.eui64) is DeviceState.LISTED
    han.medium.run(65)
    assert JoinRefused(slow.eui64, JoinRefusal.KEY_ESTABLISHMENT_TIMEOUT) in han.hub.events
    assert slow.node.network is None


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("routed", [False, True])
def test_a_removed_device_is_cut_off(role, routed):
    han = Han()
    router = han.join(HanRole.ROUTER) if routed else None
    device = han.join(role, behind=router)
    han.hub.node.remove_device(device.eui64)
    han.medium.run(20)
    assert device.node.network is None
    assert device.of(NetworkDown)[-1].reason is JoinFailure.LEFT
    assert DeviceLeft(device.eui64) in han.hub.events
    assert han.hub.node.device_state(device.eui64) is None
    token = han.hub.send(device.eui64, b"x")
    assert han.confirmed(han.hub, token) in ("no-key", "unknown-address")


def test_a_device_tries_the_next_network_where_the_best_does_not_know_it():
    medium = Medium()
    hubs = [Device(medium, HanRole.COORDINATOR, number) for number in (1, 2)]
    for hub in hubs:
        hub.node.form((11,))
        medium.run(3)
        hub.node.permit_joining(200)
    device = Device(medium, HanRole.END_DEVICE, 10)
    hubs[1].node.allow_device(device.eui64, INSTALL_KEY, 200)
    device.node.join(INSTALL_KEY, CHANNELS)
    assert medium.run_until(lambda: device.node.network is not None, 30)
    assert device.node.network.extended_pan_id == hubs[1].eui64
    # ... and one that is told where to go goes nowhere else.
    picky = Device(medium, HanRole.END_DEVICE, 11)
    picky.node.join(INSTALL_KEY, CHANNELS, Eui64(bytes(7) + b"\x01"))
    medium.run(10)
    assert picky.of(NetworkDown)[0].reason is JoinFailure.NO_NETWORK


def test_before_key_establishment_only_its_cluster_is_accepted():
    han = Han()
    device = han.join(HanRole.END_DEVICE, established=False)
    token = device.send(han.hub.eui64, b"initiate", cluster=0x0800)
    assert han.confirmed(device, token) == "done"
    for secured, reason in ((False, "needs-link-key"), (True, "not-authorised")):
        # The sender's own rule would not let it out.
        device.node.send(
            0,
            profile=0x0000 if secured is None else 0x0109,
            cluster=0x0702,
            source_endpoint=1,
            destination_endpoint=1,
            payload=b"meter",
            secured=secured,
        )
        if secured:
            device.node.aps.keys.by_partner[han.hub.eui64].source = "established"
            device.send(han.hub.eui64, b"meter")
        han.medium.run(3)
        assert han.hub.events[-1].reason == reason
    assert [event.payload for event in han.hub.of(DataReceived)] == [b"initiate"]


def test_a_key_of_the_historic_log_needs_no_key_establishment():
    han = Han()
    device = han.device(HanRole.END_DEVICE)
    han.hub.node.allow_device(device.eui64, b"historic" * 2, 60, KeySource.ESTABLISHED)
    device.node.join(b"historic" * 2, CHANNELS)
    assert han.medium.run_until(lambda: device.node.network is not None, 20)
    han.medium.run(1)
    assert han.hub.node.device_state(device.eui64) is DeviceState.AUTHORISED


def test_a_removed_device_that_did_not_hear_it_is_told_when_it_speaks():
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(HanRole.END_DEVICE, behind=router)
    router.node.membership.send_away = lambda _: None  # the router forgets to
    han.hub.node.remove_device(device.eui64)
    han.medium.run(5)
    assert device.node.network is not None
    device.send(han.hub.eui64, b"still here", cluster=0x0000)
    han.medium.run(1)
    assert han.hub.payloads() == []
    assert han.hub.of(FrameRefused)[-1].reason == "not-authorised"
