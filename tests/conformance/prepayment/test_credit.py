"""Balances, emergency credit, and what happens when credit is low and out: an ESME in prepayment mode."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil import payment_mode
from hil.api import covers, leaves, needs

from . import credit, supply
from .credit import POUND
from .people import hold_supply_button, press

pytestmark = needs(state="prepayment", devices=["esme"])

LOW_CREDIT, EMERGENCY_AVAILABLE, EMERGENCY_ACTIVE = 0x810D, 0x8119, 0x81AB
OUT_OF_CREDIT, SUSPENDED, ARMED_BY_EMERGENCY = 0x8F0F, 0x8F83, 0x8168
OTHER_REASON = 250
CREDIT, PREPAYMENT, DATED_DONE = 1, 2, 0x8F66
CHANGES = "BillingDataLog(SetPaymentModeOrTariffTriggeredFinancialExcExport): logEntries"
LOOK_S = 90.0  # a meter looks at its credit at least each minute or so


@pytest.fixture
def prepaid(supplier, esme):
    """A meter with twenty pounds, and put back to that."""
    credit.afresh(supplier, esme)
    yield esme
    credit.afresh(supplier, esme)


@covers("SMETS-5.6.3.6-OBJ", "SMETS-5.7.5.22-OBJ")
@leaves("restored")
def test_balance_is_adjusted_by_an_amount(supplier, prepaid, check):
    before = credit.balance(supplier, prepaid)
    for amount in (5 * POUND, -7 * POUND):
        credit.adjust(supplier, prepaid, amount)
        before += amount
        for row in ("SMETS-5.6.3.6-OBJ", "SMETS-5.7.5.22-OBJ"):
            check.equal(row, before, credit.balance(supplier, prepaid))
    check.equal("SMETS-5.7.5.22-OBJ", before, credit.registers(supplier, prepaid)["balance"])


@covers("GBCS-GCS40-03", "SMETS-5.6.3.29-OBJ", "SMETS-5.7.5.1-OBJ", "SMETS-5.7.5.15-OBJ")
@leaves("restored")
def test_reset_clears_balance_debt_and_emergency_credit(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, prepaid, POUND)
    credit.activate_emergency_credit(supplier, prepaid)
    found = credit.registers(supplier, prepaid)
    check.equal("SMETS-5.7.5.15-OBJ", 5 * POUND, found["emergency"])
    supplier.request("ECS04b", prepaid)
    found = credit.registers(supplier, prepaid)
    for name, row in (
        ("balance", "GBCS-GCS40-03"),
        ("emergency", "GBCS-GCS40-03"),
        ("accumulated", "SMETS-5.7.5.1-OBJ"),
    ):
        check.equal(row, 0, found[name])
        check.equal("SMETS-5.6.3.29-OBJ", 0, found[name])


@covers("SMETS-LOWCR-01", "GBCS-EV-810D", "SMETS-5.7.4.23-OBJ")
@leaves("restored")
def test_low_credit_is_told_once_a_crossing(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, low=3 * POUND)
    for _ in range(2):
        mark = bench.alerts.mark()
        credit.set_balance(supplier, prepaid, 2 * POUND)
        credit.set_balance(supplier, prepaid, POUND)
        bench.wait(LOOK_S)
        alerts = [each for each in bench.alerts.since(mark) if each.alert_code == LOW_CREDIT]
        check.equal("SMETS-LOWCR-01", 1, len(alerts))
        check.equal("GBCS-EV-810D", ["supplier"], [each.to for each in alerts])
        credit.set_balance(supplier, prepaid, 20 * POUND)
    found = supplier.request("ECS26a", prepaid).find("LowCreditThreshold: thresholdCurrent")
    check.equal("SMETS-5.7.4.23-OBJ", 3 * POUND, found)


@covers("SMETS-5.6.3.1-a", "GBCS-ECS09-02", "GBCS-EV-8119")
@leaves("restored")
def test_emergency_credit_only_where_it_is_offered(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    result = credit.activate_emergency_credit(supplier, prepaid)
    for row in ("SMETS-5.6.3.1-a", "GBCS-ECS09-02"):
        check.equal(row, OTHER_REASON, result)
    mark = bench.alerts.mark()
    credit.set_balance(supplier, prepaid, POUND)
    alert = bench.alerts.expect(prepaid, EMERGENCY_AVAILABLE, since=mark, timeout_s=LOOK_S)
    check.equal("GBCS-EV-8119", "ok", alert.mac, octets=alert.octets)
    check.equal("SMETS-5.6.3.1-a", 0, credit.activate_emergency_credit(supplier, prepaid))


@covers("GBCS-ECS09-01", "SMETS-5.6.3.1-OBJ", "GBCS-EV-81AB", "SMETS-5.7.4.16-OBJ", "SMETS-5.7.4.17-OBJ")
@leaves("restored")
def test_activating_emergency_credit_twice_gives_it_once(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, prepaid, POUND)
    mark = bench.alerts.mark()
    for _ in range(2):
        check.equal("GBCS-ECS09-01", 0, credit.activate_emergency_credit(supplier, prepaid))
        found = credit.registers(supplier, prepaid)
        check.equal("SMETS-5.6.3.1-OBJ", (POUND, 5 * POUND), (found["balance"], found["emergency"]))
    alert = bench.alerts.expect(prepaid, EMERGENCY_ACTIVE, since=mark)
    check.equal("GBCS-EV-81AB", "supplier", alert.to, octets=alert.octets)
    terms = supplier.request("ECS26a", prepaid)
    check.equal("SMETS-5.7.4.16-OBJ", 5 * POUND, terms.find("EmergencyCreditLimit: amountCurrent"))
    check.equal("SMETS-5.7.4.17-OBJ", 2 * POUND, terms.find("EmergencyCreditThreshold: thresholdCurrent"))


@covers("SMETS-DISABLE-01", "GBCS-EV-8F0F")
@leaves("restored")
def test_supply_is_disabled_when_credit_is_out(bench, supplier, prepaid, check):
    mark = bench.alerts.mark()
    credit.set_balance(supplier, prepaid, -1)
    alert = bench.alerts.expect(prepaid, OUT_OF_CREDIT, since=mark, timeout_s=LOOK_S)
    for row in ("SMETS-DISABLE-01", "GBCS-EV-8F0F"):
        check.equal(row, ("ok", "supplier"), (alert.signature, alert.to), octets=alert.octets)
    check.equal("SMETS-DISABLE-01", supply.DISABLED, supply.state(supplier, prepaid))


@covers("SMETS-DISABLE-01", "SMETS-5.7.4.15-OBJ")
@leaves("restored")
def test_the_disablement_threshold_itself_is_enough(supplier, bench, prepaid, check):
    payment_mode.set_prepayment(supplier, prepaid, threshold=-POUND)
    found = supplier.request("ECS26a", prepaid).find("DisablementThreshold(MeterBalance): thresholdCurrent")
    check.equal("SMETS-5.7.4.15-OBJ", [-POUND], found)
    credit.set_balance(supplier, prepaid, -POUND)
    bench.wait(LOOK_S)
    check.equal("SMETS-DISABLE-01", supply.ENABLED, supply.state(supplier, prepaid))
    credit.set_balance(supplier, prepaid, -POUND - 1)
    bench.wait(LOOK_S)
    check.equal("SMETS-DISABLE-01", supply.DISABLED, supply.state(supplier, prepaid))


@covers("GBCS-SUP-08", "GBCS-EV-8168")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_emergency_credit_brings_supply_back(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, prepaid, -1)
    bench.wait(LOOK_S)
    press(prepaid, "emergency-credit")
    immediately = bench.switches["A30"] == "enabled"
    wanted = supply.ENABLED if immediately else supply.ARMED
    for row in ("GBCS-SUP-08", "GBCS-EV-8168"):
        check.equal(row, wanted, supply.state(supplier, prepaid))
    hold_supply_button(prepaid)
    check.equal("GBCS-SUP-08", supply.ENABLED, supply.state(supplier, prepaid))


@covers("SMETS-DISABLE-02", "GBCS-EV-8F83", "SMETS-5.7.4.30-OBJ")
@leaves("restored")
def test_supply_stays_on_in_a_protected_period(bench, supplier, prepaid, check):
    now = bench.clock.now()
    # Protected from the minute before this one to five minutes on.
    times = [f"{now + timedelta(minutes=ahead):%H:%M}:00" for ahead in (-1, 5)]
    credit.configure(supplier, prepaid, calendar=credit.schedule(*times))
    mark = bench.alerts.mark()
    credit.set_balance(supplier, prepaid, -POUND)
    alert = bench.alerts.expect(prepaid, SUSPENDED, since=mark, timeout_s=LOOK_S)
    check.equal("GBCS-EV-8F83", ("ok", "supplier"), (alert.signature, alert.to), octets=alert.octets)
    check.equal("SMETS-DISABLE-02", supply.ENABLED, supply.state(supplier, prepaid))
    bench.wait(6 * 60)
    for row in ("SMETS-DISABLE-02", "SMETS-5.7.4.30-OBJ"):
        check.equal(row, supply.DISABLED, supply.state(supplier, prepaid))
    bench.alerts.expect(prepaid, OUT_OF_CREDIT, since=mark)


@covers("GBCS-ECS02-01", "SMETS-5.7.4.31-OBJ")
@leaves("restored")
def test_credit_mode_and_back(supplier, prepaid, check):
    payment_mode.set_credit(supplier, prepaid)
    modes = [supplier.request("ECS26j", prepaid).find("PaymentMode")]
    payment_mode.set_prepayment(supplier, prepaid)
    modes.append(supplier.request("ECS26j", prepaid).find("PaymentMode"))
    for row in ("GBCS-ECS02-01", "SMETS-5.7.4.31-OBJ"):
        check.equal(row, [1, 2], modes)


@covers("GBCS-ECS02-01")
@leaves("restored")
def test_a_dated_change_of_payment_mode_is_told(bench, supplier, prepaid, check):
    mark = bench.alerts.mark()
    when = bench.clock.now().replace(microsecond=0) + timedelta(minutes=2)
    values = {payment_mode.CONFIGURATION: payment_mode.collections(emergency="", accumulated="")[:2]}
    supplier.request("ECS02", prepaid, values=values, at=when)
    check.equal("GBCS-ECS02-01", PREPAYMENT, supplier.request("ECS26j", prepaid).find("PaymentMode"))
    alert = bench.alerts.expect(prepaid, DATED_DONE, since=mark, timeout_s=180)
    check.equal("GBCS-ECS02-01", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-ECS02-01", CREDIT, supplier.request("ECS26j", prepaid).find("PaymentMode"))
    span = {"fromDateTime": when - timedelta(hours=1), "toDateTime": when + timedelta(hours=1)}
    log = supplier.request("ECS20b", prepaid, values=span).find(CHANGES)
    check.that(
        "GBCS-ECS02-01",
        bool(log),
        expected="an entry in the billing data log",
        observed=f"{len(log)} entries",
    )


@covers("SMETS-DEBT-CLEAR")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_the_meter_shows_what_is_to_be_cleared(supplier, prepaid, check):
    credit.set_balance(supplier, prepaid, -123_000)
    shown = prepaid.stimulus.apply("display").answer
    check.that("SMETS-DEBT-CLEAR", "1.23" in shown, expected="1.23 on the display", observed=shown)
