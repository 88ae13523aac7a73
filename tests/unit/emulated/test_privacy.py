"""The privacy PIN of both meters."""

from __future__ import annotations

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.ports import StimulusKind, StimulusOutcome

CASES = [
    ("esme", "IMPORT", "ECS14", {"DisablePrivacyPinProtection: value": ""}),
    ("gsme", "GAS", "GCS11", {"*/Issuer Event ID": 1}),
]


def press(bench, argument):
    return bench.device.stimulus(StimulusKind.BUTTON, argument)[0]


def shown(bench):
    return bench.device.stimulus(StimulusKind.DISPLAY)[1]


@pytest.mark.parametrize(("kind", "hidden", "use_case", "values"), CASES)
def test_pin_hides_until_the_supplier_ends_it(kind, hidden, use_case, values):
    bench = DeviceBench(kind)
    assert press(bench, "pin=1234") is StimulusOutcome.DONE
    assert hidden not in shown(bench)
    assert "FIRMWARE" in shown(bench)
    bench.request(use_case, **values)
    assert hidden in shown(bench)


@pytest.mark.parametrize("kind", ["esme", "gsme"])
def test_pin_ends_by_the_pin_alone(kind):
    bench = DeviceBench(kind)
    before = shown(bench)
    assert press(bench, "pin=12") is StimulusOutcome.REFUSED
    assert shown(bench) == before
    press(bench, "pin=1234")
    assert press(bench, "pin-off=4321") is StimulusOutcome.REFUSED
    assert shown(bench) != before
    assert press(bench, "pin-off=1234") is StimulusOutcome.DONE
    assert shown(bench) == before
