"""Reading a journal: records, attachments, the check of the chain, and the canonical export.

A journal is read the same way whether its run ended in order, was killed, or is still going on.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from hil.canonical import canonical_json
from hil.journal import CLOSED, GENESIS, REPRODUCIBLE, Head, chain_hash
from protocols.ports import BenchError

_COLUMNS = "seq, at, kind, node, test, body, attachment, previous, hash"
# What a reproducible journal keeps beside its chain; journals from before it have no such table.
_HAS_ASIDE = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'aside'"

_REPRODUCIBLE = f"SELECT 1 FROM meta WHERE key = '{REPRODUCIBLE}'"  # noqa: S608  (constant)


@dataclass(slots=True)
class Record:
    """One record: ``at`` is ISO 8601 UTC, ``attachment`` the SHA-256 (hex) of attached octets or empty."""

    seq: int
    at: str
    kind: str
    node: str
    test: str
    body: dict[str, Any]
    attachment: str
    previous: str
    hash: str


@dataclass(slots=True)
class ChainVerdict:
    """Outcome of a check. ``problem`` names the first wrong record; ``closed``: the run ended in order."""

    ok: bool
    records: int
    head: str
    closed: bool
    problem: str = ""


class JournalReader:
    """Reads the journal at ``path``; never changes a record."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise BenchError(
                f"{self.path}: there is no journal here",
                next_step="name a run folder made by `hil run`, such as runs/latest",
            )
        try:
            # A run that was killed leaves a -wal file that only a writable connection can recover.
            self._connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, timeout=5
            )
            self._connection.execute("SELECT 1 FROM records LIMIT 1")
            self._asides = self._connection.execute(_HAS_ASIDE).fetchone() is not None
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> BenchError:
        return BenchError(
            f"{self.path}: the journal cannot be read: {error}",
            next_step="wait for the run that writes it, or restore the file from where it was archived",
        )

    def records(self, kind: str = "", *, since: int = 0) -> Iterator[Record]:
        """Records in order; ``kind`` keeps that kind and, with a trailing dot, its family (``message.``)."""
        for row in self._rows(since):
            if not kind or row[2] == kind or (kind.endswith(".") and row[2].startswith(kind)):
                seq, at, found, node, test, text, attachment, previous, digest = row
                body = json.loads(text)
                if self._asides and (aside := self._aside(seq)) is not None:
                    body["volatile"] = json.loads(aside)
                yield Record(seq, at, found, node, test, body, attachment, previous, digest)

    def _rows(self, since: int = 0) -> Iterator[tuple[Any, ...]]:
        query = f"SELECT {_COLUMNS} FROM records WHERE seq > ? ORDER BY seq"  # noqa: S608  (constant columns)
        try:
            yield from self._connection.execute(query, (since,))
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _aside(self, seq: int) -> str | None:
        row = self._connection.execute("SELECT body FROM aside WHERE seq = ?", (seq,)).fetchone()
        return None if row is None else str(row[0])

    def attachment(self, sha256: str) -> bytes:
        """Octets attached under that hash; BenchError when there are none or they are not what they were."""
        query = "SELECT octets FROM attachments WHERE sha256 = ?"
        try:
            row = self._connection.execute(query, (sha256,)).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        octets = row[0] if row else None
        if not isinstance(octets, bytes) or hashlib.sha256(octets).hexdigest() != sha256:
            raise BenchError(
                f"{self.path}: attachment {sha256} is {'altered' if row else 'missing'}",
                next_step="restore the journal from where it was archived",
            )
        return octets

    def head(self) -> Head:
        """Count and hash of the last record as it stands in the file; `verify` says whether to believe it."""
        row = self._connection.execute("SELECT seq, hash FROM records ORDER BY seq DESC LIMIT 1").fetchone()
        return Head(*row) if row else Head(0, GENESIS)

    def verify(self, head: Head | None = None) -> ChainVerdict:
        """Check every hash, number, link and attachment; against ``head`` also that the end is all there."""
        previous, count, last_kind, bad = GENESIS, 0, "", ""
        try:
            for row in self._rows():
                bad = self._problem_of(row, count + 1, previous)
                if bad:
                    break
                count, previous, last_kind = count + 1, row[8], row[2]
        except BenchError as error:  # the file itself is damaged
            bad = error.cause
        if not bad and head is not None and (head.records, head.sha256) != (count, previous):
            bad = f"the chain ends at record {count}, the noted head is record {head.records}"
        return ChainVerdict(
            ok=not bad,
            records=count,
            head=previous,
            closed=last_kind == CLOSED,
            problem=bad,
        )

    def _problem_of(self, row: tuple[Any, ...], expected_seq: int, previous: str) -> str:
        if row[0] != expected_seq:
            return f"record {expected_seq} is missing, record {row[0]} follows"
        if row[7] != previous:
            return f"record {row[0]} does not link to the record before it"
        if chain_hash(row[:8]) != row[8]:
            return f"record {row[0]} was altered: its hash does not match its content"
        if row[6]:
            try:
                self.attachment(row[6])
            except BenchError as error:
                return f"record {row[0]}: {error.cause}"
        return ""

    def export(self, stream: IO[str]) -> None:
        """Write the canonical export: one JSON object a line, for comparing runs.

        Left out: hashes, what stands in a body under ``volatile``, and, unless the journal is of a run on
        virtual time, the time of each record. The rest is as it happened: runs compare equal when their
        messages, counters and order of records do.
        """
        timed = self.reproducible
        for record in self.records():
            body = {key: value for key, value in record.body.items() if key != "volatile"}
            line = {"seq": record.seq, "kind": record.kind, "node": record.node, "test": record.test}
            if timed:
                line["at"] = record.at
            stream.write(canonical_json({**line, "body": body, "attachment": record.attachment}) + "\n")

    @property
    def reproducible(self) -> bool:
        """Whether an equal run makes an equal chain: a run on virtual time with new devices."""
        return self._connection.execute(_REPRODUCIBLE).fetchone() is not None

    def header(self) -> dict[str, Any]:
        """What the export leaves out of the run as a whole, and the head of the chain."""
        started = next(self.records("run.started"), None)
        surroundings = started.body.get("volatile", {}) if started is not None else {}
        chain = self.verify()
        return {
            "run": self.path.absolute().parent.name,
            **surroundings,
            "reproducible": self.reproducible,
            "records": chain.records,
            "head_sha256": chain.head,
            "chain_holds": chain.ok,
            "closed": chain.closed,
        }

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
