"""The price of electricity in force, as Publish Price carries it (SMETS 5.7.5.1 active tariff price)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rigs.emulated.events import seconds_since_2000
from rigs.emulated.metering.prices import BLOCK_RATES, FIRST_BLOCK_RATE, TOU_RATES
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.esme import Esme

_SCALE = 5
PRICE_DIGITS = _SCALE << 4
"""A price has five decimals (upper half of the octet)."""
_CURRENCY = Place(9000, bytes.fromhex("00005E2C0200"), 2)
POUNDS, EUROS = 826, 978  # ISO 4217
_KWH, _UNTIL_CHANGED, _LONGEST = 0, 0xFFFF, 0xFFFE
_LAST_TIER = 15
_UNKNOWN_PRICE, _UNKNOWN = 0xFFFF_FFFF, 0xFF


def currency(device: Esme) -> int:
    """ISO number of the currency; that false stands for euros, once it was set, is a choice of ours."""
    octets = device.storage.get("cosem", _CURRENCY.key)
    value = device.cosem.value(_CURRENCY) if octets is not None else None
    return EUROS if value is not None and value.value is False else POUNDS


def standing_charge(device: Esme) -> int:
    """For a day, in 10^-5 of the currency unit."""
    return max(0, device.prepayment.ledger.side.terms().standing_charge)


def present_price(device: Esme) -> dict[str, Any] | None:
    """Publish Price of the first element; None as long as no price was ever set.

    It holds until the switching table may say otherwise. Its event number is the meter's time: of two prices
    the later one counts.
    """
    settings, now = device.electricity.tariff.settings, device.device_clock.now()
    if not settings.prices.table:
        return None
    seconds = seconds_since_2000(now)
    tier, tiers = _tier(settings.table.rate(now))
    found = {
        "Provider ID": 0,
        "Rate Label": b"",
        "Issuer Event ID": seconds,
        "Current Time": seconds,
        "Unit of Measure": _KWH,
        "Currency": currency(device),
        "Price Trailing Digit & Price Tier": PRICE_DIGITS | min(tier, _LAST_TIER),
        "Number of Price Tiers & Register Tier": min(tiers, _LAST_TIER) << 4 | min(tier, _LAST_TIER),
        "Start Time": seconds,
        "Duration In Minutes": _minutes(device, now),
        "Price": max(0, device.electricity.tariff.price(now)),
    }
    return found | _extension(tier, tiers) if tiers > _LAST_TIER else found


def _tier(rate: int) -> tuple[int, int]:
    """Tier, and how many there are: a time of use register from 1, or a time of use period with blocks."""
    if FIRST_BLOCK_RATE <= rate < FIRST_BLOCK_RATE + BLOCK_RATES:
        return rate - FIRST_BLOCK_RATE + 1, BLOCK_RATES
    return (rate if 1 <= rate <= TOU_RATES else 1), TOU_RATES


def _extension(tier: int, tiers: int) -> dict[str, Any]:
    """Fields for tiers beyond fifteen, with those that have to stand before them."""
    return {
        "Price Ratio": _UNKNOWN,
        "Generation Price": _UNKNOWN_PRICE,
        "Generation Price Ratio": _UNKNOWN,
        "Alternate Cost Delivered": _UNKNOWN_PRICE,
        "Alternate Cost Unit": _UNKNOWN,
        "Alternate Cost Trailing Digit": _UNKNOWN,
        "Number of Block Thresholds": _UNKNOWN,
        "Price Control": 0,
        "Number of Generation Tiers": _UNKNOWN,
        "Generation Tier": _UNKNOWN,
        "Extended Number of Price Tiers": tiers - _LAST_TIER,
        "Extended Price Tier": max(0, tier - _LAST_TIER),
        "Extended Register Tier": max(0, tier - _LAST_TIER),
    }


def _minutes(device: Esme, now: datetime) -> int:
    table = device.electricity.tariff.settings.table
    if not table.days:
        return _UNTIL_CHANGED
    return max(1, min(-((now - table.next_switch(now)) // timedelta(minutes=1)), _LONGEST))
