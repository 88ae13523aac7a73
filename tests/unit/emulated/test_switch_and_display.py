"""HCALCS and IHD by themselves: what they do when they are told, and remember."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.emulated_devices import DeviceBench, SettableClock, describe
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import DeviceType
from protocols.ports import StimulusKind
from protocols.smki import Hierarchy
from protocols.zigbee.smart_energy.information import ATTRIBUTES
from protocols.zigbee.smart_energy.settings import METERING
from rigs.emulated.hcalcs import Hcalcs
from rigs.emulated.ihd import Ihd
from rigs.emulated.information.screen import ELECTRICITY
from rigs.emulated.join_log import JoinLogEntry
from rigs.emulated.storage import Storage

METER = Eui64("00-DB-12-34-56-78-90-A0")


class Alone:
    """A device without a HAN, on a clock that stands."""

    def __init__(self, kind, storage=None):
        self.clock = SettableClock()
        self.sent: list[bytes] = []
        self.storage = storage or Storage(":memory:")
        description = replace(describe("hcalcs", Hierarchy(b"switches")), device_type=kind.__name__.lower())
        self.device = kind(description, self.storage, self.clock, self.sent.append)

    def shows(self):
        return self.device.stimulus(StimulusKind.DISPLAY)[1].splitlines()


@pytest.mark.parametrize(("minutes", "after"), [(0, True), (30, False)])
def test_a_switch_does_what_it_is_told_for_as_long(minutes, after):
    alone = Alone(Hcalcs)
    alone.device.told(closed=True, minutes=minutes)
    assert alone.shows()[1] == "SWITCH CLOSED"
    alone.clock.advance(31 * 60)
    alone.device.run_due()
    assert alone.device.closed is after


def test_a_switch_keeps_its_position_over_a_restart():
    alone = Alone(Hcalcs)
    alone.device.told(closed=True, minutes=0)
    again = Alone(Hcalcs, alone.storage)
    assert again.shows()[1] == "SWITCH CLOSED"


def test_a_switch_asks_each_electricity_meter_it_is_joined_with():
    device, asked = Alone(Hcalcs).device, []
    device.ask = asked.append
    with device.work():
        device.join_log.put(JoinLogEntry(METER, DeviceType.ESME, b""))
    device.ask_meters()
    assert asked == [METER]
    device.power(on=False)
    device.ask_meters()
    assert asked == [METER]


def test_a_display_shows_what_it_heard_at_its_last_look():
    alone = Alone(Ihd)
    device = alone.device
    assert alone.shows() == ["NO METER"]
    looks = []
    device.screen.look = lambda: looks.append(device.meters())
    device.met(METER)
    device.met(METER)
    assert alone.shows() == ["CONNECTED"]
    assert looks == [[METER]]
    device.screen.heard(ELECTRICITY, METERING, ATTRIBUTES, {0x0400: 300})
    assert alone.shows() == ["CONNECTED", "POWER 300 W"]


def test_a_display_has_no_part_in_messages():
    alone, bench = Alone(Ihd), DeviceBench("esme")
    alone.device.handle(bench.command("ECS17b"))
    alone.device.handle(b"nonsense")
    assert alone.sent == []


def test_a_display_that_left_the_han_knows_nobody():
    alone = Alone(Ihd)
    alone.device.joined(METER)
    alone.device.met(METER)
    alone.device.screen.heard(ELECTRICITY, METERING, ATTRIBUTES, {0x0400: 300})
    alone.device.left()
    assert alone.shows() == ["NO METER"]
