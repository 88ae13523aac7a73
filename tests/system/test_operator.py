"""A person at the bench: asked on a terminal, with a time limit; what they answer is evidence."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import threading

import pytest

from hil.journal_reader import JournalReader
from tests.system.processes import hil_environment, own_serial_rig

ASKED_WITHIN_S = 100  # a run that never asks must not leave its person waiting for ever
SUITE = """
from hil.api import covers, leaves, needs


@covers("GBCS-TAMPER-02", "GBCS-16-01")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
@leaves("nothing")
def test_cover(esme, check):
    result = esme.stimulus.apply("display")
    check.equal("GBCS-16-01", "0012 kWh", result.answer)
"""


@pytest.fixture
def bench(tmp_path):
    """A rig whose stimuli are a person's, the terminal of that person, and a run of one test."""
    person, terminal = pty.openpty()
    rig = own_serial_rig(tmp_path).read_text()
    asked = f'driver = "stimulus-operator"\ntimeout_s = 3\nterminal = "{os.ttyname(terminal)}"'
    (tmp_path / "rig.toml").write_text(rig.replace('driver = "stimulus-emulated"', asked, 1))
    (tmp_path / "test_cover.py").write_text(SUITE)

    def run() -> tuple[int, dict, list]:
        done = subprocess.run(
            [sys.executable, "-m", "hil", "run", "--rig", "rig.toml", "--suite", "test_cover.py", "--run-dir", "run"],
            cwd=tmp_path, env=hil_environment(tmp_path), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        results = json.loads((tmp_path / "run" / "results.json").read_text())
        with JournalReader(tmp_path / "run" / "journal.sqlite") as reader:
            stimuli = [record.body for record in reader.records("stimulus")]
        return done.returncode, results["tests"][0], stimuli

    yield person, run
    os.close(person)
    os.close(terminal)


def test_answer_and_initials_go_into_the_journal(bench):
    person, run = bench

    def answer() -> None:
        seen = b""
        for question, typed in (
            (b"done here: ", b"d\n"),
            (b"show? ", b"0012 kWh\n"),
            (b"nitials: ", b"AB\n"),
        ):
            while question not in seen:
                assert select.select([person], [], [], ASKED_WITHIN_S)[0], (
                    f"not asked {question!r} after {seen!r}"
                )
                seen += os.read(person, 1024)
            seen = b""
            os.write(person, typed)

    operator = threading.Thread(target=answer)
    operator.start()
    code, test, stimuli = run()
    operator.join()
    assert (code, test["verdict"]) == (0, "pass")
    assert [(each["answer"], each["initials"], each["outcome"]) for each in stimuli] == [
        ("0012 kWh", "AB", "done")
    ]
    assert stimuli[0]["volatile"]["at"]


def test_nobody_answering_is_inconclusive_never_a_pass(bench):
    _, run = bench
    code, test, stimuli = run()
    assert (code, test["verdict"]) == (4, "inconclusive")
    assert [each["outcome"] for each in stimuli] == ["unanswered"]
