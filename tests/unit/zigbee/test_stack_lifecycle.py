"""Leaving, losing the parent, coming back, power cuts, conflicts, ageing."""

from __future__ import annotations

import json

import pytest

from protocols.han import (
    AddressConflict,
    DataReceived,
    DataStatus,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    FrameRefused,
    HanRole,
    JoinFailure,
    JoinKind,
    JoinRefusal,
    JoinRefused,
    KeySource,
    LinkKeyChanged,
    NetworkDown,
    NetworkUp,
    PanIdConflict,
    ParentLost,
)
from protocols.radio import ReceivedFrame
from protocols.zigbee.mac_commands import AssociationRequest
from protocols.zigbee.nwk_commands import RejoinRequest
from protocols.zigbee.security import mmo_hash
from protocols.zigbee.stack.constants import COUNTER_RESERVE
from protocols.zigbee.stack.nwk_layer import Arrival
from protocols.zigbee.stack.settings import NodeSettings
from tests.zigbee_air import CHANNELS, INSTALL_KEY, Device, Han

ROLES = (HanRole.ROUTER, HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE)


def talks(han, device, payload=b"hello"):
    """Data passes both ways, once each."""
    for sender, receiver in ((han.hub, device), (device, han.hub)):
        before = len(receiver.payloads())
        assert han.confirmed(sender, sender.send(receiver.eui64, payload), 120) is DataStatus.DONE
        assert receiver.payloads()[before:] == [payload]


@pytest.mark.parametrize("role", ROLES)
def test_leaving_is_told(role):
    han = Han()
    device = han.join(role)
    device.node.leave()
    han.medium.run(3)
    assert device.of(NetworkDown) == [NetworkDown(JoinFailure.LEFT)]
    assert DeviceLeft(device.eui64) in han.hub.events
    assert device.eui64 not in han.hub.node.nwk.neighbours.by_eui64


@pytest.mark.parametrize("octets", [20, 200], ids=["one-frame", "fragments"])
def test_what_waits_for_a_device_that_left_is_given_up(octets):
    """A device that was let in again would otherwise get the blocks of a transfer whose beginning it forgot."""
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE)
    device.node.poller.stop()
    tokens = [han.hub.send(device.eui64, bytes(octets)) for _ in range(2)]
    han.medium.run(0.1)
    assert [han.hub.status(token) for token in tokens] == [None, None]
    device.node.leave()
    assert [han.confirmed(han.hub, token, 1) for token in tokens] == [DataStatus.NOT_DELIVERED] * 2
    assert not han.hub.node.aps.waiting


