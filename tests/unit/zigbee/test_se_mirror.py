"""The gas meter's mirror: who gets one, what it holds, which flags are acted on."""

from __future__ import annotations

import pytest

from protocols.zigbee.smart_energy.events import (
    FlagsRaised,
    MirrorCreated,
    MirrorPublished,
    MirrorReported,
    MirrorUpdated,
    PartnerReady,
    Ready,
)
from protocols.zigbee.smart_energy.mirror import Flag
from protocols.zigbee.smart_energy.settings import DeviceType, HubSettings
from protocols.zigbee.smart_energy.zcl_exchange import Address, Outcome, Reply
from tests.smart_energy_han import HUB, Han

METERING = 0x0702
CONSUMPTION, UNIT, MPRN = (METERING, 0x0000), (METERING, 0x0300), (METERING, 0x0307)


def gas_world(**options):
    values = {CONSUMPTION: 123456, UNIT: 1, MPRN: b"1234567890"}
    han = Han(**options)
    gas = han.join(han.device(DeviceType.GSME, 0xA1, attributes=lambda *which: values.get(which)))
    return han, gas, values


def ask(han, member, address, name, values, expects=(), cluster=METERING):
    replies: list[Reply] = []
    general = name in {"Read Attributes", "Report Attributes"}
    member.app.zcl.request(
        address, cluster, name, values, replies.append, expects=expects, from_server=True, general=general
    )
    han.run(10)
    return replies[0]


def test_a_meter_reports_only_after_it_is_paired_with_the_proxy():
    """Register GBCS-GSMEJ-01."""
    han, gas, values = gas_world()
    han.run(3600)
    assert han.hub.of(MirrorCreated) == [MirrorCreated(gas.eui64, 3)]
    assert not han.hub.of(MirrorUpdated)
    gas.app.add_partner(HUB)
    han.run(10)
    assert gas.of(PartnerReady) == [PartnerReady(HUB)]
    assert han.hub.app.mirror(gas.eui64) == values
    values[CONSUMPTION] = 123999
    han.run(1830)
    assert han.hub.app.mirror(gas.eui64)[CONSUMPTION] == 123999
    gas.app.remove_partner(HUB)
    values[CONSUMPTION] = 200000
    han.run(3600)
    assert han.hub.app.mirror(gas.eui64)[CONSUMPTION] == 123999


def test_others_read_the_mirror_at_the_hub():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    display = han.join(han.device(DeviceType.PPMID, 0xA4))
    replies: list[Reply] = []
    display.app.zcl.read(Address(HUB, 3, 1), METERING, [0x0000, 0x0001], replies.append)
    han.run(10)
    assert replies[0].attributes() == {0x0000: 123456}
    han.hub.app.permit_readers(lambda eui64: eui64 != display.eui64)
    display.app.zcl.read(Address(HUB, 3, 1), METERING, [0x0000], replies.append)
    han.run(10)
    assert replies[1].status == 0x7E


def test_only_gas_meters_get_mirrors_and_only_so_many():
    han, gas, _ = gas_world(hub_settings=HubSettings(mirrors=2))
    meter = han.join(han.device(DeviceType.ESME, 0xA0))
    where = Address(HUB, 2, 1)
    expected = ("Request Mirror Response",)
    assert ask(han, meter, where, "Request Mirror", {}, expected).values == {"Endpoint ID": 0xFFFF}
    assert ask(han, gas, where, "Request Mirror", {}, expected).values == {"Endpoint ID": 3}
    second = han.join(han.device(DeviceType.GSME, 0xB1))
    third = han.join(han.device(DeviceType.GSME, 0xB2))
    assert [event.endpoint for event in han.hub.of(MirrorCreated)] == [3, 4]
    assert second.of(Ready)
    assert not third.of(Ready)
    # One goes: its endpoint serves the next.
    han.hub.app.remove(gas.eui64)
    han.run(400)
    assert third.of(Ready)
    assert [event.endpoint for event in han.hub.of(MirrorCreated)] == [3, 4, 3]


def test_nobody_reports_into_or_configures_the_mirror_of_another():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    han.run(10)
    second = han.join(han.device(DeviceType.GSME, 0xB1))
    wrong = {"Records": [{"Attribute": 0, "Data Type": 0x25, "Value": 1}]}
    reply = ask(han, second, Address(HUB, 3, 1), "Report Attributes", wrong, ("Default Response",))
    assert (reply.outcome, reply.status) == (Outcome.ANSWERED, 0x7E)
    assert han.hub.app.mirror(gas.eui64)[CONSUMPTION] == 123456
    configure = {"Issuer Event ID": 0, "Reporting Interval": 1, "Mirror Notification Reporting": True}
    reply = ask(han, second, Address(HUB, 3, 1), "Configure Mirror", configure | {"Notification Scheme": 2})
    assert reply.status == 0x7E
    reply = ask(han, gas, Address(HUB, 3, 1), "Configure Mirror", configure | {"Notification Scheme": 7})
    assert reply.status == 0x87


