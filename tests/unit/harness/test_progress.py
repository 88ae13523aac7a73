from __future__ import annotations

import io
import os
import sys

import pytest
from rich.console import Console

from fixtures.run_journal import ALERT, COMMAND, MadeTest, about, write_run
from hil.journal_reader import JournalReader
from hil.progress import Show, summarise, terminal
from hil.report.model import read_run

TESTS = [
    MadeTest("test_good", [("pass", "", [])], "pass"),
    MadeTest(
        "test_bad",
        [("fail", "ROW-1: expected [ok]\nsecond line", [])],
        "fail",
        "ROW-1: expected [ok]\nsecond line",
    ),
]


def shown(*, terminal, operator=False):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=120, highlight=False, color_system=None)
    body = about(TESTS)
    if operator:
        body["devices"]["esme"]["ports"]["stimulus"] = "stimulus-operator"
    with Show(console) as show:
        show.listen("run.started", "", "", body)
        live = show._live is not None
        for test in TESTS:
            show.listen("test.started", "", test.nodeid, {"attempt": 1})
            show.listen("message.sent", "esme", test.nodeid, COMMAND)
            show.listen("message.received", "esme", test.nodeid, ALERT)
            show.listen("state.step", "", test.nodeid, {"step": "add", "device": "esme"})
            show.listen("test.finished", "", test.nodeid, {"verdict": test.verdict, "reason": test.reason})
    return stream.getvalue(), live


def test_plain_lines_without_a_terminal():
    text, live = shown(terminal=False)
    assert not live
    assert text.splitlines() == [
        "2 tests on rig made: a made-up rig",
        "        pass  own: test good",
        "        fail  own: test bad",
        "              ROW-1: expected [ok]",
        "              second line",
    ]


def test_live_picture_on_a_terminal():
    text, live = shown(terminal=True)
    assert live
    assert "2/2" in text
    assert "1 fail" in text


def test_no_moving_picture_where_an_operator_is_asked():
    assert not shown(terminal=True, operator=True)[1]


@pytest.mark.parametrize(
    ("code", "said"), [(1, "A device failed: 1 pass, 1 fail"), (None, "did not end in order")]
)
def test_table_at_the_end(tmp_path, code, said):
    write_run(tmp_path / "journal.sqlite", TESTS, exit_code=code)
    with JournalReader(tmp_path / "journal.sqlite") as reader:
        view = read_run(reader)
    stream = io.StringIO()
    summarise(Console(file=stream, width=100), view, "runs/x/report.html")
    lines = stream.getvalue().splitlines()
    assert [line.split() for line in lines if line.startswith(("suite", "own"))] == [
        ["suite", "pass", "fail"],
        ["own", "1", "1"],
    ]
    assert said in stream.getvalue()
    assert lines[-1] == "report: runs/x/report.html"


def test_a_reader_that_goes_away_does_not_end_the_run(monkeypatch):
    source, target = os.pipe()
    os.close(source)
    with os.fdopen(target, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", pipe)
        console = terminal()
        with Show(console) as show:
            show.listen("run.started", "", "", about(TESTS))
            show.listen("test.finished", "", TESTS[0].nodeid, {"verdict": "pass"})
        assert console.quiet
        console.file.close()
