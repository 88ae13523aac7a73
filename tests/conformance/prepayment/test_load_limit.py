"""Load limiting of an electricity meter: when it acts, what it does, and how supply comes back."""

from __future__ import annotations

from typing import Any

import pytest

from hil.api import covers, leaves, needs

from . import supply
from .people import hold_supply_button, turn

pytestmark = needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"])

EXCEEDED, ARMED, RESTORED = 0x8F01, 0x8F33, 0x8F34
THRESHOLD_W, PERIOD_S, RESTORATION_S = 3_000, 60, 300
OFF_W = 23_000  # more than anything takes here


def limit(
    supplier, esme, *, cuts: bool, threshold_w: int = THRESHOLD_W, restoration_s: int = RESTORATION_S
) -> Any:
    """ECS28a."""
    values = {
        "LoadLimitSupplyState: valueNext": cuts,
        "LoadLimitPowerThreshold: thresholdNext": threshold_w,
        "LoadLimitPeriod(Timer): valueNext": PERIOD_S,
        "LoadLimitRestorationPeriod(Timer): valueNext": restoration_s,
    }
    return supplier.request("ECS28a", esme, values=values)


def counted(supplier, esme) -> int:
    """The load limit counter (ECS27)."""
    return int(supplier.request("ECS27", esme).values["load_limit_counter"])


@pytest.fixture
def limited(supplier, esme):
    """A meter whose load may be limited; afterwards there is no load, no limit, and supply is on."""
    supplier.request("ECS28b", esme)
    yield esme
    turn(esme, "load=0")
    limit(supplier, esme, cuts=False, threshold_w=OFF_W)
    if supply.state(supplier, esme) != supply.ENABLED:
        supplier.request("ECS42", esme)


@covers("SMETS-LL-01", "SMETS-LL-02", "SMETS-5.7.4.19-OBJ", "SMETS-5.7.4.20-OBJ", "GBCS-EV-8F01")
@leaves("restored")
def test_only_a_load_that_lasts_is_an_event(bench, supplier, limited, check):
    limit(supplier, limited, cuts=False)
    read = supplier.request("ECS27", limited)
    check.equal("SMETS-5.7.4.20-OBJ", THRESHOLD_W, read.find("LoadLimitPowerThreshold: thresholdCurrent"))
    check.equal("SMETS-5.7.4.19-OBJ", PERIOD_S, read.find("LoadLimitPeriod(Timer): valueCurrent"))
    mark = bench.alerts.mark()
    for watts, seconds, events in ((THRESHOLD_W, 600, 0), (4_000, PERIOD_S - 5, 0), (4_000, PERIOD_S + 5, 1)):
        turn(limited, f"load={watts}")
        bench.wait(seconds)
        turn(limited, "load=0")
        check.equal("SMETS-LL-01", events, counted(supplier, limited))
    alert = bench.alerts.expect(limited, EXCEEDED, since=mark)
    check.equal("GBCS-EV-8F01", "ok", alert.signature, octets=alert.octets)
    check.equal("SMETS-LL-02", supply.ENABLED, supply.state(supplier, limited))
    codes = [each.alert_code for each in bench.alerts.since(mark)]
    check.that("SMETS-LL-02", ARMED not in codes, expected="0x8F01 alone", observed=codes)


@covers(
    "SMETS-LL-02", "SMETS-LL-03", "SMETS-LL-05", "SMETS-5.7.4.21-OBJ", "SMETS-5.7.4.22-OBJ", "GBCS-EV-8F34"
)
@leaves("restored")
def test_supply_is_cut_armed_and_comes_back(bench, supplier, network_operator, limited, check):
    limit(supplier, limited, cuts=True)
    read = supplier.request("ECS27", limited)
    check.equal("SMETS-5.7.4.22-OBJ", True, read.find("LoadLimitSupplyState: valueCurrent"))
    check.equal(
        "SMETS-5.7.4.21-OBJ", RESTORATION_S, read.find("LoadLimitRestorationPeriod(Timer): valueCurrent")
    )
    mark = bench.alerts.mark()
    turn(limited, "load=4000")
    bench.wait(PERIOD_S + 5)
    for code in (EXCEEDED, ARMED):
        bench.alerts.expect(limited, code, since=mark)
    check.equal("SMETS-LL-02", supply.ARMED, supply.state(supplier, limited))
    turn(limited, "load=0")
    bench.wait(RESTORATION_S)
    check.equal("SMETS-LL-03", supply.ENABLED, supply.state(supplier, limited))
    bench.alerts.expect(limited, RESTORED, since=mark)
    told = {each.to for each in bench.alerts.since(mark) if each.alert_code == RESTORED}
    for row in ("SMETS-LL-05", "GBCS-EV-8F34"):
        check.equal(row, {supplier.name, network_operator.name}, told)


@covers("SMETS-LL-03")
@leaves("restored")
def test_a_consumer_may_restore_supply_earlier(bench, supplier, limited, check):
    limit(supplier, limited, cuts=True)
    turn(limited, "load=4000")
    bench.wait(PERIOD_S + 5)
    turn(limited, "load=0")
    mark = bench.alerts.mark()
    hold_supply_button(limited)
    check.equal("SMETS-LL-03", supply.ENABLED, supply.state(supplier, limited))
    bench.wait(RESTORATION_S + 5)
    codes = [each.alert_code for each in bench.alerts.since(mark)]
    check.that("SMETS-LL-03", RESTORED not in codes, expected="no automatic restoration", observed=codes)


@covers("SMETS-LL-03")
@leaves("restored")
def test_what_the_supplier_disabled_meanwhile_does_not_come_back(bench, supplier, limited, check):
    limit(supplier, limited, cuts=True)
    turn(limited, "load=4000")
    bench.wait(PERIOD_S + 5)
    supply.disable(supplier, limited)
    bench.wait(RESTORATION_S + 5)
    check.equal("SMETS-LL-03", supply.DISABLED, supply.state(supplier, limited))


@covers("SMETS-LL-04", "SMETS-5.7.5.18-OBJ", "SMETS-5.6.3.25-OBJ")
@leaves("restored")
def test_events_are_counted_until_the_counter_is_reset(bench, supplier, limited, check):
    limit(supplier, limited, cuts=False)
    for _ in range(3):
        turn(limited, "load=4000")
        bench.wait(PERIOD_S + 5)
        turn(limited, "load=0")
        bench.wait(5)
    for row in ("SMETS-LL-04", "SMETS-5.7.5.18-OBJ"):
        check.equal(row, 3, counted(supplier, limited))
    supplier.request("ECS28b", limited)
    for row in ("SMETS-LL-04", "SMETS-5.6.3.25-OBJ"):
        check.equal(row, 0, counted(supplier, limited))
