from __future__ import annotations

import pytest

from hil.checks import FindingsError, Verify
from hil.plugin.attempt import Attempt
from hil.plugin.items import TestSpec as Spec
from hil.register import load_register


class Recorder:
    def append(self, *_args, **_kwargs):
        return 1


@pytest.fixture
def attempt():
    spec = Spec.__new__(Spec)
    return Attempt(spec, 1, Verify(load_register(), Recorder(), "test"), phase="call")


def received(**body):
    return {
        "message_kind": "response",
        "use_case": "ECS52",
        "octets": b"\xdd\x00",
        "mac": "ok",
        "signature": "none",
    } | body


@pytest.mark.parametrize(("part", "row"), [("mac", "GBCS-MAC-01"), ("signature", "GBCS-SIG-01")])
def test_a_message_that_does_not_verify_counts_although_the_test_does_not_look(attempt, part, row):
    attempt.listen("message.received", "esme", received(**{part: "bad"}))
    assert [(each.row, each.octets) for each in attempt.unsound] == [(row, b"\xdd\x00")]
    assert "esme" in attempt.unsound[0].what
    attempt.check.that(row, False, expected="sound", observed=attempt.unsound[0].what)
    with pytest.raises(FindingsError):
        attempt.check.close()


@pytest.mark.parametrize("verdict", ["ok", "none", "no_key"])
def test_what_verifies_or_cannot_be_judged_does_not_count(attempt, verdict):
    attempt.listen("message.received", "esme", received(mac=verdict, signature=verdict))
    assert not attempt.unsound


@pytest.mark.parametrize("phase", ["prepare", "restore"])
def test_what_the_harness_itself_receives_is_not_the_tests(attempt, phase):
    attempt.phase = phase
    attempt.listen("message.received", "esme", received(mac="bad"))
    assert not attempt.unsound
