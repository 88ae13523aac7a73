"""Debts of a gas meter in prepayment mode: what time and top-ups recover of them, how much, and when not."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from ..gas import values as v
from . import gas, supply
from .credit import PENNY, POUND

pytestmark = needs(state="prepayment", devices=["gsme"], capabilities=["gsme.stimulus"])

START = 20 * POUND
HOUR_S, DAY_S = 3600, 86_400
RATES = (
    "Debt Recovery Amount 1",
    "Debt Recovery Frequency 1",
    "Debt Recovery Amount 2",
    "Debt Recovery Frequency 2",
)
SUSPENDING = 0x0497  # the control of prepayment that collects no debt while disabled


@pytest.fixture
def prepaid(supplier, gsme):
    """A gas meter with twenty pounds, no debts and nothing to pay for, and put back to that."""
    v.change(supplier, gsme, "GCS01a", v.free_of_charge())
    gas.afresh(supplier, gsme, START)
    yield gsme
    gas.afresh(supplier, gsme)


def beginning(bench, seconds: int) -> None:
    """Some seconds into the next period, so that what is asked then lies in it too."""
    bench.wait(seconds - bench.clock.now().timestamp() % seconds + 30)


def shown(supplier, gsme, name: str):
    """One value of the prepayment configuration (GCS21b)."""
    return supplier.request("GCS21b", gsme).find(name)


@covers("SMETS-4.5.3.5-OBJ", "SMETS-4.6.4.9-OBJ", "SMETS-4.6.5.21-OBJ")
@leaves("restored")
def test_time_debts_are_recovered_hour_by_hour_and_day_by_day(bench, supplier, prepaid, check):
    beginning(bench, DAY_S)
    every = (gas.HOURLY, gas.DAILY)
    gas.debts(supplier, prepaid, debt_1=25_000, rate_1=10_000, debt_2=5_000, rate_2=3_000, every=every)
    check.equal(
        "SMETS-4.6.4.9-OBJ", (10_000, 0, 3_000, 1), tuple(shown(supplier, prepaid, name) for name in RATES)
    )
    found = gas.registers(supplier, prepaid)
    check.equal("SMETS-4.5.3.5-OBJ", (25_000, 5_000), (found["debt_1"], found["debt_2"]))
    for hourly in (15_000, 5_000, 0, 0):
        beginning(bench, HOUR_S)
        found = gas.registers(supplier, prepaid)
        check.equal("SMETS-4.6.5.21-OBJ", (hourly, 5_000), (found["debt_1"], found["debt_2"]))
        check.equal("SMETS-4.6.5.21-OBJ", START - 25_000 + hourly, found["balance"])
    for daily in (2_000, 0):
        beginning(bench, DAY_S)
        found = gas.registers(supplier, prepaid)
        check.equal("SMETS-4.6.5.21-OBJ", (0, daily), (found["debt_1"], found["debt_2"]))
    check.equal("SMETS-4.6.5.21-OBJ", START - 30_000, found["balance"])


@covers("SMETS-4.5.3.5-OBJ")
@leaves("restored")
def test_amounts_are_added_to_a_debt_and_taken_from_it(supplier, prepaid, check):
    owed = 0
    for amount in (7_000, 4_000, -6_000):
        gas.debts(supplier, prepaid, debt_1=amount)
        owed += amount
        check.equal("SMETS-4.5.3.5-OBJ", owed, gas.registers(supplier, prepaid)["debt_1"])


@covers("SMETS-4.6.4.8-OBJ", "SMETS-4.6.5.13-OBJ")
@leaves("restored")
def test_a_share_of_each_top_up_pays_the_payment_debt(supplier, prepaid, check):
    gas.debts(supplier, prepaid, payment=6 * POUND, percentage=2_500)
    check.equal("SMETS-4.6.4.8-OBJ", 2_500, shown(supplier, prepaid, "Debt Recovery Top Up Percentage 3"))
    balance, left = START, 6 * POUND
    for pence in (1_000, 1_000, 1_000):
        gas.send_token(supplier, prepaid, supplier.top_up(prepaid, pence))
        paid = min(left, pence * PENNY // 4)
        left, balance = left - paid, balance + pence * PENNY - paid
        found = gas.registers(supplier, prepaid)
        for row in ("SMETS-4.6.4.8-OBJ", "SMETS-4.6.5.13-OBJ"):
            check.equal(row, (balance, left), (found["balance"], found["payment"]))
    check.equal("SMETS-4.6.5.13-OBJ", 0, left)


@covers("SMETS-4.6.4.10-OBJ")
@leaves("restored")
def test_the_cap_bounds_what_top_ups_pay_of_a_debt(supplier, prepaid, check):
    """How long the cap counts no source says, nor what was paid before: less than a penny leaves the debt."""
    gas.debts(supplier, prepaid, payment=10 * POUND, percentage=5_000)
    for cap, low, high in ((PENNY - 1, 10 * POUND - PENNY, 10 * POUND), (0, 8 * POUND - PENNY, 8 * POUND)):
        gas.configure(supplier, prepaid, cap=cap)
        check.equal("SMETS-4.6.4.10-OBJ", cap, shown(supplier, prepaid, "Overall Debt Cap"))
        gas.send_token(supplier, prepaid, supplier.top_up(prepaid, 400))
        left = gas.registers(supplier, prepaid)["payment"]
        check.that("SMETS-4.6.4.10-OBJ", low <= left <= high, expected=f"{low} to {high} left", observed=left)


@covers("SMETS-4.6.4.27-OBJ")
@pytest.mark.parametrize("suspended", [True, False], ids=["suspended", "collected"])
@leaves("restored")
def test_debt_while_the_valve_is_shut(bench, supplier, prepaid, check, suspended):
    mode = {"Proposed Payment Control Configuration": SUSPENDING if suspended else 0x0897, "Cut Off Value": 0}
    supplier.request("GCS03", prepaid, values={**gas.ISSUER, **mode})
    beginning(bench, HOUR_S)
    supply.disable(supplier, prepaid)
    gas.debts(supplier, prepaid, debt_1=POUND, rate_1=10_000, every=(gas.HOURLY, gas.DAILY))
    beginning(bench, HOUR_S)
    expected = POUND if suspended else POUND - 10_000
    check.equal("SMETS-4.6.4.27-OBJ", expected, gas.registers(supplier, prepaid)["debt_1"])


@covers("SMETS-4.6.4.28-OBJ")
@pytest.mark.parametrize("suspended", [True, False], ids=["suspended", "collected"])
@leaves("restored")
def test_debt_while_emergency_credit_is_in_use(bench, supplier, prepaid, check, suspended):
    gas.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    mode = {"Proposed Payment Control Configuration": SUSPENDING if suspended else 0x0897, "Cut Off Value": 0}
    supplier.request("GCS03", prepaid, values={**gas.ISSUER, **mode})
    beginning(bench, HOUR_S)
    gas.adjust(supplier, prepaid, -START)
    check.equal("SMETS-4.6.4.28-OBJ", 0, gas.select_emergency_credit(supplier, prepaid))
    gas.debts(supplier, prepaid, debt_1=POUND, rate_1=10_000, every=(gas.HOURLY, gas.DAILY))
    beginning(bench, HOUR_S)
    expected = POUND if suspended else POUND - 10_000
    check.equal("SMETS-4.6.4.28-OBJ", expected, gas.registers(supplier, prepaid)["debt_1"])


@covers("SMETS-4.6.5.13-OBJ", "SMETS-4.6.5.21-OBJ", "SMETS-4.6.5.14-OBJ")
@leaves("restored")
def test_registers_are_logged_at_midnight(bench, supplier, prepaid, check):
    gas.debts(supplier, prepaid, debt_1=4 * POUND, debt_2=5 * POUND, payment=3 * POUND)
    beginning(bench, DAY_S)
    since = {"*/Earliest Start Time": "2000-01-01T00:00:01Z", "*/Latest End Time": "2090-01-01T00:00:00Z"}
    found = supplier.request("GCS16b", prepaid, values=since)
    logged = [each for each in found.named["Components"] if each.get("Command") == "Publish Prepay Snapshot"]
    names = ("Type 1 Debt Remaining", "Type 2 Debt Remaining", "Type 3 Debt Remaining", "Credit Remaining")
    latest = max(logged, key=lambda each: str(each["Snapshot Time"])) if logged else {}
    for row in ("SMETS-4.6.5.13-OBJ", "SMETS-4.6.5.21-OBJ", "SMETS-4.6.5.14-OBJ"):
        check.equal(row, [4 * POUND, 5 * POUND, 3 * POUND, START], [latest.get(name) for name in names])
