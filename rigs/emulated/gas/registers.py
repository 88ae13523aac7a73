"""The registers of a gas meter: consumption, four for time of use, four block counters, and what gas costs.

All volumes are whole thousandths of a cubic metre (SMETS 4.6.5.4, 4.6.5.19, 4.6.5.20). Under a time of use
tariff gas counts in the register of the tier that the tariff's calendar names, under a block tariff in the
counter of the block that the block period has come to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rigs.emulated.gas.calendars import Calendar, Calendars, Kind
from rigs.emulated.gas.energy import Ratio, kwh_per_unit
from rigs.emulated.metering.engine import MeterPart
from rigs.emulated.objects.zse import AttributePlace

if TYPE_CHECKING:
    from datetime import datetime

    from rigs.emulated.device import Device
    from rigs.emulated.metering.engine import Interval

TIERS = BLOCKS = 4
_LARGEST = 10**9  # the display's nine digits, after which it begins anew
_SECTION, _KEY = "gas", "registers"
_PRICE = 0x0700
THRESHOLD_MULTIPLIER, THRESHOLD_DIVISOR = AttributePlace(_PRICE, 0x0202), AttributePlace(_PRICE, 0x0203)
THRESHOLDS = tuple(AttributePlace(_PRICE, 0x0100 + each) for each in range(BLOCKS - 1))
BLOCK_PRICES = tuple(AttributePlace(_PRICE, 0x0400 + each) for each in range(BLOCKS))
TIER_PRICES = tuple(AttributePlace(_PRICE, 0x0410 + 0x10 * each) for each in range(TIERS))
UNIT = AttributePlace(_PRICE, 0x0615)
_KWH = 0
_PARTS = 1000  # of 1/100,000 of the currency unit


@dataclass(slots=True)
class Volumes:
    """What the registers show."""

    total: int = 0
    tiers: list[int] = field(default_factory=lambda: [0] * TIERS)
    blocks: list[int] = field(default_factory=lambda: [0] * BLOCKS)
    cost_rest: int = 0  # what gas cost beyond whole parts, in ``1 / Tariff.kwh.under`` of one


@dataclass(slots=True)
class Tariff:
    """What counts for charging now."""

    blocks: bool
    used: bool
    calendar: Calendar | None
    thresholds: list[int]
    limits: Ratio  # what a thousandth of a cubic metre counts for against the thresholds
    kwh: Ratio
    block_prices: list[int]
    tier_prices: list[int]


class GasRegisters(MeterPart):
    """Part of the metering that counts gas.

    ``cost`` is what the gas of the last interval cost, in thousandths of 1/100,000 of the currency unit;
    parts after this one take it from there.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._calendars = Calendars(device.storage)
        self._held: Volumes | None = None
        self._tariff: Tariff | None = None
        self._switching: datetime | None = None
        self.cost = 0

    @property
    def volumes(self) -> Volumes:
        """What the registers show; during a settlement as far as it has come."""
        return self._read() if self._held is None else self._held

    def put(self, volumes: Volumes) -> None:
        """Have the registers show this; outside of a settlement."""
        self._write(volumes)

    # ------------------------------------------------------------------ as a part

    def open(self) -> None:
        """Take the registers into memory."""
        self._held = self._read()

    def close(self) -> None:
        """Write them, and forget what the tariff was."""
        if self._held is not None:
            self._write(self._held)
        self._held = self._tariff = self._switching = None

    def next_boundary(self, after: datetime) -> datetime | None:
        """The next switching of a time of use tariff."""
        calendar = self.tariff.calendar
        if calendar is None:
            return None
        if self._switching is None or self._switching <= after:
            self._switching = calendar.next_switching(after)
        found, self._switching = self._switching, self._switching if self._held is not None else None
        return found

    def consumed(self, interval: Interval) -> None:
        """Count what passed, and what it cost."""
        self.cost = 0
        if not interval.gas:
            return
        volumes, tariff = self.volumes, self.tariff
        volumes.total = (volumes.total + interval.gas) % _LARGEST
        if not tariff.used:
            return
        if tariff.blocks:
            for block, amount in self._shares(interval.gas):
                volumes.blocks[block] += amount
                self._charge(amount, tariff.block_prices[block])
            return
        tier = self.tier_at(interval.start)
        if 1 <= tier <= TIERS:
            volumes.tiers[tier - 1] += interval.gas
            self._charge(interval.gas, tariff.tier_prices[tier - 1])

    def _shares(self, amount: int) -> list[tuple[int, int]]:
        """How much of an amount falls into which block."""
        shares: list[tuple[int, int]] = []
        held, block = sum(self.volumes.blocks), self.block
        while amount:
            taken = min(amount, self._room(block, held))
            if taken:
                shares.append((block, taken))
            amount, held, block = amount - taken, held + taken, block + 1
        return shares

    def _room(self, block: int, held: int) -> int:
        """How much still fits into a block; the last one never ends."""
        tariff = self.tariff
        if block >= len(tariff.thresholds) or not tariff.limits.over:
            return _LARGEST
        return tariff.limits.least(tariff.thresholds[block], held * tariff.limits.over)

    def _charge(self, amount: int, price: int) -> None:
        volumes, kwh = self.volumes, self.tariff.kwh
        cost = volumes.cost_rest + amount * kwh.over * price * _PARTS
        whole, volumes.cost_rest = divmod(cost, kwh.under)
        self.cost += whole

    # ------------------------------------------------------------------ what others ask

    @property
    def tariff(self) -> Tariff:
        """What is in force; read once a settlement."""
        if self._held is None:
            return self._make_tariff()
        if self._tariff is None:
            self._tariff = self._make_tariff()
        return self._tariff

    def tier_at(self, moment: datetime) -> int:
        """The tier of the time of use tariff, from 1; 0 where there is none."""
        calendar = self.tariff.calendar
        return (calendar.at(moment) or 0) if calendar is not None else 0

    @property
    def block(self) -> int:
        """The block that the block period has come to, from 0."""
        held, tariff = sum(self.volumes.blocks) * self.tariff.limits.over, self.tariff
        return sum(held >= each * tariff.limits.under for each in tariff.thresholds)

    def price_at(self, moment: datetime) -> int | None:
        """Price of a kWh, as the attributes have it; None where no tariff is in force."""
        tariff, tier = self.tariff, self.tier_at(moment)
        if not tariff.used:
            return None
        if tariff.blocks:
            return tariff.block_prices[self.block]
        return tariff.tier_prices[tier - 1] if 1 <= tier <= TIERS else None

    def reset_blocks(self) -> None:
        """A block period ends: all counters begin anew (GBCS-ECS05-01)."""
        if self._held is None:
            volumes = self._read()
            volumes.blocks = [0] * BLOCKS
            self._write(volumes)
        else:
            self._held.blocks = [0] * BLOCKS

    # ------------------------------------------------------------------ inside

    def _read(self) -> Volumes:
        held: dict[str, Any] | None = self._device.storage.get_json(_SECTION, _KEY)
        return Volumes(**held) if held else Volumes()

    def _write(self, volumes: Volumes) -> None:
        self._device.storage.put_json(_SECTION, _KEY, asdict(volumes))

    def _make_tariff(self) -> Tariff:
        zcl, scheme = self._device.zcl, self._device.storage.get_json(_SECTION, "scheme")
        blocks = scheme is not None and scheme["blocks"]
        kwh = kwh_per_unit(zcl)
        # Thresholds are in the unit of measure that the tariff names: kWh, or the meter's own cubic metres.
        per_unit = kwh if zcl.number(UNIT) == _KWH else Ratio(1, 1000)
        divisor, multiplier = zcl.number(THRESHOLD_DIVISOR) or 1, zcl.number(THRESHOLD_MULTIPLIER) or 1
        return Tariff(
            blocks=blocks,
            used=scheme is not None,
            calendar=None if blocks or scheme is None else self._calendars.in_force(Kind.TARIFF),
            thresholds=[
                zcl.number(each) * multiplier for each in THRESHOLDS[: scheme["thresholds"] if blocks else 0]
            ],
            limits=Ratio(per_unit.over * divisor, per_unit.under),
            kwh=kwh,
            block_prices=[zcl.number(each) for each in BLOCK_PRICES],
            tier_prices=[zcl.number(each) for each in TIER_PRICES],
        )
