"""Messages both ways: sizes, the sleeper's queue, tunnels and their parameters, and what is not delivered."""

from __future__ import annotations

import random

import pytest

from protocols.zigbee.smart_energy.events import (
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    NotDelivered,
    TunnelClosed,
    TunnelCloseRefused,
    TunnelOpened,
    TunnelRefused,
)
from protocols.zigbee.smart_energy.mirror import Flag
from protocols.zigbee.smart_energy.settings import DeviceSettings, DeviceType, HubSettings
from protocols.zigbee.smart_energy.zcl_exchange import Address, Outcome, Reply
from tests.smart_energy_han import HUB, Han

TUNNELLING = 0x0704
SIZES = (1, 2, 3, 59, 60, 61, 62, 63, 64, 127, 255, 256, 257, 800, 1497, 1498, 1499, 1500)
RIGHT = {
    "Protocol ID": 6,
    "Manufacturer Code": 0xFFFF,
    "Flow Control Support": False,
    "Maximum Incoming Transfer Size": 1500,
}


def world(*types, **options):
    han = Han(**options)
    numbers = {DeviceType.ESME: 0xA0, DeviceType.GSME: 0xA1, DeviceType.PPMID: 0xA4}
    members = [han.join(han.device(each, numbers[each])) for each in types]
    for member in (han.hub, *members):
        member.events.clear()
    return han, *members


def outcomes(member):
    return member.of(MessageDelivered, MessageNotDelivered)


def tap_tunnel(member):
    """Every transfer that comes out of tunnels at a member, as it stands on the air."""
    seen = []
    tunnels = member.app._tunnels
    take = tunnels.on_data

    def hear(partner, octets):
        seen.append(octets)
        take(partner, octets)

    tunnels.on_data = hear
    return seen


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_messages_of_all_sizes_arrive_both_ways(loss):
    han, meter = world(DeviceType.ESME, loss=loss)
    chance = random.Random(1)
    down = [chance.randbytes(size) for size in SIZES]
    up = [chance.randbytes(size) for size in SIZES]
    tokens = [han.hub.app.send_message(meter.eui64, octets) for octets in down]
    sent = [meter.app.send_message(octets) for octets in up]
    han.run(120)
    assert [event.octets for event in meter.of(MessageFrom)] == down
    assert [event.octets for event in han.hub.of(MessageFrom)] == up
    assert outcomes(han.hub) == [MessageDelivered(token, meter.eui64) for token in tokens]
    assert outcomes(meter) == [MessageDelivered(token, HUB) for token in sent]


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_messages_of_all_sizes_to_and_from_a_sleeper(loss):
    han, gas = world(DeviceType.GSME, loss=loss)
    chance = random.Random(2)
    down = [chance.randbytes(size) for size in SIZES if size <= 1498]
    up = [chance.randbytes(size) for size in SIZES if size <= 1499]
    for octets in down:
        han.hub.app.send_message(gas.eui64, octets)
    for octets in up:
        gas.app.send_message(octets)
    gas.app.wake()
    han.run(600)
    assert [event.octets for event in gas.of(MessageFrom)] == down
    assert [event.octets for event in han.hub.of(MessageFrom)] == up
    assert not han.hub.of(MessageNotDelivered)
    assert not gas.of(MessageNotDelivered)


@pytest.mark.parametrize(
    ("device_type", "down", "up"), [(DeviceType.ESME, 1501, 1501), (DeviceType.GSME, 1499, 1500)]
)
def test_what_does_not_fit_a_transfer_is_refused_at_once(device_type, down, up):
    han, member = world(device_type)
    token = han.hub.app.send_message(member.eui64, bytes(down))
    sent = member.app.send_message(bytes(up))
    assert not outcomes(han.hub)  # never within the call
    han.run(1)
    assert outcomes(han.hub) == [MessageNotDelivered(token, member.eui64, NotDelivered.TOO_LONG)]
    assert outcomes(member) == [MessageNotDelivered(sent, HUB, NotDelivered.TOO_LONG)]


