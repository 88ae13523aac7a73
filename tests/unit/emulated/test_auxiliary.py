"""Auxiliary controllers: what commands mean, levels over time, calendar, boost, and what a switch is told."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.emulated_devices import DeviceBench
from protocols.dlms.axdr import boolean, long_unsigned, octet_string
from protocols.dlms.date_time import encode_date_time
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.auxiliary import FULL, NUMBERS, Switching, switching
from rigs.emulated.event_rules import Log
from rigs.emulated.objects.definition import Place


@pytest.mark.parametrize(
    ("octets", "meant"),
    [
        # Commands of the reference messages: ECS47 on, off and reset; ECS47a output and input.
        (0x0111, Switching(1, False, 100)),
        (0x0312, Switching(3, False, 0)),
        (0x0520, Switching(5, False, None)),
        (0x1564, Switching(5, False, 100)),
        (0x1100, Switching(1, False, 0)),
        (0x2332, Switching(3, True, 50)),
        (0x0611, None),
        (0x0011, None),
        (0x0113, None),
        (0x1565, None),
        (0x3132, None),
    ],
)
def test_what_commands_mean(octets, meant):
    assert switching(*divmod(octets, 256)) == meant


@pytest.mark.parametrize(
    ("script", "meant"),
    [
        # Scripts of the reference calendars: switches, and levels with the highest bit set.
        (257, Switching(1, False, 100)),
        (514, Switching(2, False, 0)),
        (4480, Switching(1, False, 0)),
        (4580, Switching(1, False, 100)),
        (8626, Switching(1, True, 50)),
        (0x0111, None),
    ],
)
def test_what_scripts_of_a_calendar_mean(script, meant):
    assert switching(*divmod(script, 256), by_calendar=True) == meant


@given(st.integers(0, 0xFFFF), st.booleans())
def test_levels_are_per_cent_of_one_of_five(octets, by_calendar):
    meant = switching(*divmod(octets, 256), by_calendar=by_calendar)
    assert meant is None or (meant.number in NUMBERS and (meant.level is None or 0 <= meant.level <= FULL))


@pytest.fixture
def bench():
    return DeviceBench("esme")


def _put(device, obis, value):
    with device.work():
        device.cosem.put(Place(1, bytes.fromhex(obis), 2), value)


def _command(device, asked):
    with device.work():
        return device.auxiliary.command(asked)


def test_a_switch_is_on_for_so_many_minutes(bench):
    device, clock = bench.device, bench.clock
    _put(device, "00005E2C7601", long_unsigned(30))
    _command(device, Switching(2, False, FULL))
    for seconds, level in ((0, FULL), (1790, FULL), (20, 0)):
        clock.advance(seconds)
        device.run_due()
        assert device.auxiliary.level(2) == level
    assert device.auxiliary.level(1) == 0


def test_a_period_in_the_future_waits_and_one_that_is_over_ends_what_runs(bench):
    device, clock = bench.device, bench.clock
    now = device.device_clock.now()
    for which, hours in (("01", 1), ("02", 3)):
        moment = encode_date_time(now + timedelta(hours=hours))
        _put(device, f"00005E2C77{which}", octet_string(moment))
    _command(device, Switching(3, True, 40))
    for hours, level in ((0, 0), (1.5, 40), (2, 0)):
        clock.advance(hours * 3600)
        device.run_due()
        assert device.auxiliary.level(3, is_input=True) == level
    assert device.auxiliary.level(3) == 0


def test_a_restart_forgets_nothing(bench, tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    _command(bench.device, Switching(4, False, 70))
    bench.restart()
    assert bench.device.auxiliary.level(4) == 70
    value = bench.device.cosem.value(Place(1, bytes.fromhex("00005E2C0022"), 2))
    assert json.loads(value.value) == {"outputState": 70, "inputState": 0}


def test_a_switch_on_the_han_is_told_when_its_level_changes(bench):
    device, told = bench.device, []

    def changed(number, level, minutes):
        told.append((number, level, minutes))
        return True

    device.auxiliary.changed = changed
    _put(device, "00005E2C7501", long_unsigned(15))
    assert _command(device, Switching(1, False, FULL))
    assert not _command(device, Switching(1, True, FULL))
    bench.clock.advance(15 * 60)
    device.run_due()
    assert told == [(1, FULL, 15), (1, 0, 0)]


def test_a_limit_lowers_and_never_raises(bench):
    auxiliary, device = bench.device.auxiliary, bench.device
    later = device.device_clock.now() + timedelta(hours=1)
    _command(device, Switching(5, False, 60))
    with device.work():
        auxiliary.limit(0x15, 80, later)
        assert auxiliary.level(5) == 60
        auxiliary.limit(0x15, 20, later)
        assert auxiliary.level(5) == 20
        auxiliary.limit(0x15, 20, None)
        assert auxiliary.level(5) == 60


def test_boost_is_for_those_that_have_it_and_is_logged_once_over(bench):
    device = bench.device
    _put(device, "00005E2C0602", boolean(True))
    assert device.stimulus(StimulusKind.BUTTON, "boost=30") == (StimulusOutcome.DONE, "controllers 2")
    assert [device.auxiliary.level(number) for number in NUMBERS] == [0, FULL, 0, 0, 0]
    log = Place(7, bytes.fromhex("0000636214FF"), 2)
    assert device.cosem.value(log).value.items == []
    bench.clock.advance(30 * 60)
    device.run_due()
    assert [device.auxiliary.level(number) for number in NUMBERS] == [0] * 5
    (entry,) = device.cosem.value(log).value.items
    start, end = (each.value for each in entry.value)
    assert end - start == 1800
    assert device.stimulus(StimulusKind.BUTTON, "boost=soon")[0] is StimulusOutcome.REFUSED


def test_stuck_controllers_do_not_move(bench):
    device = bench.device
    device.stimulus(StimulusKind.BUTTON, "controller=2:stuck")
    values = {"AuxiliaryController[n]: controllerNumberAndCommandedState": 0x0211}
    bench.request("ECS47", "supplier", **values)
    assert device.auxiliary.level(2) == 0
    assert [entry.code for entry in device.events.entries(Log.AUXILIARY)] == [0x0211]
