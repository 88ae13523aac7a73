"""Loads: exact, the same for the same seed, and no matter into how many pieces time is cut."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.emulated.metering.amounts import NOTHING, Amounts, LoadSettings
from rigs.emulated.metering.load import make_load
from tests.unit.emulated.metering.meter import MONDAY, constant

_HALF_HOUR = timedelta(minutes=30)
_LOADS = {
    "none": LoadSettings(),
    "constant": constant(1234, export_wh=77, gas=321),
    "recorded": LoadSettings(
        "recorded", recording=[Amounts(100), Amounts(0, 50), Amounts(7, 0, 3, gas=11)], start=MONDAY
    ),
    "household": LoadSettings("household", seed=9, solar_w=2500, secondary_kwh=800),
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(_LOADS)), st.lists(st.integers(0, 10**12), min_size=2, max_size=12))
def test_pieces_add_up(kind, cuts):
    load = make_load(_LOADS[kind])
    moments = [MONDAY + timedelta(microseconds=cut) for cut in sorted(cuts)]
    pieces = [load.between(start, end) for start, end in pairwise(moments)]
    total = Amounts(*map(sum, zip(*pieces, strict=True)))
    assert total == load.between(moments[0], moments[-1])
    assert all(amount >= 0 for amount in total)


def test_a_recording_is_its_half_hours_over_and_over():
    load = make_load(_LOADS["recorded"])
    drawn = [
        load.between(MONDAY + number * _HALF_HOUR, MONDAY + (number + 1) * _HALF_HOUR) for number in range(5)
    ]
    assert drawn == [Amounts(100), Amounts(0, 50), Amounts(7, 0, 3, gas=11), Amounts(100), Amounts(0, 50)]
    assert load.rate(MONDAY) == Amounts(200)
    assert load.next_change(MONDAY) == MONDAY + _HALF_HOUR


def test_none_and_constant_never_change():
    for kind in ("none", "constant"):
        assert make_load(_LOADS[kind]).next_change(MONDAY) is None
    assert make_load(_LOADS["none"]).rate(MONDAY) == NOTHING
    assert make_load(_LOADS["constant"]).rate(MONDAY).import_wh == 1234


def test_a_household_is_the_same_each_time_and_another_with_another_seed():
    month = MONDAY, MONDAY + timedelta(days=30)
    first, again = (make_load(LoadSettings("household", seed=4)).between(*month) for _ in range(2))
    other = make_load(LoadSettings("household", seed=5)).between(*month)
    assert first == again != other


@pytest.mark.parametrize("annual", [1800, 3100, 6000])
def test_a_household_takes_about_what_it_is_told_to(annual):
    about = LoadSettings("household", seed=2, annual_kwh=annual, secondary_kwh=500, annual_gas_m3=900)
    year = make_load(about).between(MONDAY, MONDAY + timedelta(days=365))
    assert year.import_wh / 1000 == pytest.approx(annual - 500, rel=0.05)
    assert year.secondary_wh / 1000 == pytest.approx(500, rel=0.05)
    assert year.gas / 1000 == pytest.approx(900, rel=0.05)
    assert year.export_wh == 0


def test_the_sun_sells_by_day():
    load = make_load(LoadSettings("household", seed=2, solar_w=4000))
    noon, night = MONDAY + timedelta(days=100, hours=12), MONDAY + timedelta(days=100, hours=1)
    assert load.rate(noon).export_wh > 0
    assert load.rate(night).export_wh == 0
