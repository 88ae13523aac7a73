"""A display by itself: what it is told, what it shows of it, and for how long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.emulated_devices import SettableClock, describe
from protocols.ports import StimulusKind
from protocols.smki import Hierarchy
from protocols.zigbee.smart_energy.information import ATTRIBUTES
from protocols.zigbee.smart_energy.settings import DEVICE_MANAGEMENT, MESSAGING, METERING, PREPAYMENT, PRICE
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.ihd import Ihd
from rigs.emulated.information.screen import ELECTRICITY, GAS
from rigs.emulated.storage import Storage

HOUR_S = 3600
PREPAYS, IN_CREDIT = 0x0897, 0x0C94


@pytest.fixture
def clock():
    return SettableClock()


@pytest.fixture
def ihd(clock):
    description = replace(describe("hcalcs", Hierarchy(b"screens")), device_type="ihd")
    return Ihd(description, Storage(":memory:"), clock, [].append)


def price(clock, amount, *, minutes=0xFFFF, tier=1):
    return {
        "Price": amount,
        "Price Trailing Digit & Price Tier": 0x50 | tier,
        "Currency": 826,
        "Unit of Measure": 0,
        "Start Time": seconds_since_2000(clock.now()),
        "Duration In Minutes": minutes,
    }


def message(number, text, *, start=0, minutes=0xFFFF, control=0x80):
    about = {"Message ID": number, "Message Control": control, "Start Time": start}
    return {**about, "Duration In Minutes": minutes, "Message": text}


def lines(ihd):
    return ihd.screen.lines()


def test_a_price_ends_with_its_time(ihd, clock):
    ihd.screen.heard(ELECTRICITY, PRICE, "Publish Price", price(clock, 12_345, minutes=60))
    assert lines(ihd) == ["PRICE 0.12345 GBP/kWh"]
    clock.advance(HOUR_S)
    assert lines(ihd) == ["PRICE UNKNOWN"]
    ihd.screen.heard(ELECTRICITY, PRICE, "Publish Price", price(clock, 2_500))
    clock.advance(1000 * HOUR_S)
    assert lines(ihd) == ["PRICE 0.02500 GBP/kWh"]


def test_who_has_no_price_any_more_takes_it_away(ihd, clock):
    ihd.screen.heard(ELECTRICITY, PRICE, "Publish Price", price(clock, 1))
    ihd.screen.gone(ELECTRICITY, "price")
    assert lines(ihd) == []


def test_electricity_and_gas_stand_apart(ihd, clock):
    for source, amount in ((ELECTRICITY, 20_000), (GAS, 4_000)):
        ihd.screen.heard(source, PRICE, "Publish Price", price(clock, amount))
    assert lines(ihd) == ["PRICE 0.20000 GBP/kWh", "GAS PRICE 0.04000 GBP/kWh"]


def test_a_message_waits_for_its_time_and_ends(ihd, clock):
    start = seconds_since_2000(clock.now()) + HOUR_S
    ihd.screen.heard(GAS, MESSAGING, "Display Message", message(1, "Work begins", start=start, minutes=30))
    assert lines(ihd) == []
    clock.advance(HOUR_S)
    assert lines(ihd) == ["GAS MESSAGE Work begins"]
    clock.advance(HOUR_S / 2)
    assert lines(ihd) == []


def test_a_message_is_cancelled_by_its_number(ihd):
    ihd.screen.heard(ELECTRICITY, MESSAGING, "Display Message", message(7, "Hello"))
    for number, shown in ((6, ["MESSAGE Hello"]), (7, [])):
        values = {"Message ID": number, "Message Control": 0}
        ihd.screen.heard(ELECTRICITY, MESSAGING, "Cancel Message", values)
        assert lines(ihd) == shown


def test_a_message_read_is_confirmed_where_that_is_asked_for(ihd):
    told = []
    ihd.screen.confirm = lambda source, number: told.append((source, number))
    ihd.screen.heard(ELECTRICITY, MESSAGING, "Display Message", message(7, "Hello"))
    ihd.screen.heard(GAS, MESSAGING, "Display Message", message(8, "Hello gas", control=0))
    for left in (["GAS MESSAGE Hello gas"], [], []):
        ihd.stimulus(StimulusKind.BUTTON, "acknowledge")
        assert lines(ihd) == left
    assert told == [(ELECTRICITY, 7)]
    ihd.screen.heard(ELECTRICITY, MESSAGING, "Display Message", message(7, "Hello"))
    assert lines(ihd) == [], "the same message again has been read"
    ihd.screen.heard(ELECTRICITY, MESSAGING, "Display Message", message(9, "Hello"))
    assert lines(ihd) == ["MESSAGE Hello"]


def test_credit_is_shown_in_prepayment_mode(ihd):
    values = {0x0000: IN_CREDIT, 0x0001: -150_000, 0x0002: 0, 0x0003: 0x40, 0x0005: 0}
    ihd.screen.heard(ELECTRICITY, PREPAYMENT, ATTRIBUTES, values)
    assert lines(ihd) == []
    ihd.screen.heard(ELECTRICITY, PREPAYMENT, ATTRIBUTES, {0x0000: PREPAYS})
    assert lines(ihd) == ["CREDIT -1.50"]
    ihd.screen.heard(ELECTRICITY, PREPAYMENT, ATTRIBUTES, {0x0002: 500_000, 0x0003: 0x10, 0x0231: 100_000})
    assert lines(ihd) == ["CREDIT -1.50", "EMERGENCY 5.00", "DEBT 1.00"]


def test_gas_has_no_credit_status(ihd):
    ihd.screen.heard(GAS, PREPAYMENT, ATTRIBUTES, {0x0000: PREPAYS, 0x0001: 0, 0x0002: 300_000})
    assert lines(ihd) == ["GAS CREDIT 0.00", "GAS EMERGENCY 3.00"]


def test_registers_in_their_units(ihd):
    ihd.screen.heard(GAS, METERING, ATTRIBUTES, {0x0000: 1234, 0x0300: 1, 0x0301: 1, 0x0302: 1000})
    ihd.screen.heard(ELECTRICITY, METERING, ATTRIBUTES, {0x0000: 5678, 0x0302: 1000, 0x0400: 10, 0x0207: 2})
    assert lines(ihd) == ["IMPORT 5.678 kWh", "POWER 10 W", "USAGE HIGH", "GAS IMPORT 1.234 m3"]


def test_the_supplier_is_named_by_attributes_or_by_command(ihd):
    ihd.screen.heard(ELECTRICITY, DEVICE_MANAGEMENT, ATTRIBUTES, {0x0101: b"Sunrise", 0x0102: b""})
    values = {"Proposed Provider Name": b"Gas", "Proposed Provider Contact Details": b"0800"}
    ihd.screen.heard(GAS, DEVICE_MANAGEMENT, "Publish Change of Supplier", values)
    assert lines(ihd) == ["SUPPLIER Sunrise", "GAS SUPPLIER Gas 0800"]


def test_without_supply_nothing_is_heard(ihd, clock):
    ihd.power(on=False)
    ihd.screen.heard(ELECTRICITY, PRICE, "Publish Price", price(clock, 1))
    ihd.power(on=True)
    assert lines(ihd) == []


def test_what_was_told_outlives_a_power_cut(ihd, clock):
    ihd.screen.heard(ELECTRICITY, PRICE, "Publish Price", price(clock, 1))
    ihd.power(on=False)
    ihd.power(on=True)
    assert lines(ihd) == ["PRICE 0.00001 GBP/kWh"]
