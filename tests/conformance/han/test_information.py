"""What displays show of electricity: price, messages, credit, supplier, as the meter has them now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, inconclusive, leaves, needs
from protocols.ports import StimulusKind, StimulusOutcome

from ..metering.tariffs import price_values, tariff
from ..prepayment import credit
from ..prepayment.credit import PENNY, POUND
from .shown import look, published, shown, starting, wait_for

FIRST, SECOND, NIGHT = 12_345, 25_000, 7_500
ACKNOWLEDGED = 0x81A6
START = 20 * POUND
PERIOD_S = 6 * 3600.0
CLOCK_S = 12.0  # a meter's clock may be so far from the hub's
pytestmark = [needs(state="commissioned", devices=["esme"]), leaves("restored")]


@pytest.fixture(
    params=[
        pytest.param("ihd", marks=needs(devices=["ihd"], capabilities=["ihd.stimulus"])),
        pytest.param("ppmid", marks=needs(devices=["ppmid"], capabilities=["ppmid.stimulus"])),
    ]
)
def display(bench, request):
    """One of the rig's displays, joined with the electricity meter."""
    return next(device for device in bench.devices.values() if device.type == request.param)


@pytest.fixture
def message(supplier, esme):
    """Send a message to the meter; none is there before and afterwards."""

    def send(text):
        supplier.request("ECS10", esme, values={"SupplierMessage: value": text})

    send("")
    yield send
    send("")


@covers("IHD-DATA-01", "IHD-REFRESH-01", "SMETS-5.7.5.5-OBJ")
def test_price_is_that_of_the_last_command(bench, supplier, esme, display, check):
    supplier.request("ECS01a", esme, values=tariff({1: [("00:00:00", 1)]}, prices={"01": FIRST}))
    wanted = ["PRICE 0.12345 GBP/kWh"]
    check.equal("IHD-DATA-01", wanted, wait_for(bench, display, "PRICE", wanted))
    supplier.request("ECS01b", esme, values=price_values({"01": SECOND}))
    # Published as soon as it changed: the old price is gone before anybody asks.
    check.equal("IHD-REFRESH-01", ["PRICE 0.25000 GBP/kWh"], published(bench, display, "PRICE"))
    price = supplier.request("ECS24", esme).find("(Primary)ActiveTariffPrice: value")
    check.equal("SMETS-5.7.5.5-OBJ", SECOND, price)


@covers("IHD-DATA-01")
def test_an_old_price_ends_with_its_tariff_period(bench, supplier, esme, display, check):
    days = {1: [("00:00:00", 1), ("06:00:00", 2), ("12:00:00", 1), ("18:00:00", 2)]}
    supplier.request("ECS01a", esme, values=tariff(days, prices={"01": FIRST, "02": NIGHT}))
    amounts = {f"PRICE 0.{amount:05d} GBP/kWh" for amount in (FIRST, NIGHT)}
    before = shown(bench, display, "PRICE")
    bench.wait(PERIOD_S)
    over, after = starting(look(display), "PRICE"), shown(bench, display, "PRICE")
    check.that("IHD-DATA-01", over != before, expected="not the price of before", observed=over)
    check.that("IHD-DATA-01", {*before, *after} == amounts, expected=amounts, observed=[before, after])


@covers("GBCS-ECS10-01", "GBCS-EV-81A6")
def test_message_is_shown_until_it_is_read(bench, esme, display, message, check):
    message("Engineer on Monday")
    wanted = ["MESSAGE Engineer on Monday"]
    check.equal("GBCS-ECS10-01", wanted, wait_for(bench, display, "MESSAGE", wanted))
    mark = bench.alerts.mark()
    display.stimulus.apply(StimulusKind.BUTTON, "acknowledge")
    alert = bench.alerts.expect(esme, ACKNOWLEDGED, since=mark)
    check.equal("GBCS-EV-81A6", "ok", alert.mac, octets=alert.octets)
    check.equal("GBCS-ECS10-01", [], wait_for(bench, display, "MESSAGE", []))


