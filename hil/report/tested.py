"""Tests of a run with their attempts, and what a run says of register rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hil.journal_reader import Record
from hil.verdicts import Outcome, Verdict

NOT_FINISHED = "not finished"


@dataclass(slots=True)
class Event:
    """Something that happened while a test ran. ``offset_s`` counts from the start of the attempt."""

    record: Record
    offset_s: float
    phase: str


@dataclass(slots=True)
class Attempt:
    """One attempt of a test."""

    number: int
    started_at: datetime
    finished_at: datetime | None = None
    verdict: Verdict = Verdict.INCONCLUSIVE
    reason: str = NOT_FINISHED
    trace: str = ""
    events: list[Event] = field(default_factory=list)
    phase: str = "prepare"

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """Bodies of the records of these kinds."""
        return [event.record.body for event in self.events if event.record.kind in kinds]


@dataclass(slots=True)
class Test:
    """One planned test with its attempts; without a verdict in the journal it is not finished."""

    __test__ = False  # pytest would take it for a test class

    spec: dict[str, Any]
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome = field(default_factory=lambda: Outcome(Verdict.INCONCLUSIVE, NOT_FINISHED))
    finished: bool = False
    own_rows: frozenset[str] = frozenset()  # rows that every case of its function cites

    @property
    def id(self) -> str:
        """Node id of pytest."""
        return str(self.spec["nodeid"])

    @property
    def name(self) -> str:
        """What stands behind the last ``::``."""
        return self.id.rpartition("::")[2]

    @property
    def duration_s(self) -> float:
        """From the start of the first attempt to the end of the last; 0 without either."""
        if not self.attempts or self.attempts[-1].finished_at is None:
            return 0.0
        return (self.attempts[-1].finished_at - self.attempts[0].started_at).total_seconds()

    def of_kind(self, *kinds: str) -> list[dict[str, Any]]:
        """Bodies of the records of these kinds in all attempts."""
        return [body for attempt in self.attempts for body in attempt.of_kind(*kinds)]


@dataclass(slots=True)
class RowResult:
    """What a run says of one register row."""

    id: str
    row: dict[str, Any]
    tests: list[Test]
    result: str  # failed, observed, held, cited, not run
