"""Voltage quality of an emulated ESME: averages, extremes, phases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from fixtures.generated_commands import GeneratedBench
from protocols.dlms.axdr import double_long_unsigned
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.event_rules import Log
from tests.unit.emulated.event_causes import ask, knob, turn

# Voltage ----------------------------------------------------------------------------------------------------


def test_averages_are_of_whole_periods():
    bench = DeviceBench("esme")
    turn(bench, "rms=230")
    bench.clock.advance(900)
    turn(bench, "rms=280")  # a swell besides
    bench.clock.advance(900)
    bench.device.run_due()
    # Half of the period each: 255 V, above the 253 V of a new meter.
    entry = next(e for e in bench.device.events.entries(Log.POWER) if e.code == Code.AVERAGE_OVER_VOLTAGE)
    assert int.from_bytes(entry.other, "big") == 255
    assert entry.time == START + timedelta(minutes=30)


def test_an_extreme_counts_when_it_lasts_longer_than_its_period():
    for seconds, expected in ((30, []), (31, [Code.EXTREME_OVER_VOLTAGE])):
        bench = DeviceBench("esme")
        turn(bench, "rms=277")
        bench.clock.advance(seconds)
        bench.device.run_due()
        turn(bench, "rms=230")
        found = [code for code in bench.logged("power") if code == Code.EXTREME_OVER_VOLTAGE]
        assert found == expected, seconds


def test_the_device_wakes_for_an_event_that_is_on_its_way_and_for_nothing_else():
    bench = DeviceBench("esme")
    assert bench.device.next_due() is None
    turn(bench, "rms=277")
    due = bench.device.next_due()
    assert due is not None
    for _ in range(20):
        due = bench.device.next_due()
        if due is None:
            break
        bench.clock.time = due
        bench.device.run_due()
    assert bench.device.next_due() is None
    found = [Code.VOLTAGE_SWELL, Code.EXTREME_OVER_VOLTAGE, Code.AVERAGE_OVER_VOLTAGE]
    assert bench.logged("power") == found


def test_voltage_counters_and_log_do_not_depend_on_how_often_somebody_looks():
    found = []
    for step in (60, 1800, 36_000):
        bench = DeviceBench("esme")
        turn(bench, "rms=260")
        for _ in range(36_000 // step):
            bench.clock.advance(step)
            with bench.device.work():
                pass
        place = bench.device.voltage.objects
        found.append((bench.device.storage.items("voltage.1"), place._counter(1, over=True)))
        assert len(found[-1][0]) == 20
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(("before", "after"), [(1800, 600), (600, 1800)])
def test_another_period_begins_at_its_own_boundary(before, after):
    bench = DeviceBench("esme")
    (_over, _under, period) = bench.device.voltage.objects._thresholds[1]
    for seconds in (before, after):
        with bench.device.work():
            period.put(double_long_unsigned(seconds))
            bench.device.voltage.look()
        bench.clock.advance(950)
    bench.clock.advance(3 * after)
    with bench.device.work():
        pass
    (*_older, (end, octets)) = bench.device.storage.items("voltage.1")
    assert int(end) % after == 0
    assert int.from_bytes(octets, "big") == 230


def test_counters_are_reset_by_command_and_thresholds_set():
    bench = GeneratedBench("esme")
    turn(bench, "voltage=260")
    assert bench.device.voltage.objects._counted(1, over=True) == 1
    ask(bench, "ECS29e", "network_operator")
    assert bench.device.voltage.objects._counted(1, over=True) == 0


def test_a_threshold_counts_from_the_moment_at_which_it_is_set():
    bench = DeviceBench("esme")
    turn(bench, "rms=250")
    assert bench.device.next_due() is None
    threshold, _period = bench.device.voltage.objects._limits[1]
    with bench.device.work():
        threshold.put(double_long_unsigned(240))
    # In the same second as the look before it: the extreme is on its way, and lasts its 30 s from here on.
    assert bench.device.next_due() == START + timedelta(seconds=31)
    bench.clock.advance(31)
    bench.device.run_due()
    assert bench.logged("power") == [Code.EXTREME_OVER_VOLTAGE]


def test_phases_have_codes_of_their_own():
    bench = knob("voltage=260@2", variant="polyphase").raise_it()
    assert bench.logged("power") == [Code.AVERAGE_OVER_VOLTAGE_L2]
    outcome, answer = bench.device.stimulus(StimulusKind.BUTTON, "rms=260@4")
    assert outcome is StimulusOutcome.REFUSED, answer
