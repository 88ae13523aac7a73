"""What meter and proxy answer displays: price, tariff, calendar, messages, in the words of ZSE."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.zigbee.smart_energy.information import ATTRIBUTES, report_records
from protocols.zigbee.smart_energy.settings import CALENDAR, DEVICE_MANAGEMENT, MESSAGING, PREPAYMENT, PRICE
from protocols.zigbee.zcl.foundation import Status, build_command, parse_message
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.gas.tariff import TARIFF
from rigs.emulated.information.electricity import ElectricityInformation
from rigs.emulated.information.gas import GasInformation
from rigs.emulated.objects import zse_settings
from rigs.emulated.objects.zse import CommandPlace
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, constant, date, time

DAYS = {1: [(time(0), 1), (time(7, 30), 2)], 4: [(time(0), 20)]}
WEEKS = {b"w": [1, 1, 1, 1, 1, 4, 4], b"x": [4] * 7}
SEASONS = [(date(None, 3, 29), b"x"), (date(None, 1, 1), b"w")]


@pytest.fixture
def bench():
    """An electricity meter with a tariff of three rates."""
    made = MeterBench(constant(0))
    made.switching(DAYS, WEEKS, SEASONS, special=[(date(2026, 12, 25), 4)])
    made.prices({0x01: 12_345, 0x02: 25_000, 0x14: 9_000})
    return made


def ask(bench, cluster, name, values=None):
    """Answers, each once it has been octets."""
    with bench.device.work():
        found = ElectricityInformation(bench.device).answer(cluster, name, values or {})
    return found if isinstance(found, int) or found is None else [carried(each) for each in found]


def carried(said):
    octets = build_command(said.cluster, said.name, said.values, sequence=1, from_server=True)
    message = parse_message(said.cluster, octets)
    assert message.name == said.name
    return message.values


def test_price_in_force_holds_until_the_next_switching(bench):
    (price,) = ask(bench, PRICE, "Get Current Price", {"Command Options": 0})
    assert (price["Price"], price["Duration In Minutes"]) == (12_345, 450)
    assert price["Price Trailing Digit & Price Tier"] == 0x51
    assert price["Start Time"] == price["Current Time"] == seconds_since_2000(MONDAY)
    bench.until(MONDAY + timedelta(hours=7, minutes=30, seconds=1))
    (price,) = ask(bench, PRICE, "Get Current Price", {"Command Options": 0})
    assert (price["Price"], price["Duration In Minutes"]) == (25_000, 16 * 60 + 30)


def test_tiers_beyond_fifteen_stand_in_the_extended_fields(bench):
    bench.until(MONDAY + timedelta(days=5, hours=1))
    (price,) = ask(bench, PRICE, "Get Current Price", {"Command Options": 0})
    assert (price["Price"], price["Price Trailing Digit & Price Tier"]) == (9_000, 0x5F)
    assert price["Extended Price Tier"] == price["Extended Register Tier"] == 5
    assert price["Extended Number of Price Tiers"] == 33


def test_without_a_tariff_there_is_nothing_to_tell():
    bench = MeterBench(constant(0))
    assert ask(bench, PRICE, "Get Current Price", {"Command Options": 0}) == []
    assert ask(bench, PRICE, "Get Price Matrix", {"Issuer Tariff ID": 1}) == []


def test_tariff_of_times_of_use(bench):
    (about,) = ask(bench, PRICE, "Get Tariff Information")
    assert about["Tariff Type / Charging Scheme"] == 0x00
    assert (about["Number of Price Tiers in Use"], about["Currency"]) == (48, 826)
    (matrix,) = ask(bench, PRICE, "Get Price Matrix", {"Issuer Tariff ID": about["Issuer Tariff ID"]})
    prices = {each["Tier/Block ID"]: each["Price"] for each in matrix["Price Matrix Entries"]}
    assert prices == {1: 12_345, 2: 25_000, 20: 9_000}
    assert ask(bench, PRICE, "Get Price Matrix", {"Issuer Tariff ID": 99}) == []
    assert ask(bench, PRICE, "Get Block Thresholds", {"Issuer Tariff ID": 1}) == []


def test_tariff_of_blocks():
    bench = MeterBench(constant(0))
    bench.switching({1: [(time(0), 101), (time(12), 102)]})
    bench.thresholds(1, [1000, 2000, 3000])
    bench.thresholds(2, [500])
    bench.prices(
        {block << 4 | period: block * 100 + period for block in (10, 11, 12, 13) for period in (1, 2)}
    )
    (about,) = ask(bench, PRICE, "Get Tariff Information")
    assert about["Tariff Type / Charging Scheme"] == 0x30
    (thresholds,) = ask(bench, PRICE, "Get Block Thresholds", {"Issuer Tariff ID": 1})
    ends = [each["Block Thresholds"] for each in thresholds["Block Threshold Entries"]]
    assert ends == [[1000, 2000, 3000], [500]]
    (matrix,) = ask(bench, PRICE, "Get Price Matrix", {"Issuer Tariff ID": 1})
    prices = {each["Tier/Block ID"]: each["Price"] for each in matrix["Price Matrix Entries"]}
    assert prices == {
        period << 4 | block - 10: block * 100 + period for block in range(10, 14) for period in (1, 2)
    }
    (price,) = ask(bench, PRICE, "Get Current Price", {"Command Options": 0})
    assert (price["Price"], price["Price Trailing Digit & Price Tier"]) == (1001, 0x51)


def test_many_prices_come_in_several_commands(bench):
    bench.prices({number: number for number in range(1, 31)})
    found = ask(bench, PRICE, "Get Price Matrix", {"Issuer Tariff ID": 1})
    assert [each["Command Index"] for each in found] == [0, 1, 2]
    assert {each["Total Number of Commands"] for each in found} == {3}
    entries = [entry["Tier/Block ID"] for each in found for entry in each["Price Matrix Entries"]]
    assert entries == list(range(1, 31))


def test_switching_table_as_a_calendar(bench):
    (calendar,) = ask(bench, CALENDAR, "Get Calendar")
    counts = ("Number of Seasons", "Number of Week Profiles", "Number of Day Profiles")
    assert [calendar[each] for each in counts] == [2, 2, 2]
    about = {"Issuer Calendar ID": calendar["Issuer Calendar ID"]}
    days = ask(bench, CALENDAR, "Get Day Profiles", {**about, "Start Day ID": 1, "Number of Days": 0})
    assert [each["Day ID"] for each in days] == [1, 4]
    entries = days[0]["Day Schedule Entries"]
    assert [(each["Start Time"], each["Price Tier"]) for each in entries] == [(0, 1), (450, 2)]
    (week,) = ask(bench, CALENDAR, "Get Week Profiles", {**about, "Start Week ID": 2, "Number of Weeks": 1})
    assert (week["Week ID"], week["Day ID Ref Monday"]) == (2, 4)
    (seasons,) = ask(bench, CALENDAR, "Get Seasons", about)
    starts = [(bytes(each["Season Start Date"]), each["Week ID Ref"]) for each in seasons["Season Entries"]]
    assert starts == [(bytes((0xFF, 3, 29, 0xFF)), 2), (bytes((0xFF, 1, 1, 0xFF)), 1)]
    (special,) = ask(bench, CALENDAR, "Get Special Days", about)
    (entry,) = special["Special Day Entries"]
    assert (bytes(entry["Special Day Date"])[:3], entry["Day ID Ref"]) == (bytes((126, 12, 25)), 4)


def test_other_questions_are_for_others(bench):
    assert ask(bench, PREPAYMENT, "Consumer Top Up", {}) is None
    assert ask(bench, PRICE, "Get Scheduled Prices", {}) is None


def send(bench, text):
    assert bench.request("ECS10", "supplier", **{"SupplierMessage: value": text}).values


def test_a_message_is_confirmed_once_and_by_its_number(bench):
    assert ask(bench, MESSAGING, "Get Last Message") == []
    send(bench, "Engineer on Monday")
    (message,) = ask(bench, MESSAGING, "Get Last Message")
    assert (message["Message"], message["Message Control"]) == ("Engineer on Monday", 0x80)
    number = message["Message ID"]
    for each, status in (
        (number + 1, Status.NOT_FOUND),
        (number, Status.SUCCESS),
        (number, Status.NOT_FOUND),
    ):
        assert ask(bench, MESSAGING, "Message Confirmation", {"Message ID": each}) == status
    assert bench.logged("event").count(0x81A6) == 1
    assert ask(bench, MESSAGING, "Get Last Message") == []


def test_the_same_message_again_is_another(bench):
    send(bench, "Engineer on Monday")
    (first,) = ask(bench, MESSAGING, "Get Last Message")
    ask(bench, MESSAGING, "Message Confirmation", {"Message ID": first["Message ID"]})
    send(bench, "Engineer on Monday")
    (second,) = ask(bench, MESSAGING, "Get Last Message")
    assert second["Message ID"] != first["Message ID"]
    assert bench.device.stimulus("display")[1].endswith("MESSAGE Engineer on Monday")


def test_a_message_taken_back_is_cancelled(bench):
    information = ElectricityInformation(bench.device)
    send(bench, "Engineer on Monday")
    before = information.topics()["message"]
    send(bench, "")
    (said,) = information.publish("message", before)
    assert (said.name, carried(said)["Message ID"]) == ("Cancel Message", before[0])


def test_credit_as_attributes(bench):
    information = ElectricityInformation(bench.device)
    (said,) = information.publish("credit", None)
    assert (said.cluster, said.name) == (PREPAYMENT, ATTRIBUTES)
    assert report_records(said.cluster, said.values)
    assert said.values[0x0000] == 0x0C94
    assert information.attribute(PREPAYMENT, 0x9999) is None
    assert information.attribute(DEVICE_MANAGEMENT, 0x0101) == b""


# Gas --------------------------------------------------------------------------------------------------------

TARIFF_TERMS = {
    "Provider ID": 0,
    "Issuer Event ID": 5,
    "Issuer Tariff ID": 9,
    "Start Time": "now",
    "Tariff Type / Charging Scheme": 0,
    "Tariff Label": "",
    "Number of Price Tiers in Use": 4,
    "Number of Block Thresholds in Use": 0,
    "Unit of Measure": 0,
    "Currency": 826,
    "Price Trailing Digit": 0x50,
    "Standing Charge": 30_000,
    "Tier Block Mode": 0xFF,
    "Block Threshold Multiplier": 1,
    "Block Threshold Divisor": 1000,
}


@pytest.fixture
def proxy():
    return DeviceBench("gpf")


def of_gas(proxy, cluster, name, values=None):
    with proxy.device.work():
        found = GasInformation(proxy.device).answer(cluster, name, values or {})
    return found if isinstance(found, int) or found is None else [carried(each) for each in found]


def tap(proxy, place, values):
    """As what a command that the meter took over has left."""
    with proxy.device.work():
        zse_settings.apply(proxy.device, place, values, None)


def test_a_proxy_tells_the_tariff_that_it_tapped_off(proxy):
    assert of_gas(proxy, PRICE, "Get Tariff Information") == []
    tap(proxy, TARIFF, TARIFF_TERMS)
    (about,) = of_gas(proxy, PRICE, "Get Tariff Information")
    assert (about["Issuer Tariff ID"], about["Standing Charge"], about["Currency"]) == (9, 30_000, 826)
    assert of_gas(proxy, PRICE, "Get Current Price") == [], "it has no prices yet"


def test_a_proxy_tells_a_message_until_it_is_read(proxy):
    values = {"Message ID": 4, "Message Control": 0, "Start Time": "now", "Duration In Minutes": 0xFFFF}
    tap(proxy, CommandPlace(MESSAGING, True, 0x00), {**values, "Message": "Exchange"})
    (message,) = of_gas(proxy, MESSAGING, "Get Last Message")
    assert (message["Message ID"], message["Message"]) == (4, "Exchange")
    assert of_gas(proxy, MESSAGING, "Message Confirmation", {"Message ID": 3}) == Status.NOT_FOUND
    assert of_gas(proxy, MESSAGING, "Message Confirmation", {"Message ID": 4}) == Status.SUCCESS
    assert of_gas(proxy, MESSAGING, "Get Last Message") == []


def test_a_proxy_knows_nothing_of_commands_that_are_no_question(proxy):
    assert of_gas(proxy, PRICE, "Price Acknowledgement") is None
    assert GasInformation(proxy.device).attribute(DEVICE_MANAGEMENT, 0x0101) is None
    assert GasInformation(proxy.device).attribute(PREPAYMENT, 0x0003) is None
