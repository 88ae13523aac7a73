"""A change of tenancy: what a household consumed before it is not shown to the next (ECS12)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, inconclusive, leaves, needs

from ..han.shown import shown
from ..prepayment.people import turn

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

LONG_AGO = "2015-01-01T00:00:00Z"
BEGINS, CONSUMED_WH = "restrictDataDateTime: value", 3_000


@pytest.fixture(
    params=[
        pytest.param("ihd", marks=needs(devices=["ihd"], capabilities=["ihd.stimulus"])),
        pytest.param("ppmid", marks=needs(devices=["ppmid"], capabilities=["ppmid.stimulus"])),
    ]
)
def display(bench, request):
    """One of the rig's displays."""
    return next(device for device in bench.devices.values() if device.type == request.param)


@pytest.fixture
def tenancy(bench, supplier, esme):
    """``tenancy(days)`` begins so many days from now; afterwards nothing is hidden any more."""

    def begins(days: float):
        at = (bench.clock.now() + timedelta(days=days)).replace(microsecond=0)
        return supplier.request("ECS12", esme, values={BEGINS: at})

    yield begins
    supplier.request("ECS12", esme, values={BEGINS: LONG_AGO})


def month(bench, display) -> float:
    """What the display says was consumed in the present month."""
    lines = shown(bench, display, "MONTH")
    if not lines:
        inconclusive(f"{display.name} shows nothing of the month")
    return float(lines[0].split()[1])


@covers("GBCS-ECS12-02", "SMETS-5.6.3.31-OBJ")
def test_the_household_sees_nothing_from_before_the_date(bench, esme, display, check, tenancy):
    turn(esme, f"consume={CONSUMED_WH}")
    before = month(bench, display)
    check.that("GBCS-ECS12-02", before >= CONSUMED_WH / 1000, expected="3 kWh or more", observed=before)
    response = tenancy(0)
    check.equal("SMETS-5.6.3.31-OBJ", [0], response.results, octets=response.octets)
    after = month(bench, display)
    for row in ("GBCS-ECS12-02", "SMETS-5.6.3.31-OBJ"):
        check.equal(row, 0.0, after)


@covers("GBCS-ECS12-02")
def test_what_came_after_the_date_is_seen(bench, esme, display, check, tenancy):
    turn(esme, f"consume={CONSUMED_WH}")
    before = month(bench, display)
    tenancy(-400)
    check.that(
        "GBCS-ECS12-02", month(bench, display) >= before, expected=f"{before} or more", observed="less"
    )


@covers("GBCS-ECS12-02")
def test_remote_parties_go_on_seeing_everything(supplier, esme, check, tenancy):
    before = supplier.request("ECS17b", esme).values["registers"]
    tenancy(0)
    after = supplier.request("ECS17b", esme).values["registers"]
    lower = {name: value for name, value in before.items() if after[name] < value}
    check.equal("GBCS-ECS12-02", {}, lower)
