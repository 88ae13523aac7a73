"""Tariffs as ECS01a sets them, and what ECS24 shows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hil.exchange import Response

NEVER = 0xFFFF_FFFF
FIRST_BLOCK_RATE = 101
PRICES = 48
BLOCKS, PERIODS = 4, 8
_SCRIPT = "00000A0064FF"
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def tariff(
    days: Mapping[int, Sequence[tuple[str, int]]],
    *,
    weeks: Mapping[str, Sequence[int]] | None = None,
    seasons: Sequence[tuple[str, str]] = (("2020-01-01T00:00:00Z", "01"),),
    special: Sequence[tuple[str, int]] = (),
    thresholds: Mapping[int, Sequence[int]] | None = None,
    prices: Mapping[str, int] | None = None,
    standing_charge: int = 0,
) -> dict[str, Any]:
    """Values of ECS01a: days by number with (time, rate), weeks of day numbers, special days (date, day).

    Rates are time of use registers from 1, or blocks of a time of use period from 101. Thresholds in Wh by
    period from 1, prices in 10^-5 of the currency unit for a kWh by index ("01", "A1").
    """
    ends = thresholds or {}
    return {
        "TariffSwitchingTable: nextSeasons": [
            {"Name": f"s{number}", "startDate": start, "WeekIdentifier": week}
            for number, (start, week) in enumerate(seasons)
        ],
        "TariffSwitchingTable: nextWeeks": [
            {"weekIdentifier": week, **dict(zip(_DAYS, numbers, strict=True))}
            for week, numbers in (weeks or {"01": [1] * 7}).items()
        ],
        "TariffSwitchingTable: nextDayIdentifiers": [
            {"day_id": number, "day_schedule": [_action(*entry) for entry in entries]}
            for number, entries in days.items()
        ],
        "TariffSwitchingTable(SpecialDays): entries": [
            {"index": index, "date": day, "dayIdentifier": number}
            for index, (day, number) in enumerate(special)
        ],
        **{
            f"TariffThresholdMatrixBlocks[1to3]TOU[{period}]: thresholdNext": list(ends.get(period, [NEVER]))
            for period in range(1, PERIODS + 1)
        },
        "CurrencyUnit: valueNext": True,
        **price_values(prices or {"01": 0}, standing_charge=standing_charge),
    }


def _action(start: str, rate: int) -> dict[str, Any]:
    return {"startTime": start, "actionsObject": _SCRIPT, "tariff_rate_identifier": rate}


def price_values(prices: Mapping[str, int], *, standing_charge: int = 0) -> dict[str, Any]:
    """The values that ECS01a and ECS01b have in common."""
    table = [{"index": index, "charge_per_unit": price} for index, price in prices.items()]
    return {
        "StandingCharge: valueNext/charge_per_unit_scaling/price_scale": -5,
        "StandingCharge: valueNext/charge_table": [{"index": "", "charge_per_unit": standing_charge}],
        "TariffBlockPriceMatrixTOU: valueNext/charge_per_unit_scaling/price_scale": -5,
        "TariffBlockPriceMatrixTOU: valueNext/charge_table": table,
    }


def second_tariff(entries: Sequence[tuple[str, int]], prices: Mapping[str, int]) -> dict[str, Any]:
    """Values of ECS01c: every day alike, rates from 201."""
    table, matrix = "TariffSwitchingTable(SecondaryElement)", "SecondaryTariffTOUPriceMatrix: valueNext"
    week = {"weekIdentifier": "01", **dict.fromkeys(_DAYS, 1)}
    return {
        f"{table}: nextSeasons": [
            {"Name": "s", "startDate": "2020-01-01T00:00:00Z", "WeekIdentifier": "01"},
        ],
        f"{table}: nextWeeks": [week],
        f"{table}: nextDayIdentifiers": [
            {"day_id": 1, "day_schedule": [_action(*entry) for entry in entries]}
        ],
        f"{table}(SpecialDays): entries": [],
        f"{matrix}/charge_per_unit_scaling/price_scale": -5,
        f"{matrix}/charge_table": [
            {"index": index, "charge_per_unit": price} for index, price in prices.items()
        ],
    }


def structure_of(shown: Response) -> dict[str, Any]:
    """What ECS24 shows of a tariff beside its prices."""
    elements = shown.named["elements"]
    return {
        name: value
        for name, value in elements.items()
        if name.startswith(("TariffSwitchingTable", "TariffThreshold"))
    }
