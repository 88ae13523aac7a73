"""Originator Counters and UTRN Counters that never go back.

A device refuses a command whose counter is not above the last one it took from that party, so a counter lost
or repeated makes a device under test useless for the rest of its life. The store therefore lives outside the
run folder, is shared by all rigs of a user account, is keyed by the party's EUI-64, and has a value on disk
before it hands it out. A value that was handed out and never sent is simply skipped.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

from protocols.eui64 import Eui64
from protocols.ports import BenchError

# GBCS SeqNumber is a signed 64-bit INTEGER; a UTRN Counter is the high half of a top-up's Originator Counter.
_LIMITS = {"originator": 2**63 - 1, "utrn": 2**32 - 1}


class CounterStore:
    """Counters in one SQLite file, safe across threads and processes.

    Not ``durable`` they outlive the process but not the machine's fall: enough for devices that no later run
    will meet.
    """

    def __init__(self, path: Path | str, *, durable: bool = True) -> None:
        self.path = Path(path)
        self._durable = durable
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = 0

    def next(self, eui64: Eui64, kind: str = "originator", *, at_least: int = 1) -> int:
        """A value above every one given out for ``eui64`` and ``kind``, from 1 or ``at_least`` on.

        It is synced to disk before this returns. BenchError when the store cannot be used or is exhausted.
        """
        _limit(kind)
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    value = max(self._read(connection, eui64, kind) + 1, at_least)
                    _check(eui64, kind, value)
                    connection.execute(
                        "INSERT OR REPLACE INTO counters VALUES (?, ?, ?)", (str(eui64), kind, value)
                    )
                    connection.execute("COMMIT")
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, OSError) as error:
                raise self._unusable(error) from error
        return value

    def last(self, eui64: Eui64, kind: str = "originator") -> int:
        """The value last given out, 0 when there is none."""
        _limit(kind)
        with self._lock:
            try:
                return self._read(self._open(), eui64, kind)
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @staticmethod
    def _read(connection: sqlite3.Connection, eui64: Eui64, kind: str) -> int:
        query = "SELECT value FROM counters WHERE eui64 = ? AND kind = ?"
        row = connection.execute(query, (str(eui64), kind)).fetchone()
        return int(row[0]) if row else 0

    def _open(self) -> sqlite3.Connection:
        # A connection must not cross a fork, so a child opens its own.
        if self._connection is None or self._pid != os.getpid():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=30)
            # EXTRA also syncs the folder after each commit, so a value survives losing the machine's power.
            connection.execute(f"PRAGMA synchronous={'EXTRA' if self._durable else 'OFF'}")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS counters "
                "(eui64 TEXT, kind TEXT, value INTEGER NOT NULL, PRIMARY KEY (eui64, kind)) STRICT"
            )
            self._connection, self._pid = connection, os.getpid()
        return self._connection

    def _unusable(self, error: Exception) -> BenchError:
        return BenchError(
            f"{self.path}: the counter store cannot be used: {error}",
            next_step="make the folder writable, or name another with SMETS_HIL_STATE (a new store starts at "
            "1, and devices refuse counters they have seen)",
        )


def _limit(kind: str) -> int:
    if kind not in _LIMITS:
        raise ValueError(f"{kind!r} is no kind of counter; there are {', '.join(_LIMITS)}")
    return _LIMITS[kind]


def _check(eui64: Eui64, kind: str, value: int) -> None:
    if not 0 <= value <= _limit(kind):
        raise BenchError(
            f"{kind} counter of {eui64} cannot be {value}: the largest is {_limit(kind)}",
            next_step="give the party a new EUI-64, or reset the counter floors on the devices (CS02b)",
        )
