"""Registers and tariffs of a gas meter, through commands as a supplier sends them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures import gas_tariffs as tariffs
from fixtures.gas_bench import GasBench, gas_load

# Benches start at 2026-03-01 12:00 UTC, a Sunday.


def test_time_of_use_registers_follow_the_calendar():
    bench = GasBench(changes=gas_load(60))
    parts = [
        *tariffs.every_day([(0, 1), (13 * 60, 2), (14 * 60, 3)]),
        tariffs.tariff(blocks=False, tiers=4),
        tariffs.prices(1000, 2000, 3000, 4000, blocks=False),
    ]
    assert all(each == {"status": 0} for each in bench.ask("GCS01a", *parts))
    bench.go_to("2026-03-01T14:30:00")
    assert bench.tiers() == [60, 60, 30, 0]
    assert bench.device.consumption == 150


def test_seasons_weekdays_and_special_days():
    bench = GasBench(changes=gas_load(10))
    parts = tariffs.calendar(
        {1: [(0, 1)], 2: [(0, 2)], 3: [(0, 3)], 4: [(0, 4)]},
        {1: [1] * 6 + [2], 2: [3] * 7},
        [("*-10-01", 1), ("*-03-03", 2)],
        [("2026-03-04", 4)],
    )
    bench.ask(
        "GCS01a", *parts, tariffs.tariff(blocks=False, tiers=4), tariffs.prices(1, 2, 3, 4, blocks=False)
    )
    # Sunday 12:00 to midnight: day 2. Monday: day 1. From Tuesday the 3rd week 2: day 3, but on the 4th day 4.
    bench.go_to("2026-03-05T00:00:00")
    assert bench.tiers() == [240, 120, 240, 240]


def test_block_counters_fill_one_after_the_other():
    bench = GasBench()
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 0)]),
        tariffs.tariff(blocks=True, thresholds=3, unit=1),
        tariffs.block_thresholds(1000, 3000, 6000),
        tariffs.prices(1, 2, 3, 4, blocks=True),
    )
    bench.consume(999)
    bench.consume(4000)
    assert bench.blocks() == [1000, 2000, 1999, 0]
    bench.consume(5000)
    assert bench.blocks() == [1000, 2000, 3000, 3999]


def test_thresholds_in_kwh_go_by_calorific_value_and_correction_factor():
    bench = GasBench()
    bench.ask("GCS23", *tariffs.conversion(102_264, 395))
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 0)]),
        tariffs.tariff(blocks=True, thresholds=3),
        tariffs.block_thresholds(100_000, 200_000, 300_000),
        tariffs.prices(1, 2, 3, 4, blocks=True),
    )
    bench.consume(9000)
    kwh_a_litre = Fraction(102_264, 100_000) * Fraction(395, 10) / Fraction(36, 10) / 1000
    first = -(-100 // kwh_a_litre)  # the first litre after 100 kWh is the next block's
    assert bench.blocks() == [first, 9000 - first, 0, 0]


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.integers(0, 3000), max_size=12))
def test_blocks_do_not_depend_on_how_gas_comes(steps):
    benches = [GasBench(), GasBench()]
    for bench in benches:
        bench.ask(
            "GCS01a",
            *tariffs.every_day([(0, 0)]),
            tariffs.tariff(blocks=True, thresholds=3),
            tariffs.block_thresholds(10_000, 20_000, 30_000),
            tariffs.prices(11, 13, 17, 19, blocks=True),
        )
    for step in steps:
        benches[0].consume(step)
    benches[1].consume(sum(steps))
    one, other = (bench.device.gas.registers.volumes for bench in benches)
    assert (one.blocks, one.cost_rest) == (other.blocks, other.cost_rest)
    assert sum(one.blocks) == sum(steps)


def test_cost_is_exact():
    bench = GasBench()
    bench.ask("GCS23", *tariffs.conversion(100_000, 360))  # ten kWh in a cubic metre
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 1)]),
        tariffs.tariff(blocks=False, tiers=1),
        tariffs.prices(4321, blocks=False),
    )
    bench.consume(1234)
    assert bench.device.gas.registers.cost == 12_340 * 4321


def test_dated_tariff_counts_from_its_date():
    bench = GasBench(changes=gas_load(60))
    at = "2026-03-01T15:00:00Z"
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 2)], at=at),
        tariffs.tariff(blocks=False, tiers=4, at=at),
        tariffs.prices(1, 2, 3, 4, blocks=False, at=at),
    )
    bench.go_to("2026-03-01T16:00:00")
    assert bench.tiers() == [0, 60, 0, 0]


def test_waiting_calendar_of_the_same_identifier_leaves_the_one_in_force_alone():
    bench = GasBench(changes=gas_load(60))
    rest = (tariffs.tariff(blocks=False, tiers=4), tariffs.prices(1, 2, 3, 4, blocks=False))
    bench.ask("GCS01a", *tariffs.every_day([(0, 1)]), *rest)
    at = "2026-03-01T14:00:00Z"
    later = (
        tariffs.tariff(blocks=False, tiers=4, at=at),
        tariffs.prices(1, 2, 3, 4, blocks=False, at=at),
    )
    bench.ask("GCS01a", *tariffs.every_day([(0, 3)], at=at), *later)
    bench.go_to("2026-03-01T15:00:00")
    assert bench.tiers() == [120, 0, 60, 0]


@pytest.mark.parametrize(
    ("use_case", "parts"),
    [
        ("GCS01b", [tariffs.tariff(blocks=False, tiers=4), tariffs.prices(1, 2, 3, 4, 5, blocks=False)]),
        ("GCS01b", [tariffs.tariff(blocks=True, thresholds=3), tariffs.prices(1, 2, 3, 4, 5, blocks=True)]),
    ],
)
def test_more_prices_than_a_gas_meter_has_are_refused(use_case, parts):
    bench = GasBench()
    said = bench.ask(use_case, *parts)
    assert said == [{"status": 0}, {"status": 0x87}]


def test_calendars_in_force_are_read_back():
    bench = GasBench()
    bench.ask(
        "GCS01a",
        *tariffs.calendar(
            {1: [(0, 1)], 2: [(0, 2)]}, {1: [1] * 5 + [2] * 2}, [("*-01-01", 1)], [("*-12-25", 2)]
        ),
        tariffs.tariff(blocks=False, tiers=4),
        tariffs.prices(11, 22, 33, 44, blocks=False),
    )
    ids = {"Issuer Calendar ID": 0xFFFFFFFF}
    said = bench.ask(
        "GCS21f",
        ("0700>00", {"read": [0x0410, 0x0420, 0x0430, 0x0440, 0x0616]}),
        ("0707>01", ids | {"Start Day ID": 1, "Number of Days": 0}),
        ("0707>02", ids | {"Start Week ID": 1, "Number of Weeks": 0}),
        ("0707>03", ids),
        ("0707>04", ids | {"Start Time": "now", "Number of Events": 0, "Calendar Type": 0}),
    )
    attributes, first, second, week, seasons, special = said
    assert list(attributes.values()) == [11, 22, 33, 44, 826]
    assert [first["Day ID"], second["Day ID"]] == [1, 2]
    assert (week["Day ID Ref Monday"], week["Day ID Ref Sunday"]) == (1, 2)
    assert seasons["Season Entries"] == [{"Season Start Date": "*-01-01", "Week ID Ref": 1}]
    assert special["Special Day Entries"] == [{"Special Day Date": "*-12-25", "Day ID Ref": 2}]


def test_active_price():
    bench = GasBench()
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 1), (12 * 60, 2)]),
        tariffs.tariff(blocks=False, tiers=4),
        tariffs.prices(11, 22, 33, 44, blocks=False),
    )
    (price,) = bench.ask("GCS21f", ("0700>00", {"Command Options": 0}))
    assert (price["Price"], price["Price Trailing Digit & Price Tier"]) == (22, 0x52)
