"""The journal of a run: append-only, hash-chained, safe against a kill at any moment.

Everything a run sees is one record here first, and reports, JUnit and JSON are views made from it later. A
record is committed to disk (SQLite, write-ahead log, synchronous FULL) before `Journal.append` returns, so a
process killed with SIGKILL loses only what it had not been told was kept. Attachments are stored once under
the SHA-256 of their octets and the record names that hash.

Each record's hash is SHA-256 over its canonical JSON, which includes the hash of the record before it.

What the chain proves: no kept record was altered, taken out of the middle, put in or moved after it was
written, and attachments are the octets that were attached. What it cannot prove by itself:

* that nothing is missing at the END: a shorter chain is a valid chain. A run that ended in order has a last
  record ``journal.closed``, and `Journal.head` (count and hash) printed or filed elsewhere pins the whole;
* who wrote it: whoever can write the file can make a new chain. Keep the head in a place they cannot reach.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from hil.canonical import canonical_json
from hil.clock import RealClock
from protocols.ports import BenchError, Clock

FORMAT = 1
GENESIS = hashlib.sha256(b"smets-hil journal 1").hexdigest()
CLOSED = "journal.closed"
REPRODUCIBLE = "reproducible"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS attachments (sha256 TEXT PRIMARY KEY, octets BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS aside (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, node TEXT NOT NULL, test TEXT NOT NULL,
    body TEXT NOT NULL, attachment TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
) STRICT;
"""


@dataclass(slots=True)
class Head:
    """Where a chain ends: number of records and the last hash (hex)."""

    records: int
    sha256: str


def chain_hash(row: tuple[int, str, str, str, str, str, str, str]) -> str:
    """Hash (hex) of a record given as (seq, at, kind, node, test, body JSON, attachment, previous)."""
    return hashlib.sha256(canonical_json(list(row)).encode()).hexdigest()


class Journal:
    """The writing side. One writer at a time; any thread of it may append.

    A ``reproducible`` journal keeps what stands under ``volatile`` beside the chain, not in it, so that equal
    runs on virtual time end with equal hashes. It is on disk when the system gets to it, not sooner: after a
    fall of the machine such a run is made again rather than recovered.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        clock: Clock,
        lock_file: IO[str],
        *,
        reproducible: bool = False,
    ) -> None:
        self.path = path
        self._reproducible = reproducible
        self._connection: sqlite3.Connection | None = connection
        self._lock_file = lock_file
        self._clock = clock
        self._lock = threading.Lock()
        self._seq, self._hash = _last_of(connection)

    @classmethod
    def open(cls, path: Path | str, clock: Clock | None = None, *, reproducible: bool = False) -> Self:
        """Open ``path`` for appending, making it when it is not there; BenchError when it cannot be."""
        path = Path(path)
        lock_file = connection = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock_file = _lock_for_writing(path)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={'OFF' if reproducible else 'FULL'}")
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
            _claim_format(connection, path)
            if reproducible:
                connection.execute("INSERT OR IGNORE INTO meta VALUES (?, 'true')", (REPRODUCIBLE,))
            return cls(path, connection, clock or RealClock(), lock_file, reproducible=reproducible)
        except (sqlite3.Error, OSError, BenchError) as error:
            if connection is not None:
                connection.close()
            if lock_file is not None:
                lock_file.close()
            if isinstance(error, BenchError):
                raise
            raise BenchError(
                f"{path}: the journal cannot be opened: {error}",
                next_step=f"see that {path.parent} is writable and has room",
            ) from error

    def append(
        self,
        kind: str,
        *,
        node: str = "",
        test: str = "",
        body: Mapping[str, Any] | None = None,
        attachment: bytes | None = None,
    ) -> int:
        """Keep one record and return its sequence number (from 1); it is on disk when this returns.

        ``body`` may hold octets, EUI-64s, times, enumerations and dataclasses (see `hil.canonical`); what
        stands under its key ``volatile`` is left out of the canonical export. TypeError for other values.
        """
        body = body or {}
        aside = None
        if self._reproducible and "volatile" in body:
            aside = canonical_json(body["volatile"])
            body = {key: value for key, value in body.items() if key != "volatile"}
        text = canonical_json(body)
        name = hashlib.sha256(attachment).hexdigest() if attachment is not None else ""
        with self._lock:
            return self._insert((kind, node, test, text, name), attachment, aside)

    def _insert(
        self, content: tuple[str, str, str, str, str], octets: bytes | None = None, aside: str | None = None
    ) -> int:
        connection = self._writable()
        seq = self._seq + 1
        at = self._clock.now().isoformat(timespec="microseconds")
        row = (seq, at, *content, self._hash)
        digest = chain_hash(row)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if octets is not None:
                connection.execute("INSERT OR IGNORE INTO attachments VALUES (?, ?)", (content[4], octets))
            if aside is not None:
                connection.execute("INSERT INTO aside VALUES (?, ?)", (seq, aside))
            connection.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
            connection.execute("COMMIT")
            self._seq, self._hash = seq, digest
        except BaseException as error:
            # Ctrl-C may come between any two of these: what counts is what is in the file.
            with contextlib.suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._seq, self._hash = _last_of(connection)
            if not isinstance(error, sqlite3.Error):
                raise
            raise BenchError(
                f"{self.path}: record {seq} ({content[0]}) could not be kept: {error}",
                next_step=f"see that the file system of {self.path.parent} has room and is writable",
            ) from error
        return seq

    def _writable(self) -> sqlite3.Connection:
        if self._connection is None:
            raise BenchError(
                f"{self.path}: the journal is closed", next_step="append before closing the bench"
            )
        return self._connection

    @property
    def head(self) -> Head:
        """Number of records and last hash at this moment: note it outside the journal to pin the whole."""
        with self._lock:
            return Head(self._seq, self._hash)

    def close(self) -> Head:
        """Write ``journal.closed``, leave one plain file and return the head; twice is harmless."""
        with self._lock:
            if self._connection is not None:
                try:
                    self._insert((CLOSED, "", "", canonical_json({"records_before": self._seq}), ""))
                    _fold(self._connection)
                finally:
                    self._connection.close()
                    self._connection = None
                    Path(self._lock_file.name).unlink(missing_ok=True)
                    self._lock_file.close()
                _sync_folder(self.path.parent)
            return Head(self._seq, self._hash)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _last_of(connection: sqlite3.Connection) -> tuple[int, str]:
    """Number and hash of the last record in the file."""
    last = connection.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
    return (last[0], last[1]) if last else (0, GENESIS)


def _claim_format(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (json.dumps(FORMAT),))
    (found,) = connection.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
    if json.loads(found) != FORMAT:
        raise BenchError(
            f"{path}: journal format {found}, this bench writes format {FORMAT}",
            next_step="give the run a new folder",
        )


def _lock_for_writing(path: Path) -> IO[str]:
    """One writer: a second run on the same journal must fail now, not fork the chain later.

    The lock is on a file beside the journal, because closing any descriptor of an SQLite file drops SQLite's
    own locks on it. The kernel lets go of it when the process ends, however it ends.
    """
    lock_file = path.with_name(path.name + ".lock").open("a")
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock_file.close()
        raise BenchError(
            f"{path}: another run writes this journal", next_step="give this run a folder of its own"
        ) from error
    return lock_file


def _fold(connection: sqlite3.Connection) -> None:
    """Leave one plain file behind, which can be read from read-only media; a reader may be in the way."""
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode=DELETE")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
