"""Tariffs of a gas meter: which register gas counts in, what is read back, at the meter and at its proxy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs

from . import values as v

pytestmark = [
    needs(state="commissioned", devices=["gsme", "gpf"], capabilities=["gsme.stimulus"]),
    leaves("restored"),
]

LITRES = 600
SECURITY_HEADER = bytes.fromhex("3100000000")  # with which every encrypted component begins
TOLERANCE = 10  # litres: a stimulus takes some time of its own
PRICES = [1100, 2200, 3300, 4400]
SWITCHING = ("SMETS-4.6.4.30-OBJ", "SMETS-4.6.5.20-OBJ", "SMETS-4.5.3.22-OBJ", "GBCS-ECS01-01")
SETTINGS = ("SMETS-4.6.4.29-OBJ", "SMETS-4.6.4.23-OBJ", "SMETS-4.6.4.6-OBJ", "GBCS-10.3.4-01")
# Ten kWh in a cubic metre: 36 MJ/m3 at a correction factor of 1.
FACTOR, CALORIFIC = 100_000, 360


def _risen(before, after):
    return [b - a for a, b in zip(before, after, strict=True)]


def _near(check, row, expected, observed):
    check.that(
        row,
        all(abs(a - b) <= TOLERANCE for a, b in zip(expected, observed, strict=True)),
        expected=f"{expected}, each within {TOLERANCE} thousandths of m3",
        observed=observed,
    )


@covers(*SWITCHING)
def test_gas_counts_in_the_register_of_the_tier_in_force(bench, supplier, gsme, check, flow):
    now = bench.clock.now()
    switching = now.hour * 60 + now.minute + 8
    tariff = v.time_of_use([(0, 2), (switching % 1440, 3)], PRICES)
    v.change(supplier, gsme, "GCS01a", tariff)
    before = v.tiers(supplier, gsme)
    flow(LITRES, 4)
    for row in SWITCHING:
        _near(check, row, [0, LITRES, 0, 0], _risen(before, v.tiers(supplier, gsme)))
    bench.wait(8 * 60)
    between = v.tiers(supplier, gsme)
    flow(LITRES, 4)
    for row in SWITCHING:
        _near(check, row, [0, 0, LITRES, 0], _risen(between, v.tiers(supplier, gsme)))


@covers(*SETTINGS, "SMETS-4.6.5.2-OBJ")
@pytest.mark.parametrize("where", ["gsme", "gpf"])
def test_tariff_is_read_back_from_meter_and_proxy(bench, supplier, gsme, check, where):
    v.change(supplier, gsme, "GCS01a", v.time_of_use([(0, 2)], PRICES))
    shown = supplier.request("GCS21f", bench.devices[where], values={})
    for row in SETTINGS:
        found = [shown.find(f"Tier {tier} Block 1 Price") for tier in range(1, 5)]
        check.equal(row, PRICES, found, octets=shown.octets)
        check.equal(row, v.STANDING_CHARGE, shown.find("Standing Charge"), octets=shown.octets)
        check.equal(row, [v.GBP] * 2, shown.find_all("Currency"), octets=shown.octets)
        (day,) = v.components(shown, "Publish Day Profile")
        check.equal(
            row, [{"Start Time": 0, "Price Tier": 2}], day["Day Schedule Entries"], octets=shown.octets
        )
    (price,) = v.components(shown, "Publish Price")
    check.equal("SMETS-4.6.5.2-OBJ", PRICES[1], price["Price"], octets=shown.octets)


@covers("GBCS-ECS01-02")
def test_price_command_leaves_the_calendar_alone(supplier, gsme, check):
    v.change(supplier, gsme, "GCS01a", v.time_of_use([(0, 2), (600, 1)], PRICES))
    before = supplier.request("GCS21f", gsme, values={})
    others = [each + 7 for each in PRICES]
    terms = v.ISSUER | v.tariff_terms(tiers=4) | v.prices(others, blocks=False)
    v.change(supplier, gsme, "GCS01b", terms)
    after = supplier.request("GCS21f", gsme, values={})
    found = [after.find(f"Tier {tier} Block 1 Price") for tier in range(1, 5)]
    check.equal("GBCS-ECS01-02", others, found, octets=after.octets)
    for part in ("Publish Day Profile", "Publish Week Profile", "Publish Seasons"):
        check.equal("GBCS-ECS01-02", v.components(before, part), v.components(after, part))


BLOCK_ROWS = (
    "SMETS-4.6.4.31-OBJ",
    "SMETS-4.6.4.32-OBJ",
    "SMETS-4.6.5.19-OBJ",
    "SMETS-4.6.4.3-OBJ",
    "SMETS-4.6.4.5-OBJ",
)


@covers(*BLOCK_ROWS)
def test_blocks_fill_at_thresholds_in_kwh(bench, supplier, gsme, check, flow):
    v.change(supplier, gsme, "GCS23", v.conversion(FACTOR, CALORIFIC))
    held = sum(v.blocks(supplier, gsme))
    # In kWh, of which there are ten in a cubic metre: the block after the next begins 3 m3 from here.
    first = held // 100 + 1
    thresholds = [first, first + 20, first + 40]
    v.change(supplier, gsme, "GCS01a", v.by_blocks(thresholds, PRICES))
    flow(3 * LITRES * 2, 3)
    total = held + 3 * LITRES * 2
    limits = [100 * each for each in thresholds]
    starts = [0, *limits]
    expected = [max(0, min(total, end) - start) for start, end in zip(starts, [*limits, 10**9], strict=True)]
    shown = supplier.request("GCS21a", gsme, values={})
    for row in BLOCK_ROWS:
        _near(check, row, expected, v.blocks(supplier, gsme))
        check.equal(row, FACTOR, shown.find("Conversion Factor"), octets=shown.octets)
        check.equal(row, CALORIFIC, shown.find("Calorific Value"), octets=shown.octets)


@covers("SMETS-TAR-03")
def test_fifth_price_is_refused(supplier, gsme, check):
    terms = v.ISSUER | v.tariff_terms(tiers=4) | v.prices([1, 2, 3, 4, 5], blocks=False)
    response = supplier.request("GCS01b", gsme, values=terms, strict=False)
    check.that(
        "SMETS-TAR-03",
        response.statuses["Components/1"],
        expected="no success for a price of tier 5",
        observed=response.statuses,
        octets=response.octets,
    )


@covers("GBCS-10.3.4-02", "GBCS-10.3.4-01")
def test_dated_prices_at_the_proxy(bench, supplier, gsme, gpf, check):
    v.change(supplier, gsme, "GCS01a", v.time_of_use([(0, 1)], PRICES))
    others = [each + 5 for each in PRICES]
    at = bench.clock.now().replace(microsecond=0) + timedelta(minutes=2)
    terms = v.ISSUER | v.tariff_terms(tiers=4) | v.prices(others, blocks=False)
    v.change(supplier, gsme, "GCS01b", terms, at=at)
    before = supplier.request("GCS21f", gpf, values={})
    check.equal("GBCS-10.3.4-02", PRICES[0], before.find("Tier 1 Block 1 Price"), octets=before.octets)
    bench.wait(3 * 60)
    at_meter = supplier.request("GCS21f", gsme, values={}).find("Tier 1 Block 1 Price")
    check.equal("GBCS-10.3.4-01", others[0], at_meter)
    after = supplier.request("GCS21f", gpf, values={})
    # A17: a proxy holds what is dated until its date, or takes no note of it.
    held = others[0] if bench.switches["A17"] == "hold" else PRICES[0]
    check.equal("GBCS-10.3.4-02", held, after.find("Tier 1 Block 1 Price"), octets=after.octets)


@covers("GBCS-TAPENC-01")
def test_tapped_messages_are_clear(supplier, gsme, check):
    for use_case, terms in (
        ("GCS23", v.conversion(FACTOR, CALORIFIC)),
        ("GCS01b", v.ISSUER | v.tariff_terms(tiers=4) | v.prices(PRICES, blocks=False)),
    ):
        sent = supplier.send(use_case, gsme, values=terms)
        response = supplier.expect_response(sent)
        for octets in (sent.octets, response.octets):
            check.that(
                "GBCS-TAPENC-01",
                SECURITY_HEADER not in octets,
                expected="no encrypted component",
                observed=octets.hex(),
                octets=octets,
            )
