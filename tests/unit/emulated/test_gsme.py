from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from protocols.gbcs.gbz import parse_gbz
from protocols.ports import StimulusKind, StimulusOutcome


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("gsme")


def test_firmware_version(bench):
    answer = bench.request("GCS38", "network_operator")
    assert answer.values["firmware_version"] == bytes.fromhex("01020304")
    assert answer.maced
    (component,) = parse_gbz(answer.message.payload).components
    assert component.frame_control == 0x08


def test_consumption_leaves_encrypted(bench):
    bench.device.stimulus(StimulusKind.BUTTON, "consume=123456")
    answer = bench.request("GCS13a")
    assert answer.values["decrypted"]
    assert answer.values["consumption"] == 123456
    assert (answer.values["multiplier"], answer.values["divisor"]) == (1, 1000)
    (component,) = parse_gbz(answer.message.payload).components
    assert (component.encrypted, component.frame_control, component.frame_counter) == (True, 0x18, 0)


def test_header_says_how_good_the_time_is(bench):
    assert bench.request("GCS13a").message.header.date_time[-1] == 0x02
    start, end = START - timedelta(minutes=1), START + timedelta(minutes=1)
    bench.request("GCS28", validity_start=start, validity_end=end)
    assert bench.request("GCS13a").message.header.date_time[-1] == 0x00


def test_consumption_of_the_meter_itself_is_for_the_supplier(bench):
    bench.device.handle(bench.command("GCS13a", "network_operator"))
    (alert,) = bench.alerts()
    assert (alert.values["alert_code"], alert.signed) == (0x8F30, True)
    assert alert.message.payload[:2] == bytes.fromhex("0109")


def test_mprn_is_set_and_shown(bench):
    answer = bench.request("GCS41", mprn="7654321098")
    assert answer.values["results"] == [0]
    assert "7654321098" in bench.device.stimulus(StimulusKind.DISPLAY)[1]
    (component,) = parse_gbz(answer.message.payload).components
    assert (component.command, component.frame_control, component.payload) == (0x0B, 0x00, b"\x03\x00")


def test_replayed_mprn_is_refused(bench):
    octets = bench.command("GCS41", mprn="1111111111")
    bench.device.handle(octets)
    bench.request("GCS41", mprn="2222222222")
    bench.device.handle(octets)
    assert "2222222222" in bench.device.display()


def test_set_clock(bench):
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=-3))
    start, end = START - timedelta(minutes=1), START + timedelta(minutes=1)
    answer = bench.request("GCS28", validity_start=start, validity_end=end)
    assert answer.signed
    assert answer.values["device_time"] == START
    assert answer.values["status_name"] == "reliable"


def test_set_clock_outside_the_window(bench):
    start, end = START + timedelta(minutes=1), START + timedelta(minutes=2)
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=-3))
    answer = bench.request("GCS28", validity_start=start, validity_end=end)
    assert answer.values["device_time"] == START - timedelta(minutes=3)
    assert answer.values["status_name"] == "unreliable"
    assert bench.alert_codes() == [0x8F0C]


def test_covers_of_a_gas_meter(bench):
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    bench.device.stimulus(StimulusKind.COVER_OPEN, "meter")
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    assert bench.logged("security") == [0x8F73, 0x8F74]
    critical, _, non_critical = bench.alerts()
    assert (critical.signed, critical.message.header.message_code) == (True, 0x1000)
    assert (non_critical.maced, non_critical.message.header.message_code) == (True, 0x1001)
    assert non_critical.values["alert_code"] == 0x81A1


def test_battery_out_and_in_again(bench):
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    assert not bench.device.powered
    outcome, _ = bench.device.stimulus(StimulusKind.KEYPAD, "1")
    assert outcome is StimulusOutcome.REFUSED
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    assert bench.alert_codes() == [0x8F1D]


def test_electricity_use_case_is_not_for_a_gas_meter(bench):
    bench.device.handle(bench.command("ECS27"))
    assert bench.alert_codes() == [0x8F1E]
