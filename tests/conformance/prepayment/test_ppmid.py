"""What a consumer does at a PPMID, and what the electricity meter makes of it."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from . import credit, logs, supply
from .credit import PENNY, POUND
from .people import forget_bad_entries, key_in, press

pytestmark = needs(
    state="prepayment", devices=["esme", "ppmid"], capabilities=["esme.stimulus", "ppmid.stimulus"]
)

START = 20 * POUND
HAN_DONE, HAN_FAILED = 0x8154, 0x8155
DUPLICATE = 0x8F51
ANSWER_S = 10.0
ON, OFF_ARMED = 2, 1


TRIES = 3


@pytest.fixture
def prepaid(bench, supplier, esme, ppmid):
    """A meter with twenty pounds that its PPMID reaches, and put back to that."""
    credit.afresh(supplier, esme, START)
    forget_bad_entries(supplier, esme)
    for _ in range(TRIES):
        # Refused by any meter; two that have been paired just now may need a while to find each other.
        press(ppmid, f"enable={OFF_ARMED}")
        if "NO ANSWER" not in shown(bench, ppmid):
            break
    yield esme
    credit.afresh(supplier, esme)


def shown(bench, ppmid) -> str:
    """What the PPMID shows once the meter has answered."""
    bench.wait(ANSWER_S)
    return ppmid.stimulus.apply("display").answer


@covers("GBCS-14.7-01", "GBCS-PECS-01", "PPMID-01", "GBCS-14.3-03")
@leaves("restored")
def test_a_top_up_at_the_ppmid_counts_once(bench, supplier, prepaid, ppmid, check):
    token = supplier.top_up(prepaid, 600)
    key_in(ppmid, token.utrn)
    check.that("PPMID-01", "DONE" in shown(bench, ppmid), expected="done on the display", observed="not")
    check.equal("GBCS-14.7-01", START + 600 * PENNY, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid)
    check.equal("GBCS-PECS-01", HAN_DONE, codes[-1])
    key_in(prepaid, token.utrn)
    credit.send_token(supplier, prepaid, token)
    key_in(ppmid, token.utrn)
    check.that(
        "PPMID-01", "REFUSED" in shown(bench, ppmid), expected="refused on the display", observed="not"
    )
    check.equal("GBCS-14.3-03", START + 600 * PENNY, credit.balance(supplier, prepaid))
    codes = logs.codes(bench, supplier, prepaid, logs.SECURITY)
    check.equal("GBCS-14.3-03", [DUPLICATE] * 3, codes[-3:])


@covers("GBCS-PECS-01", "PPMID-01")
@leaves("restored")
def test_emergency_credit_at_the_ppmid(bench, supplier, prepaid, ppmid, check):
    credit.configure(supplier, prepaid, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, prepaid, POUND)
    press(ppmid, "emergency-credit")
    check.that("PPMID-01", "DONE" in shown(bench, ppmid), expected="done on the display", observed="not")
    check.equal("PPMID-01", 5 * POUND, credit.registers(supplier, prepaid)["emergency"])
    codes = logs.codes(bench, supplier, prepaid)
    check.that("GBCS-PECS-01", HAN_DONE in codes[-3:], expected="0x8154 logged", observed=codes[-3:])


@covers("GBCS-SUP-04", "PPMID-01", "SMETS-SUP-06")
@leaves("restored")
def test_supply_is_asked_for_at_the_ppmid(bench, supplier, prepaid, ppmid, check):
    supply.disable(supplier, prepaid)
    press(ppmid, f"enable={ON}")
    check.that("GBCS-SUP-04", "REFUSED" in shown(bench, ppmid), expected="refused", observed="taken")
    for row in ("GBCS-SUP-04", "SMETS-SUP-06"):
        check.equal(row, supply.DISABLED, supply.state(supplier, prepaid))
    supply.arm(supplier, prepaid)
    press(ppmid, f"enable={OFF_ARMED}")
    check.that("GBCS-SUP-04", "REFUSED" in shown(bench, ppmid), expected="refused", observed="taken")
    press(ppmid, f"enable={ON}")
    check.that("PPMID-01", "DONE" in shown(bench, ppmid), expected="done on the display", observed="not")
    for row in ("GBCS-SUP-04", "PPMID-01"):
        check.equal(row, supply.ENABLED, supply.state(supplier, prepaid))
