"""An ESME's tariff in force in the words of ZSE: tariff, prices, block thresholds, switching table.

Tiers are time of use registers from 1, or time of use periods with blocks, which COSEM's rates tell apart by
their number; a tariff with thresholds is a block tariff in time of use, each tier with thresholds of its own.
Identifiers are the same for every tariff: only the one in force is told (choices of ours).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.zigbee.smart_energy.information import Said
from protocols.zigbee.smart_energy.settings import CALENDAR, PRICE
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.information.price import PRICE_DIGITS, currency, standing_charge
from rigs.emulated.metering.prices import (
    BLOCK_RATES,
    BLOCKS,
    FIRST_BLOCK_RATE,
    TOU_RATES,
    block_index,
    tou_index,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import time

    from rigs.emulated.esme import Esme
    from rigs.emulated.metering.calendar import DatePattern
    from rigs.emulated.metering.tariff_settings import TariffSettings

TARIFF, CALENDAR_ID = 1, 1
_TIME_OF_USE, _BLOCKS_IN_TIME_OF_USE, _BY_TIER = 0x00, 0x30, 0x01
_IN_FORCE = 0xFFFF_FFFF  # by which the calendar in force is asked for (gbz.md 6)
_KWH, _NOT_USED, _WATT_HOURS = 0, 0xFF, 1000
_AT_ONCE = 12  # prices of a command: about sixty octets
_ANY, _YEAR_0 = 0xFF, 1900
_UTC, _IMPORT_CALENDAR = 0, 0


def tariff_answers(device: Esme, name: str, values: dict[str, Any]) -> list[Said] | None:
    """What a question about tariff or calendar is answered with; None for others, [] without a tariff."""
    answers = {
        "Get Tariff Information": lambda: [_information(device)],
        "Get Price Matrix": lambda: _matrix(device),
        "Get Block Thresholds": lambda: _thresholds(device),
        "Get Calendar": lambda: [_calendar(device)],
        "Get Day Profiles": lambda: _days(device, values),
        "Get Week Profiles": lambda: _weeks(device, values),
        "Get Seasons": lambda: _seasons(device),
        "Get Special Days": lambda: _special_days(device),
    }
    if name not in answers:
        return None
    settings = device.electricity.tariff.settings
    asked = values.get("Issuer Tariff ID", values.get("Issuer Calendar ID", TARIFF))
    known = asked in (TARIFF, CALENDAR_ID, _IN_FORCE)
    return answers[name]() if known and settings.prices.table else []


def _settings(device: Esme) -> TariffSettings:
    return device.electricity.tariff.settings


def _issued(device: Esme) -> dict[str, Any]:
    """Who published it, and when: the meter's time, so that the latest counts."""
    return {"Provider ID": 0, "Issuer Event ID": seconds_since_2000(device.device_clock.now())}


def _has_blocks(settings: TariffSettings) -> bool:
    return any(settings.thresholds)


def _information(device: Esme) -> Said:
    settings = _settings(device)
    blocks = _has_blocks(settings)
    values = {
        "Issuer Tariff ID": TARIFF,
        "Start Time": 0,
        "Tariff Type / Charging Scheme": _BLOCKS_IN_TIME_OF_USE if blocks else _TIME_OF_USE,
        "Tariff Label": b"",
        "Number of Price Tiers in Use": BLOCK_RATES if blocks else TOU_RATES,
        "Number of Block Thresholds in Use": BLOCKS - 1 if blocks else 0,
        "Unit of Measure": _KWH,
        "Currency": currency(device),
        "Price Trailing Digit": PRICE_DIGITS,
        "Standing Charge": standing_charge(device),
        "Tier Block Mode": _NOT_USED,
        "Block Threshold Multiplier": 1,
        "Block Threshold Divisor": _WATT_HOURS,
    }
    return Said(PRICE, "Publish Tariff Information", _issued(device) | values)


def _matrix(device: Esme) -> list[Said]:
    """Prices by tier, or by tier (upper half of the number) and block."""
    settings = _settings(device)
    prices, blocks = settings.prices, _has_blocks(settings)
    if blocks:
        indices = {
            (period + 1) << 4 | block: block_index(block, period)
            for period in range(BLOCK_RATES)
            for block in range(BLOCKS)
        }
    else:
        indices = {register + 1: tou_index(register) for register in range(TOU_RATES)}
    entries = [
        {"Tier/Block ID": number, "Price": max(0, prices.price(index))}
        for number, index in indices.items()
        if index in prices.table
    ]
    about = {"Start Time": 0, "Issuer Tariff ID": TARIFF, "Sub-payload Control": 0 if blocks else _BY_TIER}
    return _in_parts(device, Said(PRICE, "Publish Price Matrix", about), "Price Matrix Entries", entries)


