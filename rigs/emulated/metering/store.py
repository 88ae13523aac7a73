"""How metering keeps its numbers: rows of counters and rings of entries, as compact octets in the storage.

Both are read when a settlement begins and written when it is done, and only if they changed: a year of
half hours is some hundreds of writes.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rigs.emulated.storage import Storage

_OCTETS = 8


class Counters:
    """Whole numbers under one key, 64 bits each (signed, for balances of elapsed parts)."""

    def __init__(self, storage: Storage, section: str, key: str, number: int) -> None:
        self._storage = storage
        self._at = section, key
        self._number = number
        self._kept = b""
        self.values = [0] * number

    def open(self) -> None:
        """Read them."""
        self._kept = self._storage.get(*self._at) or bytes(self._number * _OCTETS)
        self.values = _unpack(self._kept)

    def close(self) -> None:
        """Write them if they changed."""
        octets = _pack(self.values)
        if octets != self._kept:
            self._storage.put(*self._at, octets)
            self._kept = octets

    def read(self) -> list[int]:
        """What is kept, outside of a settlement."""
        octets = self._storage.get(*self._at)
        return [0] * self._number if octets is None else _unpack(octets)

    def write(self, values: list[int]) -> None:
        """Keep other numbers, outside of a settlement."""
        self._storage.put(*self._at, _pack(values))


def _pack(values: list[int]) -> bytes:
    return array("q", values).tobytes()


def _unpack(octets: bytes) -> list[int]:
    return array("q", octets).tolist()


class Ring:
    """A log of entries of one length in octets; when it is full each new entry drops the oldest.

    Entries are kept ``per_chunk`` together under one key. ``number`` counts all that were ever written.
    """

    def __init__(
        self, storage: Storage, section: str, size: int, capacity: int, *, per_chunk: int = 48
    ) -> None:
        self._storage = storage
        self._section = section
        self._size = size
        self._capacity = capacity
        self._per_chunk = per_chunk
        self._fresh: list[bytes] = []

    def append(self, entry: bytes) -> None:
        """Add an entry; it is kept by `close`."""
        self._fresh.append(entry)

    def open(self) -> None:
        """A settlement begins: what an undone one has left is no entry."""
        self._fresh.clear()

    def close(self) -> None:
        """Keep what was added."""
        if not self._fresh:
            return
        number = self._number()
        fresh, self._fresh = self._fresh, []
        at = 0
        while at < len(fresh):
            chunk = number // self._per_chunk
            held = self._storage.get(self._section, _key(chunk)) if number % self._per_chunk else None
            room = self._per_chunk - number % self._per_chunk
            batch = fresh[at : at + room]
            self._storage.put(self._section, _key(chunk), (held or b"") + b"".join(batch))
            at += len(batch)
            number += len(batch)
            self._drop(number)
        self._storage.put(self._section, "number", number.to_bytes(_OCTETS, "big"))

    def _drop(self, number: int) -> None:
        """Forget a chunk of which nothing is in the log any more."""
        oldest = (number - self._capacity) // self._per_chunk
        if oldest > 0:
            self._storage.delete(self._section, _key(oldest - 1))

    def entries(self) -> Iterator[bytes]:
        """All entries kept, oldest first."""
        number = self._number()
        first = max(number - self._capacity, 0)
        for chunk in range(first // self._per_chunk, -(-number // self._per_chunk)):
            octets = self._storage.get(self._section, _key(chunk)) or b""
            start = max(first - chunk * self._per_chunk, 0) * self._size
            for at in range(start, len(octets), self._size):
                yield octets[at : at + self._size]

    def newest(self) -> bytes | None:
        """The newest entry kept."""
        number = self._number()
        octets = self._storage.get(self._section, _key((number - 1) // self._per_chunk)) if number else None
        return None if octets is None else octets[-self._size :]

    def _number(self) -> int:
        return int.from_bytes(self._storage.get(self._section, "number") or b"", "big")


def _key(chunk: int) -> str:
    return f"{chunk:06}"
