from __future__ import annotations

import pytest

from hil.checks import FindingsError, Verify
from hil.exchange import NoAlertError, NoResponseError, Response, UnexpectedResponseError
from hil.plugin.outcome import Evidence, Phases, decide
from hil.verdicts import InconclusiveError, NotRunError, SkipKind, StateNotReachedError, Verdict
from protocols.errors import DecodeError, EncodeError
from protocols.ports import BenchError, ConfigError, Finding, PortClosedError, Strength

UNEXPECTED = UnexpectedResponseError("answered", Response(b""))
FINDING = Finding("R", "GBCS", None, None, Strength.SPEC, "a", "b")


def made(setup=None, call=None, teardown=None, strong=("R",), alive=True, fill=None):
    check = Verify({}, None, "t")
    if fill:
        fill(check)
    asked = []

    def wire_alive(alert):
        asked.append(alert)
        return alive, "chf answered"

    outcome = decide(Evidence(Phases(setup, call, teardown), check, strong, wire_alive))
    return outcome, asked


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AssertionError("1 == 2"), Verdict.FAIL),
        (UNEXPECTED, Verdict.FAIL),
        (pytest.fail.Exception("DID NOT RAISE"), Verdict.FAIL),
        (pytest.fail.Exception("Timeout (>120s) from pytest-timeout."), Verdict.ERROR),
        (BenchError("line cut"), Verdict.ERROR),
        (ConfigError("no power port"), Verdict.ERROR),
        (PortClosedError("gone"), Verdict.ERROR),
        (KeyError("status"), Verdict.ERROR),
        (EncodeError("too long", element="mpan"), Verdict.ERROR),
        (DecodeError("short", offset=3), Verdict.INCONCLUSIVE),
        (InconclusiveError("cannot tell"), Verdict.INCONCLUSIVE),
        (NotRunError("no gsme", SkipKind.NOT_APPLICABLE), Verdict.SKIPPED),
        (pytest.skip.Exception("not here"), Verdict.SKIPPED),
    ],
)
def test_error_in_the_test(error, verdict):
    assert made(call=error)[0].verdict is verdict


@pytest.mark.parametrize("error", [AssertionError("1 == 2"), UNEXPECTED, NoResponseError("silent")])
def test_without_a_strong_row_nobody_is_blamed(error):
    outcome, _ = made(call=error, strong=())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "no spec or derived row" in outcome.reason


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (AssertionError("fixture"), Verdict.ERROR),
        (BenchError("line cut"), Verdict.ERROR),
        (RuntimeError("x"), Verdict.ERROR),
        (NoResponseError("silent"), Verdict.INCONCLUSIVE),
        (StateNotReachedError("did not join"), Verdict.INCONCLUSIVE),
        (NotRunError("no way", SkipKind.NO_WAY), Verdict.SKIPPED),
        (pytest.skip.Exception("not here"), Verdict.SKIPPED),
    ],
)
def test_setup_never_fails_a_device(error, verdict):
    outcome, asked = made(setup=error)
    assert outcome.verdict is verdict
    assert not asked


def test_silence_is_held_against_the_device_only_on_a_living_wire():
    outcome, asked = made(call=NoResponseError("esme did not answer"))
    assert outcome.verdict is Verdict.FAIL
    assert "the wire is alive: chf answered" in outcome.reason
    assert asked == [False]
    outcome, _ = made(call=NoResponseError("esme did not answer"), alive=False)
    assert outcome.verdict is Verdict.ERROR


def test_a_missing_alert_asks_the_silent_device_too():
    assert made(call=NoAlertError("no alert"))[1] == [True]


def test_unanswered_stimulus_is_never_a_pass():
    def nobody(check):
        check.unanswered.append("esme cover-open")

    for call in (None, NoAlertError("no alert 0x8F3F"), AssertionError("x")):
        outcome, asked = made(call=call, fill=nobody)
        assert outcome.verdict is Verdict.INCONCLUSIVE
        assert "esme cover-open" in outcome.reason
        assert not asked


def test_findings_stand_whatever_ends_the_test():
    def find(check):
        check.findings.append(FINDING)

    for call in (
        FindingsError([FINDING]),
        InconclusiveError("x"),
        NoResponseError("x"),
        pytest.skip.Exception("x"),
    ):
        assert made(call=call, fill=find)[0].verdict is Verdict.FAIL


def test_bench_error_wins_over_findings():
    outcome, _ = made(call=BenchError("line cut"), fill=lambda check: check.findings.append(FINDING))
    assert outcome.verdict is Verdict.ERROR


def test_only_weak_deviations():
    weak = Finding("V", "manual", None, None, Strength.VENDOR, "a", "b")

    def deviates(check):
        check.observed.append(weak)

    assert made(fill=deviates)[0].verdict is Verdict.INCONCLUSIVE

    def with_a_strong_one_held(check):
        check.observed.append(weak)
        check.held.append("R")

    assert made(fill=with_a_strong_one_held)[0].verdict is Verdict.PASS


def test_trouble_in_teardown():
    assert made(teardown=BenchError("x"))[0].verdict is Verdict.ERROR
    assert made(teardown=StateNotReachedError("mpan not put back"))[0].verdict is Verdict.INCONCLUSIVE
    outcome, _ = made(call=AssertionError("1 == 2"), teardown=BenchError("x"))
    assert outcome.verdict is Verdict.FAIL
