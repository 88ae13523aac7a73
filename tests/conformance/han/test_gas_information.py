"""What displays show of gas: price, messages, credit, supplier, as the gas proxy has them of the meter."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..gas import values as v
from ..prepayment import gas
from ..prepayment.credit import PENNY, POUND
from .shown import published, shown, wait_for

FIRST, SECOND = 3_210, 4_500
START = 20 * POUND
pytestmark = [needs(state="commissioned", devices=["gsme", "gpf"]), leaves("restored")]


@pytest.fixture(
    params=[
        pytest.param("ihd", marks=needs(devices=["ihd"], capabilities=["ihd.stimulus"])),
        pytest.param("ppmid", marks=needs(devices=["ppmid"], capabilities=["ppmid.stimulus"])),
    ]
)
def display(bench, request, supplier, gpf):
    """One of the rig's displays, in the proxy's device log for the time of the test at least."""
    found = next(device for device in bench.devices.values() if device.type == request.param)
    if found.type == "ihd":
        yield found
        return
    values = {"other_device_id": found.eui64, "other_device_type": found.type}
    assert supplier.request("CS03B", gpf, **values).values["outcome"] == 0
    yield found
    supplier.request("CS04B", gpf, other_device_id=found.eui64)


@covers("IHD-DATA-01", "IHD-REFRESH-02", "SMETS-4.6.5.2-OBJ")
def test_price_is_that_of_the_last_command(bench, supplier, gsme, gpf, display, check):
    v.change(supplier, gsme, "GCS01a", v.time_of_use([(0, 1)], [FIRST, 0, 0, 0]) | v.FREE)
    wanted = ["GAS PRICE 0.03210 GBP/kWh"]
    check.equal("IHD-REFRESH-02", wanted, wait_for(bench, display, "GAS PRICE", wanted))
    v.change(supplier, gsme, "GCS01b", change_of_prices())
    check.equal("IHD-DATA-01", ["GAS PRICE 0.04500 GBP/kWh"], published(bench, display, "GAS PRICE"))
    check.equal("SMETS-4.6.5.2-OBJ", SECOND, supplier.request("GCS21f", gpf).find("Publish Price/Price"))


def change_of_prices():
    """GCS01b."""
    return v.ISSUER | v.tariff_terms(tiers=4) | v.prices([SECOND, 0, 0, 0], blocks=False) | v.FREE


@covers("IHD-DATA-01", "SMETS-4.6.4.24-OBJ")
def test_a_message_takes_the_place_of_the_one_before(bench, supplier, gsme, display, check):
    for number, text in enumerate(("Exchange of the meter on Tuesday", "Exchange of the meter on Friday"), 1):
        values = {"Message ID": number, "Start Time": "now", "Message": text}
        supplier.request("GCS07", gsme, values=values)
        wanted = [f"GAS MESSAGE {text}"]
        check.equal("SMETS-4.6.4.24-OBJ", wanted, wait_for(bench, display, "GAS MESSAGE", wanted))
    display.stimulus.apply(StimulusKind.BUTTON, "acknowledge")
    check.equal("IHD-DATA-01", [], shown(bench, display, "GAS MESSAGE"))


@covers("IHD-DATA-01", "SMETS-4.6.4.4-OBJ")
def test_supplier_is_named(bench, supplier, gsme, display, check):
    values = {
        "Issuer Event ID": 1,
        "Proposed Provider Name": b"Sunrise Gas".hex().upper(),
        "Proposed Provider Contact Details": b"0800 222".hex().upper(),
    }
    supplier.request("GCS44", gsme, values=values)
    wanted = ["GAS SUPPLIER Sunrise Gas 0800 222"]
    lines = wait_for(bench, display, "GAS SUPPLIER", wanted)
    for row in ("IHD-DATA-01", "SMETS-4.6.4.4-OBJ"):
        check.equal(row, wanted, lines)


@covers("IHD-DATA-01", "IHD-REFRESH-02")
@needs(state="prepayment")
def test_a_top_up_is_on_the_display(bench, supplier, gsme, display, check):
    gas.afresh(supplier, gsme, START)
    before = wait_for(bench, display, "GAS CREDIT", ["GAS CREDIT 20.00"])
    gas.send_token(supplier, gsme, supplier.top_up(gsme, 1234))
    after = wait_for(bench, display, "GAS CREDIT", ["GAS CREDIT 32.34"])
    held = gas.balance(supplier, gsme)
    gas.afresh(supplier, gsme)
    check.equal("IHD-REFRESH-02", [["GAS CREDIT 20.00"], ["GAS CREDIT 32.34"]], [before, after])
    check.equal("IHD-DATA-01", START + 1234 * PENNY, held)


@covers("IHD-DATA-01")
@needs(capabilities=["gsme.stimulus"])
def test_consumption_is_that_of_the_meter(bench, supplier, gsme, display, check):
    gsme.stimulus.apply(StimulusKind.BUTTON, "consume=1500")
    wanted = [f"GAS IMPORT {v.consumption(supplier, gsme) / 1000:.3f} m3"]
    check.equal("IHD-DATA-01", wanted, wait_for(bench, display, "GAS IMPORT", wanted))


@covers("GBCS-GPF-READ")
@needs(devices=["ihd"], capabilities=["ihd.stimulus"])
def test_a_display_that_is_not_in_the_log_is_told_nothing(bench, supplier, gsme, gpf, check):
    ihd = next(device for device in bench.devices.values() if device.type == "ihd")
    v.change(supplier, gsme, "GCS01a", v.time_of_use([(0, 1)], [FIRST, 0, 0, 0]) | v.FREE)
    before = shown(bench, ihd, "GAS PRICE")
    supplier.request("CS04B", gpf, other_device_id=ihd.eui64)
    v.change(supplier, gsme, "GCS01b", change_of_prices())
    check.equal("GBCS-GPF-READ", before, shown(bench, ihd, "GAS PRICE"))
    assert before == ["GAS PRICE 0.03210 GBP/kWh"], "it was told as long as it was in the log"
