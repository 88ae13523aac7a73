"""Maximum demand registers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocols.dlms.axdr import array, integer, long_unsigned, octet_string, structure
from protocols.dlms.date_time import decode_date_time
from protocols.ports import StimulusKind
from rigs.emulated.objects.definition import Place
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, at, constant, time

IMPORT, IN_PERIOD, EXPORT = "0100010600FF", "0100010601FF", "0100020600FF"
_RESETS = {IMPORT: "00005E2C0501", IN_PERIOD: "00005E2C0500", EXPORT: "00005E2C0502"}


def demand(bench: MeterBench, obis: str) -> tuple:
    when = decode_date_time(bench.value(4, obis, 5).value).to_datetime()
    return bench.value(4, obis).value, when


def period(bench: MeterBench, begins: bytes, ends: bytes) -> None:
    entries = []
    for selector, moment in ((1, begins), (2, ends)):
        head = (long_unsigned(selector), integer(1), octet_string(b""), long_unsigned(selector))
        entries.append(structure(*head, octet_string(moment)))
    bench.put(10, "00000C0000FF", 2, array(entries))


def load(bench: MeterBench, watts: int) -> None:
    bench.device.stimulus(StimulusKind.BUTTON, f"load={watts}")


def test_the_highest_half_hour():
    bench = MeterBench(constant(0))
    for watts in (1000, 3000, 2000):
        load(bench, watts)
        bench.until(bench.clock.time + timedelta(minutes=30))
    assert demand(bench, IMPORT) == (3000, MONDAY + timedelta(hours=1))
    assert demand(bench, EXPORT) == (0, None)
    load(bench, -700)
    bench.until(bench.clock.time + timedelta(minutes=45))
    assert demand(bench, EXPORT) == (700, MONDAY + timedelta(hours=2))


def test_a_peak_within_a_half_hour_counts_by_its_energy():
    bench = MeterBench(constant(0))
    load(bench, 6000)
    bench.until(MONDAY + timedelta(minutes=10))
    load(bench, 0)
    bench.until(MONDAY + timedelta(minutes=30))
    assert demand(bench, IMPORT)[0] == 2000


@pytest.mark.parametrize(
    ("begins", "ends", "expected"),
    [
        (time(17), time(20), 19),
        (time(22), time(4), 23),  # over midnight
        (time(17, 15), time(18, 15), 17),  # no whole half hour after 18:00
        (time(17, 15), time(18, 30), 18),
    ],
)
def test_a_part_of_the_day(begins, ends, expected):
    bench = MeterBench(constant(0))
    period(bench, begins, ends)
    for hour in range(24):
        load(bench, hour * 100)
        bench.until(MONDAY + timedelta(hours=hour + 1))
    assert demand(bench, IN_PERIOD)[0] == expected * 100  # power rises by the hour
    assert demand(bench, IMPORT)[0] == 2300


def test_without_a_period_nothing_is_in_it():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(days=1))
    assert demand(bench, IN_PERIOD) == (0, None)


def test_reset_keeps_the_time_of_it():
    bench = MeterBench(constant(1000))
    bench.until(at("2026-03-02T10:10:00"))
    for obis, reset in _RESETS.items():
        method = bench.device.cosem._methods[Place(4, bytes.fromhex(obis), 1, is_method=True)]
        with bench.device.work():
            assert method(None, long_unsigned(0))[0] != 0
            assert method(None, integer(0))[0] == 0
        assert demand(bench, obis) == (0, None)
        assert decode_date_time(bench.value(1, reset).value).to_datetime() == at("2026-03-02T10:10:00")
    bench.until(at("2026-03-02T10:30:00"))
    assert demand(bench, IMPORT) == (1000, at("2026-03-02T10:30:00"))


def test_a_half_hour_cut_short_by_an_outage_is_no_demand():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(minutes=20))
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.until(MONDAY + timedelta(minutes=40))
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    bench.until(MONDAY + timedelta(minutes=60))
    assert demand(bench, IMPORT) == (668, MONDAY + timedelta(hours=1))
