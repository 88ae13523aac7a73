"""Radio settings and source match tables as the property writes that bring an RCP there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.spinel.datatypes import pack
from protocols.spinel.frame import Command
from protocols.spinel.properties import Promiscuous, Property

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from protocols.eui64 import Eui64
    from protocols.radio import RadioSettings

Write = tuple[int, int, bytes]  # command, property, value
# Up to so many single changes a table is changed, else it is written whole.
_FEW = 4

RECEIVER_ON: Write = (Command.SET, Property.MAC_RAW_STREAM_ENABLED, b"\x01")
RECEIVER_OFF: Write = (Command.SET, Property.MAC_RAW_STREAM_ENABLED, b"\x00")


def settings_writes(settings: RadioSettings, before: RadioSettings | None) -> list[Write]:
    """What has to be written to come from one to the other; ``before`` None: from a reset."""
    wanted = _values(settings)
    known = {} if before is None else _values(before)
    return [(Command.SET, key, value) for key, value in wanted.items() if known.get(key) != value]


def _values(settings: RadioSettings) -> dict[int, bytes]:
    mode = Promiscuous.FULL if settings.promiscuous else Promiscuous.OFF
    return {
        Property.PHY_ENABLED: b"\x01",
        Property.PHY_CHAN: pack("C", settings.channel),
        Property.PHY_TX_POWER: pack("c", settings.tx_power_dbm),
        Property.MAC_15_4_LADDR: pack("E", settings.extended_address),
        Property.MAC_15_4_SADDR: pack("S", settings.short_address),
        Property.MAC_15_4_PANID: pack("S", settings.pan_id),
        Property.MAC_PROMISCUOUS_MODE: pack("C", mode),
        # On every firmware this switches the receiver; RX_ON_WHEN_IDLE only newer ones know.
        Property.MAC_RAW_STREAM_ENABLED: pack("b", settings.receiver_on_when_idle),
    }


class MatchTables:
    """Source match tables, as wanted. The RCP's own are changed by the writes given out, in their order."""

    def __init__(self) -> None:
        self._enabled = False
        self._short: frozenset[int] = frozenset()
        self._extended: frozenset[Eui64] = frozenset()

    def change(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> list[Write]:
        """Take over; the writes that lead there from what was wanted before."""
        writes = [
            *_table(Property.MAC_SRC_MATCH_SHORT_ADDRESSES, "S", self._short, short),
            *_table(Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES, "E", self._extended, extended),
        ]
        if enabled != self._enabled:
            writes.append((Command.SET, Property.MAC_SRC_MATCH_ENABLED, pack("b", enabled)))
        self._enabled, self._short, self._extended = enabled, frozenset(short), frozenset(extended)
        return writes

    def all(self) -> list[Write]:
        """The writes that lead there from anywhere."""
        return [
            (Command.SET, Property.MAC_SRC_MATCH_SHORT_ADDRESSES, pack("A(S)", sorted(self._short))),
            (Command.SET, Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES, pack("A(E)", sorted(self._extended))),
            (Command.SET, Property.MAC_SRC_MATCH_ENABLED, pack("b", self._enabled)),
        ]


def _table(
    key: int,
    letter: str,
    before: AbstractSet[int] | AbstractSet[Eui64],
    after: AbstractSet[int] | AbstractSet[Eui64],
) -> Iterator[Write]:
    gone = [entry for entry in before if entry not in after]
    come = [entry for entry in after if entry not in before]
    if len(gone) + len(come) > _FEW:
        yield (Command.SET, key, pack(f"A({letter})", sorted(after)))
        return
    for entry in gone:
        yield (Command.REMOVE, key, pack(letter, entry))
    for entry in come:
        yield (Command.INSERT, key, pack(letter, entry))
