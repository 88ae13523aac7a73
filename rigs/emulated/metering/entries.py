"""Entries of logs: numbers of 32 bits in the storage, structures of a compact array on the wire."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.dlms.axdr import CompactArray, Data, Tag
from protocols.dlms.description import TypeDescription
from rigs.emulated.events import seconds_since_2000
from rigs.emulated.metering.store import Ring

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from rigs.emulated.storage import Storage


@dataclass(slots=True)
class Layout:
    """What an entry holds after its time stamp: single numbers (1) and arrays (their lengths), in order.

    ``balances`` is how many signed numbers come after them.
    """

    members: list[int]
    balances: int = 0

    @property
    def form(self) -> struct.Struct:
        """How an entry is kept: the time stamp (seconds since 2000) and the numbers."""
        return struct.Struct(f">I{sum(self.members)}I{self.balances}i")

    def description(self) -> TypeDescription:
        """Type of the entries."""
        single = TypeDescription(Tag.DOUBLE_LONG_UNSIGNED)
        members = [
            single if each == 1 else TypeDescription(Tag.ARRAY, [single], each) for each in self.members
        ]
        balances = [TypeDescription(Tag.DOUBLE_LONG)] * self.balances
        return TypeDescription(Tag.STRUCTURE, [single, *members, *balances])

    def data(self, numbers: tuple[int, ...]) -> Data:
        """One entry on the wire."""
        tag = Tag.DOUBLE_LONG_UNSIGNED
        out, at = [Data(tag, numbers[0])], 1
        for each in self.members:
            values = [Data(tag, number) for number in numbers[at : at + each]]
            out.append(values[0] if each == 1 else Data(Tag.ARRAY, values))
            at += each
        out += [Data(Tag.DOUBLE_LONG, number) for number in numbers[at:]]
        return Data(Tag.STRUCTURE, out)


class EntryLog:
    """A log of entries with time stamps, newest last."""

    def __init__(
        self, storage: Storage, name: str, layout: Layout, capacity: int, *, per_chunk: int = 48
    ) -> None:
        self._layout = layout
        self._form = layout.form
        self._ring = Ring(storage, f"log {name}", self._form.size, capacity, per_chunk=per_chunk)
        self.open, self.close = self._ring.open, self._ring.close

    def append(self, at: datetime, numbers: Iterable[int]) -> bytes:
        """Add an entry, kept when the settlement is done; gives its octets."""
        entry = self._form.pack(seconds_since_2000(at), *numbers)
        self._ring.append(entry)
        return entry

    def read(self) -> Data:
        """The whole log as a compact array, oldest entry first."""
        return self.array(self._ring.entries())

    def array(self, entries: Iterable[bytes]) -> Data:
        """Entries as a compact array."""
        unpack, data = self._form.unpack, self._layout.data
        items = [data(unpack(entry)) for entry in entries]
        return Data(Tag.COMPACT_ARRAY, CompactArray(self._layout.description(), items))

    def last_time(self) -> int | None:
        """Time stamp of the newest entry, outside of a settlement; None for an empty log."""
        newest = self._ring.newest()
        return None if newest is None else int(self._form.unpack(newest)[0])

    def numbers(self) -> list[tuple[int, ...]]:
        """Entries as numbers, time stamp first."""
        return [self._form.unpack(entry) for entry in self._ring.entries()]
