"""Billing calendar, billing data log, and the alert with its newest entry."""

from __future__ import annotations

from datetime import timedelta

import pytest

from protocols.dlms.axdr import parse_data
from protocols.dlms.notification import parse_notification
from protocols.dlms.protection import read_protection_parameters
from protocols.gbcs.crypto import decrypt_block, verify_signature
from protocols.gbcs.message import parse_message
from protocols.ports import StimulusKind
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, at, constant, date, time


def billed(bench: MeterBench) -> list[tuple]:
    """Time and import register of each entry."""
    return [
        (at("2000-01-01") + timedelta(seconds=stamp), imported)
        for stamp, imported, *_others in bench.electricity.billing.log.numbers()
    ]


def alerts(bench: MeterBench) -> list:
    messages = [parse_message(octets) for octets in bench.sent]
    return [each for each in messages if each.header.message_code == 0x0061]


@pytest.mark.parametrize(
    ("calendar", "start", "expected"),
    [
        ([date()], "2026-03-02", ["2026-03-03", "2026-03-04"]),
        ([date(weekday=3)], "2026-03-02", ["2026-03-04", "2026-03-11"]),
        ([date(day=1)], "2026-03-02", ["2026-04-01", "2026-05-01"]),
        ([date(month=month, day=1) for month in (1, 4, 7, 10)], "2026-03-22", ["2026-04-01", "2026-07-01"]),
        ([date(month=month, day=28) for month in (2, 8)], "2026-08-20", ["2026-08-28", "2027-02-28"]),
        ([date(month=12, day=31)], "2026-12-02", ["2026-12-31", "2027-12-31"]),
    ],
    ids=["daily", "weekly", "monthly", "quarterly", "half-yearly", "yearly"],
)
def test_periods(calendar, start, expected):
    bench = MeterBench(constant(100), at(start))
    bench.billing(*((time(0), day) for day in calendar))
    bench.until(expected[-1])
    assert billed(bench) == [(at(day), (at(day) - at(start)) // timedelta(hours=1) * 100) for day in expected]
    assert len(alerts(bench)) == len(expected)


def test_the_alert_leaves_at_its_time_with_nobody_looking():
    bench = MeterBench(constant(100))
    bench.billing((time(12), date()))
    assert bench.device.next_due() == MONDAY + timedelta(hours=12)
    bench.clock.time = MONDAY + timedelta(hours=12)
    bench.device.run_due()
    assert len(alerts(bench)) == 1
    assert bench.device.next_due() == MONDAY + timedelta(hours=36)


def test_the_alert_is_signed_and_its_entry_is_for_the_supplier():
    bench = MeterBench(constant(100))
    bench.billing((time(12), date()))
    bench.until(MONDAY + timedelta(hours=36))
    alert = alerts(bench)[-1]
    public = bench.device.description.identities.ds.public
    assert verify_signature(public, alert.signed_octets(), alert.signature)
    code, _time, protection, block = parse_notification(alert.payload).body.value
    assert code.value == 0x8F0A
    supplier = bench.party("supplier")
    parties = read_protection_parameters(protection)
    assert (parties.originator, parties.recipient) == (bench.device.eui64, supplier.eui64)
    assert parties.counter == alert.header.originator_counter
    plaintext = decrypt_block(bench._secret(supplier), alert.header, block.value)
    (entries,) = parse_data(plaintext)[0].value
    (newest,) = entries.value.items
    assert newest.value[1].value == 3600
    assert newest == bench.value(7, "0000620100FF").value.items[-1]


def test_twelve_entries_are_kept():
    bench = MeterBench(constant(100))
    bench.billing((time(0), date()))
    bench.until(MONDAY + timedelta(days=20))
    assert [moment for moment, _ in billed(bench)] == [MONDAY + timedelta(days=day) for day in range(9, 21)]


def test_blocks_begin_anew_with_a_billing_period():
    bench = MeterBench(constant(1000))
    bench.switching({1: [(time(0), 101)]})
    bench.thresholds(1, [10_000])
    bench.billing((time(0), date(weekday=2)))
    bench.until(MONDAY + timedelta(hours=26))
    registers = bench.electricity.tariff.read()
    assert (sum(registers.counters), sum(registers.blocks)) == (2_000, 26_000)
    assert billed(bench) == [(MONDAY + timedelta(days=1), 24_000)]


def test_without_a_calendar_nobody_is_billed():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(days=60))
    assert (billed(bench), alerts(bench)) == ([], [])


def test_a_date_that_is_missed_without_supply_is_billed_at_its_return():
    bench = MeterBench(constant(1000))
    bench.billing((time(0), date()))
    bench.until(MONDAY + timedelta(hours=23))
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.until(MONDAY + timedelta(days=3, hours=1))
    assert billed(bench) == []
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    assert billed(bench) == [(MONDAY + timedelta(days=3, hours=1), 23_000)]
    assert len(alerts(bench)) == 1


def test_a_date_that_the_clock_jumps_over_is_billed_late():
    bench = MeterBench(constant(1000))
    bench.billing((time(0), date(day=3)))
    bench.until(MONDAY + timedelta(hours=23))
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(hours=2))
    bench.until(MONDAY + timedelta(hours=23, minutes=1))
    assert [wh for _moment, wh in billed(bench)] == [23_000]


def test_a_clock_that_goes_back_over_a_date_bills_again():
    bench = MeterBench(constant(1000))
    bench.billing((time(0), date(day=3)))
    bench.until(MONDAY + timedelta(hours=25))
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(hours=-2))
    bench.until(MONDAY + timedelta(hours=27))
    assert [wh for _moment, wh in billed(bench)] == [24_000, 26_000]


def test_changes_of_tariff_are_kept_once_a_moment():
    bench = MeterBench(constant(1000))
    bench.until(MONDAY + timedelta(hours=2))
    with bench.device.work():
        bench.electricity.billing.changed()
    with bench.device.work():
        bench.electricity.billing.changed()
    bench.clock.advance(5)
    with bench.device.work():
        bench.electricity.billing.changed()
    entries = bench.electricity.billing.change_log.numbers()
    assert [entry[1] for entry in entries] == [2000, 2001]
    assert len(bench.value(7, "0000620102FF").value.items[0].value) == 2 + 1 + 4 + 6


def test_nobody_to_tell_is_no_error():
    bench = MeterBench(constant(1000))
    bench.billing((time(0), date()))
    bench.device.trust_anchors.subject = lambda _role: None
    bench.until(MONDAY + timedelta(days=1))
    assert len(billed(bench)) == 1
    assert alerts(bench) == []
