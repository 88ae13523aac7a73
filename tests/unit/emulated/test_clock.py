from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench, SettableClock
from protocols.ota import OtaHeader, build_ota, manufacturer_image_hash, sign_image
from rigs.emulated.clock import ClockStatus, Comparison, DeviceClock
from rigs.emulated.firmware import ImageOutcome
from rigs.emulated.schedule import Schedule
from rigs.emulated.storage import Storage

SECOND = timedelta(seconds=1)


def test_a_new_clock_runs_and_is_not_reliable():
    bench = SettableClock()
    clock = DeviceClock(Storage(":memory:"), bench)
    bench.advance(7)
    assert clock.now() == START + 7 * SECOND
    assert clock.status is ClockStatus.UNRELIABLE


@pytest.mark.parametrize("edge", [-1, 1])
def test_both_ends_of_a_window_belong_to_it(edge):
    storage = Storage(":memory:")
    clock = DeviceClock(storage, SettableClock())
    with storage.transaction():
        clock.drift(timedelta(days=3))
        at = START + edge * timedelta(minutes=1)
        assert clock.set_within(START - timedelta(minutes=1), START + timedelta(minutes=1), at)
        assert not clock.set_within(START, START + SECOND, START - SECOND)
    assert clock.now() == at
    assert clock.status is ClockStatus.RELIABLE


def test_comparison_with_the_hub():
    storage = Storage(":memory:")
    clock = DeviceClock(storage, SettableClock())
    with storage.transaction():
        assert clock.compare(None) is Comparison.NO_HUB_TIME
        assert clock.compare(START + 11 * SECOND) is Comparison.REFUSED
        assert clock.now() == START
        assert clock.compare(START + 10 * SECOND) is Comparison.CORRECTED
        assert clock.now() == START + 10 * SECOND


def test_schedule_gives_the_longest_due_first():
    storage = Storage(":memory:")
    schedule = Schedule(storage)
    with storage.transaction():
        schedule.put("b", START + 2 * SECOND, "kind", {"n": 1})
        schedule.put("a", START + 5 * SECOND, "kind", {"n": 2})
        schedule.put("a", START + 3 * SECOND, "kind", {"n": 3})
    assert schedule.next_due() == START + 2 * SECOND
    assert schedule.first_due(START) is None
    assert schedule.first_due(START + 9 * SECOND) == "b"
    with storage.transaction():
        assert schedule.take("b") == ("kind", {"n": 1})
        assert schedule.cancel("a")
        assert not schedule.cancel("a")
    assert schedule.next_due() is None


# ---------------------------------------------------------------------- assumptions


def with_switch(switch: str, value: str) -> DeviceBench:
    return DeviceBench("esme", changes={"switches": {switch: value}})


def test_a02_highest_counter_once_more():
    bench = with_switch("A02", "greater-or-equal")
    bench.request("ECS39a", mpan="1" * 13, counter=9)
    assert bench.request("ECS39a", mpan="2" * 13, counter=9).values == {"results": [0]}
    bench.sent.clear()
    bench.device.handle(bench.command("ECS39a", mpan="3" * 13, counter=8))
    assert bench.sent == []


def test_a05_no_log_entry_for_failed_authentication():
    bench = with_switch("A05", "none")
    bench.device.handle(bench.command("ECS52", "second_supplier"))
    assert bench.alert_codes() == [0x8F3D]
    assert bench.logged("security") == []


def test_a09_one_setting_a_day():
    bench = with_switch("A09", "on")
    bench.counters[bench.party("supplier").eui64] = 1
    for advance, result in ((0, 0), (86399, 250), (1, 0)):
        bench.clock.advance(advance)
        now = bench.clock.now()
        answer = bench.request("ECS70", validity_start=now, validity_end=now)
        assert answer.values["results"][2] == result


def test_a10_exactly_ten_seconds():
    for value, codes in (("corrected", []), ("refused", [0x8F0C])):
        bench = with_switch("A10", value)
        bench.device.joined(bytes(8))
        bench.sent.clear()
        bench.device.stimulus("button", "clock-drift=10")
        assert bench.alert_codes() == codes


def test_a11_length_of_a_long_outage():
    bench = with_switch("A11", "60")
    bench.device.power(False)
    bench.clock.advance(60)
    bench.device.power(True)
    assert bench.alert_codes("network_operator") == [0x8F36]


def test_a06_no_log_entry_for_dated_outcomes():
    for value, logged in (("either", [0x8F67]), ("none", [])):
        bench = with_switch("A06", value)
        bench.request("CS06", image_hash=bytes(32), execution_time=START + SECOND)
        bench.clock.advance(1)
        bench.device.run_due()
        assert bench.logged("event") == logged


def test_a19_image_while_another_waits():
    bench = with_switch("A19", "refuse")
    key = bench.party("supplier").ds.private
    first, second = (
        build_ota(sign_image(key, OtaHeader(0x121D, 0, version), b"image %d" % version)) for version in (5, 6)
    )
    assert bench.device.receive_image(first) is ImageOutcome.STORED
    assert bench.device.receive_image(second) is ImageOutcome.DISCARDED
    assert bench.device.firmware.pending_hash == manufacturer_image_hash(b"image 5")


def test_a20_counters_that_differ():
    bench = with_switch("A20", "accept")
    answer = bench.request("CS06", image_hash=bytes(32), originator_counter=1)
    assert answer.values["response_code"] == 1


def test_a22_size_of_the_device_log():
    bench = with_switch("A22", "0")
    values = {"other_device_id": bench.party("supplier").eui64, "other_device_type": "hcalcs"}
    assert bench.request("CS03A1", **values).values["outcome"] == 4
