"""Consumption and cost of days, weeks and months, for displays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.dlms.axdr import octet_string
from protocols.dlms.date_time import encode_date_time
from protocols.zigbee.smart_energy.settings import METERING, PREPAYMENT
from protocols.zigbee.zcl.clusters import load
from rigs.emulated.information.electricity import ElectricityInformation
from rigs.emulated.information.history import History, Used, attributes
from rigs.emulated.objects.definition import Place

TODAY = date(2026, 3, 4)  # a Wednesday
PRICE = 20_000  # 10^-5 of the currency unit for a kWh
HOURS_24 = 24 * 3600


def every_day(**more):
    """A kWh a day for a year and a half, its cost ten."""
    days = {TODAY - timedelta(days=back): Used(1000, 10) for back in range(550)}
    return History(days, TODAY, **more)


def test_periods_are_calendar_days_weeks_from_monday_and_months():
    history = every_day()
    assert history.day(0) == history.day(8) == Used(1000, 10)
    assert history.week(0).energy == 3000
    assert history.week(1).energy == 7000
    assert [history.month(back).energy for back in range(5)] == [4000, 28_000, 31_000, 31_000, 30_000]
    assert history.month(13).energy == 28_000
    assert history.month(14).cost == 310


def test_what_was_before_the_tenancy_is_unseen():
    history = every_day(since=datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    assert history.week(0).energy == 3000
    assert history.week(1) == Used()
    assert history.month(0).energy == 3000
    begun_at_noon = every_day(since=datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    assert begun_at_noon.week(0).energy == 2000


def test_attributes_are_those_that_the_tables_name():
    energy, cost = attributes(every_day())
    names = {each: load()[METERING].attributes[each].name for each in energy}
    costs = {each: load()[PREPAYMENT].attributes[each].name for each in cost}
    assert [name.replace("Cost Consumption", "Consumption") for name in costs.values()] == list(
        names.values()
    )
    assert names[0x0401] == "Current Day Consumption Delivered"
    assert names[0x042C] == "Previous Day 8 Consumption Delivered"
    assert names[0x043A] == "Previous Week 5 Consumption Delivered"
    assert names[0x045A] == "Previous Month 13 Consumption Delivered"
    assert (energy[0x0430], cost[0x0530]) == (3000, 30)


@pytest.fixture
def meter():
    """An electricity meter that lets energy through when it is told to."""
    return DeviceBench("esme")


def consume(bench, watt_hours):
    bench.device.stimulus("button", f"consume={watt_hours}")


def read(bench, cluster, number):
    with bench.device.work():
        return ElectricityInformation(bench.device).attribute(cluster, number)


def test_a_meter_counts_its_days(meter):
    for day in range(3):
        consume(meter, 1000 + day)
        meter.clock.advance(HOURS_24)
    consume(meter, 7)
    numbers = (0x0401, 0x0403, 0x0420, 0x0422, 0x0424)
    assert [read(meter, METERING, each) for each in numbers] == [7, 1002, 1001, 1000, 0]
    assert read(meter, PREPAYMENT, 0x051E) == 0, "energy without a price costs nothing"


def test_a_meter_counts_what_its_days_cost(meter, monkeypatch):
    tariff = meter.device.electricity.tariff
    before = type(tariff).consumed

    def priced(self, interval):
        before(self, interval)
        self.charge = interval.import_wh * PRICE

    monkeypatch.setattr(type(tariff), "consumed", priced)
    consume(meter, 1500)
    meter.clock.advance(HOURS_24)
    consume(meter, 250)
    assert read(meter, PREPAYMENT, 0x051E) == 1500 * PRICE // 1000
    assert read(meter, PREPAYMENT, 0x051C) == 250 * PRICE // 1000


def test_a_new_tenant_sees_nothing_of_the_one_before(meter):
    consume(meter, 1000)
    meter.clock.advance(HOURS_24)
    device = meter.device
    with device.work():
        since = octet_string(encode_date_time(meter.clock.now()))
        device.cosem.put(Place(1, bytes.fromhex("00005E2C0302"), 2), since)
    assert read(meter, METERING, 0x0403) == 0
    assert device.electricity.days.consumption.numbers()[0][1] == 1000, "others go on seeing it"
