"""The valve of a gas meter: from afar, by its buttons, by the flow check and by its battery."""

from __future__ import annotations

import pytest

from fixtures.gas_bench import GasBench, gas_load
from protocols.ports import StimulusKind, StimulusOutcome

OFF, ARMED, ON, UNCHANGED = range(4)
READ = ("0702>00", {"read": [0x0205, 0x0014]})
READ_FLOW = ("0702>00", {"read": [0x0B13, 0x0B12, 0x0B11, 0x0B10, 0x0B14, 0x0B15]})


def change(status):
    about = {"Request Date/Time": "now", "Implementation Date/Time": "now", "Supply Control Bits": 1}
    return "0702>0B", about | {"Proposed Supply Status": status}


def close(bench):
    return bench.ask("GCS32", change(OFF))


def arm(bench):
    return bench.ask("GCS39", change(ARMED))


def flow(threshold, divisor=10_000, stabilisation=10, measurement=60):
    return (
        "0702>0E",
        {
            "Uncontrolled Flow Threshold": threshold,
            "Unit of Measure": 1,
            "Multiplier": 1,
            "Divisor": divisor,
            "Stabilisation Period": stabilisation,
            "Measurement Period": measurement,
        },
    )


def states(tamper=UNCHANGED, depletion=UNCHANGED):
    return (
        "0702>0D",
        {
            "Supply Tamper State": tamper,
            "Supply Depletion State": depletion,
            "Supply Uncontrolled Flow State": 0,
            "Load Limit Supply State": 3,
        },
    )


def status(bench):
    (said,) = bench.ask("GCS33", READ)
    return said["0014"]


def open_valve(bench):
    return bench.device.stimulus(StimulusKind.BUTTON, "enable=5")


def test_closing_arming_and_opening_by_hand():
    bench = GasBench(changes=gas_load(60))
    assert status(bench) == ON
    assert close(bench)[0]["Supply Status"] == OFF
    assert status(bench) == OFF
    assert open_valve(bench)[0] is StimulusOutcome.REFUSED
    bench.go_to("2026-03-01T13:00:00")
    assert bench.device.consumption == 0
    assert arm(bench)[0]["Supply Status"] == ARMED
    assert status(bench) == ARMED
    assert open_valve(bench)[0] is StimulusOutcome.DONE
    assert status(bench) == ON
    bench.go_to("2026-03-01T14:00:00")
    assert bench.device.consumption == 60


def test_no_message_opens_the_valve():
    bench = GasBench()
    close(bench)
    assert bench.ask("GCS39", change(ON)) == [{"status": 0x87}]
    assert status(bench) == OFF


@pytest.mark.parametrize(("litres_an_hour", "closes"), [(59, False), (60, False), (120, True)])
@pytest.mark.parametrize(("use_case", "threshold", "divisor"), [("GCS24a", 600, 10_000)])
def test_flow_is_checked_when_the_valve_opens(litres_an_hour, closes, use_case, threshold, divisor):
    bench = GasBench(changes=gas_load(litres_an_hour))
    bench.ask(use_case, flow(threshold, divisor, measurement=60), states())
    close(bench)
    arm(bench)
    open_valve(bench)
    bench.sent.clear()
    bench.go_to("2026-03-01T12:05:00")
    assert status(bench) == (ARMED if closes else ON)
    assert (0x81BF in bench.logged("event")) is closes


def test_flow_threshold_in_whole_cubic_metres():
    for litres_an_hour, expected in ((1500, ON), (2500, ARMED)):
        bench = GasBench(changes=gas_load(litres_an_hour))
        bench.ask("GCS24", flow(2, 1), states())
        close(bench)
        arm(bench)
        open_valve(bench)
        bench.go_to("2026-03-01T12:05:00")
        assert status(bench) == expected


@pytest.mark.parametrize(("use_case", "divisor"), [("GCS24", 10_000), ("GCS24a", 1)])
def test_threshold_of_the_other_resolution_is_refused(use_case, divisor):
    bench = GasBench()
    assert bench.ask(use_case, flow(2, divisor), states())[0] == {"status": 0x87}


def test_threshold_is_read_back_with_its_divisor():
    bench = GasBench()
    bench.ask("GCS24a", flow(600), states())
    (said,) = bench.ask("GCS21a", READ_FLOW)
    assert (said["0B10"], said["0B12"], said["0B13"], said["0B14"], said["0B15"]) == (600, 1, 10_000, 10, 60)


@pytest.mark.parametrize(("state", "expected"), [(OFF, OFF), (UNCHANGED, ON)])
def test_state_without_battery(state, expected):
    bench = GasBench()
    bench.ask("GCS24a", flow(0), states(depletion=state))
    bench.device.stimulus(StimulusKind.SUPPLY_LOST)
    bench.device.stimulus(StimulusKind.SUPPLY_RESTORED)
    assert status(bench) == expected


@pytest.mark.parametrize(("state", "expected"), [(OFF, OFF), (UNCHANGED, ON)])
def test_state_after_tampering(state, expected):
    bench = GasBench()
    bench.ask("GCS24a", flow(0), states(tamper=state))
    bench.device.stimulus(StimulusKind.COVER_OPEN, "meter")
    assert status(bench) == expected


@pytest.mark.parametrize(
    ("unit", "taken"), [("profile", [0, 0]), ("m3-per-hour", [0, 0x87]), ("m3-per-hour-10000", [0x87, 0])]
)
def test_unit_of_the_threshold_by_assumption(unit, taken):
    bench = GasBench(changes={"switches": {"A16": unit}})
    said = [
        bench.ask(use_case, flow(2, divisor), states())[0]["status"]
        for use_case, divisor in (("GCS24", 1), ("GCS24a", 10_000))
    ]
    assert said == taken
