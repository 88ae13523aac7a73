"""From volume to energy, and from energy to money: exact numbers, no remainder is ever lost.

Energy (kWh) is volume (m3) times correction factor times calorific value (MJ/m3) divided by 3.6
(SMETS 4.6.4.3, 4.6.4.5); the last digits of both are scaled by their trailing digit attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rigs.emulated.objects.zse import AttributePlace

if TYPE_CHECKING:
    from rigs.emulated.gbz_server import ZclServer

_PRICE = 0x0700
CONVERSION_FACTOR, CONVERSION_DIGITS = AttributePlace(_PRICE, 0x0302), AttributePlace(_PRICE, 0x0303)
CALORIFIC_VALUE, CALORIFIC_UNIT = AttributePlace(_PRICE, 0x0304), AttributePlace(_PRICE, 0x0305)
CALORIFIC_DIGITS = AttributePlace(_PRICE, 0x0306)
# MJ in a kWh, and thousandths of m3 in one: 3.6 * 1000.
_PER_KWH = 3600
_DIGITS = 4  # decimals stand in the upper nibble


class Ratio(NamedTuple):
    """An exact factor."""

    over: int
    under: int

    def least(self, wanted: int, held: int) -> int:
        """The least whole amount that, with ``held`` (in ``1/under``) before it, comes to ``wanted``.

        ZeroDivisionError where no amount ever does, as ``over`` is 0.
        """
        return max(0, -(-(wanted * self.under - held) // self.over))


def decimals(digits: int) -> int:
    """Number of decimals that a trailing digit octet announces."""
    return digits >> _DIGITS


def kwh_per_unit(zcl: ZclServer) -> Ratio:
    """KWh in a thousandth of a cubic metre, by the values in force."""
    scale = decimals(zcl.number(CONVERSION_DIGITS)) + decimals(zcl.number(CALORIFIC_DIGITS))
    return Ratio(zcl.number(CONVERSION_FACTOR) * zcl.number(CALORIFIC_VALUE), _PER_KWH * 10**scale)
