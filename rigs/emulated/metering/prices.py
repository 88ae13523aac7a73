"""Prices of a tariff, as COSEM class 113 has them (SMETS 5.7.4.47, 5.7.4.50, 5.13.1.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Tag

if TYPE_CHECKING:
    from protocols.dlms.axdr import Data

# A charge comes in 10^-8 of the currency unit: a price has five decimals and is for a kWh, energy is in Wh.
_CHARGE_SCALE = 8
_PRICE_SCALE = 5
_KILO = 3
# Rates by the script that a day profile names: time of use registers from 1, time of use periods with blocks
# from 101, the second element's from 201. Prices have an index: that of the register, or A to D for the block
# and the number of the period (all of it by the reference commands ECS01a and ECS01c).
TOU_RATES, BLOCK_RATES, SECONDARY_RATES = 48, 8, 4
FIRST_BLOCK_RATE, FIRST_SECONDARY_RATE = 101, 201
BLOCKS = 4


def tou_index(register: int) -> int:
    """Index of the price of a time of use register, from 0."""
    return register + 1


def block_index(block: int, period: int) -> int:
    """Index of the price of a block in a time of use period, both from 0."""
    return ((0xA + block) << 4) + period + 1


@dataclass(slots=True)
class Prices:
    """A charge table: prices by index, with their scale (10^scale of the currency unit for 10^unit Wh)."""

    scale: int = 0
    unit: int = _KILO
    table: dict[int, int] = field(default_factory=dict)

    def charge(self, wh: int, index: int) -> int:
        """What energy costs, in 10^-8 of the currency unit, rounded down where it is less."""
        return _scaled(wh * self.table.get(index, 0), self.scale - self.unit + _CHARGE_SCALE)

    def price(self, index: int) -> int:
        """The price of a kWh in 10^-5 of the currency unit."""
        return _scaled(self.table.get(index, 0), self.scale - self.unit + _KILO + _PRICE_SCALE)


def _scaled(number: int, exponent: int) -> int:
    factor: int = 10 ** abs(exponent)
    return number * factor if exponent >= 0 else number // factor


def read_prices(value: Data | None) -> Prices:
    """A charge table from its attribute; none where there is no value."""
    if value is None or value.tag != Tag.STRUCTURE or len(value.value) != 3:
        return Prices()
    scaling, _reference, table = value.value
    unit, scale = (each.value for each in scaling.value)
    prices = {}
    for entry in table.value:
        index, price = (each.value for each in entry.value)
        prices[int.from_bytes(index, "big")] = price
    return Prices(scale, unit, prices)
