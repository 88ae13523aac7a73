"""The engine: no number depends on how often one looks, and neither clock nor outage makes or loses energy."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.metering.amounts import Amounts, LoadSettings
from rigs.emulated.metering.engine import MeterPart
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, constant, date, time

_HOUSEHOLD = LoadSettings("household", seed=7, solar_w=3000, annual_kwh=4000)
_TARIFF = {1: [(time(0), 1), (time(6, 30), 2), (time(16), 101), (time(20, 15), 3)]}


def metered(bench: MeterBench) -> dict:
    """Everything that metering keeps, but for how far it has come; numbers never written are zero."""
    return {
        place: octets
        for place, octets in bench.storage.dump().items()
        if (place[0] == "metering" or place[0].startswith("log ")) and place[1] != "settled" and any(octets)
    }


def house(load: LoadSettings = _HOUSEHOLD, **more) -> MeterBench:
    bench = MeterBench(load, **more)
    bench.switching(_TARIFF)
    bench.thresholds(1, [300, 700])
    bench.billing((time(9), date()), (time(0), date(weekday=2)))
    bench.put(22, "00000F0100FF", 4, bench.value(22, "00000F0100FF", 4))  # blocks begin anew daily
    return bench


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3 * 86_400 * 10 - 1), max_size=25, unique=True))
def test_looking_oftener_changes_no_number(tenths):
    once, often = house(), house()
    end = MONDAY + timedelta(days=3)
    for moment in sorted(tenths):
        often.until(MONDAY + timedelta(seconds=moment / 10))
    for bench in (once, often):
        bench.until(end)
    assert metered(once) == metered(often)
    assert once.device.import_wh > 0


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["wait", "outage", "clock"]), st.integers(1, 40_000)),
        max_size=12,
    )
)
def test_registers_show_what_the_load_drew_while_there_was_supply(events):
    bench = MeterBench(_HOUSEHOLD)
    drawn = 0
    load = bench.electricity.metering.load
    for what, seconds in events:
        start = bench.clock.time
        end = start + timedelta(seconds=seconds)
        if what == "outage":
            bench.device.stimulus(StimulusKind.SUPPLY_LOST)
            bench.until(end)
            bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
            continue
        if what == "clock":
            with bench.device.work():
                bench.device.device_clock.drift(timedelta(seconds=seconds - 20_000))
        bench.until(end)
        drawn += load.between(start, end).import_wh
    assert bench.device.import_wh == drawn


def test_a_meter_without_load_counts_nothing_and_wakes_for_nothing():
    bench = MeterBench(LoadSettings())
    assert bench.device.next_due() is None
    bench.until(MONDAY + timedelta(days=40))
    assert bench.electricity.registers.read_all() == [0] * 5


def test_a_kilowatt_for_an_hour():
    bench = MeterBench(constant(1000, export_wh=250, import_varh=60, export_varh=30, secondary_wh=10))
    bench.until(MONDAY + timedelta(hours=1))
    assert bench.electricity.registers.read_all() == [1000, 250, 60, 30, 10]


def test_remainders_are_carried():
    bench = MeterBench(constant(1))
    for minute in range(1, 60 * 24 + 1):
        bench.until(MONDAY + timedelta(minutes=minute))
    assert bench.device.import_wh == 24


def test_registers_begin_again_after_32_bits():
    bench = MeterBench(LoadSettings())
    with bench.device.work():
        bench.electricity.metering.let_through(Amounts(import_wh=2**32 + 5))
    assert bench.device.import_wh == 5


def test_what_a_process_has_settled_the_next_one_goes_on_from(tmp_path):
    bench = MeterBench(constant(600), path=str(tmp_path / "esme.db"))
    bench.until(MONDAY + timedelta(minutes=10))
    bench.restart()
    bench.until(MONDAY + timedelta(minutes=20))
    assert bench.device.import_wh == 200
    bench.storage.close()


class _Switch(MeterPart):
    wakes = True

    def __init__(self, at, metering):
        self.at, self.metering, self.reached_at, self.seen = at, metering, [], []

    def next_boundary(self, after):
        return self.at if after < self.at else None

    def consumed(self, interval):
        self.seen.append((interval.start, interval.end, interval.import_wh))

    def reached(self, at):
        self.reached_at.append(at)
        self.metering.connected = lambda: False


def test_a_part_wakes_the_device_and_may_cut_supply():
    bench = MeterBench(constant(1200))
    noon = MONDAY + timedelta(hours=12)
    part = _Switch(noon, bench.electricity.metering)
    bench.electricity.metering.parts.append(part)
    assert bench.device.next_due() == noon
    bench.until(MONDAY + timedelta(days=1))
    assert part.reached_at == [noon]
    assert bench.device.import_wh == 12 * 1200
    assert all(not (start < noon < end) for start, end, _wh in part.seen)


def test_a_boundary_is_by_the_devices_clock():
    bench = MeterBench(constant(1200))
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(hours=-1))
    part = _Switch(MONDAY + timedelta(hours=12), bench.electricity.metering)
    bench.electricity.metering.parts.append(part)
    assert bench.device.next_due() == MONDAY, "parts have to hear of the clock first"
    bench.device.run_due()
    assert bench.device.next_due() == MONDAY + timedelta(hours=13)
    bench.until(MONDAY + timedelta(hours=13))
    assert part.reached_at == [MONDAY + timedelta(hours=12)]


def test_work_that_is_undone_undoes_its_settling():
    bench = MeterBench(constant(1200))
    bench.clock.advance(3600)
    with pytest.raises(ZeroDivisionError), bench.device.work():
        raise ZeroDivisionError
    assert bench.device.import_wh == 0
    bench.look()
    assert bench.device.import_wh == 1200


def test_knobs():
    bench = MeterBench(LoadSettings())
    press = bench.device.stimulus
    assert press(StimulusKind.BUTTON, "consume=250")[1] == "250 Wh"
    assert press(StimulusKind.BUTTON, "load=2000")[1] == "2000 W"
    bench.until(MONDAY + timedelta(minutes=30))
    assert bench.device.import_wh == 1250
    press(StimulusKind.BUTTON, "load=-500")
    bench.until(MONDAY + timedelta(minutes=90))
    assert bench.electricity.registers.read_all()[:2] == [1250, 500]
    assert bench.value(1, "00005E2C2214").value[0].value == 0
    assert press(StimulusKind.BUTTON, "second-load=5")[0] == StimulusOutcome.REFUSED


def test_knobs_of_two_elements():
    bench = MeterBench(constant(100, secondary_wh=10), variant="twin-element")
    press = bench.device.stimulus
    press(StimulusKind.BUTTON, "second-load=500")
    bench.until(MONDAY + timedelta(hours=1))
    assert bench.electricity.registers.read_all() == [100, 0, 0, 0, 500]
    assert [each.value for each in bench.value(1, "00005E2C2214").value[::2]] == [600, 100]
    press(StimulusKind.BUTTON, "own-load")
    bench.until(MONDAY + timedelta(hours=2))
    assert bench.electricity.registers.read_all() == [200, 0, 0, 0, 510]
