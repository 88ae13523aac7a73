"""Tariffs: loaded whole or by their prices, and what consumption they put where."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs

from .tariffs import BLOCKS, FIRST_BLOCK_RATE, PERIODS, price_values, structure_of, tariff

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

POWER = 2000
TOLERANCE = 20  # Wh: a stimulus takes some time of its own
TOU = tariff(
    {1: [("00:00:00", 1), ("07:00:00", 2)], 2: [("00:00:00", 3)]},
    weeks={"01": [1, 1, 1, 1, 1, 2, 2]},
    special=[("*-12-25", 2), ("2099-05-01", 2)],
    prices={"01": 1100, "02": 2200, "03": 1500},
    standing_charge=30000,
)
BLOCK = tariff(
    {1: [("00:00:00", FIRST_BLOCK_RATE), ("12:00:00", FIRST_BLOCK_RATE + 7)]},
    thresholds={1: [1000, 2000, 3500], 8: [500]},
    prices={"A1": 1000, "B1": 2000, "C1": 3000, "D1": 4000, "A8": 900, "B8": 1900},
)
ONE_RATE = tariff({1: [("00:00:00", 1)]}, prices={"01": 1234})
OBJECTS = (
    "SMETS-5.7.4.48-OBJ",
    "SMETS-5.7.4.49-OBJ",
    "SMETS-5.7.4.47-OBJ",
    "SMETS-5.7.4.50-OBJ",
    "SMETS-5.7.4.42-OBJ",
    "SMETS-5.7.4.9-OBJ",
    "SMETS-5.6.3.35-OBJ",
)


def load(supplier, esme, values, **more):
    response = supplier.request("ECS01a", esme, values=values, **more)
    assert not any(response.statuses.values()), response.statuses
    return response


def registers(supplier, esme):
    """Time of use registers, and blocks by period with their counters."""
    tou = supplier.request("ECS17d", esme).find("TOU_primary_registers")
    cells = supplier.request("ECS17e", esme).find("Block_primary_registers")
    half = BLOCKS * PERIODS
    return tou, cells[:half], cells[half:]


def risen(before, after):
    return {number: b - a for number, (a, b) in enumerate(zip(before, after, strict=True), 1) if b != a}


def near(expected, observed):
    """Whether the same registers have risen, by about as much."""
    return expected.keys() == observed.keys() and all(
        abs(wh - observed[number]) <= TOLERANCE for number, wh in expected.items()
    )


@covers("GBCS-ECS01-01", *OBJECTS)
@pytest.mark.parametrize("values", [TOU, BLOCK, ONE_RATE], ids=["time of use", "blocks", "one rate"])
@pytest.mark.parametrize("before", [TOU, BLOCK], ids=["over time of use", "over blocks"])
def test_a_tariff_is_loaded_over_any_other(supplier, esme, check, before, values):
    load(supplier, esme, before)
    load(supplier, esme, values)
    shown = supplier.request("ECS24", esme)
    assert not any(shown.statuses.values())
    elements = shown.named["elements"]
    pairs = {
        "TariffSwitchingTable: currentSeasons": ("TariffSwitchingTable: nextSeasons", "SMETS-5.6.3.35-OBJ"),
        "TariffSwitchingTable: currentWeeks": ("TariffSwitchingTable: nextWeeks", "SMETS-5.7.4.48-OBJ"),
        "TariffSwitchingTable(SpecialDays): entries": (
            "TariffSwitchingTable(SpecialDays): entries",
            "SMETS-5.7.4.48-OBJ",
        ),
        **{
            f"TariffThresholdMatrixBlocks[1to3]TOU[{period}]: thresholdCurrent": (
                f"TariffThresholdMatrixBlocks[1to3]TOU[{period}]: thresholdNext",
                "SMETS-5.7.4.49-OBJ",
            )
            for period in range(1, PERIODS + 1)
        },
    }
    for current, (following, row) in pairs.items():
        check.equal(row, values[following], elements[current])
    actions = [
        [(entry["startTime"], entry["actions"]) for entry in day["day_schedule"]]
        for day in elements["TariffSwitchingTable: currentDayIdentifiers"]
    ]
    wanted = [
        [(entry["startTime"], entry["tariff_rate_identifier"]) for entry in day["day_schedule"]]
        for day in values["TariffSwitchingTable: nextDayIdentifiers"]
    ]
    check.equal("GBCS-ECS01-01", wanted, actions)
    prices = elements["TariffBlockPriceMatrixTOU: valueCurrent"]["charge_table"]
    for row in ("SMETS-5.7.4.47-OBJ", "SMETS-5.7.4.50-OBJ"):
        check.equal(row, values["TariffBlockPriceMatrixTOU: valueNext/charge_table"], prices)
    standing = elements["StandingCharge: valueCurrent"]["charge_table"]
    check.equal("SMETS-5.7.4.42-OBJ", values["StandingCharge: valueNext/charge_table"], standing)
    check.equal("SMETS-5.7.4.9-OBJ", True, elements["CurrencyUnit: valueCurrent"])


@covers("GBCS-ECS01-02", "SMETS-5.7.5.5-OBJ")
def test_prices_alone_leave_the_structure(supplier, esme, check):
    load(supplier, esme, TOU)
    before = structure_of(supplier.request("ECS24", esme))
    new = price_values({"01": 3300, "02": 3300, "03": 3300})
    response = supplier.request("ECS01b", esme, values=new)
    assert not any(response.statuses.values())
    shown = supplier.request("ECS24", esme)
    check.equal("GBCS-ECS01-02", before, structure_of(shown))
    prices = shown.named["elements"]["TariffBlockPriceMatrixTOU: valueCurrent"]["charge_table"]
    check.equal("GBCS-ECS01-02", new["TariffBlockPriceMatrixTOU: valueNext/charge_table"], prices)
    check.equal("SMETS-5.7.5.5-OBJ", 3300, shown.find("(Primary)ActiveTariffPrice: value"))


@covers("SMETS-TAR-01", "SMETS-5.7.5.34-OBJ")
def test_48_registers_and_their_sum(supplier, esme, check, draw):
    entries = [(f"{slot // 2:02}:{slot % 2 * 30:02}:00", slot + 1) for slot in range(48)]
    load(supplier, esme, tariff({1: entries}))
    before, _, _ = registers(supplier, esme)
    imported = supplier.request("ECS17b", esme, values={}).find("active.value")
    draw(POWER, 24)
    after, _, _ = registers(supplier, esme)
    total = supplier.request("ECS17b", esme, values={}).find("active.value") - imported
    rise = risen(before, after)
    expected = dict.fromkeys(range(1, 49), POWER // 2)
    check.that("SMETS-5.7.5.34-OBJ", near(expected, rise), expected=expected, observed=rise)
    check.equal("SMETS-TAR-01", total, sum(rise.values()))


@covers("SMETS-TAR-04")
def test_days_of_the_week_and_special_days(bench, supplier, esme, check, draw, until):
    until("22:00")
    tomorrow = bench.clock.now() + timedelta(days=1)
    days = {1: [("00:00:00", 1), ("23:00:00", 2)], 2: [("00:00:00", 3), ("01:00:00", 4)]}
    load(supplier, esme, tariff(days, special=[(f"{tomorrow:%Y-%m-%d}", 2)]))
    before, _, _ = registers(supplier, esme)
    draw(POWER, 4)
    after, _, _ = registers(supplier, esme)
    expected = dict.fromkeys((1, 2, 3, 4), POWER)
    rise = risen(before, after)
    check.that("SMETS-TAR-04", near(expected, rise), expected=expected, observed=rise)


@covers("SMETS-TAR-02", "SMETS-5.7.5.35-OBJ", "GBCS-ECS05-01", "SMETS-5.7.5.33-OBJ")
def test_blocks_and_their_reset(supplier, esme, check, draw):
    block = {1: [("00:00:00", FIRST_BLOCK_RATE)]}
    load(supplier, esme, tariff(block, thresholds={1: [1000, 2000, 3500]}, prices={"A1": 11, "D1": 44}))
    supplier.request("ECS05", esme)
    _, before, counted = registers(supplier, esme)
    check.equal("GBCS-ECS05-01", [0] * len(counted), counted)
    draw(POWER, 2.5)
    _, after, counted = registers(supplier, esme)
    expected = {1: 1000, 1 + PERIODS: 1000, 1 + 2 * PERIODS: 1500, 1 + 3 * PERIODS: 1500}
    for row in ("SMETS-TAR-02", "SMETS-5.7.5.35-OBJ"):
        check.that(
            row, near(expected, risen(before, after)), expected=expected, observed=risen(before, after)
        )
    check.that("SMETS-TAR-02", sum(counted) > 0, expected="counters", observed=counted)
    check.equal("SMETS-TAR-02", 44, supplier.request("ECS24", esme).find("(Primary)ActiveTariffPrice: value"))
    response = supplier.request("ECS05", esme)
    assert not any(response.statuses.values())
    _, kept, counted = registers(supplier, esme)
    check.equal("SMETS-5.7.5.33-OBJ", [0] * len(counted), counted)
    check.equal("GBCS-ECS05-01", after, kept)
    check.equal(
        "GBCS-ECS05-01", 11, supplier.request("ECS24", esme).find("(Primary)ActiveTariffPrice: value")
    )


@covers("GBCS-ECS48-01")
def test_counters_are_reset_daily_or_not(bench, supplier, esme, check, draw):
    load(supplier, esme, tariff({1: [("00:00:00", FIRST_BLOCK_RATE)]}))
    name = "TariffBlockCounterMatrix: dailyResetting"
    # No source says how it is turned off; a date that never comes does it.
    for date, expected in (("*-*-*", 0), ("2000-01-01", POWER)):
        due = bench.clock.now() + timedelta(minutes=90)
        values = {name: [{"time": f"{due:%H:%M}:00", "date": date}]}
        response = supplier.request("ECS48", esme, values=values)
        assert not any(response.statuses.values())
        supplier.request("ECS05", esme)
        draw(POWER, 1)
        bench.wait(1860)
        _, _, counted = registers(supplier, esme)
        check.that(
            "GBCS-ECS48-01",
            abs(sum(counted) - expected) <= (TOLERANCE if expected else 0),
            expected=expected,
            observed=sum(counted),
        )


@covers("SMETS-TAR-07", "SMETS-5.7.5.10-OBJ")
def test_a_change_of_tariff_is_kept(bench, supplier, esme, check, draw):
    load(supplier, esme, TOU)
    draw(POWER, 1)
    imported = supplier.request("ECS17b", esme, values={}).find("active.value")
    due = (bench.clock.now() + timedelta(hours=1)).replace(microsecond=0)
    load(supplier, esme, ONE_RATE, at=due)
    bench.wait(3660)
    log = supplier.request("ECS20b", esme, fromDateTime=due, toDateTime=due + timedelta(minutes=1))
    name = "BillingDataLog(SetPaymentModeOrTariffTriggeredFinancialExcExport): logEntries"
    entries = log.find(name)
    check.equal("SMETS-TAR-07", [f"{due:%Y-%m-%dT%H:%M:%SZ}"], [entry["timestamp"] for entry in entries])
    check.equal(
        "SMETS-5.7.5.10-OBJ",
        [imported],
        [entry["activeImportRegisterValue/consumption"] for entry in entries],
        octets=log.octets,
    )
