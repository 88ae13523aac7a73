"""What a test, an attempt and a run come to.

A device is blamed only by rows of the register whose strength is ``spec`` or ``derived``; trouble of the
bench is an ``error``, and whatever could not be decided is ``inconclusive``. Nothing undecided is ever shown
as a pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from protocols.ports import Strength


class Verdict(StrEnum):
    """Outcome of one test."""

    PASS = "pass"  # noqa: S105  (a verdict)
    FAIL = "fail"  # a finding against a spec or derived row
    ERROR = "error"  # the bench: rig, wire, configuration, or a mistake in the test itself
    INCONCLUSIVE = "inconclusive"  # nothing could be decided; the reason says why
    SKIPPED = "skipped"  # not run on this rig; the reason says why
    FLAKY = "flaky"  # passed, but only at a later attempt (--retry)


class ExitCode(IntEnum):
    """Exit codes of ``hil run`` and of pytest with ``--rig``."""

    PASSED = 0
    DEVICE_FAILED = 1
    USAGE = 2
    BENCH_ERROR = 3
    UNDECIDED = 4


class SkipKind(StrEnum):
    """Why a test was not run. Only NOT_APPLICABLE can be forgiven, and only by ``minimum_tests``."""

    NOT_APPLICABLE = "not-applicable"  # the rig has no such device or capability
    NOT_ALLOWED = "not-allowed"  # a real node's device file does not name it in tests_may
    NO_WAY = "no-way"  # no way is known to the state it needs
    ASKED = "asked"  # the test itself said so (pytest.skip)


@dataclass(slots=True)
class Outcome:
    """Verdict of one attempt or one test, with the reason in words for people."""

    verdict: Verdict
    reason: str = ""
    skip_kind: SkipKind | None = None


_BLAMING = frozenset({Strength.SPEC, Strength.DERIVED})
# From worst to best: what several attempts of which none passed come to.
_WORST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SKIPPED)
RETRIED = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE})


def can_blame(strength: Strength | str) -> bool:
    """Whether a row of this strength can fail a device on its own."""
    return strength in _BLAMING


def of_attempts(attempts: Sequence[Outcome]) -> Outcome:
    """Combine the attempts of one test, in order; at least one.

    A pass after something else is flaky. Without any pass the worst attempt counts, with its reason.
    """
    if len(attempts) == 1:
        return attempts[0]
    if attempts[-1].verdict is Verdict.PASS:
        trail = ", ".join(attempt.verdict for attempt in attempts)
        first = next((a.reason for a in attempts if a.reason), "")
        return Outcome(Verdict.FLAKY, f"{len(attempts)} attempts: {trail}; at first: {first}")
    for verdict in _WORST_FIRST:
        for attempt in attempts:
            if attempt.verdict is verdict:
                return attempt
    return attempts[-1]


def exit_code(outcomes: Iterable[Outcome], *, minimum_tests: int | None = None) -> ExitCode:
    """Exit code of a run.

    A failed device comes first, because a bench error elsewhere does not take the finding away; then bench
    errors; then everything that was not decided. A skip counts as *not run* (4). The one exception: the rig
    file sets ``minimum_tests``, at least so many tests passed, and the skipped ones ask for a device or a
    capability that this rig does not have. Fewer passes than ``minimum_tests``, or no test at all, is 4.
    """
    known = list(outcomes)
    verdicts = [outcome.verdict for outcome in known]
    if Verdict.FAIL in verdicts:
        return ExitCode.DEVICE_FAILED
    if Verdict.ERROR in verdicts:
        return ExitCode.BENCH_ERROR
    if Verdict.INCONCLUSIVE in verdicts or Verdict.FLAKY in verdicts:
        return ExitCode.UNDECIDED
    passed = verdicts.count(Verdict.PASS)
    skips = [outcome for outcome in known if outcome.verdict is Verdict.SKIPPED]
    if passed == 0 or passed < (minimum_tests or 0):
        return ExitCode.UNDECIDED
    forgiven = minimum_tests is not None and all(s.skip_kind is SkipKind.NOT_APPLICABLE for s in skips)
    return ExitCode.PASSED if forgiven or not skips else ExitCode.UNDECIDED


class InconclusiveError(Exception):
    """Raise it where a test cannot decide: the verdict is inconclusive, with this text as reason."""


class StateNotReachedError(InconclusiveError):
    """A device could not be brought to the state a test needs; never held against the test's own rows."""


class NotRunError(Exception):
    """A test is not run on this rig. ``kind`` says whether that may be forgiven."""

    def __init__(self, reason: str, kind: SkipKind) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
