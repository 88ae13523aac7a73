"""What a gas meter counts and keeps, through commands as a supplier sends them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures import gas_tariffs as tariffs
from fixtures.emulated_devices import START
from fixtures.gas_bench import GasBench, gas_load, utc
from protocols.gbcs.crypto import decrypt_block
from protocols.gbcs.gbz import decrypted, parse_gbz
from protocols.gbcs.message import parse_message
from protocols.ports import StimulusKind
from rigs.emulated.gas.billing import next_time

# Benches start at 2026-03-01 12:00 UTC, a Sunday.


def snapshot(offset=0, cause=1):
    limits = {"Earliest Start Time": "now", "Latest End Time": "never"}
    return "0702>06", limits | {"Snapshot Offset": offset, "Snapshot Cause": cause}


def samples(number, earliest="2026-03-01T00:00:00Z", set_id=0):
    about = {"Sample ID": set_id, "Earliest Sample Time": earliest, "Sample Type": 0}
    return "0702>08", about | {"Number of Samples": number}


# ---------------------------------------------------------------------- logs


def test_profile_data_log_has_half_hours():
    bench = GasBench(changes=gas_load(61))
    bench.go_to("2026-03-02T00:10:00")
    (said,) = bench.ask("GCS17", samples(100))
    assert said["Sample Start Time"] == "2026-03-01T12:30:00Z"
    assert (said["Sample Request Interval"], said["Number of Samples"]) == (1800, 24)
    assert sum(said["Samples"]) == bench.device.consumption - 61 * 10 // 60
    assert set(said["Samples"]) == {30, 31}


def test_profile_data_log_holds_thirteen_months():
    bench = GasBench(changes=gas_load(2))
    bench.go_to("2027-06-01T12:10:00")
    record = bench.device.gas.logs.profile.record()
    assert 19_056 - 48 <= record["Number of Samples"] <= 19_056
    (said,) = bench.ask("GCS17", samples(2, "2027-06-01T11:30:00Z"))
    assert said["Samples"] == [1, 1]


def test_daily_read_log_has_31_days_oldest_first():
    bench = GasBench(changes=gas_load(100))
    bench.go_to("2026-04-15T12:00:00")
    said = bench.ask("GCS16a", *(snapshot(each) for each in range(31)))
    assert said[0]["Snapshot Time"] == "2026-03-16T00:00:00Z"
    assert said[-1]["Snapshot Time"] == "2026-04-15T00:00:00Z"
    assert said[-1]["Current Summation"] - said[-2]["Current Summation"] == 2400
    assert {each["Total Snapshots Found"] for each in said} == {31}


def test_daily_read_log_by_its_limits():
    bench = GasBench(changes=gas_load(100))
    bench.go_to("2026-03-09T12:00:00")
    limits = {"Earliest Start Time": "2026-03-03T00:00:00Z", "Latest End Time": "2026-03-04T00:00:00Z"}
    command = {"Snapshot Cause": 1}
    said = bench.ask(
        "GCS16a", *(("0702>06", limits | command | {"Snapshot Offset": each}) for each in range(3))
    )
    assert [each.get("Snapshot Time", each.get("status")) for each in said] == [
        "2026-03-03T00:00:00Z",
        "2026-03-04T00:00:00Z",
        0x8B,
    ]


def test_network_data_log_has_41_samples():
    bench = GasBench(changes=gas_load(600))
    start = {"Issuer Event ID": 7, "Start Sampling Time": "now", "Sample Type": 0}
    bench.ask(
        "GCS31",
        ("0702>07", start | {"Sample Request Interval": 360, "Max Number of Samples": 41}),
        party="access_control_broker",
    )
    bench.go_to("2026-03-01T20:00:00")
    (said,) = bench.ask("GCS18", samples(41, set_id=2))
    assert said["Sample Start Time"] == "2026-03-01T12:06:00Z"
    assert said["Samples"] == [60] * 41


def _start(bench: GasBench, when: str, most: int = 3) -> None:
    fields = {"Issuer Event ID": 7, "Start Sampling Time": when, "Sample Type": 0}
    fields |= {"Sample Request Interval": 360, "Max Number of Samples": most}
    (said,) = bench.ask("GCS31", ("0702>07", fields), party="access_control_broker")
    assert said == {"Sample ID": 2}


def test_network_data_log_begins_at_a_time_to_come():
    """Until then the set that is under way goes on."""
    bench = GasBench(changes=gas_load(600))
    _start(bench, "now", most=41)
    _start(bench, "2026-03-01T13:05:30Z")
    bench.go_to("2026-03-01T13:05:00")
    (said,) = bench.ask("GCS18", samples(41, set_id=2))
    assert said["Samples"] == [60] * 10
    bench.go_to("2026-03-01T14:00:00")
    (said,) = bench.ask("GCS18", samples(41, set_id=2))
    assert said["Sample Start Time"] == "2026-03-01T13:11:30Z"
    assert said["Samples"] == [60] * 3


@pytest.mark.parametrize(
    ("last", "begun"), [("never", "2026-03-01T12:06:00Z"), ("now", "2026-03-01T12:12:00Z")]
)
def test_a_start_that_waits_is_called_off(last, begun):
    bench = GasBench(changes=gas_load(600))
    _start(bench, "now", most=2)
    _start(bench, "2026-03-01T13:00:00Z")
    bench.go_to("2026-03-01T12:06:00")
    _start(bench, last, most=2)
    bench.go_to("2026-03-01T15:00:00")
    (said,) = bench.ask("GCS18", samples(41, set_id=2))
    assert said["Sample Start Time"] == begun


def test_a_start_missed_without_battery_is_made_up_for():
    bench = GasBench(changes=gas_load(600))
    _start(bench, "2026-03-01T13:00:00Z")
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.clock.time = utc("2026-03-01T13:10:00")
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    bench.go_to("2026-03-01T15:30:00")
    (said,) = bench.ask("GCS18", samples(41, set_id=2))
    assert said["Sample Start Time"] == "2026-03-01T13:36:00Z"
    assert said["Samples"] == [60] * 3


def test_time_without_battery_is_a_gap():
    bench = GasBench(changes=gas_load(60))
    bench.go_to("2026-03-01T13:00:00")
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.clock.time = utc("2026-03-01T15:00:00")
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    bench.go_to("2026-03-01T15:30:00")
    (said,) = bench.ask("GCS17", samples(9))
    assert said["Samples"] == [30, 30, 0xFFFFFF, 0xFFFFFF, 0xFFFFFF, 0xFFFFFF, 30]


# ---------------------------------------------------------------------- billing


def test_billing_calendar_keeps_sends_and_resets():
    bench = GasBench(changes=gas_load(100))
    bench.ask(
        "GCS01a",
        *tariffs.every_day([(0, 0)]),
        tariffs.tariff(blocks=True, thresholds=3, unit=1),
        tariffs.block_thresholds(1000, 2000, 3000),
        tariffs.prices(1, 2, 3, 4, blocks=True),
    )
    bench.ask("GCS25a", *tariffs.billing("2026-03-02T00:00:00Z", 1, 0x21))
    bench.go_to("2026-03-04T00:00:00")
    alerts = [each for each in map(parse_message, bench.sent) if each.header.message_code == 0x008B]
    assert len(alerts) == 3
    assert bench.blocks() == [0, 0, 0, 0]
    said = bench.ask("GCS15c", *(snapshot(each, 2) for each in range(3)))
    assert [each["Snapshot Time"][:10] for each in said] == ["2026-03-02", "2026-03-03", "2026-03-04"]
    assert [each["Tier Block Summations"] for each in said] == [
        [1000, 200, 0, 0],
        *[[1000, 1000, 400, 0]] * 2,
    ]
    newest = alerts[-1]
    payload = parse_gbz(newest.payload, alert=True)
    assert payload.alert.alert_code == 0x8F0A
    secret = bench._secret(bench.party("supplier"))
    opened = decrypted(payload.components[0], lambda block: decrypt_block(secret, newest.header, block))
    assert int.from_bytes(opened[16:22], "little") == said[-1]["Current Summation"]
    assert len(newest.signature) == 64


def test_meter_wakes_for_its_billing_day():
    bench = GasBench()
    assert bench.device.next_due() is None or bench.device.next_due() > utc("2035-01-01T00:00:00")
    bench.ask("GCS25a", *tariffs.billing("2026-01-31T00:00:00Z", 1))
    assert bench.device.next_due() == utc("2026-03-31T00:00:00")
    (said,) = bench.ask(
        "GCS21k",
        (
            "0700>0B",
            {
                "Earliest Start Time": "now",
                "Min Issuer Event ID": 0xFFFFFFFF,
                "Number of Commands": 1,
                "Tariff Type": 0,
            },
        ),
    )
    assert (said["Billing Period Duration"], said["Billing Period Duration Type"]) == (1, 0x23)


@pytest.mark.parametrize(
    ("duration", "kind", "after", "expected"),
    [
        (1, 0x21, "2026-02-28T00:00:00", "2026-03-01T00:00:00"),
        (1, 0x22, "2026-02-28T00:00:00", "2026-03-07T00:00:00"),
        (1, 0x23, "2026-02-28T00:00:00", "2026-03-31T00:00:00"),
        (1, 0x23, "2026-02-27T23:59:59", "2026-02-28T00:00:00"),
        (3, 0x23, "2026-02-01T00:00:00", "2026-04-30T00:00:00"),
        (6, 0x23, "2026-02-01T00:00:00", "2026-07-31T00:00:00"),
        (12, 0x23, "2026-02-01T00:00:00", "2027-01-31T00:00:00"),
        (12, 0x23, "2025-02-01T00:00:00", "2026-01-31T00:00:00"),
    ],
)
def test_billing_periods(duration, kind, after, expected):
    assert next_time(utc("2026-01-31T00:00:00"), duration, kind, utc(after)) == utc(expected)


@given(duration=st.integers(1, 24), minutes=st.integers(0, 4_000_000))
def test_billing_times_follow_one_another(duration, minutes):
    start = utc("2020-08-31T00:00:00")
    after = start + timedelta(minutes=minutes)
    found = next_time(start, duration, 0x23, after)
    assert found > after
    assert next_time(start, duration, 0x23, found - timedelta(microseconds=1)) == found


def test_changes_of_tariff_and_mode_are_kept():
    bench = GasBench()
    bench.consume(500)
    bench.ask("GCS01b", tariffs.tariff(blocks=False, tiers=4), tariffs.prices(1, 2, 3, 4, blocks=False))
    (said,) = bench.ask("GCS15b", snapshot(0, 0x6008))
    assert (said["Current Summation"], said["Snapshot Cause"]) == (500, 8)


# ---------------------------------------------------------------------- the world around it


def test_battery_goes_down_and_is_reported_low():
    bench = GasBench()
    with bench.device.work():
        pass
    whole = bench.device.gas.battery.days
    bench.go_to("2026-03-11T12:00:00")
    assert bench.device.gas.battery.days == whole - 10
    bench.device.stimulus(StimulusKind.BUTTON, "battery-days=367")
    assert bench.alert_codes() == []
    bench.go_to("2026-03-13T12:00:00")
    assert bench.alert_codes() == [0x8F1F]
    bench.device.stimulus(StimulusKind.BUTTON, "battery-new=1")
    assert 0x8F82 in bench.logged("security")
    assert bench.device.gas.battery.days == whole


# ---------------------------------------------------------------------- however often somebody looks


def _gas(bench):
    """Everything that metering has kept."""
    return {key: value for key, value in bench.storage.dump().items() if key[0].startswith("gas")}


@settings(max_examples=15, deadline=None)
@given(
    litres=st.integers(0, 5000),
    looks=st.lists(st.integers(1, 3 * 86_400 - 1), max_size=12),
    blocks_or_tiers=st.booleans(),
)
def test_how_often_one_looks_changes_nothing(litres, looks, blocks_or_tiers):
    found = []
    for moments in ([], sorted(set(looks))):
        bench = GasBench(changes=gas_load(litres))
        switchings = [(0, 0)] if blocks_or_tiers else [(0, 1), (421, 2), (1000, 3)]
        bench.ask(
            "GCS01a",
            *tariffs.every_day(switchings),
            tariffs.tariff(blocks=blocks_or_tiers, thresholds=3, tiers=4),
            tariffs.block_thresholds(20_000, 40_000, 90_000),
            tariffs.prices(11, 13, 17, 19, blocks=blocks_or_tiers),
        )
        bench.ask("GCS25a", *tariffs.billing("2026-03-02T07:30:00Z", 1, 0x21))
        for moment in [*moments, 3 * 86_400]:
            bench.go_to((START + timedelta(seconds=moment)).isoformat()[:19])
        found.append((_gas(bench), [each.code for each in bench.device.events.entries("event")]))
    assert found[0] == found[1]


@settings(max_examples=15, deadline=None)
@given(jumps=st.lists(st.tuples(st.integers(60, 40_000), st.integers(-90_000, 90_000)), max_size=6))
def test_setting_the_clock_neither_loses_nor_makes_gas(jumps):
    bench = GasBench(changes=gas_load(3600))
    with bench.device.work():
        pass
    for seconds, jump in jumps:
        bench.clock.advance(seconds)
        with bench.device.work():
            bench.device.device_clock.drift(timedelta(seconds=jump))
    with bench.device.work():
        pass
    passed = sum(seconds for seconds, _jump in jumps)
    assert bench.device.consumption == passed
    kept = bench.device.gas.logs.profile.record()
    in_log = sum(each for each in (kept or {"Samples": []})["Samples"] if each != 0xFFFFFF)
    waiting = bench.device.storage.get_json("gas", "since")["half hour"] if jumps else 0
    assert in_log + waiting == passed
