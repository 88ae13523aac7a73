"""Errors of the emulator kept for the bench."""

from __future__ import annotations

import json

import pytest

from protocols.ports import ConfigError
from rigs.emulated.defects import Defects


def kept(defects):
    return json.loads(defects.request()[1])


def test_what_a_block_raises_is_kept_with_its_traceback(capsys):
    defects = Defects()
    with defects.caught("a message"):
        raise LookupError("nowhere")
    (found,) = kept(defects)
    assert found["problem"] == "a message: LookupError: nowhere"
    assert "test_defects.py" in found["traceback"]
    assert "LookupError: nowhere" in capsys.readouterr().err
    assert kept(defects) == []


def test_what_a_caller_is_told_on_purpose_is_none():
    defects = Defects()
    for error in (ConfigError("no such node", next_step="name another"), ValueError("no such stimulus")):
        with pytest.raises(type(error)), defects.noted("a stimulus"):
            raise error
    assert kept(defects) == []
    with pytest.raises(ZeroDivisionError), defects.noted("a stimulus"):
        _ = 1 // 0
    assert len(kept(defects)) == 1


@pytest.mark.usefixtures("capsys")
def test_of_many_the_first_are_kept_and_fit_one_answer():
    defects = Defects()
    for number in range(50):
        defects.add("a message", LookupError(str(number) + 10_000 * "x"))
    found = kept(defects)
    assert found[0]["problem"].startswith("a message: LookupError: 0x")
    assert len(json.dumps(found)) < 65_536


def test_an_event_loop_may_have_no_exception_to_show():
    defects = Defects()
    defects.heard(None, {"message": "task was destroyed"})
    assert "task was destroyed" in kept(defects)[0]["problem"]
