"""Who switches supply, and how it comes back."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..meters import both_meters, on
from . import logs, supply
from .people import SHORT_S, hold_supply_button, turn

pytestmark = needs(state="commissioned")

ARMED_EVENT, LOCKED = 0x8F32, 0x81BE
DISCONNECT_FAILED, CONNECT_FAILED = 0x81C0, 0x81BD


@pytest.fixture
def switched(supplier, meter):
    """A meter whose supply may be switched; it is on again afterwards."""
    yield meter
    turn(meter, "jam-switch=0")
    supply.arm(supplier, meter)
    if supply.state(supplier, meter) != supply.ENABLED:
        hold_supply_button(meter)


with_rows = pytest.mark.parametrize(
    "meter",
    [
        on("esme", rows=("SMETS-5.6.3.11-OBJ", "SMETS-5.7.5.32-OBJ"), capabilities=("stimulus",)),
        on("gsme", rows=("SMETS-4.5.3.10-OBJ", "SMETS-4.6.5.18-OBJ"), capabilities=("stimulus",)),
    ],
    indirect=True,
)
on_both = pytest.mark.parametrize(
    "meter", [on("esme", capabilities=("stimulus",)), on("gsme", capabilities=("stimulus",))], indirect=True
)


@with_rows
@covers("GBCS-SUP-01")
@leaves("restored")
def test_supplier_disables_supply(supplier, switched, check, request):
    response = supply.disable(supplier, switched)
    check.that(
        "GBCS-SUP-01",
        supply.succeeded(response),
        expected="success",
        observed=response.statuses,
        octets=response.octets,
    )
    found = supply.state(supplier, switched)
    electric = switched.type == "esme"
    rows = (
        ("SMETS-5.6.3.11-OBJ", "SMETS-5.7.5.32-OBJ")
        if electric
        else ("SMETS-4.5.3.10-OBJ", "SMETS-4.6.5.18-OBJ")
    )
    for row in ("GBCS-SUP-01", *rows):
        check.equal(row, supply.DISABLED, found)


@both_meters
@covers("GBCS-SUP-01")
@leaves("restored")
def test_network_operator_cannot_disable_supply(network_operator, supplier, meter, check):
    use_case = "ECS43" if meter.type == "esme" else "GCS32"
    values = {} if meter.type == "esme" else {"*/Issuer Event ID": 1}
    sent = network_operator.send(use_case, meter, values=values)
    network_operator.expect_silence(sent, 3.0)
    check.equal("GBCS-SUP-01", supply.ENABLED, supply.state(supplier, meter))


@pytest.mark.parametrize(
    "meter",
    [
        on("esme", rows=("SMETS-5.6.3.7-OBJ",), capabilities=("stimulus",)),
        on("gsme", rows=("SMETS-4.5.3.7-OBJ",), capabilities=("stimulus",)),
    ],
    indirect=True,
)
@covers("GBCS-SUP-02", "SMETS-SUP-05")
@leaves("restored")
def test_arming_lets_the_consumer_restore_supply(bench, supplier, switched, check):
    supply.disable(supplier, switched)
    mark = bench.alerts.mark()
    supply.arm(supplier, switched)
    armed = supply.state(supplier, switched)
    for row in ("GBCS-SUP-02", "SMETS-5.6.3.7-OBJ" if switched.type == "esme" else "SMETS-4.5.3.7-OBJ"):
        check.equal(row, supply.ARMED, armed)
    alert = bench.alerts.expect(switched, ARMED_EVENT, since=mark)
    check.equal("GBCS-SUP-02", "supplier", alert.to, octets=alert.octets)
    hold_supply_button(switched, SHORT_S)
    check.equal("SMETS-SUP-05", supply.ARMED, supply.state(supplier, switched))
    hold_supply_button(switched)
    for row in ("GBCS-SUP-02", "SMETS-SUP-05"):
        check.equal(row, supply.ENABLED, supply.state(supplier, switched))


@on_both
@covers("SMETS-SUP-06")
@leaves("restored")
def test_what_the_supplier_disabled_stays_disabled(supplier, switched, check):
    supply.disable(supplier, switched)
    hold_supply_button(switched)
    check.equal("SMETS-SUP-06", supply.DISABLED, supply.state(supplier, switched))


@covers("GBCS-SUP-03", "SMETS-5.6.3.12-OBJ")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
@pytest.mark.parametrize("meter", ["esme"], indirect=True)
@leaves("restored")
def test_electricity_is_enabled_from_afar(supplier, switched, check):
    supply.disable(supplier, switched)
    response = supplier.request("ECS42", switched)
    for row in ("GBCS-SUP-03", "SMETS-5.6.3.12-OBJ"):
        check.that(
            row,
            supply.succeeded(response),
            expected="success",
            observed=response.statuses,
            octets=response.octets,
        )
        check.equal(row, supply.ENABLED, supply.state(supplier, switched))


@covers("GBCS-SUP-03")
@needs(devices=["gsme"], capabilities=["gsme.stimulus"])
@pytest.mark.parametrize("meter", ["gsme"], indirect=True)
@leaves("restored")
def test_gas_is_never_enabled_from_afar(supplier, switched, check):
    supply.disable(supplier, switched)
    for use_case in ("GCS32", "GCS39"):
        values = {"*/Issuer Event ID": 1, "Proposed Supply Status": 2}
        supplier.request(use_case, switched, values=values, strict=False)
        check.equal("GBCS-SUP-03", supply.DISABLED, supply.state(supplier, switched))


@covers("GBCS-SUP-07", "GBCS-EV-81BD")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
@pytest.mark.parametrize("meter", ["esme"], indirect=True)
@leaves("restored")
def test_a_switch_that_does_not_move_is_told(bench, supplier, switched, check):
    turn(switched, "jam-switch=1")
    mark = bench.alerts.mark()
    response = supply.disable(supplier, switched)
    check.that(
        "GBCS-SUP-07",
        not supply.succeeded(response),
        expected="a failure",
        observed=response.statuses,
        octets=response.octets,
    )
    bench.alerts.expect(switched, DISCONNECT_FAILED, since=mark)
    turn(switched, "jam-switch=0")
    supply.disable(supplier, switched)
    turn(switched, "jam-switch=1")
    mark = bench.alerts.mark()
    supplier.request("ECS42", switched)
    alert = bench.alerts.expect(switched, CONNECT_FAILED, since=mark)
    check.equal("GBCS-SUP-07", "ok", alert.mac, octets=alert.octets)
    codes = logs.codes(bench, supplier, switched)
    check.that("GBCS-EV-81BD", CONNECT_FAILED in codes, expected="0x81BD in the event log", observed=codes)


@covers("SMETS-TAMP-LOCK", "GBCS-EV-81BE", "SMETS-5.7.4.44-OBJ")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
@pytest.mark.parametrize("meter", ["esme"], indirect=True)
@leaves("restored")
def test_tampering_locks_supply_where_the_supplier_wants_it(bench, supplier, switched, check):
    supplier.request("ECS81", switched, values={"SupplyTamperState: value": True})
    try:
        read = supplier.request("ECS26e", switched).find("SupplyTamperState: value")
        check.equal("SMETS-5.7.4.44-OBJ", True, read)
        mark = bench.alerts.mark()
        switched.stimulus.apply(StimulusKind.COVER_OPEN)
        alert = bench.alerts.expect(switched, LOCKED, since=mark)
        check.equal("GBCS-EV-81BE", ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)
        hold_supply_button(switched)
        check.equal("SMETS-TAMP-LOCK", supply.DISABLED, supply.state(supplier, switched))
        supply.arm(supplier, switched)
        hold_supply_button(switched)
        check.equal("SMETS-TAMP-LOCK", supply.ENABLED, supply.state(supplier, switched))
    finally:
        supplier.request("ECS81", switched, values={"SupplyTamperState: value": False})
        switched.stimulus.apply(StimulusKind.COVER_CLOSE)