@covers("GBCS-ECS10-01")
def test_a_message_takes_the_place_of_the_one_before(bench, display, message, check):
    for text in ("Engineer on Tuesday", "Engineer on Friday", ""):
        message(text)
        wanted = [f"MESSAGE {text}"] if text else []
        check.equal("GBCS-ECS10-01", wanted, wait_for(bench, display, "MESSAGE", wanted))


@covers("IHD-DATA-01", "SMETS-5.7.4.8-OBJ")
def test_supplier_is_named(bench, supplier, esme, display, check):
    values = {
        "ContactDetails: supplierTelephoneNumber": "0800 111",
        "ContactDetails: supplierName": "Sunrise",
    }
    supplier.request("ECS16", esme, values=values)
    wanted = ["SUPPLIER Sunrise 0800 111"]
    lines = wait_for(bench, display, "SUPPLIER", wanted)
    for row in ("IHD-DATA-01", "SMETS-5.7.4.8-OBJ"):
        check.equal(row, wanted, lines)


@covers("IHD-DATA-01", "SMETS-5.7.5.22-OBJ")
@needs(state="prepayment")
def test_a_top_up_is_on_the_display(bench, supplier, esme, display, check):
    credit.afresh(supplier, esme, START)
    before = wait_for(bench, display, "CREDIT", ["CREDIT 20.00"])
    credit.top_up(supplier, esme, 1234)
    after = wait_for(bench, display, "CREDIT", ["CREDIT 32.34"])
    held = credit.balance(supplier, esme)
    credit.afresh(supplier, esme)
    check.equal("IHD-DATA-01", [["CREDIT 20.00"], ["CREDIT 32.34"]], [before, after])
    check.equal("SMETS-5.7.5.22-OBJ", START + 1234 * PENNY, held)


@covers("IHD-DATA-01")
@needs(state="prepayment")
def test_emergency_credit_and_debts_are_on_the_display(bench, supplier, esme, display, check):
    credit.afresh(supplier, esme, START)
    credit.configure(supplier, esme, limit=5 * POUND, threshold=2 * POUND)
    credit.set_balance(supplier, esme, POUND)
    credit.activate_emergency_credit(supplier, esme)
    credit.debts(supplier, esme, payment=3 * POUND)
    wanted = [["CREDIT 1.00"], ["EMERGENCY 5.00"], ["DEBT 3.00"]]
    lines = [wait_for(bench, display, each.split()[0], [each]) for (each,) in wanted]
    registers = credit.registers(supplier, esme)
    credit.afresh(supplier, esme)
    check.equal("IHD-DATA-01", wanted, lines)
    held = [registers[name] / POUND for name in ("balance", "emergency", "payment")]
    check.equal("IHD-DATA-01", [1, 5, 3], held)


@covers("IHD-DATA-01")
@needs(capabilities=["esme.stimulus"])
def test_consumption_and_cost_of_the_day_are_on_the_display(bench, supplier, esme, display, check):
    """From a midnight on, as today's and this week's; what was before counts elsewhere."""
    draw(esme, "load=0")
    supplier.request("ECS01a", esme, values=tariff({1: [("00:00:00", 1)]}, prices={"01": SECOND}))
    midnight = bench.clock.now().replace(hour=0, minute=0, second=0) + timedelta(days=1)
    bench.wait((midnight - bench.clock.now()).total_seconds() + CLOCK_S)
    draw(esme, "consume=2000")
    wanted = ["TODAY 2.000 kWh 0.50"]
    check.equal("IHD-DATA-01", wanted, wait_for(bench, display, "TODAY", wanted))


def draw(esme, argument):
    """Have energy flow, or none."""
    result = esme.stimulus.apply(StimulusKind.BUTTON, argument)
    if result.outcome is not StimulusOutcome.DONE:
        inconclusive(f"{argument} behind {esme.name}: {result.answer}")