@pytest.mark.parametrize(
    ("messages", "answers"),
    [
        ([], [b"\x02\x00"]),
        ([b"one"], [b"\x02\x00one"]),
        ([b"one", b"two", b"three"], [b"\x02\x02one", b"\x02\x01two", b"\x02\x00three"]),
    ],
    ids=["0", "1", "3"],
)
def test_get_fetches_until_nothing_waits(messages, answers):
    """Register GBCS-TUN-01 and -03."""
    han, gas = world(DeviceType.GSME)
    han.run(60)
    asked, answered = tap_tunnel(han.hub), tap_tunnel(gas)
    pending = Flag.TUNNEL_MESSAGE_PENDING
    for octets in messages:
        han.hub.app.send_message(gas.eui64, octets)
    assert han.hub.app.flags(gas.eui64)[0] == (pending if messages else 0)
    if not messages:
        han.hub.app.set_flags(gas.eui64, 0, pending)
    han.run(300)
    assert not asked  # asleep: it looks every half hour
    assert han.hub.app.waiting(gas.eui64) == len(messages)
    han.run(1600)
    assert answered[: len(answers)] == answers
    assert asked[: len(answers)] == [b"\x01"] * len(answers)
    assert [event.octets for event in gas.of(MessageFrom)] == messages
    if messages:
        assert han.hub.app.flags(gas.eui64)[0] == 0
        assert len(asked) == len(messages)
    assert len(outcomes(han.hub)) == len(messages)


def test_put_goes_with_its_octet_and_anything_else_is_ignored():
    """Register GBCS-TUN-02."""
    han, gas = world(DeviceType.GSME)
    raw = tap_tunnel(han.hub)
    gas.app.send_message(b"\xdf alert")
    han.run(5)
    assert raw == [b"\x03\xdf alert"]
    assert han.hub.of(MessageFrom) == [MessageFrom(gas.eui64, b"\xdf alert")]
    han.hub.events.clear()
    for octets in (b"\x00abc", b"\x04abc", b"\xdf abc", b"\x01\x01", b"\x02\x00", b"\x03", b""):
        gas.app._tunnels.send(HUB, octets, lambda _: None)
    han.run(10)
    assert not han.hub.of(MessageFrom)
    assert han.hub.app.statistics["zcl.no-get-or-put"] == 7
    assert len(raw) == 8


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"Protocol ID": 0}, 3),
        ({"Protocol ID": 199}, 3),
        ({"Manufacturer Code": 0x121D}, 3),
        ({"Flow Control Support": True}, 4),
        ({"Maximum Incoming Transfer Size": 1499}, 0x85),
        ({"Maximum Incoming Transfer Size": 0xFFFF}, 0x85),
    ],
)
@pytest.mark.parametrize("at_the_hub", [True, False])
def test_a_tunnel_with_wrong_parameters_is_refused(wrong, status, at_the_hub):
    """Register GBCS-10.2.2-01, on either side."""
    han, meter = world(DeviceType.ESME)
    asks, answers = (meter, han.hub) if at_the_hub else (han.hub, meter)
    replies: list[Reply] = []
    asks.app.zcl.request(
        Address(answers.eui64, 1, 1), TUNNELLING, "Request Tunnel", RIGHT | wrong, replies.append,
        expects=("Request Tunnel Response",),
    )  # fmt: skip
    han.run(5)
    (reply,) = replies
    assert reply.outcome is Outcome.ANSWERED
    assert (reply.values.get("Tunnel Status", reply.status)) == status
    assert answers.of(TunnelRefused) == [TunnelRefused(asks.eui64, status, by_partner=False)]


def test_a_hub_is_told_that_its_tunnel_is_refused():
    han, meter = world(DeviceType.ESME)
    han.hub.app.close_tunnel(meter.eui64)
    han.run(1)
    meter.app._tunnels.server.accepts = lambda _: False
    token = han.hub.app.send_message(meter.eui64, b"message")
    han.run(200)
    assert han.hub.of(TunnelRefused) == [TunnelRefused(meter.eui64, 1, by_partner=True)]
    assert outcomes(han.hub) == [MessageNotDelivered(token, meter.eui64, NotDelivered.TUNNEL_REFUSED)]
    assert len(meter.of(TunnelRefused)) == 3  # BUSY is tried again


@pytest.mark.parametrize("device_type", [DeviceType.ESME, DeviceType.GSME])
@pytest.mark.parametrize("by_hub", [True, False])
def test_a_closed_tunnel_is_requested_again(device_type, by_hub):
    """Register GBCS-10.2.2-02."""
    han, member = world(device_type)
    if by_hub:
        han.hub.app.close_tunnel(member.eui64)
    else:
        member.app.close_tunnel()
    han.run(5)
    assert han.hub.of(TunnelClosed) == [TunnelClosed(member.eui64)]
    assert member.of(TunnelClosed) == [TunnelClosed(HUB)]
    han.hub.app.send_message(member.eui64, b"down")
    member.app.send_message(b"up")
    member.app.wake()
    han.run(60)
    assert member.of(MessageFrom) == [MessageFrom(HUB, b"down")]
    assert han.hub.of(MessageFrom) == [MessageFrom(member.eui64, b"up")]
    assert member.of(TunnelOpened)