def _thresholds(device: Esme) -> list[Said]:
    """Where blocks end, in Wh, by tier."""
    entries = [
        {"Tier/Number of Block Thresholds": period << 4 | len(ends), "Block Thresholds": list(ends)}
        for period, ends in enumerate(_settings(device).thresholds, 1)
        if ends
    ]
    about = {"Start Time": 0, "Issuer Tariff ID": TARIFF, "Sub-payload Control": 0}
    if not entries:
        return []
    whole = Said(PRICE, "Publish Block Thresholds", about)
    return _in_parts(device, whole, "Block Threshold Entries", entries, at_once=3)


def _in_parts(
    device: Esme, whole: Said, key: str, entries: Sequence[Any], *, at_once: int = _AT_ONCE
) -> list[Said]:
    """A list of entries, so many in a command; one command where there are none."""
    parts = [entries[first : first + at_once] for first in range(0, len(entries), at_once)] or [[]]
    counted = [{"Command Index": each, "Total Number of Commands": len(parts)} for each in range(len(parts))]
    return [
        Said(whole.cluster, whole.name, _issued(device) | whole.values | count | {key: list(part)})
        for count, part in zip(counted, parts, strict=True)
    ]


# ---------------------------------------------------------------------- calendar


def _calendar(device: Esme) -> Said:
    table = _settings(device).table
    values = {
        "Issuer Calendar ID": CALENDAR_ID,
        "Start Time": 0,
        "Calendar Type": _IMPORT_CALENDAR,
        "Calendar Time Reference": _UTC,
        "Calendar Name": b"",
        "Number of Seasons": len(table.seasons),
        "Number of Week Profiles": len(table.weeks),
        "Number of Day Profiles": len(table.days),
    }
    return Said(CALENDAR, "Publish Calendar", _issued(device) | values)


def _week_numbers(device: Esme) -> dict[bytes, int]:
    """COSEM's weeks have names, ZSE's have numbers: here their order, from 1."""
    return {name: number for number, name in enumerate(_settings(device).table.weeks, 1)}


def _days(device: Esme, values: dict[str, Any]) -> list[Said]:
    days = sorted(_settings(device).table.days.items())
    chosen = [each for each in days if each[0] >= values["Start Day ID"]][: values["Number of Days"] or None]
    return [_day(device, number, entries) for number, entries in chosen]


def _day(device: Esme, number: int, entries: list[tuple[time, int]]) -> Said:
    schedule = [
        {"Start Time": start.hour * 60 + start.minute, "Price Tier": _tier(rate)} for start, rate in entries
    ]
    values = {
        "Issuer Calendar ID": CALENDAR_ID,
        "Day ID": number,
        "Total Number of Schedule Entries": len(schedule),
        "Command Index": 0,
        "Total Number of Commands": 1,
        "Calendar Type": _IMPORT_CALENDAR,
        "Day Schedule Entries": schedule,
    }
    return Said(CALENDAR, "Publish Day Profile", _issued(device) | values)


def _tier(rate: int) -> int:
    return rate - FIRST_BLOCK_RATE + 1 if rate >= FIRST_BLOCK_RATE else rate


def _weeks(device: Esme, values: dict[str, Any]) -> list[Said]:
    table, numbers = _settings(device).table, _week_numbers(device)
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    found = []
    for name, profile in table.weeks.items():
        if numbers[name] >= values["Start Week ID"]:
            refs = {f"Day ID Ref {day}": number for day, number in zip(days, profile, strict=True)}
            about = {"Issuer Calendar ID": CALENDAR_ID, "Week ID": numbers[name], **refs}
            found.append(Said(CALENDAR, "Publish Week Profile", _issued(device) | about))
    return found[: values["Number of Weeks"] or None]


def _seasons(device: Esme) -> list[Said]:
    numbers = _week_numbers(device)
    entries = [
        {"Season Start Date": _date(season.start), "Week ID Ref": numbers.get(season.week, 0)}
        for season in _settings(device).table.seasons
    ]
    about = {"Issuer Calendar ID": CALENDAR_ID}
    return _in_parts(device, Said(CALENDAR, "Publish Seasons", about), "Season Entries", entries)


def _special_days(device: Esme) -> list[Said]:
    entries = [
        {"Special Day Date": _date(pattern), "Day ID Ref": day}
        for pattern, day in _settings(device).table.special_days
    ]
    about = {
        "Issuer Calendar ID": CALENDAR_ID,
        "Start Time": 0,
        "Calendar Type": _IMPORT_CALENDAR,
        "Total Number of Special Days": len(entries),
    }
    return _in_parts(device, Said(CALENDAR, "Publish Special Days", about), "Special Day Entries", entries)


def _date(pattern: DatePattern) -> bytes:
    """Year since 1900, month, day, weekday; FF for any."""
    parts = (pattern.month, pattern.day, pattern.weekday)
    year = _ANY if pattern.year is None else pattern.year - _YEAR_0
    return bytes((year, *(_ANY if each is None else each for each in parts)))
