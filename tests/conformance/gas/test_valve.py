"""The valve by the flow check, by the battery and by tampering; what the battery tells."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs, not_applicable
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..prepayment import supply
from ..prepayment.people import hold_supply_button
from ..reads import restart
from . import values as v
from .answers import silent

pytestmark = [
    needs(state="commissioned", devices=["gsme", "gpf"], capabilities=["gsme.stimulus"]),
    leaves("restored"),
]

OFF, UNCHANGED = 0, 3
ARMED_AFTER_FLOW, LOW_BATTERY, CAPACITY_RESET = 0x81BF, 0x8F1F, 0x8F82
SECONDS = 60
EVENT_LOG, SECURITY_LOG = 0x13, 0x04
UNITS = {"GCS24": "m3-per-hour", "GCS24a": "m3-per-hour-10000"}


@pytest.fixture
def open_again(supplier, gsme):
    """Whatever happened, the valve is open in the end, and nothing closes it by itself."""
    yield
    supplier.request("GCS24a", gsme, values=v.flow_threshold(0, seconds=SECONDS))
    if supply.state(supplier, gsme) != supply.ENABLED:
        supply.arm(supplier, gsme)
        hold_supply_button(gsme)


@covers("SMETS-UGFR-01", "SMETS-4.6.4.33-OBJ", "SMETS-4.6.5.18-OBJ")
@pytest.mark.parametrize(
    ("litres_an_hour", "expected"),
    [(600, supply.ENABLED), (1200, supply.ENABLED), (2400, supply.ARMED)],
)
def test_flow_above_the_threshold_shuts_the_valve(
    bench, supplier, gsme, check, flow, open_again, litres_an_hour, expected
):
    # 1.2 m3/h, in ten-thousandths.
    v.change(supplier, gsme, "GCS24a", v.flow_threshold(12_000, seconds=SECONDS))
    supply.disable(supplier, gsme)
    supply.arm(supplier, gsme)
    do(gsme, StimulusKind.BUTTON, f"load={litres_an_hour}")
    mark = bench.alerts.mark()
    hold_supply_button(gsme)
    bench.wait(3 * SECONDS)
    for row in ("SMETS-UGFR-01", "SMETS-4.6.4.33-OBJ", "SMETS-4.6.5.18-OBJ"):
        check.equal(row, expected, supply.state(supplier, gsme))
    if expected == supply.ARMED:
        alert = bench.alerts.expect(gsme, ARMED_AFTER_FLOW, since=mark)
        check.equal("SMETS-UGFR-01", supplier.name, alert.to, octets=alert.octets)


def _takes(bench, use_case):
    """Where the rig says which unit the meter has, the other use case is not for it (A16)."""
    if bench.switches["A16"] not in {"profile", UNITS[use_case]}:
        not_applicable(f"a meter with thresholds in {bench.switches['A16']} (A16)")


@covers("SMETS-UGFR-02")
@pytest.mark.parametrize(("use_case", "divisor"), [("GCS24", 1), ("GCS24a", 10_000)])
def test_threshold_is_read_back_in_its_resolution(
    bench, supplier, gsme, check, open_again, use_case, divisor
):
    _takes(bench, use_case)
    v.change(supplier, gsme, use_case, v.flow_threshold(5, seconds=SECONDS))
    shown = supplier.request("GCS21a", gsme, values={})
    check.equal("SMETS-UGFR-02", 5, shown.find("Uncontrolled Flow Threshold"), octets=shown.octets)
    check.equal("SMETS-UGFR-02", divisor, shown.find("Uncontrolled Flow Divisor"), octets=shown.octets)
    check.equal("SMETS-UGFR-02", 1, shown.find("Uncontrolled Flow Multiplier"), octets=shown.octets)


@covers("SMETS-UGFR-02")
def test_flow_check_goes_by_whole_cubic_metres_too(bench, supplier, gsme, check, flow, open_again):
    _takes(bench, "GCS24")
    v.change(supplier, gsme, "GCS24", v.flow_threshold(2, seconds=SECONDS))
    supply.disable(supplier, gsme)
    supply.arm(supplier, gsme)
    # Above two ten-thousandths of a cubic metre, below two cubic metres an hour.
    do(gsme, StimulusKind.BUTTON, "load=1200")
    hold_supply_button(gsme)
    bench.wait(3 * SECONDS)
    check.equal("SMETS-UGFR-02", supply.ENABLED, supply.state(supplier, gsme))


@covers("SMETS-UGFR-03")
def test_proxy_has_no_copy_of_the_threshold(supplier, gpf, check):
    sent = supplier.send("GCS21a", gpf, values={})
    check.that(
        "SMETS-UGFR-03",
        silent(supplier, sent),
        expected="no answer",
        observed="an answer",
        octets=sent.octets,
    )


@covers("SMETS-DEPL-01", "SMETS-4.6.4.25-OBJ")
@needs(capabilities=["gsme.power"])
@pytest.mark.parametrize(("state", "expected"), [(OFF, supply.DISABLED), (UNCHANGED, supply.ENABLED)])
def test_valve_without_battery(bench, supplier, gsme, check, open_again, state, expected):
    v.change(supplier, gsme, "GCS24a", v.flow_threshold(0, seconds=SECONDS, depletion=state))
    shown = supplier.request("GCS21m", gsme, values={})
    check.equal("SMETS-4.6.4.25-OBJ", state, shown.find("Supply Depletion State"), octets=shown.octets)
    restart(bench, gsme)
    for row in ("SMETS-DEPL-01", "SMETS-4.6.4.25-OBJ"):
        check.equal(row, expected, supply.state(supplier, gsme))


@covers("SMETS-4.6.4.26-OBJ")
@pytest.mark.parametrize(("state", "expected"), [(OFF, supply.DISABLED), (UNCHANGED, supply.ENABLED)])
def test_valve_after_tampering(supplier, gsme, check, open_again, state, expected):
    v.change(supplier, gsme, "GCS24a", v.flow_threshold(0, seconds=SECONDS, tamper=state))
    shown = supplier.request("GCS21m", gsme, values={})
    check.equal("SMETS-4.6.4.26-OBJ", state, shown.find("Supply Tamper State"), octets=shown.octets)
    do(gsme, StimulusKind.COVER_OPEN, "meter")
    do(gsme, StimulusKind.COVER_CLOSE, "meter")
    check.equal("SMETS-4.6.4.26-OBJ", expected, supply.state(supplier, gsme))


@covers("GSME-BATT-01", "GBCS-EV-8F1F", "GBCS-EV-8F82", "SMETS-4.6.5.16-OBJ")
def test_battery_is_reported_low_and_its_reset_is_logged(bench, supplier, gsme, gpf, check):
    mark = bench.alerts.mark()
    do(gsme, StimulusKind.BUTTON, "battery-days=100")
    try:
        alert = bench.alerts.expect(gsme, LOW_BATTERY, since=mark)
        for row in ("GSME-BATT-01", "GBCS-EV-8F1F"):
            check.equal(row, supplier.name, alert.to, octets=alert.octets)
        for device in (gsme, gpf):
            shown = supplier.request("GCS33", device, values={})
            left = shown.find("Remaining Battery Life in Days")
            check.equal("SMETS-4.6.5.16-OBJ", 100, left, octets=shown.octets)
    finally:
        do(gsme, StimulusKind.BUTTON, "battery-new=1")
    check.equal("GBCS-EV-8F1F", True, LOW_BATTERY in _logged(supplier, gsme, "CS10a"))
    for row in ("GSME-BATT-01", "GBCS-EV-8F82"):
        logged = [*_logged(supplier, gsme, "CS10a"), *_logged(supplier, gsme, "CS10b")]
        check.equal(row, True, CAPACITY_RESET in logged)


def _logged(supplier, gsme, use_case):
    limits = {"*/Start Time": "2000-01-01T00:00:01Z", "*/End Time": "2090-01-01T00:00:00Z"}
    log = {"*/Event Control / Log ID": EVENT_LOG if use_case == "CS10a" else SECURITY_LOG}
    shown = supplier.request(use_case, gsme, values=limits | log)
    logs = v.components(shown, "Publish Event Log")
    return [entry["Event ID"] for log in logs for entry in log["Log Entries"]]
