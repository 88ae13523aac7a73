"""Top-ups of an electricity meter: who takes which UTRN, and where the money goes."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from . import credit, logs
from .credit import PENNY, POUND
from .people import forget_bad_entries, key_in

pytestmark = needs(state="prepayment", devices=["esme"])

DUPLICATE, TOO_LARGE, BALANCE_TOO_HIGH, NOT_AUTHENTIC, NOT_FOR_THIS = 0x8F51, 0x8F5B, 0x8F47, 0x8F63, 0x8F64
LOCKED_OUT, ENTRY_SUSPENDED, ADDED_LOCALLY = 0x81C5, 0x81C4, 0x810E
START = 20 * POUND
TEN_MINUTES_S, HOUR_S = 600, 3600


@pytest.fixture
def prepaid(supplier, esme):
    """A meter with twenty pounds, and put back to that."""
    credit.afresh(supplier, esme, START)
    forget_bad_entries(supplier, esme)
    yield esme
    credit.afresh(supplier, esme)


@covers("GBCS-14.4-01", "SMETS-5.6.3.3-OBJ", "SMETS-5.7.5.10-OBJ")
@leaves("restored")
def test_a_top_up_raises_the_balance(bench, supplier, prepaid, check):
    check.that("GBCS-14.4-01", credit.top_up(supplier, prepaid, 1234), expected="taken", observed="refused")
    found = credit.balance(supplier, prepaid)
    for row in ("GBCS-14.4-01", "SMETS-5.6.3.3-OBJ"):
        check.equal(row, START + 1234 * PENNY, found)
    latest = logs.rows(bench, supplier, prepaid, logs.TOP_UPS)[-1]
    check.equal("SMETS-5.7.5.10-OBJ", 1234 * PENNY, latest["amount"])


@covers("GBCS-14.3-02")
@pytest.mark.parametrize("pence", [0, 8191, 819_100])
@leaves("restored")
def test_values_in_pence_and_in_pounds(supplier, prepaid, check, pence):
    credit.top_up(supplier, prepaid, pence)
    check.equal("GBCS-14.3-02", START + pence * PENNY, credit.balance(supplier, prepaid))


@covers("GBCS-14.8-01")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_a_wrong_digit_is_refused(bench, supplier, prepaid, check):
    token = supplier.top_up(prepaid, 500)
    for at in (0, 7, 19):
        wrong = token.utrn[:at] + str((int(token.utrn[at]) + 1) % 10) + token.utrn[at + 1 :]
        check.that("GBCS-14.8-01", not key_in(prepaid, wrong), expected="refused", observed=wrong)
    check.equal("GBCS-14.8-01", START, credit.balance(supplier, prepaid))
    check.that("GBCS-14.8-01", key_in(prepaid, token.utrn), expected="taken", observed="refused")


@covers("GBCS-14.3-01", "GBCS-EV-8F63")
@leaves("restored")
def test_a_top_up_of_another_supplier_is_not_authentic(bench, supplier, second_supplier, prepaid, check):
    token = second_supplier.top_up(prepaid, 500)
    values = {"PrepaymentCredit: addCredit": token.utrn}
    own = supplier.top_up(prepaid, 500, utrn_counter=token.utrn_counter)
    sent = supplier.send("CS01a", prepaid, counter=own.counter, values=values)
    taken = not any(supplier.expect_response(sent).statuses.values())
    check.that("GBCS-14.3-01", not taken, expected="refused", observed="taken")
    check.equal("GBCS-14.3-01", START, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    for row in ("GBCS-14.3-01", "GBCS-EV-8F63"):
        check.that(row, NOT_AUTHENTIC in codes, expected="0x8F63 in the security log", observed=codes[-5:])


@covers("GBCS-14.3-01")
@needs(devices=["gsme"], capabilities=["esme.stimulus"])
@leaves("restored")
def test_a_top_up_for_another_meter_is_refused(bench, supplier, prepaid, gsme, check):
    token = supplier.top_up(gsme, 500)
    key_in(prepaid, token.utrn)
    check.equal("GBCS-14.3-01", START, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    # A MAC does not say for whom it was made; a meter that can tell may say so.
    either = {NOT_AUTHENTIC, NOT_FOR_THIS} & set(codes[-3:])
    check.that("GBCS-14.3-01", bool(either), expected="0x8F63 or 0x8F64 logged", observed=codes[-3:])


@covers("GBCS-14.3-03", "GBCS-EV-8F51")
@needs(capabilities=["esme.stimulus"])
@pytest.mark.parametrize("first", ["wan", "keypad"])
@leaves("restored")
def test_a_top_up_counts_once(bench, supplier, prepaid, check, first):
    token = supplier.top_up(prepaid, 500)
    ways = [lambda: credit.send_token(supplier, prepaid, token), lambda: key_in(prepaid, token.utrn)]
    if first == "keypad":
        ways.reverse()
    outcomes = [way() for way in (*ways, *ways)]
    check.equal("GBCS-14.3-03", [True, False, False, False], outcomes)
    check.equal("GBCS-14.3-03", START + 500 * PENNY, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    check.equal("GBCS-EV-8F51", [DUPLICATE] * 3, codes[-3:])


@covers("GBCS-14.3-04")
@leaves("restored")
def test_top_ups_may_come_out_of_order(supplier, prepaid, check):
    tokens = [supplier.top_up(prepaid, 100 * number) for number in (1, 2, 3)]
    outcomes = [credit.send_token(supplier, prepaid, tokens[at]) for at in (2, 0, 1)]
    check.equal("GBCS-14.3-04", [True, True, True], outcomes)
    check.equal("GBCS-14.3-04", START + 600 * PENNY, credit.balance(supplier, prepaid))


@covers("GBCS-14.8-02")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_the_counter_is_recovered_within_its_window(supplier, prepaid, check):
    credit.top_up(supplier, prepaid, 100)
    newest = supplier.top_up(prepaid, 100).utrn_counter - 1
    near = supplier.top_up(prepaid, 200, utrn_counter=newest + 512)
    far = supplier.top_up(prepaid, 200, utrn_counter=newest + 512 + 513)
    check.that("GBCS-14.8-02", key_in(prepaid, near.utrn), expected="+512 taken", observed="refused")
    check.that("GBCS-14.8-02", not key_in(prepaid, far.utrn), expected="+513 refused", observed="taken")
    # What the bench gives out next has to lie above what it has just used.
    while supplier.top_up(prepaid, 0).utrn_counter < newest + 512:
        pass


@covers("SMETS-4.5.3.3-a", "GBCS-EV-8F5B", "SMETS-5.7.4.25-OBJ")
@leaves("restored")
def test_the_largest_single_top_up(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, most_at_once=10 * POUND)
    found = supplier.request("ECS26a", prepaid).find("PrepaymentCredit(MaximumCreditThreshold): valueCurrent")
    check.equal("SMETS-5.7.4.25-OBJ", 10 * POUND, found)
    outcomes = [credit.top_up(supplier, prepaid, pence) for pence in (1001, 1000)]
    check.equal("SMETS-4.5.3.3-a", [False, True], outcomes)
    check.equal("SMETS-4.5.3.3-a", START + 10 * POUND, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    for row in ("SMETS-4.5.3.3-a", "GBCS-EV-8F5B"):
        check.equal(row, TOO_LARGE, codes[-1])


@covers("SMETS-4.5.3.3-b", "GBCS-EV-8F47", "SMETS-5.7.4.27-OBJ")
@leaves("restored")
def test_the_highest_balance(bench, supplier, prepaid, check):
    credit.configure(supplier, prepaid, most=START + 5 * POUND)
    found = supplier.request("ECS26a", prepaid).find("PrepaymentCredit(MaxMeterBalance): valueCurrent")
    check.equal("SMETS-5.7.4.27-OBJ", START + 5 * POUND, found)
    mark = bench.alerts.mark()
    outcomes = [credit.top_up(supplier, prepaid, pence) for pence in (501, 500)]
    check.equal("SMETS-4.5.3.3-b", [False, True], outcomes)
    check.equal("SMETS-4.5.3.3-b", START + 5 * POUND, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    check.equal("GBCS-EV-8F47", BALANCE_TOO_HIGH, codes[-1])
    sent = [each.alert_code for each in bench.alerts.since(mark)]
    for row in ("SMETS-4.5.3.3-b", "GBCS-EV-8F47"):
        check.that(row, BALANCE_TOO_HIGH not in sent, expected="no alert", observed=sent)


@covers("GBCS-14.6-01", "GBCS-EV-810E")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_credit_keyed_in_is_added_and_told(bench, supplier, prepaid, check):
    mark = bench.alerts.mark()
    key_in(prepaid, supplier.top_up(prepaid, 700).utrn)
    check.equal("GBCS-14.6-01", START + 700 * PENNY, credit.balance(supplier, prepaid))
    alert = bench.alerts.expect(prepaid, ADDED_LOCALLY, since=mark)
    for row in ("GBCS-14.6-01", "GBCS-EV-810E"):
        check.equal(row, ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)


@covers("GBCS-14.6-02", "GBCS-EV-81C4")
@needs(capabilities=["esme.stimulus"])
@leaves("restored")
def test_bad_entries_suspend_the_keypad_alone(bench, supplier, prepaid, check):
    bench.wait(TEN_MINUTES_S)  # what other tests typed in does not count any more
    mark = bench.alerts.mark()
    tries = int(bench.switches["A12"]) if bench.switches["A12"].isdigit() else 0
    for _ in range(tries):
        key_in(prepaid, "12345678901234567890")
    token = supplier.top_up(prepaid, 100)
    if tries:
        alert = bench.alerts.expect(prepaid, ENTRY_SUSPENDED, since=mark)
        check.equal("GBCS-EV-81C4", ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)
        check.that("GBCS-14.6-02", not key_in(prepaid, token.utrn), expected="refused", observed="taken")
        remote = credit.top_up(supplier, prepaid, 100)
        check.that("GBCS-14.6-02", remote, expected="a remote top-up taken", observed="refused")
        bench.wait(HOUR_S + 60)
    check.that(
        "GBCS-14.6-02", key_in(prepaid, token.utrn), expected="taken after the pause", observed="refused"
    )


@covers(
    "SMETS-TOPUP-ALLOC", "SMETS-DEBT-PAY", "SMETS-5.6.3.5-OBJ", "SMETS-5.7.5.23-OBJ", "SMETS-5.7.4.11-OBJ"
)
@leaves("restored")
def test_a_share_of_each_top_up_goes_to_the_payment_debt(bench, supplier, prepaid, check):
    credit.debts(supplier, prepaid, payment=4 * POUND, percentage=2500)
    found = supplier.request("ECS26a", prepaid).find("DebtRecoveryperPayment: valueCurrent")
    check.equal("SMETS-5.7.4.11-OBJ", 2500, found)
    check.equal("SMETS-5.6.3.5-OBJ", 4 * POUND, credit.registers(supplier, prepaid)["payment"])
    credit.top_up(supplier, prepaid, 1000)
    found = credit.registers(supplier, prepaid)
    for row in ("SMETS-DEBT-PAY", "SMETS-TOPUP-ALLOC", "SMETS-5.7.5.23-OBJ"):
        check.equal(row, (150_000, START + 750_000), (found["payment"], found["balance"]))
    latest = logs.rows(bench, supplier, prepaid, logs.DEBT_PAYMENTS)[-1]
    check.equal("SMETS-DEBT-PAY", 250_000, latest["amount"])
    credit.top_up(supplier, prepaid, 1000)
    found = credit.registers(supplier, prepaid)
    check.equal("SMETS-DEBT-PAY", (0, START + 750_000 + 850_000), (found["payment"], found["balance"]))


@covers("SMETS-DEBT-PAY", "GBCS-EV-81A9", "SMETS-5.7.4.13-OBJ")
@leaves("restored")
def test_the_cap_limits_what_goes_to_the_payment_debt(bench, supplier, prepaid, check):
    period_s = 120
    credit.configure(supplier, prepaid, cap=30_000, cap_period_s=period_s)
    terms = supplier.request("ECS26a", prepaid)
    found = [terms.find(f"DebtRecoveryRateCap: {name}") for name in ("amountCurrent", "periodCurrent")]
    check.equal("SMETS-5.7.4.13-OBJ", [30_000, period_s], found)
    credit.debts(supplier, prepaid, payment=50_000, percentage=5000)
    bench.wait(period_s - bench.clock.now().timestamp() % period_s + 10)  # both in one period of the cap
    for _ in range(2):
        credit.top_up(supplier, prepaid, 100)
    check.equal("SMETS-DEBT-PAY", 20_000, credit.registers(supplier, prepaid)["payment"])
    mark = bench.alerts.mark()
    bench.wait(period_s)
    credit.top_up(supplier, prepaid, 100)
    check.equal("SMETS-DEBT-PAY", 0, credit.registers(supplier, prepaid)["payment"])
    alert = bench.alerts.expect(prepaid, 0x81A9, since=mark)
    check.equal("GBCS-EV-81A9", ("ok", "supplier"), (alert.mac, alert.to), octets=alert.octets)


@covers("SMETS-TOPUP-ALLOC")
@leaves("restored")
def test_a_top_up_repays_emergency_credit_before_the_balance(bench, supplier, prepaid, check):
    """Emergency credit is used by a debt that is taken from it while the balance is spent."""
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, prepaid, 0)
    credit.activate_emergency_credit(supplier, prepaid)
    credit.debts(supplier, prepaid, debt_1=2 * POUND, rate_1=20_000, period_1_s=60)
    bench.wait(3 * 60)
    used = 5 * POUND - credit.registers(supplier, prepaid)["emergency"]
    check.that("SMETS-TOPUP-ALLOC", used > 0, expected="some emergency credit used", observed=used)
    left = credit.registers(supplier, prepaid)["debt_1"]
    credit.debts(supplier, prepaid, debt_1=-left)
    credit.top_up(supplier, prepaid, 1000)
    check.equal("SMETS-TOPUP-ALLOC", 10 * POUND - used, credit.registers(supplier, prepaid)["balance"])
