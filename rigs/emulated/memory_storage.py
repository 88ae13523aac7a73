"""A device's memory without a file: the same as `Storage`, in dictionaries.

For devices whose memory somebody else keeps, or nobody: fleets, replays, rigs in virtual time that begin anew
with every run. Transactions and savepoints are a list of what stood there before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rigs.emulated.storage import Storage, json_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

Contents = dict[tuple[str, str], bytes]
"""What `Storage.dump` gives: octets by section and key, in their order."""


class MemoryStorage(Storage):
    """Sections of keys and octet strings, as long as this object lives; ``path`` only names it in errors.

    ``contents`` is what a dump once gave. ``close`` forgets nothing, so a device can be made again on it.
    """

    def __init__(
        self, contents: Mapping[tuple[str, str], bytes] | None = None, *, path: str = "memory"
    ) -> None:
        # Not the base's: there is no file to open.
        self.path = path
        self._inside = False
        self._sections: dict[str, dict[str, bytes]] = {}
        self._ordered: dict[str, list[tuple[str, bytes]]] = {}  # sections as `items` gives them
        # (section, key, octets before or None) of the open transaction, oldest first.
        self._undo: list[tuple[str, str, bytes | None]] = []
        for (section, key), value in (contents or {}).items():
            self._sections.setdefault(section, {})[key] = value

    def transaction(self) -> AbstractContextManager[None]:
        """All writes of the block or, when it raises, none."""
        return _Transaction(self)

    def savepoint(self) -> AbstractContextManager[None]:
        """Inside a transaction: all writes of the block or, when it raises, none of them."""
        return _Savepoint(self)

    def begin(self) -> None:
        """Open a transaction; RuntimeError within one."""
        if self._inside:
            raise RuntimeError("transactions do not nest")
        self._inside = True

    def end(self) -> None:
        """Keep what stands there now."""
        self._undo.clear()
        self._inside = False

    def mark(self) -> int:
        """How many writes the transaction has done; RuntimeError outside of one."""
        self._demand_transaction()
        return len(self._undo)

    def back_to(self, mark: int) -> None:
        """Undo all writes after so many."""
        while len(self._undo) > mark:
            section, key, before = self._undo.pop()
            self._ordered.pop(section, None)
            if before is None:
                self._sections[section].pop(key, None)
            else:
                self._sections[section][key] = before

    def get(self, section: str, key: str) -> bytes | None:
        """The octets under a key; None when there are none."""
        held = self._sections.get(section)
        return None if held is None else held.get(key)

    def get_json(self, section: str, key: str, default: Any = None) -> Any:
        """The JSON value under a key: most of what is asked for is not there, or a number."""
        held = self._sections.get(section)
        value = None if held is None else held.get(key)
        return default if value is None else json_value(value)

    def put(self, section: str, key: str, value: bytes) -> None:
        """Write octets under a key, in place of what stood there."""
        if not self._inside:
            self._demand_transaction()
        held = self._sections.get(section)
        if held is None:
            held = self._sections[section] = {}
        self._undo.append((section, key, held.get(key)))
        self._ordered.pop(section, None)
        held[key] = bytes(value)

    def delete(self, section: str, key: str) -> None:
        """Forget a key; nothing happens when it is not there."""
        self._demand_transaction()
        held = self._sections.get(section)
        before = None if held is None else held.pop(key, None)
        if before is not None:
            self._undo.append((section, key, before))
            self._ordered.pop(section, None)

    def items(self, section: str) -> list[tuple[str, bytes]]:
        """All keys of a section with their octets, in the order of the keys."""
        ordered = self._ordered.get(section)
        if ordered is None:
            ordered = self._ordered[section] = sorted(self._sections.get(section, {}).items())
        return ordered.copy()

    def dump(self) -> Contents:
        """Everything; what another memory can be made of."""
        return {
            (section, key): value for section in sorted(self._sections) for key, value in self.items(section)
        }

    def close(self) -> None:
        """Nothing to close."""


# Classes, not generators: a device enters several of these with every message.
class _Transaction:
    __slots__ = ("_storage",)

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage

    def __enter__(self) -> None:
        self._storage.begin()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._storage.back_to(0)
        self._storage.end()


class _Savepoint:
    __slots__ = ("_mark", "_storage")

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self._mark = 0

    def __enter__(self) -> None:
        self._mark = self._storage.mark()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._storage.back_to(self._mark)
