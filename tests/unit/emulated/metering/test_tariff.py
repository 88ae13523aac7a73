"""Switching tables, time of use and block registers, prices."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.axdr import integer, long_unsigned
from rigs.emulated.metering.amounts import Amounts, LoadSettings
from rigs.emulated.metering.store import Ring
from rigs.emulated.objects.definition import Place
from rigs.emulated.storage import Storage
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, at, constant, date, time

_DAY_NIGHT = {1: [(time(0), 1), (time(7), 2)]}


def tou(bench: MeterBench) -> dict[int, int]:
    """Time of use registers that are not zero, numbered from 1."""
    return {number: wh for number, wh in enumerate(bench.electricity.tariff.read().tou, 1) if wh}


def test_without_a_tariff_everything_is_in_the_first_register():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(days=1))
    assert tou(bench) == {1: 24_000}


def test_a_day_of_two_rates():
    bench = MeterBench(constant(1000))
    bench.switching(_DAY_NIGHT)
    bench.until(MONDAY + timedelta(days=2))
    assert tou(bench) == {1: 14_000, 2: 34_000}


def test_before_the_first_entry_of_a_day_the_last_of_the_day_before_holds():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(7), 1), (time(22), 2)]})
    bench.until(MONDAY + timedelta(hours=7))
    assert tou(bench) == {2: 7_000}


def test_weeks_have_days():
    bench = MeterBench(constant(1000))
    days = {1: [(time(0), 1)], 2: [(time(0), 2)]}
    bench.switching(days, weeks={b"w": [1, 1, 1, 1, 1, 2, 2]})
    bench.until(MONDAY + timedelta(days=7))
    assert tou(bench) == {1: 5 * 24_000, 2: 2 * 24_000}


def test_seasons_begin_with_and_without_a_year():
    bench = MeterBench(constant(1000), at("2026-09-29"))
    days = {1: [(time(0), 1)], 2: [(time(0), 2)]}
    weeks = {b"s": [1] * 7, b"w": [2] * 7}
    bench.switching(days, weeks, [(date(2026, 4, 1), b"s"), (date(None, 10, 1), b"w")])
    bench.until("2026-10-03")
    assert tou(bench) == {1: 2 * 24_000, 2: 2 * 24_000}


def test_the_season_of_last_autumn_holds_in_january():
    bench = MeterBench(constant(1000), at("2026-01-05"))
    days = {1: [(time(0), 1)], 2: [(time(0), 2)]}
    weeks = {b"s": [1] * 7, b"w": [2] * 7}
    bench.switching(days, weeks, [(date(None, 4, 1), b"s"), (date(None, 10, 1), b"w")])
    bench.until("2026-01-06")
    assert tou(bench) == {2: 24_000}


def test_special_days_come_before_the_week():
    bench = MeterBench(constant(1000), at("2026-12-24"))
    days = {1: [(time(0), 1)], 2: [(time(0), 48)]}
    bench.switching(days, special=[(date(None, 12, 25), 2)])
    bench.until("2026-12-27")
    assert tou(bench) == {1: 2 * 24_000, 48: 24_000}


def test_each_of_48_registers():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(slot // 2, slot % 2 * 30), slot + 1) for slot in range(48)]})
    bench.until(MONDAY + timedelta(days=1))
    assert tou(bench) == dict.fromkeys(range(1, 49), 500)
    shown = bench.value(1, "00005E2C2201").value[0].value
    assert [each.value for each in shown] == [500] * 48


def test_blocks_fill_one_after_another():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(0), 103)]})
    bench.thresholds(3, [1000, 2500, 4000])
    bench.until(MONDAY + timedelta(hours=6))
    blocks = bench.electricity.tariff.read().blocks
    assert [blocks[block * 8 + 2] for block in range(4)] == [1000, 1500, 1500, 2000]
    assert sum(blocks) == 6000
    shown = [each.value for each in bench.value(1, "00005E2C2202").value[0].value]
    assert shown == blocks + blocks  # counters were never reset


def test_a_threshold_of_all_ones_ends_no_block():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(0), 101)]})
    bench.thresholds(1, [1000, 0xFFFF_FFFF])
    bench.until(MONDAY + timedelta(hours=3))
    assert bench.electricity.tariff.read().blocks[:9:8] == [1000, 2000]


def test_counters_reset_by_command_and_registers_stay():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(0), 101)]})
    bench.thresholds(1, [1000])
    bench.until(MONDAY + timedelta(hours=3))
    method = bench.device.cosem._methods[Place(9, bytes.fromhex("00000A0064FF"), 1, is_method=True)]
    with bench.device.work():
        assert method(None, integer(0))[0] != 0
        assert method(None, long_unsigned(1))[0] != 0
        assert method(None, long_unsigned(99))[0] == 0
    registers = bench.electricity.tariff.read()
    assert (sum(registers.counters), sum(registers.blocks)) == (0, 3000)
    bench.until(MONDAY + timedelta(hours=4))
    assert bench.electricity.tariff.read().blocks[:9:8] == [2000, 2000]


def test_counters_reset_daily():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(0), 101)]})
    bench.put(22, "00000F0100FF", 4, bench.value(22, "00000F0100FF", 4))
    bench.until(MONDAY + timedelta(days=2, hours=5))
    assert sum(bench.electricity.tariff.read().counters) == 5000


def test_the_second_element_has_its_own():
    bench = MeterBench(constant(1000, secondary_wh=500), variant="twin-element")
    bench.switching(_DAY_NIGHT)
    bench.switching({1: [(time(0), 201), (time(12), 204)]}, element=1)
    bench.until(MONDAY + timedelta(days=1))
    assert tou(bench) == {1: 7_000, 2: 17_000}
    assert bench.electricity.tariff.read().secondary == [6_000, 0, 0, 6_000]
    shown = bench.value(1, "00005E2C2201").value[1].value
    assert [each.value for each in shown] == [6_000, 0, 0, 6_000]
    assert bench.value(1, "00005E2C220A").value[4].value == 12_000


def test_prices():
    bench = MeterBench(LoadSettings())
    bench.switching({1: [(time(0), 1), (time(12), 102)]})
    bench.thresholds(2, [1000])
    bench.prices({1: 1500, 0xA2: 2000, 0xB2: 3000})
    price = lambda: bench.value(3, "00005E2C0107").value  # noqa: E731
    assert price() == 1500
    bench.until(MONDAY + timedelta(hours=12))
    assert price() == 2000
    with bench.device.work():
        bench.electricity.metering.let_through(Amounts(import_wh=1500))
    # 1 kWh of the first block and 0.5 of the second, in 10^-8 of the currency unit.
    assert bench.electricity.tariff.charge == 1000 * 2000 + 500 * 3000
    assert price() == 3000
    assert bench.electricity.tariff.dearest() == 3000


@pytest.mark.parametrize(("scale", "price"), [(-5, 1234), (-3, 123_400), (-6, 123)])
def test_scales_of_prices(scale, price):
    bench = MeterBench(LoadSettings())
    bench.prices({1: 1234}, scale=scale)
    assert bench.value(3, "00005E2C0107").value == price


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 47), st.sampled_from([*range(1, 49), *range(101, 109)])), max_size=12),
    st.lists(st.integers(1, 5000), max_size=3),
)
def test_all_registers_together_show_what_the_import_register_does(entries, ends):
    bench = MeterBench(LoadSettings("household", seed=3))
    bench.switching({1: [(time(slot // 2, slot % 2 * 30), rate) for slot, rate in entries] or [(time(0), 1)]})
    for period in range(1, 9):
        bench.thresholds(period, sorted(ends))
    bench.until(MONDAY + timedelta(days=2))
    registers = bench.electricity.tariff.read()
    assert sum(registers.tou) + sum(registers.blocks) == bench.device.import_wh


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.lists(st.integers(0, 7), max_size=15))
def test_a_ring_keeps_the_newest(capacity, per_chunk, batches):
    storage = Storage(":memory:")
    ring = Ring(storage, "ring", 2, capacity, per_chunk=per_chunk)
    written = []
    for batch in batches:
        with storage.transaction():
            ring.open()
            for _ in range(batch):
                written.append(len(written).to_bytes(2, "big"))
                ring.append(written[-1])
            ring.close()
        assert list(ring.entries()) == written[-capacity:]
        assert ring.newest() == (written[-1] if written else None)
    chunks = len(storage.items("ring")) - bool(written)
    assert chunks <= capacity // per_chunk + 2
    storage.close()
