from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.emulated_devices import DeviceBench
from protocols.dlms.axdr import boolean, double_long_unsigned
from protocols.ports import StimulusKind
from rigs.emulated.objects.definition import Place
from rigs.emulated.supply import SupplyState

_LIMITER, _STATE = bytes.fromhex("0000110000FF"), bytes.fromhex("00005E2C0003")
_COUNTER = Place(3, bytes.fromhex("00005E2C2AFF"), 2)
PERIOD_S, RESTORATION_S = 60, 300


def limited(*, cuts: bool) -> DeviceBench:
    bench = DeviceBench("esme")
    with bench.device.work():
        put = bench.device.cosem.put
        put(Place(0x2328, _STATE, 2), boolean(cuts))
        for number, value in ((4, 3000), (6, PERIOD_S), (7, RESTORATION_S)):
            put(Place(71, _LIMITER, number), double_long_unsigned(value))
    return bench


def load(bench: DeviceBench, watts: int) -> None:
    bench.device.stimulus(StimulusKind.BUTTON, f"load={watts}")


def go_on(bench: DeviceBench, seconds: float) -> None:
    """Let time pass as the scheduler does: the device is woken when it says so."""
    end = bench.clock.now().timestamp() + seconds
    while True:
        due = bench.device.next_due()
        now = bench.clock.now().timestamp()
        if due is None or due.timestamp() > end:
            bench.clock.advance(end - now)
            return
        bench.clock.advance(due.timestamp() - now)
        bench.device.run_due()


def count(bench: DeviceBench) -> int:
    return bench.device.cosem.value(_COUNTER).value


@pytest.mark.parametrize(("seconds", "events"), [(PERIOD_S, 0), (PERIOD_S + 1, 1), (10 * PERIOD_S, 1)])
def test_an_event_is_longer_than_the_period(seconds, events):
    bench = limited(cuts=False)
    load(bench, 3001)
    go_on(bench, seconds)
    assert count(bench) == events
    assert bench.device.supply.connected()


def test_power_at_the_threshold_is_no_event():
    bench = limited(cuts=True)
    load(bench, 3000)
    go_on(bench, 3600)
    assert count(bench) == 0


def test_cut_armed_restored_and_again():
    bench = limited(cuts=True)
    load(bench, 5000)
    go_on(bench, PERIOD_S + 1)
    assert bench.device.supply.state is SupplyState.ARMED
    go_on(bench, RESTORATION_S)
    assert bench.device.supply.connected()
    assert [code for code in bench.alert_codes() if code >> 8 == 0x8F] == [0x8F01, 0x8F33, 0x8F34]
    assert 0x8F34 in bench.alert_codes("network_operator")
    go_on(bench, PERIOD_S + 1)
    assert count(bench) == 2


def test_a_clock_that_is_set_moves_nothing_else():
    bench = limited(cuts=True)
    load(bench, 5000)
    go_on(bench, PERIOD_S + 1)
    bench.device.stimulus(StimulusKind.BUTTON, "clock-drift=-7200")
    go_on(bench, RESTORATION_S - 2)
    assert bench.device.supply.state is SupplyState.ARMED
    go_on(bench, 3)
    assert bench.device.supply.connected()


def test_an_outage_ends_what_was_over():
    bench = limited(cuts=True)
    load(bench, 5000)
    go_on(bench, PERIOD_S - 5)
    bench.device.power(False)
    bench.clock.advance(30)
    bench.device.power(True)
    go_on(bench, PERIOD_S - 5)
    assert count(bench) == 0


def test_a_threshold_that_changes_counts_from_then():
    bench = limited(cuts=False)
    load(bench, 2500)
    go_on(bench, 3600)
    with bench.device.work():
        bench.device.cosem.put(Place(71, _LIMITER, 4), double_long_unsigned(2000))
    go_on(bench, PERIOD_S - 1)
    assert count(bench) == 0
    go_on(bench, 2)
    assert count(bench) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from([0, 2999, 3001, 9000]), st.integers(1, 400)), min_size=1, max_size=8)
)
def test_events_do_not_depend_on_who_looks(steps):
    woken, lazy = limited(cuts=True), limited(cuts=True)
    for watts, seconds in steps:
        load(woken, watts)
        go_on(woken, seconds)
        load(lazy, watts)
        lazy.clock.advance(seconds)
    woken.device.say("look")
    lazy.device.say("look")
    assert count(woken) == count(lazy)
    assert woken.device.supply.state == lazy.device.supply.state
    assert woken.device.import_wh == lazy.device.import_wh
