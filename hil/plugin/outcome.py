"""From what happened in setup, call and teardown of one attempt to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from hil.checks import Verify
from hil.exchange import NoAlertError, NoResponseError, UnexpectedResponseError
from hil.verdicts import InconclusiveError, NotRunError, Outcome, SkipKind, Verdict
from protocols.errors import DecodeError
from protocols.ports import BenchError


@dataclass(slots=True)
class Phases:
    """Exceptions of the three phases; None where a phase ended well or was not entered."""

    setup: BaseException | None = None
    call: BaseException | None = None
    teardown: BaseException | None = None


@dataclass(slots=True)
class Evidence:
    """What the verdict is made from.

    ``wire_alive`` is asked only after something did not come; it gets whether that was an alert.
    """

    phases: Phases
    check: Verify
    strong_rows: Sequence[str]  # of @covers: spec or derived
    wire_alive: Callable[[bool], tuple[bool, str]] = field(default=lambda _: (False, "not asked"))


def decide(evidence: Evidence) -> Outcome:
    """Verdict of one attempt."""
    phases = evidence.phases
    if phases.setup is not None:
        outcome = _of_setup(phases.setup)
    elif phases.call is not None:
        outcome = _of_call(phases.call, evidence)
    else:
        outcome = _of_checks(evidence.check)
    if phases.teardown is not None and outcome.verdict not in {Verdict.FAIL, Verdict.ERROR}:
        return _of_teardown(phases.teardown)
    return outcome


def _of_setup(error: BaseException) -> Outcome:
    """Setup never fails a device: the test's own rows were not reached."""
    if isinstance(error, NotRunError | pytest.skip.Exception):
        return _of_skip(error)
    if isinstance(error, InconclusiveError | NoResponseError | UnexpectedResponseError):
        return Outcome(Verdict.INCONCLUSIVE, f"setup: {_words(error)}")
    return Outcome(Verdict.ERROR, f"setup: {_words(error)}")


def _of_call(error: BaseException, evidence: Evidence) -> Outcome:
    check = evidence.check
    if isinstance(error, BenchError):
        return Outcome(Verdict.ERROR, _words(error))
    # Findings made before the test broke off stand; so does a stimulus that nobody answered.
    if check.findings or check.unanswered:
        return _of_checks(check)
    if isinstance(error, NoResponseError):
        return _of_silence(error, evidence)
    timed_out = isinstance(error, pytest.fail.Exception) and str(error).startswith("Timeout")
    if not timed_out and isinstance(error, AssertionError | UnexpectedResponseError | pytest.fail.Exception):
        return blame(_words(error), evidence.strong_rows)
    return _of_other(error)


def _of_skip(error: BaseException) -> Outcome:
    if isinstance(error, NotRunError):
        return Outcome(Verdict.SKIPPED, error.reason, error.kind)
    return Outcome(Verdict.SKIPPED, str(error), SkipKind.ASKED)


def _of_other(error: BaseException) -> Outcome:
    if isinstance(error, NotRunError | pytest.skip.Exception):
        return _of_skip(error)
    if isinstance(error, InconclusiveError):
        return Outcome(Verdict.INCONCLUSIVE, str(error))
    if isinstance(error, DecodeError):
        return Outcome(Verdict.INCONCLUSIVE, f"octets that do not follow the layout: {error}")
    if isinstance(error, pytest.fail.Exception):
        return Outcome(Verdict.ERROR, f"the test was stopped by its time limit: {error}")
    return Outcome(Verdict.ERROR, f"the test itself: {type(error).__name__}: {error}")


def _of_silence(error: BaseException, evidence: Evidence) -> Outcome:
    """No response: held against the device only when a row demands one and the wire is proved alive."""
    alive, how = evidence.wire_alive(isinstance(error, NoAlertError))
    if not alive:
        return Outcome(Verdict.ERROR, f"{_words(error)}; the wire could not be proved alive: {how}")
    return blame(f"{_words(error)}; the wire is alive: {how}", evidence.strong_rows)


def blame(reason: str, strong_rows: Sequence[str]) -> Outcome:
    """A deviation without a row of its own belongs to the rows the test covers, if any of them can fail."""
    if strong_rows:
        return Outcome(Verdict.FAIL, reason)
    return Outcome(Verdict.INCONCLUSIVE, f"observed, and no spec or derived row is cited: {reason}")


def _of_checks(check: Verify) -> Outcome:
    if check.findings:
        rows = ", ".join(dict.fromkeys(finding.row for finding in check.findings))
        first = check.findings[0]
        return Outcome(Verdict.FAIL, f"{rows}: expected {first.expected}; observed {first.observed}")
    if check.unanswered:
        return Outcome(Verdict.INCONCLUSIVE, f"nobody answered in time: {', '.join(check.unanswered)}")
    if check.observed and not check.held:
        first = check.observed[0]
        return Outcome(
            Verdict.INCONCLUSIVE,
            f"only observed, {first.row} is {first.strength}: expected {first.expected}; "
            f"observed {first.observed}",
        )
    return Outcome(Verdict.PASS)


def _of_teardown(error: BaseException) -> Outcome:
    undecided = isinstance(error, InconclusiveError | NoResponseError | UnexpectedResponseError)
    verdict = Verdict.INCONCLUSIVE if undecided else Verdict.ERROR
    return Outcome(verdict, f"after the test: {_words(error)}")


def _words(error: BaseException) -> str:
    """Text for people; a bench error shows cause and next step on one line each."""
    return str(error).strip() or type(error).__name__
