from __future__ import annotations

import pytest

from hil.verdicts import ExitCode, Outcome, SkipKind, Verdict, can_blame, exit_code, of_attempts
from protocols.ports import Strength

PASS, FAIL, ERROR = Outcome(Verdict.PASS), Outcome(Verdict.FAIL, "f"), Outcome(Verdict.ERROR, "e")
INCONCLUSIVE, FLAKY = Outcome(Verdict.INCONCLUSIVE, "i"), Outcome(Verdict.FLAKY, "x")
ABSENT = Outcome(Verdict.SKIPPED, "no gsme", SkipKind.NOT_APPLICABLE)
NO_WAY = Outcome(Verdict.SKIPPED, "no way", SkipKind.NO_WAY)


@pytest.mark.parametrize(
    ("outcomes", "minimum", "code"),
    [
        ([PASS], None, ExitCode.PASSED),
        ([PASS, FAIL, ERROR, INCONCLUSIVE], None, ExitCode.DEVICE_FAILED),
        ([PASS, ERROR, INCONCLUSIVE, FLAKY], None, ExitCode.BENCH_ERROR),
        ([PASS, INCONCLUSIVE], None, ExitCode.UNDECIDED),
        ([PASS, FLAKY], None, ExitCode.UNDECIDED),
        ([], None, ExitCode.UNDECIDED),
        ([PASS, ABSENT], None, ExitCode.UNDECIDED),
        ([PASS, ABSENT], 1, ExitCode.PASSED),
        ([PASS, ABSENT], 2, ExitCode.UNDECIDED),
        ([PASS, NO_WAY], 1, ExitCode.UNDECIDED),
        ([PASS], 2, ExitCode.UNDECIDED),
        ([ABSENT], None, ExitCode.UNDECIDED),
    ],
)
def test_exit_code(outcomes, minimum, code):
    assert exit_code(outcomes, minimum_tests=minimum) is code


def test_a_single_attempt_is_the_verdict():
    assert of_attempts([FAIL]) is FAIL


def test_a_pass_after_something_else_is_flaky_and_keeps_the_first_reason():
    outcome = of_attempts([FAIL, ERROR, PASS])
    assert outcome.verdict is Verdict.FLAKY
    assert "3 attempts: fail, error, pass" in outcome.reason
    assert outcome.reason.endswith("at first: f")


def test_without_a_pass_the_worst_attempt_counts():
    assert of_attempts([INCONCLUSIVE, ERROR, FAIL, ERROR]) is FAIL
    assert of_attempts([INCONCLUSIVE, ERROR]) is ERROR


def test_only_spec_and_derived_rows_can_blame():
    assert [strength for strength in Strength if can_blame(strength)] == [Strength.SPEC, Strength.DERIVED]
