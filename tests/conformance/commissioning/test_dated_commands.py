"""Commands that are to be carried out later: one time in a command, and an alert for each instruction."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hil.api import covers, leaves, needs

from ..reads import raised, refused

pytestmark = [needs(state="commissioned"), leaves("restored")]

DONE, CONTENT_CHECK_FAILED = 0x8F66, 0x8F1E
ELECTRICITY_OUTCOME, GAS_OUTCOME = 0x00CC, 0x00CD
# Objects with an activation date in the two commands (class, logical name, attribute), and gas components
# with a time (cluster, command).
LIMIT_DATES = [(9000, f"00005E2C{which}", 6) for which in ("0003", "8006", "8007", "8008")]
TARIFF_DATES = [
    (20, "00000D0000FF", 10),  # switching table
    (9000, "00005E2C801D", 6),  # special days
    (9000, "00005E2C0200", 6),  # currency
    (113, "0000131404FF", 7),  # standing charge
    (113, "0000131400FF", 7),  # prices
    (9000, "00003F0101FF", 6),  # thresholds
]
GAS_DATES = [(0x0700, 0x04), (0x0700, 0x05), (0x0707, 0x00), (0x0707, 0x04)]
AHEAD = timedelta(seconds=8)
LATE_S = 6.0
LIMIT = {
    "LoadLimitSupplyState: valueNext": False,
    "LoadLimitPowerThreshold: thresholdNext": 23_000,
    "LoadLimitPeriod(Timer): valueNext": 60,
    "LoadLimitRestorationPeriod(Timer): valueNext": 300,
}
THRESHOLD_DATE = "LoadLimitPowerThreshold: activateNextDateTime"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FOREVER = 0xFFFF_FFFF
ONE_RATE: dict[str, Any] = {
    "TariffSwitchingTable: nextSeasons": [
        {"Name": "all", "startDate": "2020-01-01T00:00:00Z", "WeekIdentifier": "01"}
    ],
    "TariffSwitchingTable: nextWeeks": [{"weekIdentifier": "01", **dict.fromkeys(_DAYS, 1)}],
    "TariffSwitchingTable: nextDayIdentifiers": [
        {
            "day_id": 1,
            "day_schedule": [
                {"startTime": "00:00:00", "actionsObject": "00000A0064FF", "tariff_rate_identifier": 1}
            ],
        }
    ],
    "TariffSwitchingTable(SpecialDays): entries": [],
    **{
        f"TariffThresholdMatrixBlocks[1to3]TOU[{period}]: thresholdNext": [_FOREVER] for period in range(1, 9)
    },
    "CurrencyUnit: valueNext": True,
    "StandingCharge: valueNext/charge_per_unit_scaling/price_scale": -5,
    "StandingCharge: valueNext/charge_table": [{"index": "", "charge_per_unit": 0}],
    "TariffBlockPriceMatrixTOU: valueNext/charge_per_unit_scaling/price_scale": -5,
    "TariffBlockPriceMatrixTOU: valueNext/charge_table": [{"index": "01", "charge_per_unit": 1}],
}
_GAS_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
GAS_TARIFF: dict[str, Any] = {
    "*/Issuer Event ID": 77,
    "*/Issuer Calendar ID": 77,
    "Publish Calendar/Number of Seasons": 1,
    "Publish Calendar/Number of Week Profiles": 1,
    "Publish Calendar/Number of Day Profiles": 1,
    "Publish Day Profile/Day ID": 1,
    "Publish Day Profile/Total Number of Schedule Entries": 1,
    "Publish Day Profile/Day Schedule Entries": [{"Start Time": 0, "Price Tier": 1}],
    "Publish Week Profile/Week ID": 1,
    **{f"Publish Week Profile/Day ID Ref {day}": 1 for day in _GAS_DAYS},
    "Publish Seasons/Season Entries": [{"Season Start Date": "*-01-01", "Week ID Ref": 1}],
    "Publish Special Days/Total Number of Special Days": 0,
    "Publish Special Days/Special Day Entries": [],
    "Publish Tariff Information/Tariff Type / Charging Scheme": 0,
    "Publish Tariff Information/Number of Price Tiers in Use": 1,
    "Publish Tariff Information/Number of Block Thresholds in Use": 0,
    "Publish Tariff Information/Currency": 826,
    "Publish Tariff Information/Standing Charge": 0,
    "Publish Price Matrix/Sub-payload Control": 1,
    "Publish Price Matrix/Price Matrix Entries": [{"Tier/Block ID": 1, "Price": 1}],
}


def soon(bench: Any) -> Any:
    """A time a little ahead, in whole seconds."""
    return (bench.clock.now() + AHEAD).replace(microsecond=0)


def each_is_told_of(check, bench, device, sent, message_code, instruction, expected):
    """Wait for the date; a signed alert for each of ``expected``, which ``instruction`` gives of an alert."""
    mark = bench.alerts.mark()
    bench.wait(AHEAD.total_seconds() + LATE_S)
    told = [
        each for each in bench.alerts.since(mark) if each.alert_code == DONE and each.device == device.name
    ]
    code, counter = sent.message.header.message_code, sent.counter
    for alert in told:
        check.equal("GBCS-16-11", message_code, alert.message_code, octets=alert.octets)
        check.equal("GBCS-16-11", "ok", alert.signature, octets=alert.octets)
        command = alert.values["command_message_code"], alert.values["command_originator_counter"]
        check.equal("GBCS-16-11", (code, counter), command, octets=alert.octets)
    check.equal("GBCS-16-11", sorted(expected), sorted(instruction(alert.values) for alert in told))


def cosem(values):
    """An instruction of a DLMS command: class, logical name and attribute of an activation date."""
    return values["class_id"], bytes(values["obis"]).hex().upper(), values["member"]


def zse(values):
    """An instruction of a GBZ command: cluster and command of a component."""
    return values["cluster"], values["command"]


@covers("GBCS-FD-01")
@needs(devices=["esme"])
def test_command_with_two_activation_times_is_refused(bench, supplier, esme, check):
    when, mark = soon(bench), bench.alerts.mark()
    later = when + timedelta(minutes=1)
    sent = supplier.send("ECS28a", esme, values=LIMIT | {THRESHOLD_DATE: later}, at=when)
    refused(check, bench, sent, "GBCS-FD-01")
    raised(check, bench, esme, [CONTENT_CHECK_FAILED], since=mark, row="GBCS-FD-01")
    again = supplier.request("ECS28a", esme, values=LIMIT, at=when)
    check.that(
        "GBCS-FD-01",
        not any(again.statuses.values()),
        expected="the same command with one time accepted",
        observed=again.statuses,
        octets=again.octets,
    )
    supplier.request("ECS28a", esme, values=LIMIT, at="never")


@covers("GBCS-FD-01")
@needs(devices=["gsme"])
def test_gas_command_with_two_activation_times_is_refused(bench, supplier, gsme, check):
    when, mark = soon(bench), bench.alerts.mark()
    mixed = GAS_TARIFF | {"Publish Price Matrix/Start Time": when + timedelta(minutes=1)}
    sent = supplier.send("GCS01a", gsme, values=mixed, at=when)
    refused(check, bench, sent, "GBCS-FD-01")
    raised(check, bench, gsme, [CONTENT_CHECK_FAILED], since=mark, row="GBCS-FD-01")


@covers("GBCS-16-11", "GBCS-LL-06")
@needs(devices=["esme"])
def test_each_dated_object_of_load_limiting_has_its_own_alert(bench, supplier, esme, check):
    sent = supplier.send("ECS28a", esme, values=LIMIT, at=soon(bench))
    response = supplier.expect_response(sent)
    check.that(
        "GBCS-LL-06",
        len(response.statuses) == 2 * len(LIMIT) and not any(response.statuses.values()),
        expected="success for four values and their four dates",
        observed=response.statuses,
        octets=response.octets,
    )
    each_is_told_of(check, bench, esme, sent, ELECTRICITY_OUTCOME, cosem, LIMIT_DATES)


@covers("GBCS-16-11")
@needs(devices=["esme"])
def test_each_dated_object_of_a_tariff_has_its_own_alert(bench, supplier, esme, check):
    sent = supplier.send("ECS01a", esme, values=ONE_RATE, at=soon(bench))
    supplier.expect_response(sent)
    each_is_told_of(check, bench, esme, sent, ELECTRICITY_OUTCOME, cosem, TARIFF_DATES)


@covers("GBCS-16-11")
@needs(devices=["gsme"])
def test_each_dated_component_of_a_gas_tariff_has_its_own_alert(bench, supplier, gsme, check):
    sent = supplier.send("GCS01a", gsme, values=GAS_TARIFF, at=soon(bench))
    supplier.expect_response(sent)
    each_is_told_of(check, bench, gsme, sent, GAS_OUTCOME, zse, GAS_DATES)


@covers("GBCS-LL-06")
@needs(devices=["esme"])
def test_load_limits_of_one_command_are_in_force_at_once(supplier, esme, check):
    changed = LIMIT | {
        "LoadLimitPowerThreshold: thresholdNext": 22_000,
        "LoadLimitPeriod(Timer): valueNext": 61,
        "LoadLimitRestorationPeriod(Timer): valueNext": 301,
    }
    try:
        supplier.request("ECS28a", esme, values=changed)
        read = supplier.request("ECS27", esme)
        shown = {
            name: read.find(name)
            for name in ("LoadLimitPowerThreshold: thresholdCurrent", "LoadLimitPeriod(Timer): valueCurrent")
        }
        check.equal("GBCS-LL-06", [22_000, 61], list(shown.values()), octets=read.octets)
    finally:
        supplier.request("ECS28a", esme, values=LIMIT)
