"""Debts and charges that time brings to an electricity meter in prepayment mode, and what consumption costs."""

from __future__ import annotations

import pytest

from hil import payment_mode
from hil.api import covers, leaves, needs

from . import credit, logs, supply
from .credit import POUND

pytestmark = needs(state="prepayment", devices=["esme"])

PERIOD_S = 60  # of recovery; counted from midnight
DONE_1, DONE_2, EXHAUSTED = 0x81A7, 0x81A8, 0x81AA
START = 20 * POUND
NEVER_WHILE_OFF = "011"  # all but "while disconnected"


@pytest.fixture
def prepaid(supplier, esme):
    """A meter with twenty pounds and no debts, and put back to that."""
    credit.afresh(supplier, esme, START)
    yield esme
    credit.afresh(supplier, esme)


def next_period(bench) -> None:
    """Some seconds into the next period, so that what is asked then lies in it too."""
    bench.wait(PERIOD_S - bench.clock.now().timestamp() % PERIOD_S + 10)


@covers("SMETS-DEBT-RATE", "SMETS-5.7.4.12-OBJ", "SMETS-5.7.5.36-OBJ", "GBCS-EV-81A7", "GBCS-EV-81A8")
@leaves("restored")
def test_two_time_debts_are_recovered_at_their_rates(bench, supplier, prepaid, check):
    next_period(bench)
    mark = bench.alerts.mark()
    periods = {"period_1_s": PERIOD_S, "period_2_s": PERIOD_S // 2}
    credit.debts(supplier, prepaid, debt_1=25_000, rate_1=10_000, debt_2=15_000, rate_2=3_000, **periods)
    terms = supplier.request("ECS26a", prepaid)
    check.equal("SMETS-5.7.4.12-OBJ", PERIOD_S, terms.find("DebtRecoveryRates[1]: periodCurrent"))
    next_period(bench)
    found = credit.registers(supplier, prepaid)
    for row in ("SMETS-DEBT-RATE", "SMETS-5.7.5.36-OBJ"):
        check.equal(row, (15_000, 9_000), (found["debt_1"], found["debt_2"]))
    check.equal("SMETS-DEBT-RATE", START - 16_000, found["balance"])
    for _ in range(3):
        next_period(bench)
    found = credit.registers(supplier, prepaid)
    check.equal("SMETS-DEBT-RATE", (0, 0), (found["debt_1"], found["debt_2"]))
    check.equal("SMETS-DEBT-RATE", START - 40_000, found["balance"])
    logged = logs.codes(bench, supplier, prepaid)
    for code, row in ((DONE_1, "GBCS-EV-81A7"), (DONE_2, "GBCS-EV-81A8")):
        alert = bench.alerts.expect(prepaid, code, since=mark)
        check.equal(row, ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)
        check.that(row, code in logged, expected="an entry in the event log", observed=logged[-5:])


@covers("SMETS-DEBT-SUSP-1", "SMETS-5.7.4.45-OBJ")
@pytest.mark.parametrize("suspended", [True, False], ids=["suspended", "collected"])
@leaves("restored")
def test_debt_while_supply_is_off(bench, supplier, prepaid, check, suspended):
    bits = NEVER_WHILE_OFF if suspended else payment_mode.ALWAYS
    payment_mode.set_prepayment(supplier, prepaid, meter=bits, emergency=bits, accumulated=bits)
    supply.disable(supplier, prepaid)
    next_period(bench)
    credit.debts(supplier, prepaid, debt_1=POUND, rate_1=10_000, period_1_s=PERIOD_S)
    next_period(bench)
    expected = POUND if suspended else POUND - 10_000
    for row in ("SMETS-DEBT-SUSP-1", "SMETS-5.7.4.45-OBJ"):
        check.equal(row, expected, credit.registers(supplier, prepaid)["debt_1"])


@covers("SMETS-DEBT-SUSP-2", "SMETS-5.7.4.46-OBJ")
@pytest.mark.parametrize("suspended", [True, False], ids=["suspended", "collected"])
@leaves("restored")
def test_debt_while_emergency_credit_is_in_use(bench, supplier, prepaid, check, suspended):
    bits = {"emergency": ""} if suspended else {}
    payment_mode.set_prepayment(supplier, prepaid, credit=0, **bits)
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.activate_emergency_credit(supplier, prepaid)
    next_period(bench)
    credit.debts(supplier, prepaid, debt_1=POUND, rate_1=10_000, period_1_s=PERIOD_S)
    next_period(bench)
    found = credit.registers(supplier, prepaid)
    expected = (5 * POUND, 10_000) if suspended else (5 * POUND - 10_000, 0)
    for row in ("SMETS-DEBT-SUSP-2", "SMETS-5.7.4.46-OBJ"):
        check.equal(row, expected, (found["emergency"], found["accumulated"]))


@covers("GBCS-EV-81AA", "SMETS-5.6.3.1-a")
@leaves("restored")
def test_used_up_emergency_credit_is_told_and_has_to_be_repaid(bench, supplier, prepaid, check):
    payment_mode.set_prepayment(supplier, prepaid, credit=0, threshold=-5 * POUND)
    credit.configure(supplier, prepaid, limit=15_000, threshold=2 * POUND)
    credit.activate_emergency_credit(supplier, prepaid)
    credit.debts(supplier, prepaid, debt_1=POUND, rate_1=10_000, period_1_s=PERIOD_S)
    mark = bench.alerts.mark()
    for _ in range(2):
        next_period(bench)
    alert = bench.alerts.expect(prepaid, EXHAUSTED, since=mark)
    check.equal("GBCS-EV-81AA", ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)
    # Still active, so asking for it again succeeds and gives nothing (ECS09).
    credit.activate_emergency_credit(supplier, prepaid)
    check.equal("SMETS-5.6.3.1-a", 0, credit.registers(supplier, prepaid)["emergency"])


@covers("SMETS-5.7.5.26-OBJ", "SMETS-PREP-DAILY")
@leaves("restored")
def test_registers_are_logged_at_midnight(bench, supplier, acb, prepaid, check):
    credit.debts(supplier, prepaid, payment=3 * POUND)
    now = bench.clock.now()
    bench.wait(86_400 - now.timestamp() % 86_400 + 60)
    span = {
        "fromDateTime": now.replace(microsecond=0),
        "toDateTime": bench.clock.now().replace(microsecond=0),
    }
    response = supplier.request("ECS21b", prepaid, values=span)
    latest = response.find("PrepaymentDailyReadLog: logEntries")[-1]
    expected = (START, 3 * POUND, 0)
    found = tuple(
        latest[name] for name in ("meterBalanceValue", "paymentDebtRegisterValue", "timeDebtRegisters1Value")
    )
    for row in ("SMETS-5.7.5.26-OBJ", "SMETS-PREP-DAILY"):
        check.equal(row, expected, found)
    check.equal("SMETS-PREP-DAILY", ["ok"], response.encrypted, octets=response.octets)
