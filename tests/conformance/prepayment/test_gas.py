"""A gas meter in prepayment mode: balances, top-ups with their result codes, emergency credit."""

from __future__ import annotations

import pytest

from hil import payment_mode
from hil.api import covers, leaves, needs

from . import gas, supply
from .credit import PENNY, POUND
from .people import hold_supply_button

pytestmark = needs(state="prepayment", devices=["gsme"], capabilities=["gsme.stimulus"])

START = 20 * POUND
OUT_OF_CREDIT = 0x8F0F
LOOK_S = 90.0
FAILURE = 1


@pytest.fixture
def prepaid(supplier, gsme):
    """A gas meter with twenty pounds, and put back to that."""
    gas.afresh(supplier, gsme, START)
    yield gsme
    gas.afresh(supplier, gsme)
    if supply.state(supplier, gsme) != supply.ENABLED:
        supply.arm(supplier, gsme)
        hold_supply_button(gsme)


@covers("GBCS-GCS40-01", "SMETS-4.5.3.6-OBJ", "SMETS-4.6.5.11-OBJ")
@leaves("restored")
def test_prepayment_balance_is_adjusted_alone(supplier, prepaid, check):
    owed, before = gas.bill(supplier, prepaid), START
    for amount in (5 * POUND, -7 * POUND):
        gas.adjust(supplier, prepaid, amount)
        before += amount
        for row in ("GBCS-GCS40-01", "SMETS-4.5.3.6-OBJ", "SMETS-4.6.5.11-OBJ"):
            check.equal(row, before, gas.balance(supplier, prepaid))
    check.equal("GBCS-GCS40-01", owed, gas.bill(supplier, prepaid))


@covers("GBCS-GCS40-02")
@leaves("restored")
def test_credit_mode_balance_is_adjusted_with_the_other_sign(supplier, prepaid, check):
    for amount in (-5 * POUND, 100):
        before = gas.bill(supplier, prepaid)
        supplier.request("GCS40c", prepaid, values={**gas.ISSUER, "Credit Adjustment Value": amount})
        check.equal("GBCS-GCS40-02", before - amount, gas.bill(supplier, prepaid))
    supplier.request("GCS40d", prepaid, values=gas.ISSUER)
    check.equal("GBCS-GCS40-02", 0, gas.bill(supplier, prepaid))
    check.equal("GBCS-GCS40-02", START, gas.balance(supplier, prepaid))


@covers("GBCS-GCS40-03", "SMETS-4.5.3.19-OBJ", "SMETS-4.6.5.1-OBJ")
@leaves("restored")
def test_reset_of_the_prepayment_balance(supplier, prepaid, check):
    supplier.request("GCS40b", prepaid, values=gas.ISSUER)
    found = gas.registers(supplier, prepaid)
    for row in ("GBCS-GCS40-03", "SMETS-4.5.3.19-OBJ", "SMETS-4.6.5.1-OBJ"):
        check.equal(row, (0, 0, 0), (found["balance"], found["emergency"], found["accumulated"]))


@covers("GBCS-14.5-01", "GBCS-14.3-03", "SMETS-4.5.3.3-OBJ")
@leaves("restored")
def test_a_top_up_answers_with_result_value_and_credit(supplier, prepaid, check):
    token = supplier.top_up(prepaid, 1250)
    response = gas.send_token(supplier, prepaid, token)
    found = [response.find(name) for name in ("Result Type", "Top Up Value", "Credit Remaining")]
    for row in ("GBCS-14.5-01", "SMETS-4.5.3.3-OBJ"):
        check.equal(row, [gas.ACCEPTED, 1250 * PENNY, START + 1250 * PENNY], found, octets=response.octets)
    response = gas.send_token(supplier, prepaid, token)
    for row in ("GBCS-14.5-01", "GBCS-14.3-03"):
        check.equal(row, gas.DUPLICATE, response.find("Result Type"), octets=response.octets)
    wrong = supplier.top_up(prepaid, 100)
    wrong.utrn = token.utrn
    response = gas.send_token(supplier, prepaid, wrong)
    check.equal("GBCS-14.5-01", gas.INVALID, response.find("Result Type"), octets=response.octets)
    check.equal("GBCS-14.3-03", START + 1250 * PENNY, gas.balance(supplier, prepaid))


@covers("GBCS-14.5-01", "SMETS-DISABLE-01")
@leaves("restored")
def test_a_top_up_arms_what_want_of_credit_disabled(bench, supplier, prepaid, check):
    mark = bench.alerts.mark()
    gas.adjust(supplier, prepaid, -START - 1)
    bench.alerts.expect(prepaid, OUT_OF_CREDIT, since=mark, timeout_s=LOOK_S)
    check.equal("SMETS-DISABLE-01", supply.DISABLED, supply.state(supplier, prepaid))
    response = gas.send_token(supplier, prepaid, supplier.top_up(prepaid, 500))
    check.equal("GBCS-14.5-01", gas.ARMED, response.find("Result Type"), octets=response.octets)
    check.equal("GBCS-14.5-01", supply.ARMED, supply.state(supplier, prepaid))


@covers("GBCS-ECS09-02", "SMETS-4.6.5.8-OBJ")
@leaves("restored")
def test_emergency_credit_that_is_not_offered(supplier, prepaid, check):
    response = supplier.request("GCS06", prepaid)
    for row in ("GBCS-ECS09-02", "SMETS-4.6.5.8-OBJ"):
        check.equal(row, [FAILURE], list(response.statuses.values()), octets=response.octets)


@covers("SMETS-4.5.3.21-OBJ", "SMETS-4.6.4.21-OBJ")
@leaves("restored")
def test_payment_mode_of_a_gas_meter(supplier, prepaid, check):
    found = []
    for change in (payment_mode.set_credit, payment_mode.set_prepayment):
        change(supplier, prepaid)
        control = supplier.request("GCS21j", prepaid).find("Payment Control Configuration")
        found.append(bool(control & 2))
    for row in ("SMETS-4.5.3.21-OBJ", "SMETS-4.6.4.21-OBJ"):
        check.equal(row, [False, True], found)