@pytest.mark.parametrize("bit", range(32))
def test_each_functional_flag(bit):
    """Register GBCS-FLAG-01 and -02: those the meter acts on are told, the others are not."""
    acted_on = {0, 1, 4, 5, *range(6, 16), 21, 22, 23}
    han, gas, _ = gas_world()
    han.run(60)
    gas.events.clear()
    han.hub.app.set_flags(gas.eui64, 0, 1 << bit)
    gas.app.wake()
    han.run(3)
    expected = [FlagsRaised(0, 1 << bit)] if bit in acted_on else []
    assert gas.of(FlagsRaised)[:1] == expected


@pytest.mark.parametrize("attribute", [1, 2, 3, 4])
def test_the_other_flag_attributes(attribute):
    han, gas, _ = gas_world()
    han.run(60)
    gas.events.clear()
    han.hub.app.set_flags(gas.eui64, attribute, 0xFFFF_FFFF)
    gas.app.wake()
    han.run(3)
    expected = [FlagsRaised(3, 1 << 6 | 1 << 7 | 1 << 9)] if attribute == 3 else []
    assert gas.of(FlagsRaised)[:1] == expected


def test_what_was_pushed_is_asked_for_no_more_and_stay_awake_keeps_it_awake():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    han.run(60)
    push = Flag.PUSH_BASIC | Flag.PUSH_METERING
    han.hub.app.set_flags(gas.eui64, 0, push | Flag.STAY_AWAKE_WAN)
    han.hub.events.clear()
    gas.app.wake()
    han.run(100)
    assert han.hub.app.flags(gas.eui64)[0] == Flag.STAY_AWAKE_WAN
    assert len(han.hub.of(MirrorUpdated)) >= 15
    han.hub.app.clear_flags(gas.eui64, 0, Flag.STAY_AWAKE_WAN)
    han.run(1000)
    han.hub.events.clear()
    han.run(1000)
    assert len(han.hub.of(MirrorUpdated)) <= 1


def test_a_hub_that_forgot_the_mirror_is_asked_again():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    han.run(60)
    han.hub.app._mirrors.remove(gas.eui64)
    gas.app.wake()
    han.run(60)
    assert len(han.hub.of(MirrorCreated)) == 2
    assert han.hub.app.mirror(gas.eui64)[CONSUMPTION] == 123456


# Sample set 0 from 256 s on, every half hour, one sample of 7.
SAMPLES = bytes.fromhex("0000 00010000 00 0807 0100 070000")


def _command(number, payload, *, from_server):
    return METERING, bytes((0x09 if from_server else 0x01, 0, number)) + payload


def test_logs_are_published_to_the_mirror_and_answer_its_flag():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    han.run(60)
    assert gas.of(MirrorReported)
    han.hub.app.set_flags(gas.eui64, 0, Flag.GET_SAMPLED_DATA | Flag.GET_SNAPSHOT)
    arrived = []
    gas.app.publish([_command(0x07, SAMPLES, from_server=True)] * 2, arrived.append)
    han.run(10)
    assert arrived == [True]
    assert han.hub.of(MirrorPublished) == [MirrorPublished(gas.eui64, METERING, 0x07, SAMPLES)] * 2
    assert han.hub.app.flags(gas.eui64)[0] == Flag.GET_SNAPSHOT


def test_nobody_publishes_to_the_mirror_of_another():
    han, gas, _ = gas_world(hub_settings=HubSettings(mirrors=2))
    second = han.join(han.device(DeviceType.GSME, 0xB1, attributes=lambda *_: None))
    for each in (gas, second):
        each.app.add_partner(HUB)
    han.run(60)
    second.app._gas.mirror.endpoint = 3
    arrived = []
    second.app.publish([_command(0x07, SAMPLES, from_server=True)], arrived.append)
    han.run(30)
    assert arrived == [False]
    assert not han.hub.of(MirrorPublished)


def test_unchanged_attributes_are_reported_again_after_half_an_hour():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    han.run(60)
    han.hub.events.clear()
    gas.app.wake()
    han.run(20)
    (update,) = han.hub.of(MirrorUpdated)
    assert set(update.attributes) == {CONSUMPTION}
    han.run(1800)
    assert set(han.hub.of(MirrorUpdated)[-1].attributes) == {CONSUMPTION, UNIT, MPRN}


def test_readers_ask_the_mirror_for_history():
    han, gas, _ = gas_world()
    gas.app.add_partner(HUB)
    display = han.join(han.device(DeviceType.PPMID, 0xA4))
    asked = {"Sample ID": 0, "Earliest Sample Time": 0, "Sample Type": 0, "Number of Samples": 1}
    replies: list[Reply] = []

    def get():
        display.app.zcl.request(
            Address(HUB, 3, 1), METERING, "Get Sampled Data", asked, replies.append,
            expects=("Get Sampled Data Response",),
        )  # fmt: skip
        han.run(10)
        return replies[-1]

    assert get().status == 0x81
    han.hub.app.answer_history(
        lambda _cluster, command, _payload: (0x07, SAMPLES) if command == 0x08 else 0x8B
    )
    assert get().values["Samples"] == [7]
    han.hub.app.answer_history(lambda *_: 0x8B)
    assert get().status == 0x8B
    han.hub.app.permit_readers(lambda _: False)
    assert get().status == 0x7E
