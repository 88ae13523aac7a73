from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.message import parse_message
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.clock import ClockStatus


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("esme")


def test_reads_are_answered_with_a_mac_for_the_reader(bench):
    for party in ("supplier", "network_operator", "access_control_broker"):
        answer = bench.request("ECS52", party)
        assert answer.values == {"results": [0], "firmware_version": bytes.fromhex("01020304")}
        assert (answer.signed, answer.maced) == (False, True)


def test_response_mirrors_the_command(bench):
    command = parse_message(bench.command("ECS27"))
    bench.device.handle(bench.command("ECS27", counter=5))
    header = parse_message(bench.sent[0]).header
    assert header.originator_counter == 5
    assert header.message_code == command.header.message_code
    assert header.business_originator_id == command.header.business_target_id
    assert header.business_target_id == command.header.business_originator_id
    assert header.date_time == b""


def test_load_limit_data_has_six_answers(bench):
    values = bench.request("ECS27").values
    assert values["results"] == [0] * 6
    assert values["load_limit_supply_state"] is False
    assert (values["load_limit_counter_scaler"], values["load_limit_counter_unit"]) == (0, 255)


def test_import_registers_leave_encrypted_for_the_reader(bench):
    bench.device.stimulus(StimulusKind.BUTTON, "consume=1234")
    answer = bench.request("ECS17b", "network_operator")
    assert answer.values["decrypted"]
    assert answer.values["registers"] == {"active_import_wh": 1234, "reactive_import_varh": 0}
    date_time = answer.message.header.date_time
    assert len(date_time) == 12
    assert date_time[-1] == 0xFF


def test_encrypted_registers_are_not_in_the_clear(bench):
    bench.device.stimulus(StimulusKind.BUTTON, "consume=287454020")
    payload = bench.request("ECS17b").message.payload
    assert (287454020).to_bytes(4, "big") not in payload


def test_mpan_is_set_shown_and_kept(bench):
    assert bench.request("ECS39a", mpan="9876543210123").values == {"results": [0]}
    outcome, text = bench.device.stimulus(StimulusKind.DISPLAY)
    assert outcome is StimulusOutcome.DONE
    assert "9876543210123" in text


def test_set_clock_within_the_window(bench):
    bench.device.device_clock  # noqa: B018
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=-7))
    answer = bench.request(
        "ECS70", validity_start=START - timedelta(seconds=10), validity_end=START + timedelta(seconds=10)
    )
    assert (answer.signed, answer.maced) == (True, False)
    assert answer.message.mac is None
    assert answer.values["results"] == [0] * 5
    assert answer.values["device_time"] == START
    assert answer.values["status_name"] == "reliable"
    assert bench.logged("event") == [0x8145]


@pytest.mark.parametrize(("start", "end"), [(60, 120), (-120, -60), (10, -10)])
def test_set_clock_outside_the_window_changes_nothing(bench, start, end):
    with bench.device.work():
        bench.device.device_clock.drift(timedelta(minutes=-7))
    answer = bench.request(
        "ECS70",
        validity_start=START + timedelta(seconds=start),
        validity_end=START + timedelta(seconds=end),
    )
    assert answer.values["results"][2] == 250
    assert answer.values["device_time"] == START - timedelta(minutes=7)
    assert answer.values["status_name"] == "unreliable"
    assert bench.logged("security") == [0x8F0C]
    assert bench.alert_codes() == [0x8F0C]


def test_set_clock_looks_at_the_hubs_time(bench):
    bench.device.hub_time = lambda: START + timedelta(hours=1)
    answer = bench.request(
        "ECS70",
        validity_start=START + timedelta(minutes=59),
        validity_end=START + timedelta(minutes=61),
    )
    assert answer.values["device_time"] == START + timedelta(hours=1)
    bench.device.hub_time = lambda: None
    answer = bench.request("ECS70", validity_start=START, validity_end=START + timedelta(hours=9))
    assert answer.values["results"][2] == 250


def test_small_drift_is_corrected_and_large_is_reported(bench):
    bench.device.joined(b"\x00" * 8)
    with bench.device.work():
        bench.device.device_clock.set_status(ClockStatus.RELIABLE)
    bench.sent.clear()
    bench.device.stimulus(StimulusKind.BUTTON, "clock-drift=9")
    assert bench.device.device_clock.now() == START
    assert bench.alert_codes() == []
    bench.device.stimulus(StimulusKind.BUTTON, "clock-drift=11")
    assert bench.device.device_clock.now() == START + timedelta(seconds=11)
    assert bench.alert_codes() == [0x8F0C]


