"""The terms of a gas meter's prepayment: thresholds, emergency credit, limits, and when supply is protected."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil import payment_mode
from hil.api import covers, leaves, needs

from . import gas, supply
from .credit import PENNY, POUND
from .people import hold_supply_button

pytestmark = needs(state="prepayment", devices=["gsme"], capabilities=["gsme.stimulus"])

START = 20 * POUND
LOOK_S = 90.0
LOW_CREDIT, OUT_OF_CREDIT, SUSPENDED = 0x810D, 0x8F0F, 0x8F83
UNPROTECTED, PROTECTED = [(0, 0)], [(0, 1)]


@pytest.fixture
def prepaid(supplier, gsme):
    """A gas meter with twenty pounds, and put back to that."""
    gas.afresh(supplier, gsme, START)
    yield gsme
    gas.afresh(supplier, gsme)
    if supply.state(supplier, gsme) != supply.ENABLED:
        supply.arm(supplier, gsme)
        hold_supply_button(gsme)


def refused(response) -> list[int]:
    """Positions of the components that were not taken."""
    return [number for number, status in enumerate(response.statuses.values()) if status]


@covers(
    "SMETS-4.6.4.13-OBJ",
    "SMETS-4.6.4.14-OBJ",
    "SMETS-4.6.4.16-OBJ",
    "SMETS-4.6.4.17-OBJ",
    "SMETS-4.6.4.18-OBJ",
    "SMETS-4.6.4.10-OBJ",
)
@leaves("restored")
def test_terms_are_kept_as_set(supplier, prepaid, check):
    for times in (1, 2):
        terms = {
            "limit": 500,
            "threshold": 200,
            "low": 300,
            "most_at_once": 9_000,
            "most": 90_000,
            "cap": 700,
        }
        terms = {name: times * PENNY * amount for name, amount in terms.items()}
        check.equal("SMETS-4.6.4.13-OBJ", [], refused(gas.configure(supplier, prepaid, **terms)))
        found = supplier.request("GCS21b", prepaid)
        for row, attribute, name in (
            ("SMETS-4.6.4.13-OBJ", "Emergency Credit Limit", "limit"),
            ("SMETS-4.6.4.14-OBJ", "Emergency Credit Threshold", "threshold"),
            ("SMETS-4.6.4.16-OBJ", "Low Credit Warning Level", "low"),
            ("SMETS-4.6.4.17-OBJ", "Max Credit Per Top Up", "most_at_once"),
            ("SMETS-4.6.4.18-OBJ", "Max Credit Limit", "most"),
            ("SMETS-4.6.4.10-OBJ", "Overall Debt Cap", "cap"),
        ):
            check.equal(row, terms[name], found.find(attribute), octets=found.octets)


@covers("SMETS-4.6.4.13-OBJ", "SMETS-4.6.4.16-OBJ")
@leaves("restored")
def test_dated_terms_are_in_force_from_their_date(bench, supplier, prepaid, check):
    when = bench.clock.now().replace(microsecond=0) + timedelta(minutes=5)
    gas.configure(supplier, prepaid, limit=4 * POUND, low=3 * POUND, at=when)

    def found() -> tuple[int, int]:
        shown = supplier.request("GCS21b", prepaid)
        return shown.find("Emergency Credit Limit"), shown.find("Low Credit Warning Level")

    for row in ("SMETS-4.6.4.13-OBJ", "SMETS-4.6.4.16-OBJ"):
        check.equal(row, (0, 0), found())
    bench.wait(6 * 60)
    for row in ("SMETS-4.6.4.13-OBJ", "SMETS-4.6.4.16-OBJ"):
        check.equal(row, (4 * POUND, 3 * POUND), found())


@covers("SMETS-4.6.4.16-OBJ")
@leaves("restored")
def test_low_credit_is_told_at_its_threshold(bench, supplier, prepaid, check):
    gas.configure(supplier, prepaid, low=3 * POUND)
    mark = bench.alerts.mark()
    gas.adjust(supplier, prepaid, 3 * POUND - START)
    bench.wait(LOOK_S)
    early = [each.alert_code for each in bench.alerts.since(mark)]
    check.that("SMETS-4.6.4.16-OBJ", LOW_CREDIT not in early, expected="not at the threshold", observed=early)
    gas.adjust(supplier, prepaid, -1)
    alert = bench.alerts.expect(prepaid, LOW_CREDIT, since=mark, timeout_s=LOOK_S)
    check.equal("SMETS-4.6.4.16-OBJ", "supplier", alert.to, octets=alert.octets)


@covers("SMETS-4.6.4.17-OBJ", "SMETS-4.6.4.18-OBJ")
@leaves("restored")
def test_top_ups_beyond_the_limits(supplier, prepaid, check):
    gas.configure(supplier, prepaid, most_at_once=10 * POUND, most=START + 12 * POUND)
    for row, pence, result in (
        ("SMETS-4.6.4.17-OBJ", 1_001, gas.TOO_LARGE),
        ("SMETS-4.6.4.17-OBJ", 1_000, gas.ACCEPTED),
        ("SMETS-4.6.4.18-OBJ", 201, gas.BALANCE_TOO_HIGH),
        ("SMETS-4.6.4.18-OBJ", 200, gas.ACCEPTED),
    ):
        response = gas.send_token(supplier, prepaid, supplier.top_up(prepaid, pence))
        # Which result type says which refusal no public source has; that it is refused is the row's.
        taken = response.find("Result Type") == gas.ACCEPTED
        check.equal(row, result == gas.ACCEPTED, taken, octets=response.octets)
    check.equal("SMETS-4.6.4.18-OBJ", START + 12 * POUND, gas.balance(supplier, prepaid))


@covers("SMETS-4.5.3.1-OBJ", "SMETS-4.6.4.13-OBJ", "SMETS-4.6.4.14-OBJ")
@leaves("restored")
def test_emergency_credit_below_its_threshold(supplier, prepaid, check):
    gas.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    gas.adjust(supplier, prepaid, 2 * POUND + 1 - START)
    refusal = gas.select_emergency_credit(supplier, prepaid)
    check.that("SMETS-4.6.4.14-OBJ", refusal != 0, expected="a failure above the threshold", observed=refusal)
    gas.adjust(supplier, prepaid, -2)
    for row in ("SMETS-4.5.3.1-OBJ", "SMETS-4.6.4.14-OBJ"):
        check.equal(row, 0, gas.select_emergency_credit(supplier, prepaid))
    found = gas.registers(supplier, prepaid)
    check.equal("SMETS-4.6.4.13-OBJ", 5 * POUND, found["emergency"])


@covers("SMETS-4.6.4.12-OBJ")
@leaves("restored")
def test_the_disablement_threshold_itself_is_enough(bench, supplier, prepaid, check):
    payment_mode.set_prepayment(supplier, prepaid, credit=START, threshold=-POUND)
    cut_off = supplier.request("GCS21b", prepaid).find("Cut Off Value")
    check.equal("SMETS-4.6.4.12-OBJ", -POUND, cut_off)
    gas.adjust(supplier, prepaid, -POUND - START)
    bench.wait(LOOK_S)
    check.equal("SMETS-4.6.4.12-OBJ", supply.ENABLED, supply.state(supplier, prepaid))
    gas.adjust(supplier, prepaid, -1)
    bench.wait(LOOK_S)
    check.equal("SMETS-4.6.4.12-OBJ", supply.DISABLED, supply.state(supplier, prepaid))


def away_from_midnight(bench) -> None:
    """A period that begins and ends today."""
    now = bench.clock.now()
    if now.hour == 23 and now.minute > 40:
        bench.wait(30 * 60)


@covers("SMETS-4.6.4.20-OBJ", "SMETS-DISABLE-02", "GBCS-EV-8F83")
@leaves("restored")
def test_supply_stays_on_in_a_protected_period(bench, supplier, prepaid, check):
    away_from_midnight(bench)
    now = bench.clock.now()
    ends = now.hour * 60 + now.minute + 8
    gas.configure(supplier, prepaid, protected=gas.calendar([(0, 1), (ends, 0)]))
    mark = bench.alerts.mark()
    gas.adjust(supplier, prepaid, -START - POUND)
    alert = bench.alerts.expect(prepaid, SUSPENDED, since=mark, timeout_s=LOOK_S)
    check.equal("GBCS-EV-8F83", ("ok", "supplier"), (alert.signature, alert.to), octets=alert.octets)
    check.equal("SMETS-DISABLE-02", supply.ENABLED, supply.state(supplier, prepaid))
    bench.wait(10 * 60)
    for row in ("SMETS-DISABLE-02", "SMETS-4.6.4.20-OBJ"):
        check.equal(row, supply.DISABLED, supply.state(supplier, prepaid))
    bench.alerts.expect(prepaid, OUT_OF_CREDIT, since=mark)


@covers("SMETS-4.6.4.20-OBJ", "SMETS-DISABLE-02")
@pytest.mark.parametrize("protects", [True, False], ids=["protected", "not-protected"])
@leaves("restored")
def test_a_special_day_goes_before_the_week(bench, supplier, prepaid, check, protects):
    away_from_midnight(bench)
    today = f"{bench.clock.now():%Y-%m-%d}"
    days = (UNPROTECTED, PROTECTED) if protects else (PROTECTED, UNPROTECTED)
    gas.configure(supplier, prepaid, protected=gas.calendar(*days, special=[(today, 2)]))
    gas.adjust(supplier, prepaid, -START - POUND)
    bench.wait(2 * LOOK_S)
    expected = supply.ENABLED if protects else supply.DISABLED
    for row in ("SMETS-4.6.4.20-OBJ", "SMETS-DISABLE-02"):
        check.equal(row, expected, supply.state(supplier, prepaid))


FULL_DAY = [(0, 1), (420, 0), (1200, 1)]


def dates(number: int) -> list[tuple[str, int]]:
    """So many special days of a year to come."""
    return [(f"2090-{1 + each // 28:02}-{1 + each % 28:02}", 1) for each in range(number)]


@covers("SMETS-DISABLE-03", "SMETS-4.6.4.20-OBJ")
@leaves("restored")
def test_a_calendar_of_the_greatest_size_is_taken(supplier, prepaid, check):
    largest = gas.calendar(*[FULL_DAY] * 5, special=dates(20), seasons=3)
    response = gas.configure(supplier, prepaid, protected=largest)
    for row in ("SMETS-DISABLE-03", "SMETS-4.6.4.20-OBJ"):
        check.equal(row, [], refused(response), octets=response.octets)
    shown = supplier.request("GCS21b", prepaid)
    entries = shown.find_all("Special Day Entries")
    check.equal("SMETS-DISABLE-03", 20, sum(map(len, entries)), octets=shown.octets)


@covers("SMETS-DISABLE-03")
@pytest.mark.parametrize(
    "beyond",
    [
        pytest.param(gas.calendar([*FULL_DAY, (1300, 0)]), id="four-switch-times"),
        pytest.param(gas.calendar(FULL_DAY, special=dates(21)), id="21-special-days"),
        pytest.param(gas.calendar(FULL_DAY, seasons=4), id="four-seasons"),
    ],
)
@leaves("restored")
def test_a_calendar_beyond_its_size_is_refused(supplier, prepaid, check, beyond):
    response = gas.configure(supplier, prepaid, protected=beyond)
    check.that(
        "SMETS-DISABLE-03",
        bool(refused(response)),
        expected="the component refused",
        observed=response.statuses,
        octets=response.octets,
    )
