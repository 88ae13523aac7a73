"""Events of an emulated hub, and storms of alerts on their way through it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from fixtures.generated_commands import GeneratedBench
from protocols.dlms.axdr import Tag
from protocols.ports import StimulusKind
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.event_rules import Log
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.hub import Box
from rigs.emulated.throttling import LIMIT, Exclusions, Throttle, excluded, read_exclusions
from tests.unit.emulated.event_causes import GSME, ask, codes, turn

# The hub ----------------------------------------------------------------------------------------------------


def test_supply_of_a_hub_is_noted_in_its_event_log_and_a_long_outage_in_its_last_gasp():
    for seconds, told in ((180, False), (181, True)):
        bench = GeneratedBench("chf")
        lines: list[bytes] = []
        bench.device.console = lines.append
        bench.device.power(False)
        bench.device.clock.time += timedelta(seconds=seconds)
        bench.device.power(True)
        assert codes(bench, Log.EVENT) == [Code.SUPPLY_INTERRUPTED]
        assert bench.sent == []
        assert any(b"AD1" in line for line in lines) == told


def test_thresholds_of_the_duty_cycle_are_told_in_order():
    bench = GeneratedBench("chf")
    turn(bench, f"sub-ghz=duty:10000:{GSME}")
    turn(bench, "sub-ghz=duty:0")
    assert codes(bench, Log.EVENT) == [0x8F20, 0x8F22, 0x8F24, 0x8F25, 0x8F23, 0x8F21]
    assert not bench.device.sub_ghz.is_suspended(GSME)


def test_a_channel_change_is_logged_with_the_channel_and_stops_at_the_week_s_limit():
    bench = GeneratedBench("chf")
    for _ in range(5):
        turn(bench, "sub-ghz=noise:30")
    entries = bench.device.events.entries(Log.SUB_GHZ)
    assert [entry.code for entry in entries] == [Code.SUB_GHZ_CHANNEL_CHANGED] * 4
    assert entries[-1].other[:4] == bench.device.sub_ghz.channel
    assert codes(bench, Log.EVENT)[-1] == Code.SUB_GHZ_CHANNEL_KEPT
    bench.device.clock.time += timedelta(days=7)
    turn(bench, "sub-ghz=noise:30")
    assert len(bench.device.events.entries(Log.SUB_GHZ)) == 5


def test_sub_ghz_settings_are_checked_told_and_read_back():
    bench = GeneratedBench("chf")
    settings = bench.device.sub_ghz.configuration.read()
    response = ask(bench, "DBCH03", "access_control_broker")
    assert len(response) == 1
    limited = settings.value[4]
    assert limited.tag == Tag.LONG_UNSIGNED
    wrong = [*settings.value]
    wrong[4], wrong[5] = wrong[5], wrong[4]
    from protocols.dlms.access import AccessResult
    from protocols.dlms.axdr import structure

    with bench.device.work():
        assert bench.device.sub_ghz._configure(structure(*wrong)) == AccessResult.OTHER_REASON
        assert bench.device.sub_ghz._configure(structure(*wrong[:3])) == AccessResult.TYPE_UNMATCHED


# Storms -----------------------------------------------------------------------------------------------------


def test_identical_alerts_beyond_the_limit_are_held_back():
    bench = GeneratedBench("esme")
    for _ in range(LIMIT + 3):
        turn(bench, "fault=other")
    throttle = Throttle(LIMIT, timedelta(hours=1), [])
    told = [throttle.passes(octets, START) for octets in bench.sent]
    assert told == [""] * LIMIT + [None] * 3
    assert throttle.passes(bench.sent[-1], START + timedelta(hours=1)) == "3 alerts 0x81A0 were held back"
    turn(bench, "tamper")
    assert throttle.passes(bench.sent[-1], START) == ""


def test_the_exclusion_list_depends_on_the_date():
    versions = read_exclusions()
    assert 0x8F75 in excluded(versions, START.replace(year=2020))
    assert 0x8F75 not in excluded(versions, START)
    bench = GeneratedBench("esme")
    bench.device.stimulus(StimulusKind.MAGNET_ON)
    storm = [bench.sent[0]] * (LIMIT + 1)
    for codes_, last in (({0x8F75}, ""), (set(), None)):
        throttle = Throttle(LIMIT, timedelta(hours=1), [Exclusions(START, codes_)])
        assert [throttle.passes(octets, START) for octets in storm][-1] == last
    assert Throttle(None, timedelta(0), []).passes(storm[0], START) == ""


@pytest.mark.parametrize(
    ("switch", "sent", "shown"), [("wan", True, False), ("wan-and-han", True, True), ("han", False, True)]
)
def test_a_large_clock_difference_is_told_to_whom_a08_says(switch, sent, shown):
    bench = DeviceBench("esme", changes={"switches": {"A08": switch}})
    bench.device.joined(bytes(8))
    bench.sent.clear()
    turn(bench, "clock-drift=11")
    assert (Code.CLOCK_NOT_ADJUSTED in bench.alert_codes()) == sent
    assert ("HAN 8F0C" in bench.device.stimulus(StimulusKind.DISPLAY)[1]) == shown


class NoHan:
    """A HAN on which nobody is."""

    eui64 = GSME

    def __init__(self) -> None:
        self.sent: list = []

    def log_changed(self, _device_id) -> None:
        """Nobody joins."""

    def send(self, _device_id, octets, outcome) -> None:
        """Nobody is reached."""
        self.sent.append(octets)
        outcome(False)


def hub(**switches: str):
    """A hub without radio, its HAN, and what leaves it by the WAN port."""
    bench = GeneratedBench("chf")
    bench.device.description.switches = switches
    han, left = NoHan(), []
    box = Box(bench.device, None, bench.device.clock, left.append, lambda _taken: han)
    return bench, box, han, left


def test_a_hub_holds_a_storm_back_where_a28_says_so():
    source = GeneratedBench("esme")
    for _ in range(LIMIT + 2):
        turn(source, "fault=other")
    for switches, expected in (({"A28": "on"}, LIMIT), ({}, LIMIT + 2)):
        _bench, box, _han, left = hub(**switches)
        for octets in source.sent:
            box.from_function(octets)
        assert len(left) == expected


def test_messages_for_a_suspended_device_go_nowhere():
    bench, box, han, _left = hub()
    bench.device.handle(bench.command("CCS01", "access_control_broker"))
    (entry,) = bench.device.log.entries.values()
    bench.device.log.entries[GSME] = entry
    octets = bench.command("ECS52", "access_control_broker").replace(bytes(bench.device.eui64), bytes(GSME))
    box.from_wan(octets)
    assert han.sent == [octets]
    turn(bench, f"sub-ghz=duty:1000:{GSME}")
    box.from_wan(octets)
    assert han.sent == [octets]
    assert Code.MESSAGE_DISCARDED in codes(bench, Log.EVENT)


def test_power_log_says_when():
    bench = DeviceBench("esme")
    turn(bench, "voltage=260")
    (entry,) = bench.device.events.entries(Log.POWER)
    assert seconds_since_2000(entry.time) == seconds_since_2000(START)
