from __future__ import annotations

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.ports import StimulusKind, StimulusOutcome


@pytest.fixture
def bench() -> DeviceBench:
    return DeviceBench("ppmid")


def test_alerts_go_to_the_broker(bench):
    bench.device.handle(bench.command("CS07", "second_supplier"))
    (alert,) = bench.alerts("access_control_broker")
    assert (alert.values["alert_code"], alert.signed) == (0x8F3D, True)
    assert bench.alerts("supplier") == []


def test_version_read(bench):
    answer = bench.request("CS08", "access_control_broker")
    assert answer.values["firmware_version"] == bytes.fromhex("01020304")
    assert answer.maced


def test_joining_is_not_reported_to_the_wan(bench):
    bench.device.joined(b"\x01" * 8)
    assert bench.sent == []
    assert b"joined the HAN" in bench.console


def test_display_and_keypad(bench):
    assert "NO METER" in bench.device.stimulus(StimulusKind.DISPLAY)[1]
    assert bench.device.stimulus(StimulusKind.KEYPAD, "73943333457189043313")[0] is StimulusOutcome.REFUSED
    assert bench.device.stimulus(StimulusKind.MAGNET_ON)[0] is StimulusOutcome.REFUSED
    bench.device.power(False)
    assert bench.device.stimulus(StimulusKind.DISPLAY) == (StimulusOutcome.DONE, "")
