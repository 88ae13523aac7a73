"""Time of use and block registers, and what consumption costs (SMETS 5.6.3.35, 5.7.4.48 to 5.7.4.50).

A switching table names the rate that holds: a time of use register, or a time of use period with blocks. In
the latter a period's counters say how much of the present billing period was used in it, its thresholds where
the next block begins. Without a table everything goes to the first register (a choice of ours), so that all
registers together show what the import register does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rigs.emulated.metering.engine import Interval, MeterPart
from rigs.emulated.metering.prices import (
    BLOCK_RATES,
    BLOCKS,
    FIRST_BLOCK_RATE,
    FIRST_SECONDARY_RATE,
    SECONDARY_RATES,
    TOU_RATES,
    block_index,
    tou_index,
)
from rigs.emulated.metering.registers import ROLLOVER
from rigs.emulated.metering.store import Counters
from rigs.emulated.metering.tariff_settings import TariffReader, TariffSettings

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device

_CELLS = BLOCKS * BLOCK_RATES
# Where what stands among the numbers: time of use, block registers, block counters, second element.
_BLOCKS_AT = TOU_RATES
_COUNTERS_AT = _BLOCKS_AT + _CELLS
_SECONDARY_AT = _COUNTERS_AT + _CELLS
_NUMBERS = _SECONDARY_AT + SECONDARY_RATES


class Snapshot(NamedTuple):
    """The registers of a tariff at a moment, in Wh; blocks and counters block by block, 8 periods each."""

    tou: list[int]
    blocks: list[int]
    counters: list[int]
    secondary: list[int]


class Tariff(MeterPart):
    """The tariff part of an ESME's metering.

    ``charge`` is what the interval consumed last costs, in 10^-8 of the currency unit: for parts that come
    after this one.
    """

    def __init__(self, device: Device) -> None:
        self._reader = TariffReader(device)
        self._numbers = Counters(device.storage, "metering", "tariff", _NUMBERS)
        self.keepers = (self._numbers,)
        self._settings = TariffSettings()
        self.charge = 0

    # ------------------------------------------------------------------ outside of a settlement

    @property
    def settings(self) -> TariffSettings:
        """The tariff in force now."""
        return self._reader.read()

    def read(self) -> Snapshot:
        """The registers as they stand."""
        return _snapshot(self._numbers.read())

    def reset_counters(self) -> None:
        """ECS05: the next unit has the price of the first block again; no snapshot is taken."""
        numbers = self._numbers.read()
        numbers[_COUNTERS_AT:_SECONDARY_AT] = [0] * _CELLS
        self._numbers.write(numbers)

    def price(self, at: datetime) -> int:
        """The price in force at a moment, in 10^-5 of the currency unit for a kWh."""
        settings = self._reader.read()
        rate = settings.table.rate(at)
        if not _has_blocks(rate):
            return settings.prices.price(tou_index(_register(rate)))
        period = rate - FIRST_BLOCK_RATE
        block, _room = _block(settings, self._numbers.read(), period)
        return settings.prices.price(block_index(block, period))

    def second_price(self, at: datetime) -> int:
        """The same for the second element."""
        settings = self._reader.read()
        return settings.second_prices.price(tou_index(_second_register(settings.second_table.rate(at))))

    def dearest(self) -> int:
        """The highest price of the matrix, in 10^-5 of the currency unit for a kWh."""
        prices = self._reader.read().prices
        return max(map(prices.price, prices.table), default=0)

    # ------------------------------------------------------------------ as a part

    def snapshot(self) -> Snapshot:
        """The registers, during a settlement as far as it has come."""
        return _snapshot(self._numbers.values)

    def begin_blocks_anew(self) -> None:
        """A billing period ends, or a day with daily resetting (ECS48): counters at zero."""
        self._numbers.values[_COUNTERS_AT:_SECONDARY_AT] = [0] * _CELLS

    def open(self) -> None:
        """See `Part`."""
        super().open()
        self._settings = self._reader.read()

    def next_boundary(self, after: datetime) -> datetime:
        """The next switch of either table; there is one each midnight at least."""
        settings = self._settings
        first = settings.table.next_switch(after)
        return min(first, settings.second_table.next_switch(after)) if settings.second_table.days else first

    def consumed(self, interval: Interval) -> None:
        """See `Part`."""
        self.charge = 0
        if interval.import_wh:
            self._import(interval.import_wh, self._settings.table.rate(interval.start))
        if interval.secondary_wh:
            register = _second_register(self._settings.second_table.rate(interval.start))
            self._numbers.values[_SECONDARY_AT + register] += interval.secondary_wh
            self.charge += self._settings.second_prices.charge(interval.secondary_wh, tou_index(register))

    def _import(self, wh: int, rate: int) -> None:
        if _has_blocks(rate):
            self._into_blocks(wh, rate - FIRST_BLOCK_RATE)
            return
        register = _register(rate)
        self._numbers.values[register] += wh
        self.charge += self._settings.prices.charge(wh, tou_index(register))

    def _into_blocks(self, wh: int, period: int) -> None:
        """Fill block after block."""
        numbers = self._numbers.values
        while wh:
            block, room = _block(self._settings, numbers, period)
            part = wh if room is None else min(wh, room)
            cell = block * BLOCK_RATES + period
            numbers[_BLOCKS_AT + cell] += part
            numbers[_COUNTERS_AT + cell] += part
            self.charge += self._settings.prices.charge(part, block_index(block, period))
            wh -= part


def _has_blocks(rate: int) -> bool:
    return FIRST_BLOCK_RATE <= rate < FIRST_BLOCK_RATE + BLOCK_RATES


def _register(rate: int) -> int:
    return rate - 1 if 1 <= rate <= TOU_RATES else 0


def _second_register(rate: int) -> int:
    register = rate - FIRST_SECONDARY_RATE
    return register if 0 <= register < SECONDARY_RATES else 0


def _block(settings: TariffSettings, numbers: list[int], period: int) -> tuple[int, int | None]:
    """The block that the next unit of a period falls in, and how much has room in it (None: no end)."""
    used = sum(numbers[_COUNTERS_AT + period : _SECONDARY_AT : BLOCK_RATES])
    for block, end in enumerate(settings.thresholds[period]):
        if used < end:
            return block, end - used
    return len(settings.thresholds[period]), None


def _snapshot(numbers: list[int]) -> Snapshot:
    shown = [number % ROLLOVER for number in numbers]
    return Snapshot(
        shown[:_BLOCKS_AT],
        shown[_BLOCKS_AT:_COUNTERS_AT],
        shown[_COUNTERS_AT:_SECONDARY_AT],
        shown[_SECONDARY_AT:],
    )
