"""Runs one test: setup with its state, call, teardown with restoration, attempts, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.runner import runtestprotocol

from hil import probe
from hil.checks import FindingsError, Verify
from hil.plugin.attempt import Attempt
from hil.plugin.items import TestSpec
from hil.plugin.outcome import Evidence, decide
from hil.plugin.permit import (
    RealNode,
    find_device,
    refuse_if_capability_missing,
    refuse_if_fault_impossible,
    refuse_if_not_allowed,
)
from hil.restoration import Keeper
from hil.verdicts import (
    RETRIED,
    InconclusiveError,
    NotRunError,
    Outcome,
    Verdict,
    can_blame,
    of_attempts,
)
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.plugin.watch import WatchedJournal


class Runner:
    """Runs tests one after the other on an open bench."""

    def __init__(
        self,
        bench: Bench,
        journal: WatchedJournal,
        keeper: Keeper,
        specs: Mapping[str, TestSpec],
        register: Mapping[str, Any],
        *,
        real_nodes: list[RealNode],
        retry: int,
    ) -> None:
        self.bench = bench
        self.keeper = keeper
        self.outcomes: dict[str, Outcome] = {}
        self._journal = journal
        self._specs = specs
        self._register = register
        self._real_nodes = real_nodes
        self._retry = retry
        self._attempt: Attempt | None = None
        self._faults: list[int] = []
        journal.listeners.append(self._listen)

    @property
    def attempt(self) -> Attempt:
        """The attempt that runs now; ConfigError between tests."""
        if self._attempt is None:
            raise ConfigError("no test is running", next_step="use check and devices inside a test")
        return self._attempt

    @property
    def checks(self) -> Verify:
        """The running attempt's checks."""
        return self.attempt.check

    def run(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        """Run ``item`` with all its attempts, tell pytest the last one, keep the verdict."""
        spec = self._specs[item.nodeid]
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        attempts: list[Outcome] = []
        reports: list[pytest.TestReport] = []
        # Trying again what cannot be undone on a real device could do harm twice.
        risky = spec.leaves in {"irreversible", "hazardous"} and self._real_nodes
        for number in range(1, 1 if risky else 1 + self._retry + 1):
            outcome, reports = self._run_attempt(item, nextitem, spec, number)
            attempts.append(outcome)
            if outcome.verdict not in RETRIED:
                break
        verdict = of_attempts(attempts)
        self.outcomes[spec.nodeid] = verdict
        self._journal.append(
            "test.finished",
            test=spec.nodeid,
            body={
                "verdict": str(verdict.verdict),
                "reason": verdict.reason,
                "skip_kind": str(verdict.skip_kind or ""),
                "attempts": [str(attempt.verdict) for attempt in attempts],
            },
        )
        _publish(item, reports, verdict)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _run_attempt(
        self, item: pytest.Item, nextitem: pytest.Item | None, spec: TestSpec, number: int
    ) -> tuple[Outcome, list[pytest.TestReport]]:
        check = Verify(self._register, self._journal, spec.nodeid)
        self.bench.note_defects()  # what is older belongs to no test
        self._attempt = attempt = Attempt(spec, number, check)
        self.bench.current_test = spec.nodeid
        self._journal.append("test.started", test=spec.nodeid, body={"attempt": number})
        try:
            reports = runtestprotocol(item, log=False, nextitem=nextitem)
            outcome = self._error_of_ours(attempt) or self._decide(attempt)
            outcome = self._error_of_ours(attempt) or outcome  # deciding may have asked the devices more
        finally:
            self.bench.current_test = ""
            self._attempt = None
        self._journal.append(
            "test.attempt",
            test=spec.nodeid,
            body={
                "attempt": number,
                "verdict": str(outcome.verdict),
                "reason": outcome.reason,
                "trace": _trace(reports, attempt),
            },
        )
        return outcome, reports

    def _error_of_ours(self, attempt: Attempt) -> Outcome | None:
        """Whatever a test saw: where the emulator itself broke, none of it is held against a device."""
        self.bench.note_defects()
        if not attempt.defects:
            return None
        return Outcome(Verdict.ERROR, f"an error of the emulator itself: {attempt.defects[0]}")

    def _decide(self, attempt: Attempt) -> Outcome:
        for each in attempt.unsound:
            expected = "a message protected with the keys that the device declares"
            attempt.check.that(each.row, False, expected=expected, observed=each.what, octets=each.octets)
        strong = [row for row in attempt.spec.covers if can_blame(self._register[row].strength)]
        evidence = Evidence(
            attempt.phases, attempt.check, strong, lambda alert: self._wire_alive(attempt.spec, alert=alert)
        )
        outcome = decide(evidence)
        if outcome.verdict is Verdict.FAIL and not attempt.check.findings:
            self._attribute(attempt, strong, outcome.reason)
        return outcome

    def _attribute(self, attempt: Attempt, strong: list[str], reason: str) -> None:
        """A deviation without a row of its own is a finding against the rows the test covers."""
        for row_id in strong:
            row = self._register[row_id]
            body = {
                "row": row_id,
                "document": row.document,
                "version": row.version,
                "clause": row.clause,
                "strength": str(row.strength),
                "expected": attempt.spec.title,
                "observed": reason,
                "held": False,
                "octets": "",
                "attributed": True,
            }
            self._journal.append("finding", test=attempt.spec.nodeid, body=body)

    def _wire_alive(self, spec: TestSpec, *, alert: bool) -> tuple[bool, str]:
        alive, how = probe.wire_alive(self.bench, spec.devices, ask_silent=alert)
        self._journal.append("wire.probe", test=spec.nodeid, body={"alive": alive, "how": how})
        return alive, how

    # Called by hooks ------------------------------------------------------------------------------------

    def prepare(self, item: pytest.Item) -> None:
        """Skip what may not or cannot run here (NotRunError), then reach the state the test needs."""
        spec = self._specs[item.nodeid]
        self.enter("prepare")
        refuse_if_not_allowed(spec, self._real_nodes)
        refuse_if_capability_missing(spec, self.bench.devices, self._capabilities)
        faults = refuse_if_fault_impossible(spec, self.bench)
        devices = [find_device(self.bench.devices, wanted) for wanted in spec.devices]
        if spec.state is not None:
            self.keeper.reach(spec.state, devices)
        self.keeper.before_test(spec.leaves, [device.name for device in devices])
        self.enter("setup")
        for order in faults:
            self._faults.append(self.bench.faults.begin_order(order))

    def enter(self, phase: str) -> None:
        """Mark the beginning of a phase, so that the report can tell setup from test."""
        self.attempt.phase = phase
        self._journal.append("test.phase", test=self.attempt.spec.nodeid, body={"phase": phase})

    def note(self, phase: str, error: BaseException | None) -> None:
        """Keep the exception that ended a phase."""
        if self._attempt is not None and phase in {"setup", "call", "teardown"}:
            setattr(self._attempt.phases, phase, error)

    def lift(self) -> None:
        """Lift the faults of the test's marks."""
        while self._faults:
            self.bench.faults.end(self._faults.pop())

    def restore(self) -> None:
        """Put back what the test touched; what is now uncertain is detected again before the next test."""
        attempt = self.attempt
        self.enter("restore")
        failed = attempt.phases.call is not None or bool(attempt.check.findings)
        self.keeper.after_test(attempt.sent, attempt.disturbed, failed=failed)

    def _capabilities(self, device: Any) -> frozenset[str]:
        """A device's own capabilities, and what its hub can do with messages and images for it."""
        own = frozenset(device.capabilities)
        via = getattr(device, "via", "")
        carrier = self.bench.devices.get(via) if via else None
        if carrier is None:
            return own
        return own | {cap for cap in self._capabilities(carrier) if cap.startswith(("message", "firmware"))}

    def _listen(self, kind: str, node: str, test: str, body: Mapping[str, Any]) -> None:
        if self._attempt is not None and test == self._attempt.spec.nodeid:
            self._attempt.listen(kind, node, body)


def _trace(reports: list[pytest.TestReport], attempt: Attempt) -> str:
    """What pytest says of the phases that did not end well, cut to what a report can show.

    Nothing where the reason says it all: findings, skips, what could not be decided.
    """
    told = FindingsError | NotRunError | InconclusiveError | pytest.skip.Exception
    texts = [
        str(report.longrepr)
        for report in reports
        if report.failed and not isinstance(getattr(attempt.phases, str(report.when), None), told)
    ]
    return "\n".join(texts)[-8000:]


def _publish(item: pytest.Item, reports: list[pytest.TestReport], outcome: Outcome) -> None:
    """Hand pytest the reports of the last attempt, carrying the verdict in the one that decides."""
    deciding = next((report for report in reversed(reports) if report.failed), None)
    deciding = deciding or next((report for report in reversed(reports) if report.skipped), None)
    deciding = deciding or next((report for report in reports if report.when == "call"), None)
    for report in reports:
        if report is deciding:
            report.hil_verdict = outcome.verdict  # type: ignore[attr-defined]
            if outcome.verdict is Verdict.SKIPPED:
                report.outcome = "skipped"
                report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {outcome.reason}")
        item.ihook.pytest_runtest_logreport(report=report)
