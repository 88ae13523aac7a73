"""A run as its journal tells it, whether it ended in order or was killed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hil.journal_reader import ChainVerdict, JournalReader, Record
from hil.report.register_counts import RegisterCounts, register_counts, rows_of_function
from hil.report.tested import Attempt, Event, RowResult, Test
from hil.verdicts import ExitCode, Outcome, SkipKind, Verdict, exit_code

NOT_A_CERTIFICATE = (
    "This report says what one bench saw of the devices named in it. It is not a certificate, and no "
    "statement of conformity by anybody."
)


@dataclass(slots=True)
class RunView:
    """Everything that the views show."""

    about: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None
    finished: bool
    code: ExitCode
    tests: list[Test]
    rows: list[RowResult]
    register: RegisterCounts
    identities: dict[str, dict[str, Any]]  # "start" and "end": device name to identity
    key_fingerprint: str
    failures: list[dict[str, Any]]  # bench.failed: cause and next step
    restored: list[Record]
    chain: ChainVerdict
    capture: dict[str, Any] = field(default_factory=dict)  # of the HAN; no "layers": the run was cut off

    @property
    def counts(self) -> dict[str, int]:
        """Number of tests by verdict, all verdicts named."""
        verdicts = [test.outcome.verdict for test in self.tests]
        return {str(verdict): verdicts.count(verdict) for verdict in Verdict}

    @property
    def headline(self) -> str:
        """The run in one sentence."""
        counts, total = self.counts, len(self.tests)
        if not self.finished:
            done = sum(test.finished for test in self.tests)
            return f"The run did not end in order: {done} of {total} tests have a verdict"
        parts = [f"{number} {name}" for name, number in counts.items() if number]
        heads = {
            ExitCode.PASSED: "All tests that this rig can run passed",
            ExitCode.DEVICE_FAILED: "A device failed",
            ExitCode.USAGE: "The run was not configured well",
            ExitCode.BENCH_ERROR: "The bench had an error",
            ExitCode.UNDECIDED: "Nothing failed, but not everything is decided",
        }
        return f"{heads[self.code]}: {', '.join(parts) or 'no tests'}"


def read_run(reader: JournalReader) -> RunView:
    """Build the view; BenchError when the journal cannot be read."""
    builder = _Builder()
    for record in reader.records():
        builder.take(record)
    return builder.view(reader.verify())


class _Builder:
    """Takes records in order."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.times: list[str] = []
        self.tests: dict[str, Test] = {}
        self.identities: dict[str, dict[str, Any]] = {}
        self.fingerprint = ""
        self.failures: list[dict[str, Any]] = []
        self.restored: list[Record] = []
        self.finished: Record | None = None
        self.capture: dict[str, Any] = {}
        self._open: dict[str, Attempt] = {}

    def take(self, record: Record) -> None:
        self.times = [self.times[0] if self.times else record.at, record.at]
        if record.test:
            self._take_of_test(record)
        body = record.body
        if record.kind == "run.started":
            self.about = body
            for spec in body.get("tests", []):
                self.tests[spec["nodeid"]] = Test(spec)
        elif record.kind == "run.identity":
            self.identities[body["when"]] = body["devices"]
        elif record.kind == "run.keys":
            self.fingerprint = body.get("fingerprint", "")
        elif record.kind in {"capture.opened", "capture.closed"}:
            self.capture = body
        elif record.kind == "bench.failed":
            self.failures.append(body)
        elif record.kind.startswith("restore."):
            self.restored.append(record)
        elif record.kind == "run.finished":
            self.finished = record

    def _take_of_test(self, record: Record) -> None:
        test = self.tests.setdefault(record.test, Test({"nodeid": record.test, "covers": []}))
        body, at = record.body, _time(record.at)
        if record.kind == "test.started":
            attempt = Attempt(int(body["attempt"]), at)
            test.attempts.append(attempt)
            self._open[record.test] = attempt
        elif record.kind == "test.finished":
            kind = SkipKind(body["skip_kind"]) if body.get("skip_kind") else None
            test.outcome = Outcome(Verdict(body["verdict"]), body.get("reason", ""), kind)
            test.finished = True
        elif record.test in self._open:
            self._take_of_attempt(self._open[record.test], record, at)

    def _take_of_attempt(self, attempt: Attempt, record: Record, at: datetime) -> None:
        body = record.body
        if record.kind == "test.attempt":
            attempt.finished_at = at
            attempt.verdict = Verdict(body["verdict"])
            attempt.reason, attempt.trace = body.get("reason", ""), body.get("trace", "")
            del self._open[record.test]
        elif record.kind == "test.phase":
            attempt.phase = body["phase"]
        else:
            offset_s = (at - attempt.started_at).total_seconds()
            attempt.events.append(Event(record, offset_s, attempt.phase))

    def view(self, chain: ChainVerdict) -> RunView:
        tests = list(self.tests.values())
        if self.failures and not any(test.attempts for test in tests):
            cause = self.failures[0].get("cause", "")
            for test in tests:
                test.outcome = Outcome(Verdict.ERROR, f"the bench could not be opened: {cause}")
        rows_of_function(tests)
        rows = _rows(self.about.get("rows", {}), tests)
        minimum = self.about.get("minimum_tests") or None
        code = exit_code((test.outcome for test in tests), minimum_tests=minimum)
        if self.finished is not None:
            code = ExitCode(self.finished.body["exit_code"])
        return RunView(
            about=self.about,
            started_at=_time(self.times[0]) if self.times else datetime.fromtimestamp(0, UTC),
            finished_at=_time(self.finished.at) if self.finished else None,
            finished=self.finished is not None,
            code=code,
            tests=tests,
            rows=rows,
            register=register_counts(self.about.get("register", []), rows),
            identities=self.identities,
            key_fingerprint=self.fingerprint,
            failures=self.failures,
            restored=self.restored,
            chain=chain,
            capture=self.capture,
        )


def _rows(rows: dict[str, Any], tests: Iterable[Test]) -> list[RowResult]:
    """Every row that a test cites or a check names, with the worst that was seen of it."""
    citing: dict[str, list[Test]] = {}
    seen: dict[str, set[str]] = {}
    known = dict(rows)
    for test in tests:
        for row in test.spec.get("covers", []):
            citing.setdefault(row, []).append(test)
            if test.outcome.verdict in {Verdict.PASS, Verdict.FLAKY}:
                seen.setdefault(row, set()).add("cited")
        final = test.attempts[-1:] if test.outcome.verdict is Verdict.FLAKY else test.attempts
        for attempt in final:
            for event in attempt.events:
                row = event.record.body.get("row")
                if event.record.kind in _RESULT_OF and row:
                    seen.setdefault(row, set()).add(_RESULT_OF[event.record.kind])
                    known.setdefault(row, event.record.body)
                    if test not in citing.setdefault(row, []):
                        citing[row].append(test)
    order = ("failed", "observed", "held", "cited")
    return [
        RowResult(
            row,
            known.get(row, {}),
            citing[row],
            next((r for r in order if r in seen.get(row, ())), "not run"),
        )
        for row in sorted(citing)
    ]


_RESULT_OF = {"finding": "failed", "observed": "observed", "check": "held"}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
