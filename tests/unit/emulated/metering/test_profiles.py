"""Half-hourly and daily logs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocols.dlms.axdr import Data, encode_data, parse_data
from protocols.ports import StimulusKind
from rigs.emulated.metering.amounts import LoadSettings
from rigs.emulated.metering.entries import EntryLog
from rigs.emulated.objects.definition import device_objects
from rigs.emulated.objects.typing import fits
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, constant, time

_EPOCH_SECONDS = 946_684_800


def rows(log: EntryLog, start=MONDAY) -> list[tuple]:
    """Entries with their time as minutes from the start."""
    base = int(start.timestamp()) - _EPOCH_SECONDS
    return [((stamp - base) // 60, *numbers) for stamp, *numbers in log.numbers()]


def shown(value: Data) -> list[list[int]]:
    return [[member.value for member in item.value] for item in value.value.items]


def test_half_hours():
    bench = MeterBench(constant(1000, export_wh=200, import_varh=100, export_varh=50))
    bench.until(MONDAY + timedelta(minutes=100))
    logs = bench.electricity.half_hours
    assert rows(logs.imported) == [(30, 500), (60, 500), (90, 500)]
    assert rows(logs.exported) == [(30, 100, 25), (60, 100, 25), (90, 100, 25)]
    assert rows(logs.reactive) == [(30, 50), (60, 50), (90, 50)]


def test_half_hours_of_two_elements():
    bench = MeterBench(constant(1000, secondary_wh=300), variant="twin-element")
    bench.until(MONDAY + timedelta(minutes=30))
    assert rows(bench.electricity.half_hours.imported) == [(30, 500, 150)]
    assert shown(bench.value(7, "0000630100FF"))[0][1:] == [500, 150]


def test_thirteen_months_and_no_more():
    bench = MeterBench(constant(100))
    bench.until(MONDAY + timedelta(days=420))
    logs = bench.electricity.half_hours
    imported = rows(logs.imported)
    assert len(imported) == 19_056
    assert imported[-1] == (420 * 24 * 60, 50)
    assert imported[0][0] == 420 * 24 * 60 - 19_055 * 30
    assert len(rows(logs.exported)) == len(rows(logs.reactive)) == 4_464
    assert len(shown(bench.value(7, "0000630100FF"))) == 19_056


def test_an_outage_leaves_a_gap_and_loses_nothing():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(minutes=45))
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.until(MONDAY + timedelta(minutes=130))
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    bench.until(MONDAY + timedelta(minutes=180))
    # 15 minutes before the outage belong to the half hour until 60, 20 after it to the one until 150.
    assert rows(bench.electricity.half_hours.imported) == [(30, 500), (60, 250), (150, 334), (180, 500)]
    assert bench.device.import_wh == 1584


@pytest.mark.parametrize(("minutes", "end"), [(95, "12:25"), (-95, "12:35")])
def test_a_clock_that_is_set_neither_loses_nor_makes_energy(minutes, end):
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(hours=6, minutes=10))
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=minutes))
    bench.until(f"2026-03-02T{end}")
    logged = sum(row[1] for row in rows(bench.electricity.half_hours.imported))
    assert logged == bench.device.import_wh  # a half hour has just ended


def test_a_day():
    bench = MeterBench(constant(1000, export_wh=100))
    bench.switching({1: [(time(0), 1), (time(7), 2)]})
    bench.until(MONDAY + timedelta(days=2, hours=3))
    days = bench.electricity.days
    assert rows(days.consumption) == [(1440, 24_000), (2880, 24_000)]
    assert rows(days.exported) == [(1440, 2_400), (2880, 4_800)]
    first, second = rows(days.read)
    assert first[:4] == (1440, 24_000, 7_000, 17_000)
    assert second[:4] == (2880, 48_000, 14_000, 34_000)


def test_a_midnight_without_supply_is_caught_up_with():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(hours=23))
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.until(MONDAY + timedelta(hours=25))
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    assert [row[:2] for row in rows(bench.electricity.days.read)] == [(1440, 23_000)]


def test_how_many_days_are_kept():
    bench = MeterBench(constant(100))
    bench.until(MONDAY + timedelta(days=740))
    days = bench.electricity.days
    assert [len(rows(log)) for log in (days.read, days.exported, days.consumption)] == [31, 31, 731]


# What the catalogue calls these objects, and whether an entry has another form with a second element.
_LOGS = [
    "0000620100FF",
    "0000620101FF",
    "0000620102FF",
    "0000620109FF",
    "000062010AFF",
    "0000630100FF",
    "0000630101FF",
    "0000630102FF",
    "0000630103FF",
]


@pytest.mark.parametrize("variant", ["", "twin-element"])
@pytest.mark.parametrize("obis", _LOGS)
def test_logs_have_the_types_of_the_catalogue(obis, variant):
    bench = MeterBench(LoadSettings("household", seed=1, secondary_kwh=900), variant=variant)
    bench.billing((time(12), bytes.fromhex("FFFFFFFFFF")))
    bench.until(MONDAY + timedelta(days=2))
    with bench.device.work():
        bench.electricity.billing.changed()
    value = bench.value(7, obis)
    assert value.value.items
    assert parse_data(encode_data(value))[0] == value
    members = device_objects("esme").members
    node = next(member.node for place, member in members.items() if place.key == f"0007/{obis.lower()}/2")
    assert fits(node, value)
