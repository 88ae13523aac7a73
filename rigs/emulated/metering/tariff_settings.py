"""A meter's tariff as it is in force: read from the COSEM objects that ECS01a to ECS01d set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, Tag, parse_data
from rigs.emulated.metering.prices import BLOCK_RATES, Prices, read_prices
from rigs.emulated.metering.switching import SwitchingTable, read_table
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_CALENDAR, _SPECIAL, _THRESHOLD, _PRICE = 20, 11, 21, 113
_NEVER = 0xFFFF_FFFF
_BLOCK_ENDS = 3


def _table(calendar: str, special: str) -> list[Place]:
    days = [Place(_CALENDAR, bytes.fromhex(calendar), number) for number in (3, 4, 5)]
    return [*days, Place(_SPECIAL, bytes.fromhex(special), 2)]


_FIRST_THRESHOLD = 0x0B
_PLACES = [
    *_table("00000D0000FF", "00000B0000FF"),
    *_table("00000D0001FF", "00000B0001FF"),
    Place(_PRICE, bytes.fromhex("0000131400FF"), 5),
    Place(_PRICE, bytes.fromhex("0000131405FF"), 5),
    *(
        Place(_THRESHOLD, bytes((0, 0, 0x10, 0, _FIRST_THRESHOLD + period, 0xFF)), 2)
        for period in range(BLOCK_RATES)
    ),
]

_KEYS = [place.key for place in _PLACES]


@dataclass(slots=True)
class TariffSettings:
    """Switching tables and prices of both elements; ``thresholds`` in Wh by time of use period."""

    table: SwitchingTable = field(default_factory=SwitchingTable)
    second_table: SwitchingTable = field(default_factory=SwitchingTable)
    prices: Prices = field(default_factory=Prices)
    second_prices: Prices = field(default_factory=Prices)
    thresholds: list[list[int]] = field(default_factory=lambda: [[]] * BLOCK_RATES)


class TariffReader:
    """Reads the settings, and parses them only when something else was set."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._changes = -1
        self._octets: list[bytes | None] = []
        self._settings = TariffSettings()

    def read(self) -> TariffSettings:
        """The tariff in force now."""
        changes, storage = self._device.cosem.changes, self._device.storage
        if changes == self._changes:
            return self._settings
        self._changes = changes
        octets = [storage.get("cosem", key) for key in _KEYS]
        if octets != self._octets:
            values = [Data(Tag.NULL_DATA) if each is None else parse_data(each)[0] for each in octets]
            self._settings = TariffSettings(
                read_table(*values[0:4]),
                read_table(*values[4:8]),
                read_prices(values[8]),
                read_prices(values[9]),
                [_ends(value) for value in values[10:]],
            )
            self._octets = octets
        return self._settings


def _ends(value: Data) -> list[int]:
    """Where the first three blocks end; the first that never ends is the last that counts."""
    ends = []
    for each in (value.value or [])[:_BLOCK_ENDS]:
        if each.value == _NEVER:
            break
        ends.append(each.value)
    return ends