@pytest.mark.parametrize("role", [HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_leaving_through_a_router_is_told_to_the_hub(role):
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(role, behind=router)
    device.node.leave()
    han.medium.run(3)
    assert DeviceLeft(device.eui64) in han.hub.events


@pytest.mark.parametrize("role", ROLES)
def test_rejoining_by_request(role):
    han = Han()
    device = han.join(role)
    device.node.rejoin()
    assert device.node.network is None
    assert han.medium.run_until(lambda: device.node.network is not None, 20)
    assert device.of(NetworkUp)[-1].rejoined
    joined = han.hub.of(DeviceJoined)[-1]
    assert (joined.eui64, joined.kind) == (device.eui64, JoinKind.SECURED_REJOIN)
    assert han.hub.node.device_state(device.eui64) is DeviceState.AUTHORISED
    talks(han, device)


@pytest.mark.parametrize("role", [HanRole.END_DEVICE, HanRole.SLEEPY_END_DEVICE])
def test_a_lost_parent_is_replaced_by_another(role):
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(role, NodeSettings(poll_interval_s=5, keep_alive_s=20), behind=router)
    han.medium.cuts.clear()
    router.cut_power()
    assert han.medium.run_until(lambda: bool(device.of(ParentLost)), 120)
    assert han.medium.run_until(lambda: device.node.network is not None, 60)
    assert device.node.network.parent == 0
    talks(han, device)
    assert han.hub.of(DeviceJoined)[-1].parent == 0


def test_a_device_out_of_reach_tries_again_until_it_is_back():
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE)
    han.medium.cut(device.eui64, han.hub.eui64)
    han.medium.run(120)
    downs = device.of(NetworkDown)
    assert [event.reason for event in downs] == [JoinFailure.NO_NETWORK]  # told once
    han.medium.cuts.clear()
    assert han.medium.run_until(lambda: device.node.network is not None, 1000)
    talks(han, device)


@pytest.mark.parametrize("role", ROLES)
def test_a_power_cut_of_a_device(role):
    han = Han()
    device = han.join(role)
    talks(han, device)
    state = json.loads(json.dumps(device.node.state()))
    used = device.node.nwk.counter.value, device.node.aps.keys.counter.value
    device.cut_power()
    han.medium.run(5)
    device.restore_power(state)
    assert han.medium.run_until(lambda: device.node.network is not None, 20)
    assert device.of(NetworkUp)[-1].rejoined
    assert device.node.nwk.counter.value >= used[0]
    assert device.node.aps.keys.counter.value >= used[1]
    talks(han, device)
    assert not han.hub.of(FrameRefused)


def test_a_power_cut_of_the_hub():
    han = Han()
    router = han.join(HanRole.ROUTER)
    devices = [router, han.join(HanRole.END_DEVICE, behind=router), han.join(HanRole.SLEEPY_END_DEVICE)]
    pending = han.device(HanRole.END_DEVICE)
    han.hub.node.allow_device(pending.eui64, INSTALL_KEY, 200)
    state = json.loads(json.dumps(han.hub.node.state()))
    network = han.hub.node.network
    han.hub.cut_power()
    han.medium.run(3)
    han.hub.restore_power(state)
    han.medium.run(10)
    assert han.hub.node.network == network
    for device in devices:
        assert han.hub.node.device_state(device.eui64) is DeviceState.AUTHORISED
        talks(han, device)
        assert not device.of(FrameRefused)
    pending.node.join(INSTALL_KEY, CHANNELS)
    assert han.medium.run_until(lambda: pending.node.network is not None, 20)


def test_kept_state_is_always_ahead_of_the_counters_used():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    device.kept = device.node.state()
    for _ in range(COUNTER_RESERVE // 100 + 2):
        for _ in range(100):
            device.node.aps.keys.counter.take()
            device.node.nwk.counter.take()
        assert device.kept["nwk_counter"] >= device.node.nwk.counter.value
        assert device.kept["aps_counter"] >= device.node.aps.keys.counter.value


def test_state_of_another_device_is_refused():
    han = Han()
    one, two = han.join(HanRole.END_DEVICE), han.device(HanRole.END_DEVICE)
    with pytest.raises(ValueError, match="this state is of"):
        two.node.restore(one.node.state())


def test_trust_centre_rejoin_needs_an_established_key():
    han = Han()
    authorised = han.join(HanRole.END_DEVICE)
    fresh = han.join(HanRole.END_DEVICE, established=False)
    for device in (authorised, fresh):
        device.node.lifecycle.rejoin(secured=False)
    assert han.medium.run_until(lambda: authorised.node.network is not None, 30)
    han.medium.run(2)
    kinds = [event.kind for event in han.hub.of(DeviceJoined) if event.eui64 == authorised.eui64]
    assert kinds[-1] is JoinKind.TRUST_CENTRE_REJOIN
    assert JoinRefused(fresh.eui64, JoinRefusal.NO_LINK_KEY) in han.hub.events
    talks(han, authorised)


def test_trust_centre_rejoin_through_a_router():
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(HanRole.SLEEPY_END_DEVICE, behind=router)
    device.node.lifecycle.rejoin(secured=False)
    assert han.medium.run_until(lambda: device.node.network is not None, 30)
    talks(han, device)


def test_a_removed_device_cannot_rejoin():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    han.medium.cut(device.eui64, han.hub.eui64)  # it does not hear that it has to leave
    han.hub.node.remove_device(device.eui64)
    han.medium.run(20)
    han.medium.cuts.clear()
    device.node.rejoin()
    han.medium.run(30)
    assert device.node.network is None
    assert JoinRefused(device.eui64, JoinRefusal.UNKNOWN_EUI64) in han.hub.events


def test_a_device_listed_again_keeps_its_key_and_a_removed_one_starts_anew():
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    key = han.hub.node.aps.keys.by_partner[device.eui64].key
    han.hub.node.allow_device(device.eui64, bytes(16), 100)
    assert han.hub.node.aps.keys.by_partner[device.eui64].key == key
    talks(han, device)
    han.hub.node.remove_device(device.eui64)
    han.medium.run(5)
    han.start_join(device)
    assert han.medium.run_until(lambda: device.node.network is not None, 20)
    han.medium.run(1)
    assert han.hub.node.device_state(device.eui64) is DeviceState.JOINED


def test_a_silent_end_device_ages_and_is_told_to_rejoin_when_it_is_back():
    han = Han()
    settings = NodeSettings(poll_interval_s=5.0, end_device_timeout=1)  # 2 minutes
    device = han.join(HanRole.SLEEPY_END_DEVICE, settings)
    han.medium.run(2)
    device.node.poller.stop()
    han.medium.run(200)
    assert DeviceLeft(device.eui64, aged=True) in han.hub.events
    device.node.poller.start(0)
    assert han.medium.run_until(lambda: len(device.of(NetworkUp)) == 2, 30)
    assert device.node.network is not None
    talks(han, device)


def test_polling_keeps_a_sleeper_from_ageing():
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE, NodeSettings(poll_interval_s=5.0, end_device_timeout=0))
    still = han.join(HanRole.END_DEVICE, NodeSettings(keep_alive_s=8.0, end_device_timeout=0))
    han.medium.run(600)
    assert not han.hub.of(DeviceLeft)
    assert device.node.poller.polls > 100
    assert still.node.lifecycle.parent_information == 3


def test_pan_id_conflict_moves_the_network():
    han = Han()
    router = han.join(HanRole.ROUTER)
    devices = [router, han.join(HanRole.END_DEVICE, behind=router), han.join(HanRole.SLEEPY_END_DEVICE)]
    before = han.hub.node.network.pan_id
    rival = Device(han.medium, HanRole.COORDINATOR, 2)
    rival.node.form((han.hub.node.network.channel,))
    han.medium.run(3)
    rival.node.mac.settings.pan_id = before
    rival.node.mac.apply()
    scout = Device(han.medium, HanRole.END_DEVICE, 3)
    scout.node.join(INSTALL_KEY, CHANNELS)
    han.medium.run(15)
    after = han.hub.node.network.pan_id
    assert after != before
    assert han.hub.of(PanIdConflict) == [PanIdConflict(after)]
    for device in devices:
        assert device.node.network.pan_id == after
        talks(han, device)


def test_address_conflict_gives_both_another_address():
    han = Han()
    router = han.join(HanRole.ROUTER)
    device = han.join(HanRole.END_DEVICE)
    short = device.node.network.short_address
    # A router takes, by chance, the address of an end device.
    router.node.mac.settings.short_address = short
    router.node.mac.apply()
    router.node.lifecycle._announce()
    han.medium.run(10)
    assert han.hub.of(AddressConflict)
    addresses = {node.node.network.short_address for node in (router, device)}
    assert len(addresses) == 2
    assert short not in addresses
    for other in (router, device):
        talks(han, other)


def test_a_radio_that_was_reset_is_set_up_again():
    han = Han()
    sleeper = han.join(HanRole.SLEEPY_END_DEVICE, NodeSettings(poll_interval_s=6))
    han.medium.run(10)
    token = han.hub.send(sleeper.eui64, b"kept")
    hub = han.hub
    hub.radio.configure(type(hub.radio.settings)(11, 0xFFFF, 0xFFFF, hub.eui64))
    hub.radio.match_sources(enabled=True, short=frozenset(), extended=frozenset())
    hub.node.mac.radio_reset("watchdog")
    assert hub.radio.settings.pan_id == hub.node.network.pan_id
    assert hub.radio.short == {sleeper.node.network.short_address}
    assert han.confirmed(hub, token) is DataStatus.DONE


@pytest.mark.parametrize("routed", [False, True])
def test_an_association_in_somebody_elses_name_harms_nobody(routed):
    han = Han()
    router = han.join(HanRole.ROUTER) if routed else None
    device = han.join(HanRole.END_DEVICE, behind=router)
    parent = router or han.hub
    before = device.node.network
    parent.node.membership.association(device.eui64, AssociationRequest(0x80))
    parent.node.membership.polled(device.eui64)
    request = parent.node.nwk.frame(1, 0, b"\x06\x80", radius=1)
    request.source, request.source_ieee = before.short_address, device.eui64
    arrival = Arrival(before.short_address, None, ReceivedFrame(b"", 11, han.medium.time))
    parent.node.membership._rejoin_request(RejoinRequest(0x80), request, arrival)
    han.medium.run(40)
    assert device.node.network == before
    assert JoinRefused(device.eui64, JoinRefusal.NOT_ANNOUNCED) in han.hub.events
    assert han.hub.node.device_state(device.eui64) is DeviceState.AUTHORISED
    talks(han, device)


@pytest.mark.parametrize("number", [2, 1], ids=["another identifier", "the same identifier"])
@pytest.mark.parametrize("known", [True, False])
def test_devices_find_the_hub_that_replaces_theirs(known, number):
    """By the hash of the key with the hub before, which is good for nothing but making another key."""
    han = Han()
    device = han.join(HanRole.SLEEPY_END_DEVICE)
    key = han.hub.node.aps.keys.by_partner[device.eui64].key
    han.hub.cut_power()
    replacement = Device(han.medium, HanRole.COORDINATOR, number)
    assert (replacement.eui64 == han.hub.eui64) is (number == 1)
    replacement.node.form(CHANNELS, han.hub.eui64)
    han.medium.run(3)
    kept = mmo_hash(key) if known else bytes(16)
    replacement.node.allow_device(device.eui64, kept, 0, KeySource.HASHED)
    assert JoinRefused(device.eui64, JoinRefusal.WINDOW_EXPIRED) not in replacement.events
    found = han.medium.run_until(lambda: replacement.node.device_state(device.eui64) == "joined", 300)
    assert found is known
    if known:
        assert LinkKeyChanged(replacement.eui64, KeySource.HASHED) in device.events
        han.hub = replacement
        token = device.send(replacement.eui64, b"too early")
        assert han.confirmed(device, token) is DataStatus.NO_KEY
        replacement.node.install_link_key(device.eui64, bytes(range(16)))
        device.node.install_link_key(replacement.eui64, bytes(range(16)))
        talks(han, device)


def test_data_that_meets_a_device_on_its_way_back_comes_again_when_it_can_answer():
    """Seen after a restart: the meter acknowledged a request for a tunnel, and its answer found no network."""
    han = Han()
    device = han.join(HanRole.END_DEVICE)
    state = device.node.state()
    device.cut_power()
    device.restore_power(state)
    assert device.radio.settings.short_address == state["short_address"]
    token = han.hub.send(device.eui64, b"are you there")
    assert han.confirmed(han.hub, token, 5) is DataStatus.DONE
    since = device.events[device.booted_at :]
    kinds = [type(event) for event in since if isinstance(event, (NetworkUp, DataReceived))]
    assert kinds == [NetworkUp, DataReceived]
    assert device.node.statistics["aps.not-ready"] > 0
