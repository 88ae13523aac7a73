"""A device's non-volatile memory: one SQLite file, one transaction a piece of work.

Everything a device remembers is an octet string under a section and a key. Work done for one message is one
transaction, so a process killed at any moment leaves the state from before it or from after it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from protocols.ports import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_LAYOUT = 1
_SWITCHES = {b"true": True, b"false": False}
_encode = json.JSONEncoder(separators=(",", ":")).encode
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
    section TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (section, key)
) WITHOUT ROWID
"""


def json_value(octets: bytes) -> Any:
    """The value of a JSON text; switches and counters are most of what is asked for."""
    if octets in _SWITCHES:
        return _SWITCHES[octets]
    return int(octets) if octets.isdigit() else json.loads(octets.decode())


class Storage:
    """Sections of keys and octet strings, in a file or in memory (``":memory:"``).

    What is committed outlives the process and, if ``durable``, a fall of the machine. ``path`` is created
    when absent; BenchError when it is not a device's file, or one of another layout.
    Calls come from one thread at a time. Writing outside a transaction is an error of ours.
    """

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        self.path = str(path)
        self._durable = durable
        self._inside = False
        # Transactions are begun and ended here, never by the module behind our back.
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise self._unusable(str(error)) from error

    def _open(self) -> None:
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute(f"PRAGMA synchronous={'FULL' if self._durable else 'OFF'}")
        (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
        if layout not in {0, _LAYOUT}:
            raise sqlite3.DatabaseError(f"it has layout {layout}, this program reads {_LAYOUT}")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute(_SCHEMA)
        self._connection.execute(f"PRAGMA user_version={_LAYOUT}")
        self._connection.execute("COMMIT")

    def _unusable(self, problem: str) -> BenchError:
        return BenchError(
            f"cannot use {self.path} as an emulated device's memory: {problem}",
            next_step="remove the file (the device starts as from the factory) or name another [state] dir",
        )

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._inside

    def transaction(self) -> AbstractContextManager[None]:
        """All writes of the block or, when it raises, none."""
        return self._in_transaction()

    def savepoint(self) -> AbstractContextManager[None]:
        """Inside a transaction: all writes of the block or, when it raises, none of them."""
        return self._in_savepoint()

    @contextmanager
    def _in_transaction(self) -> Iterator[None]:
        if self._inside:
            raise RuntimeError("transactions do not nest")
        self._connection.execute("BEGIN IMMEDIATE")
        self._inside = True
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        else:
            self._connection.execute("COMMIT")
        finally:
            self._inside = False

    @contextmanager
    def _in_savepoint(self) -> Iterator[None]:
        self._demand_transaction()
        self._connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO part")
            raise
        finally:
            self._connection.execute("RELEASE part")

    def get(self, section: str, key: str) -> bytes | None:
        """The octets under a key; None when there are none."""
        row = self._connection.execute(
            "SELECT value FROM memory WHERE section = ? AND key = ?", (section, key)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def put(self, section: str, key: str, value: bytes) -> None:
        """Write octets under a key, in place of what stood there."""
        self._demand_transaction()
        self._connection.execute("INSERT OR REPLACE INTO memory VALUES (?, ?, ?)", (section, key, value))

    def delete(self, section: str, key: str) -> None:
        """Forget a key; nothing happens when it is not there."""
        self._demand_transaction()
        self._connection.execute("DELETE FROM memory WHERE section = ? AND key = ?", (section, key))

    def items(self, section: str) -> list[tuple[str, bytes]]:
        """All keys of a section with their octets, in the order of the keys."""
        rows = self._connection.execute(
            "SELECT key, value FROM memory WHERE section = ? ORDER BY key", (section,)
        )
        return [(key, bytes(value)) for key, value in rows]

    def get_json(self, section: str, key: str, default: Any = None) -> Any:
        """The JSON value under a key."""
        value = self.get(section, key)
        return default if value is None else json_value(value)

    def put_json(self, section: str, key: str, value: Any) -> None:
        """Write a JSON value."""
        plain = type(value) is int
        self.put(section, key, (str(value) if plain else _encode(value)).encode())

    def dump(self) -> dict[tuple[str, str], bytes]:
        """Everything, for comparisons in tests."""
        rows = self._connection.execute("SELECT section, key, value FROM memory ORDER BY section, key")
        return {(section, key): bytes(value) for section, key, value in rows}

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        self._connection.close()

    def _demand_transaction(self) -> None:
        if not self._inside:
            raise RuntimeError("writing outside a transaction")