def test_joining_the_han_tells_the_supplier_once(bench):
    bench.device.joined(b"\x01" * 8)
    bench.device.joined(b"\x01" * 8)
    assert bench.alert_codes() == [0x8183, 0x8F69]
    non_critical, critical = bench.alerts()
    assert (non_critical.maced, non_critical.message.header.message_code) == (True, 0x1001)
    assert (critical.signed, critical.message.header.message_code) == (True, 0x1000)
    assert critical.message.mac is None
    bench.device.left()
    bench.device.joined(b"\x01" * 8)
    assert bench.alert_codes() == [0x8183, 0x8F69] * 2


def test_cover_and_magnet(bench):
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    assert bench.alert_codes("supplier") == [0x8F76]
    assert bench.alert_codes("network_operator") == [0x8F76]
    assert all(alert.signed for alert in bench.alerts("network_operator"))
    bench.device.stimulus(StimulusKind.COVER_OPEN, "meter")
    bench.device.stimulus(StimulusKind.MAGNET_ON)
    bench.device.stimulus(StimulusKind.MAGNET_OFF)
    bench.device.stimulus(StimulusKind.COVER_CLOSE)
    assert bench.logged("security") == [0x8F76, 0x8F74, 0x8F75]
    assert bench.logged("event") == [0x81BC, 0x81C1]
    assert bench.alerts()[-1].maced
    outcome, answer = bench.device.stimulus(StimulusKind.COVER_OPEN, "roof")
    assert outcome is StimulusOutcome.REFUSED
    assert "terminal" in answer


@pytest.mark.parametrize(("seconds", "code"), [(0, 0x8F35), (179, 0x8F35), (180, 0x8F36), (3600, 0x8F36)])
def test_outages_are_reported_to_the_network_operator(bench, seconds, code):
    bench.device.power(False)
    assert bench.sent == []
    bench.device.handle(bench.command("ECS52"))
    assert bench.sent == []
    bench.clock.advance(seconds)
    bench.device.power(True)
    (alert,) = bench.alerts("network_operator")
    assert alert.signed
    assert alert.values["alert_code"] == code
    assert alert.message.header.message_code == 0x0067
    assert bench.logged("power") == [0x8F57, code]
    assert bench.alerts("supplier") == []


def test_tamper_without_supply_is_reported_once_a_kind_at_power_on(bench):
    bench.device.power(False)
    for _ in range(3):
        bench.device.stimulus(StimulusKind.COVER_OPEN)
    bench.device.stimulus(StimulusKind.MAGNET_ON)
    assert bench.sent == []
    bench.device.power(True)
    assert bench.alert_codes() == [0x8F76, 0x8F75]


def test_voltage_events_cross_thresholds_both_ways(bench):
    for volts in (250, 254, 255, 240, 210, 216.5):
        bench.device.stimulus(StimulusKind.BUTTON, f"voltage={volts}")
    codes = [0x8002, 0x8085, 0x8006, 0x8089]
    assert bench.logged("power") == codes
    assert bench.alert_codes("network_operator") == codes
    assert all(alert.maced for alert in bench.alerts("network_operator"))


def test_keypad_refuses_and_logs(bench):
    outcome, reason = bench.device.stimulus(StimulusKind.KEYPAD, "73943333457189043313")
    assert outcome is StimulusOutcome.REFUSED
    assert reason == "the MAC is wrong"
    (entry,) = bench.device.events.entries("event")
    assert (entry.code, entry.other) == (0x8162, bytes.fromhex("0005"))


def test_state_survives_a_restart(tmp_path):
    bench = DeviceBench("esme", path=str(tmp_path / "esme.db"))
    bench.request("ECS39a", mpan="9876543210123", counter=77)
    bench.device.joined(b"\x01" * 8)
    bench.device.power(False)
    bench.restart()
    assert not bench.device.powered
    bench.device.power(True)
    assert bench.device.trust_anchors.counter(RemotePartyRole.SUPPLIER) == 77
    assert "9876543210123" in bench.device.stimulus(StimulusKind.DISPLAY)[1]
    assert bytes(bench.device.hub) == b"\x01" * 8
    assert bench.console.count(b"emulated ESME") == 2


def test_console_has_a_banner_and_a_line_per_event(bench):
    bench.device.stimulus(StimulusKind.COVER_OPEN)
    lines = bench.console.decode().split("\r\n")
    assert "00-DB-12-34-56-78-90-A0" in lines[1]
    assert "01020304" in lines[1]
    assert lines[2].startswith("2026-03-01T12:00:00Z event 0x8F76")
