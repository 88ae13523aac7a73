"""A hub and its devices from power-on to ready over the whole stack, and every way in which that ends otherwise."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import pairwise

import pytest

from protocols.eui64 import Eui64
from protocols.han import DeviceState, HanRole, JoinFailure, JoinRefusal
from protocols.zigbee.smart_energy.events import (
    DeviceCommissioned,
    DeviceGone,
    DeviceJoinedHan,
    DeviceReady,
    HubLost,
    HubUp,
    Joined,
    JoinFailed,
    KeyFailure,
    Left,
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    MirrorCreated,
    NotDelivered,
    NotJoined,
    PartnerFailed,
    PartnerReady,
    Ready,
    Rejoined,
    TimeRead,
    TunnelOpened,
)
from protocols.zigbee.smart_energy.mirror import Flag
from protocols.zigbee.smart_energy.settings import DeviceType
from protocols.zigbee.smart_energy.zcl_exchange import Address, Outcome, Reply
from tests.smart_energy_han import CHANNELS, HUB, KEY, START, Han, credentials

ESME, GSME, PPMID, HCALCS = 0xA0, 0xA1, 0xA4, 0xA5
FOUR = (
    (DeviceType.ESME, ESME),
    (DeviceType.GSME, GSME),
    (DeviceType.PPMID, PPMID),
    (DeviceType.HCALCS, HCALCS),
)
METERING, TIME, KEEP_ALIVE = 0x0702, 0x000A, 0x0025


def order(member, *kinds):
    return [type(event).__name__ for event in member.of(*kinds)]


def delivered(han, member):
    """Whether a message gets through both ways."""
    sent = len(han.hub.of(MessageDelivered)), len(member.of(MessageDelivered))
    han.hub.app.send_message(member.eui64, b"\xdf down")
    member.app.send_message(b"\xdf up")
    member.app.wake()
    han.run(40)
    done = len(han.hub.of(MessageDelivered)), len(member.of(MessageDelivered))
    return done == (sent[0] + 1, sent[1] + 1) and (
        member.of(MessageFrom)[-1] == MessageFrom(HUB, b"\xdf down")
        and han.hub.of(MessageFrom)[-1] == MessageFrom(member.eui64, b"\xdf up")
    )


def test_a_hub_and_four_devices_are_ready_soon():
    # CPU time: the machine may be busy with other things.
    begin = time.process_time()
    han = Han()
    for device_type, number in FOUR:
        member = han.device(device_type, number)
        han.allow(member)
        member.app.join(KEY, CHANNELS)
    han.run_until(lambda: all(member.of(Ready) for member in han.members), 30)
    assert time.process_time() - begin < 2
    assert han.hub.of(HubUp) == [HubUp(resumed=False)]
    for member in han.members:
        assert member.app.hub == HUB
        assert han.hub.app.is_commissioned(member.eui64)
        assert han.hub.node.device_state(member.eui64) is DeviceState.AUTHORISED
        assert member.app.hub_time() - han.clock() < timedelta(seconds=1)
        keys = [event.link_key for event in member.of(Joined)]
        assert keys == [
            event.link_key for event in han.hub.of(DeviceCommissioned) if event.eui64 == member.eui64
        ]
        assert len(keys[0]) == 16
        assert delivered(han, member)
    assert not han.hub.app.statistics


def test_a_gas_meter_asks_in_order_and_an_electricity_meter_is_called():
    han = Han()
    gas = han.join(han.device(DeviceType.GSME, GSME))
    meter = han.join(han.device(DeviceType.ESME, ESME))
    assert order(gas, Joined, TimeRead, TunnelOpened, Ready) == [
        "Joined",
        "TimeRead",
        "TunnelOpened",
        "Ready",
    ]
    assert gas.of(TunnelOpened) == [TunnelOpened(HUB, requested=True)]
    assert meter.of(TunnelOpened) == [TunnelOpened(HUB, requested=False)]
    hub = order(han.hub, DeviceJoinedHan, DeviceCommissioned, MirrorCreated, TunnelOpened, DeviceReady)
    assert hub == [
        *("DeviceJoinedHan", "DeviceCommissioned", "MirrorCreated", "TunnelOpened", "DeviceReady"),
        *("DeviceJoinedHan", "DeviceCommissioned", "TunnelOpened", "DeviceReady"),
    ]


def test_a_type_2_device_has_no_tunnel_and_a_controller_has():
    han = Han()
    display = han.join(han.device(DeviceType.TYPE_2, 0xA7))
    controller = han.join(han.device(DeviceType.SAPC, 0xA6))
    assert order(display, Joined, TimeRead, TunnelOpened, Ready) == ["Joined", "TimeRead", "Ready"]
    token = han.hub.app.send_message(display.eui64, b"x")
    han.run(1)
    assert han.hub.events[-1] == MessageNotDelivered(token, display.eui64, NotDelivered.NOT_ON_NETWORK)
    assert delivered(han, controller)


@pytest.mark.parametrize(
    ("issued", "detail"),
    [
        ({"issuer": Eui64("21-22-23-24-25-26-27-28")}, "was issued by 21-22"),
        ({"seed": b"another authority of that name"}, "MACU is wrong"),
    ],
)
def test_a_device_that_fails_key_establishment_is_removed_with_the_reason(issued, detail):
    han = Han()
    eui64 = Eui64("00-DB-12-34-56-78-90-A0")
    member = han.device(DeviceType.ESME, ESME, issued=credentials(eui64, **issued))
    han.join(member)
    (failed,) = han.hub.of(JoinFailed)
    assert failed.reason is JoinRefusal.KEY_ESTABLISHMENT_FAILED
    assert detail in failed.detail
    (told,) = member.of(NotJoined)
    assert told.reason is KeyFailure.REFUSED
    assert member.node.network is None
    assert member.app.hub is None
    assert han.hub.node.device_state(eui64) is DeviceState.LISTED
    assert not han.hub.of(DeviceCommissioned)


def test_a_wrong_install_code_and_a_device_nobody_named():
    han = Han()
    member = han.device(DeviceType.ESME, ESME)
    han.allow(member)
    member.app.join(bytes(16), CHANNELS)
    stranger = han.device(DeviceType.PPMID, PPMID)
    stranger.app.join(KEY, CHANNELS)
    han.run(60)
    assert member.of(NotJoined)[0].reason is JoinFailure.TRANSPORT_KEY_UNREADABLE
    assert len(stranger.of(NotJoined)) == 1
    reasons = {(event.eui64, event.reason) for event in han.hub.of(JoinFailed)}
    assert (member.eui64, JoinRefusal.NOT_ANNOUNCED) in reasons
    assert (stranger.eui64, JoinRefusal.UNKNOWN_EUI64) in reasons


def test_a_hub_without_time_says_so_and_later_has_it():
    han = Han()
    han.has_time = False
    member = han.join(han.device(DeviceType.ESME, ESME))
    assert member.of(TimeRead) == [TimeRead(None)]
    assert member.of(Ready)
    assert member.app.hub_time() is None
    han.has_time = True
    member.app.read_hub_time()
    han.run(1)
    assert member.app.hub_time() == member.of(TimeRead)[1].time + timedelta(seconds=1) or (
        abs(member.app.hub_time() - han.clock()) < timedelta(seconds=1.1)
    )
    assert member.app.hub_time() > START


def test_a_removed_device_is_cut_off():
    han = Han()
    member = han.join(han.device(DeviceType.ESME, ESME))
    han.hub.app.remove(member.eui64)
    han.run(5)
    assert han.hub.of(DeviceGone) == [DeviceGone(member.eui64)]
    assert member.of(Left) == [Left()]
    assert member.app.hub is None
    assert not han.hub.app.is_commissioned(member.eui64)
    # And may come again when it is listed again.
    han.join(member)
    assert len(member.of(Ready)) == 2
    assert delivered(han, member)


def test_a_removed_device_comes_back_with_its_historic_key():
    """Register GBCS-CCS01-05 and -06: no new key is established."""
    han = Han()
    member = han.join(han.device(DeviceType.ESME, ESME))
    key = member.of(Joined)[0].link_key
    han.hub.app.remove(member.eui64)
    han.run(5)
    han.hub.app.allow(member.eui64, key, 600, device_type=DeviceType.ESME, historic=True)
    member.app.join(KEY, CHANNELS)
    han.run(30)
    assert member.of(NotJoined)[0].reason is JoinFailure.TRANSPORT_KEY_UNREADABLE
    member.app.join(key, CHANNELS, historic=True)
    han.run(30)
    assert [event.link_key for event in member.of(Joined)] == [key, key]
    assert [event.link_key for event in han.hub.of(DeviceCommissioned)] == [key, b""]
    assert delivered(han, member)


def test_a_failed_key_update_does_not_cost_the_key_there_is():
    han = Han()
    member = han.join(han.device(DeviceType.ESME, ESME), 120)
    machine = member.app._attachment.keys.machine
    machine._credentials = {2: credentials(member.eui64, seed=b"another authority of that name")}
    member.app._attachment.renew_key()
    han.run(30)
    assert han.hub.app.statistics["keys.failed"] == 1
    assert not han.hub.of(JoinFailed)
    assert delivered(han, member)


def test_a_device_leaves_by_itself():
    han = Han()
    member = han.join(han.device(DeviceType.PPMID, PPMID))
    member.app.leave()
    han.run(2)
    assert member.of(Left)
    assert han.hub.of(DeviceGone)
    assert not han.hub.app.is_present(member.eui64)


@pytest.mark.parametrize(("device_type", "number"), FOUR)
def test_a_device_that_lost_power_comes_back_as_it_was(device_type, number):
    han = Han()
    member = han.join(han.device(device_type, number))
    member.cut_power()
    han.run(20)
    member.events.clear()
    member.power()
    han.run_until(lambda: member.of(Ready), 60)
    assert order(member, Rejoined, Joined, NotJoined, Ready) == ["Rejoined", "Ready"]
    assert delivered(han, member)
    assert not han.hub.of(JoinFailed)


def test_a_hub_that_lost_power_keeps_its_devices_and_what_waits():
    han = Han()
    members = [han.join(han.device(*each)) for each in FOUR]
    gas = members[1]
    token = han.hub.app.send_message(gas.eui64, b"\xdd waits")
    han.hub.cut_power()
    han.run(15)
    han.hub.power()
    han.run(1)
    assert han.hub.of(HubUp)[-1] == HubUp(resumed=True)
    assert han.hub.app.waiting(gas.eui64) == 1
    assert han.hub.app.flags(gas.eui64)[0] == Flag.TUNNEL_MESSAGE_PENDING
    gas.app.wake()
    han.run_until(lambda: MessageDelivered(token, gas.eui64) in han.hub.events, 120)
    assert gas.of(MessageFrom) == [MessageFrom(HUB, b"\xdd waits")]
    for member in members:
        assert delivered(han, member)
    assert han.hub.app.send_message(gas.eui64, b"\xdd next") > token


def test_a_silent_hub_is_looked_for_and_found_again():
    han = Han()
    member = han.join(han.device(DeviceType.ESME, ESME))
    han.hub.cut_power()
    begin = han.scheduler.time()
    han.run_until(lambda: member.of(HubLost), 3 * 3600)
    # One period of ten to fifteen minutes, then two more attempts a minute apart, each with its retries.
    assert 600 <= han.scheduler.time() - begin <= 1200
    han.run(30)
    member.events.clear()
    han.hub.power()
    han.run_until(lambda: member.of(Ready), 2000)
    assert order(member, Rejoined, Ready) == ["Rejoined", "Ready"]
    assert delivered(han, member)


def test_keep_alive_is_read_on_schedule_and_under_the_link_key():
    han = Han()
    member = han.join(han.device(DeviceType.ESME, ESME))
    asked = []
    take = han.hub.app.han_event

    def hear(event):
        if getattr(event, "cluster", None) == KEEP_ALIVE and hasattr(event, "payload"):
            asked.append((han.scheduler.time(), event.security.value))
        take(event)

    han.hub.app.han_event = hear
    han.hub.node.listen(han.hub.app)
    han.run(3600 * 2)
    assert 8 <= len(asked) <= 12
    assert {security for _, security in asked} == {"link"}
    gaps = [later - former for (former, _), (later, _) in pairwise(asked)]
    assert all(599 <= gap <= 905 for gap in gaps)
    assert not member.of(HubLost)


def test_partners_read_each_other_and_others_may_not():
    han = Han()
    values = {(METERING, 0x0000): 4711}
    meter = han.join(han.device(DeviceType.ESME, ESME, attributes=lambda *which: values.get(which)))
    display = han.join(han.device(DeviceType.PPMID, PPMID))
    meter.app.add_partner(display.eui64)
    display.app.add_partner(meter.eui64)
    han.run(5)
    assert meter.of(PartnerReady, PartnerFailed) == [PartnerReady(display.eui64)]
    assert display.of(PartnerReady, PartnerFailed) == [PartnerReady(meter.eui64)]
    replies: list[Reply] = []
    display.app.zcl.read(Address(meter.eui64, 1, 1), METERING, [0x0000, 0x0001], replies.append)
    han.run(5)
    assert replies[0].attributes() == {0x0000: 4711}
    meter.app.remove_partner(display.eui64)
    display.app.zcl.read(Address(meter.eui64, 1, 1), METERING, [0x0000], replies.append)
    han.run(5)
    assert (replies[1].outcome, replies[1].status) == (Outcome.ANSWERED, 0x7E)
    assert meter.app.statistics == {"zcl.not-permitted": 1}


def test_a_partner_that_is_not_there():
    han = Han()
    meter = han.join(han.device(DeviceType.ESME, ESME))
    meter.app.add_partner(Eui64("00-DB-12-34-56-78-90-FF"))
    han.run(30)
    assert meter.of(PartnerFailed)


def test_a_key_update_by_flag_gives_both_a_new_key():
    han = Han()
    gas = han.join(han.device(DeviceType.GSME, GSME))
    han.hub.app.set_flags(gas.eui64, 0, Flag.KEY_UPDATE)
    gas.app.wake()
    han.run(60)
    first, second = (event.link_key for event in gas.of(Joined))
    assert first != second
    assert [event.link_key for event in han.hub.of(DeviceCommissioned)] == [first, second]
    assert han.hub.app.flags(gas.eui64)[0] == 0
    assert delivered(han, gas)


def test_a_sleepy_display_is_commissioned_and_hears_the_hub():
    han = Han()
    display = han.join(han.device(DeviceType.PPMID, PPMID, role=HanRole.SLEEPY_END_DEVICE))
    assert display.of(Ready)
    assert delivered(han, display)


@pytest.mark.parametrize("seed", range(4))
def test_it_all_works_on_bad_air(seed):
    han = Han(seed, loss=0.2)
    for device_type, number in FOUR:
        member = han.device(device_type, number)
        han.allow(member)
        member.app.join(KEY, CHANNELS)
    for _ in range(20):
        han.run(30)
        for member in han.members:
            if member.node.network is None and not member.of(Joined):
                member.app.join(KEY, CHANNELS)
    assert [bool(member.of(Ready)) for member in han.members] == [True] * 4


@pytest.mark.parametrize(("device_type", "number"), FOUR[1:])
def test_a_device_out_of_the_hub_s_reach_is_commissioned_through_a_meter(device_type, number):
    han = Han()
    meter = han.join(han.device(DeviceType.ESME, ESME))
    member = han.device(device_type, number)
    han.medium.link(han.hub.radio, member.radio, None)
    han.join(member)
    assert member.of(Ready)
    assert member.node.network.parent == meter.node.network.short_address
    assert delivered(han, member)
    member.cut_power()
    han.run(10)
    member.power()
    han.run(30)
    assert len(member.of(Ready)) == 2
    assert delivered(han, member)


@pytest.mark.parametrize(("device_type", "number"), FOUR)
def test_a_power_cut_before_the_device_has_its_key_is_made_good(device_type, number):
    """The hub thinks the key established, the device heard no last message: it starts again."""
    han = Han()
    member = han.device(device_type, number)
    han.allow(member)
    member.app.join(KEY, CHANNELS)
    while not han.hub.of(DeviceCommissioned):
        han.run(0.001)
    assert not member.of(Joined)
    member.cut_power()
    han.run(20)
    member.power()
    han.run_until(lambda: member.of(Ready), 120)
    assert han.hub.of(DeviceCommissioned)[-1].link_key == member.of(Joined)[0].link_key
    assert delivered(han, member)