def test_a_tunnel_one_side_forgot_is_requested_again():
    han, meter, gas = world(DeviceType.ESME, DeviceType.GSME)
    for member in (meter, gas, han.hub):
        member.app._tunnels.server.stop()
    han.hub.app.send_message(meter.eui64, b"down")
    gas.app.send_message(b"up")
    han.run(60)
    assert meter.of(MessageFrom) == [MessageFrom(HUB, b"down")]
    assert han.hub.of(MessageFrom) == [MessageFrom(gas.eui64, b"up")]


def test_an_idle_tunnel_is_closed():
    han = Han(hub_settings=HubSettings(tunnel_idle_s=600))
    gas = han.join(han.device(DeviceType.GSME, 0xA1))
    gas.app.send_message(b"late")
    han.run(500)
    gas.app.send_message(b"later")
    han.run(590)
    assert not han.hub.of(TunnelClosed)
    han.run(120)
    assert han.hub.of(TunnelClosed) == [TunnelClosed(gas.eui64)]
    assert gas.of(TunnelClosed) == [TunnelClosed(HUB)]


def test_a_refusal_to_close_is_told():
    han, gas = world(DeviceType.GSME)
    han.hub.app._tunnels.server.stop()
    gas.app.close_tunnel()
    han.run(5)
    assert gas.of(TunnelCloseRefused) == [TunnelCloseRefused(HUB, 0x8B)]


def test_a_device_without_power_gets_nothing():
    han, meter, gas = world(DeviceType.ESME, DeviceType.GSME)
    meter.cut_power()
    gas.cut_power()
    one, two = (han.hub.app.send_message(meter.eui64, bytes(100)) for _ in range(2))
    for_gas = han.hub.app.send_message(gas.eui64, b"waits")
    han.run(300)
    expected = [MessageNotDelivered(token, meter.eui64, NotDelivered.NO_ANSWER) for token in (one, two)]
    assert outcomes(han.hub) == expected
    assert han.hub.app.waiting(gas.eui64) == 1
    gas.power()
    han.run(120)
    assert gas.of(MessageFrom) == [MessageFrom(HUB, b"waits")]
    assert outcomes(han.hub)[-1] == MessageDelivered(for_gas, gas.eui64)


def test_what_a_sleeper_does_not_fetch_in_time_and_what_is_too_much():
    """Event 0x819D."""
    settings = HubSettings(queue_limit=3, queue_age_s=3600)
    han = Han(hub_settings=settings)
    gas = han.join(han.device(DeviceType.GSME, 0xA1))
    gas.cut_power()
    tokens = [han.hub.app.send_message(gas.eui64, b"x") for _ in range(4)]
    han.run(1)
    assert outcomes(han.hub) == [MessageNotDelivered(tokens[3], gas.eui64, NotDelivered.QUEUE_FULL)]
    han.run(3601)
    reasons = [(event.token, event.reason) for event in han.hub.of(MessageNotDelivered)[1:]]
    assert reasons == [(token, NotDelivered.NOT_RETRIEVED) for token in tokens[:3]]
    assert han.hub.app.flags(gas.eui64)[0] == 0


def test_to_whom_nothing_can_be_sent():
    han, gas = world(DeviceType.GSME)
    stranger = han.device(DeviceType.ESME, 0xA0)
    han.allow(stranger)
    token = han.hub.app.send_message(stranger.eui64, b"x")
    alone = stranger.app.send_message(b"x")
    queued = han.hub.app.send_message(gas.eui64, b"x")
    han.hub.app.remove(gas.eui64)
    han.run(1)
    events = outcomes(han.hub)
    assert MessageNotDelivered(token, stranger.eui64, NotDelivered.NOT_ON_NETWORK) in events
    assert MessageNotDelivered(queued, gas.eui64, NotDelivered.REMOVED) in events
    assert outcomes(stranger)[0].token == alone


def test_a_long_poll_meter_stays_awake_while_messages_come():
    settings = DeviceSettings(wake_period_s=1800, awake_period_s=5, awake_s=30)
    han = Han()
    gas = han.join(han.device(DeviceType.GSME, 0xA1, settings=settings))
    han.run(60)
    han.hub.app.send_message(gas.eui64, b"first")
    han.run_until(lambda: gas.of(MessageFrom), 2000)
    han.run(10)
    han.hub.app.send_message(gas.eui64, b"second")
    assert han.run_until(lambda: len(gas.of(MessageFrom)) == 2, 100) < 10
