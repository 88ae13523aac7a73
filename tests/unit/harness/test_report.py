from __future__ import annotations

import json
import shutil
import sqlite3
from html.parser import HTMLParser
from importlib import resources
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from click.testing import CliRunner

from fixtures.run_journal import ALERT, COMMAND, RESPONSE, MadeTest, about, cut_off, finding, write_run
from hil.cli.report import command as report_command
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.report.ladder import ladder_of
from hil.report.model import read_run
from hil.report.write import write_report
from hil.verdicts import ExitCode, Verdict

MESSAGES = [("message.sent", COMMAND), ("message.received", RESPONSE), ("message.received", ALERT)]


def everything():
    """One test of every verdict."""
    return [
        MadeTest("test_pass", [("pass", "", [*MESSAGES, finding(kind="check")])], "pass"),
        MadeTest(
            "test_fail",
            [("fail", "ROW-1: expected ok", [*MESSAGES, finding()])],
            "fail",
            "ROW-1: expected ok",
        ),
        MadeTest("test_error", [("error", "line cut \x00\x1b[1m", [])], "error", "line cut \x00\x1b[1m"),
        MadeTest(
            "test_undecided", [("inconclusive", "nobody answered", [])], "inconclusive", "nobody answered"
        ),
        MadeTest(
            "test_skipped",
            [("skipped", "no gsme", [])],
            "skipped",
            "no gsme",
            "not-applicable",
            covers=("ROW-2",),
        ),
        MadeTest(
            "test_flaky",
            [("fail", "first", [finding("ROW-3")]), ("pass", "", [finding("ROW-3", kind="check")])],
            "flaky",
            "2 attempts: fail, pass",
            covers=("ROW-3",),
        ),
        MadeTest(
            "test_weak",
            [("pass", "", [finding("ROW-4", kind="observed", strength="vendor")])],
            "pass",
            covers=("ROW-4",),
        ),
    ]


@pytest.fixture
def run(tmp_path):
    write_run(tmp_path / "journal.sqlite", everything(), exit_code=1)
    return tmp_path


def validated(folder):
    document = json.loads((folder / "results.json").read_text())
    schema = json.loads(resources.files("hil").joinpath("data/results.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(document)
    return document


def test_results_follow_the_published_schema(run):
    write_report(run / "journal.sqlite")
    document = validated(run)
    assert document["run"]["counts"] == {
        "pass": 2, "fail": 1, "error": 1, "inconclusive": 1, "skipped": 1, "flaky": 1
    }  # fmt: skip
    assert document["run"]["exit_code"] == 1
    assert "not a certificate" in document["notice"]
    assert document["key_set"]["fingerprint_sha256"] == "ef" * 32
    assert document["devices"]["esme"]["at_start"]["firmware_version"] == "02000002"
    assert document["devices"]["esme"]["at_end"] is None
    assert document["switches"]["A01"]["value"] == "any"
    failed = next(test for test in document["tests"] if test["verdict"] == "fail")
    assert failed["findings"][0] | {"octets": ""} == {
        "row": "ROW-1",
        "document": "GBCS",
        "version": "4.1",
        "clause": "6.2",
        "strength": "derived",
        "expected": "ok",
        "observed": "bad",
        "octets": "",
    }
    assert document["journal"]["chain_holds"]
    assert document["journal"]["closed"]


def test_coverage_names_the_worst_that_was_seen_of_a_row(run):
    rows = {
        row["row"]: row["result"]
        for row in (write_report(run / "journal.sqlite"), validated(run))[1]["coverage"]
    }
    # ROW-3 failed at the first attempt of a flaky test, whose last one held: the verdict says flaky, the row held.
    assert rows == {"ROW-1": "failed", "ROW-2": "not run", "ROW-3": "held", "ROW-4": "observed"}


def test_junit_never_shows_anything_undecided_as_a_pass(run):
    write_report(run / "journal.sqlite")
    root = ET.parse(run / "junit.xml").getroot()
    shown = {
        case.get("name"): [(child.tag, child.get("type")) for child in case] for case in root.iter("testcase")
    }
    assert shown == {
        "test_pass": [],
        "test_fail": [("failure", "fail")],
        "test_error": [("error", "error")],
        "test_undecided": [("error", "inconclusive")],
        "test_skipped": [("skipped", "not-applicable")],
        "test_flaky": [("error", "flaky")],
        "test_weak": [],
    }
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "errors": "3",
        "skipped": "1",
    }
    failure = next(root.iter("failure"))
    assert "ROW-1 (GBCS 4.1 6.2, derived): expected ok; observed bad" in failure.text
    assert "\x00" not in (run / "junit.xml").read_text()


class Page(HTMLParser):
    """Collects what a page would load, and sees that tags close."""

    VOID = ("meta", "br", "input", "link", "img", "hr")

    def __init__(self):
        super().__init__()
        self.loads, self.open, self.ids, self.links = [], [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.loads += [value for name, value in attrs if name in {"src", "data", "action", "poster"}]
        if tag in {"link", "img", "iframe"}:
            self.loads.append(tag)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_opens_offline_and_is_well_formed(run):
    write_report(run / "journal.sqlite")
    text = (run / "report.html").read_text()
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.loads == []
    assert "http://" not in text
    assert "https://" not in text
    assert "url(" not in text
    assert len(page.ids) == len(set(page.ids))
    assert all(link.removeprefix("#") in page.ids for link in page.links)


def test_page_shows_what_was_seen_and_escapes_it(run):
    write_report(run / "journal.sqlite")
    text = (run / "report.html").read_text()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    for piece in (
        "alert 8F3D Trusted Source Authentication Failure",
        "ECS27 Read ESME Load Limit Data",
        "MAC bad",
        "signature ok",
        "A device failed: 2 pass, 1 fail",
        "declared 02000001",
        "not a certificate",
        "ab" * 8,
        "ef" * 32,
        "role-counter-signature-mac",
    ):
        assert piece in text, piece


def test_ladder_goes_from_user_through_the_hub_to_the_device(run):
    with JournalReader(run / "journal.sqlite") as reader:
        view = read_run(reader)
    ladder = ladder_of(view.tests[0].attempts[0], view.about["devices"])
    assert ladder.lanes == ["supplier", "chf", "esme"]
    rungs = ladder.sections[0].rungs
    assert [(rung.kind, rung.start, rung.through, rung.end) for rung in rungs[:3]] == [
        ("command", 0, 1, 2),
        ("response", 2, 1, 0),
        ("alert", 2, 1, 0),
    ]
    assert [mark.text for mark in rungs[1].marks] == ["MAC bad", "refused"]
    # The check's evidence is the response that stands above it.
    assert ("evidence", f"the message of record {rungs[1].record}") in rungs[3].facts
    assert rungs[3].octets == ""


def test_a_killed_run_is_reported_with_what_it_wrote(tmp_path):
    tests = [
        MadeTest("test_done", [("pass", "", MESSAGES)], "pass"),
        MadeTest("test_in_the_middle", [("", "", MESSAGES)]),
        MadeTest("test_not_begun"),
    ]
    write_run(tmp_path / "journal.sqlite", tests, exit_code=None)
    view = write_report(tmp_path / "journal.sqlite")
    assert [test.outcome.verdict for test in view.tests] == [
        Verdict.PASS,
        Verdict.INCONCLUSIVE,
        Verdict.INCONCLUSIVE,
    ]
    assert [test.outcome.reason for test in view.tests[1:]] == ["not finished"] * 2
    assert view.code is ExitCode.UNDECIDED
    assert "did not end in order: 1 of 3" in view.headline
    document = validated(tmp_path)
    assert document["run"]["finished_at"] is None
    assert document["journal"] | {"records": 0, "head_sha256": ""} == {
        "records": 0,
        "head_sha256": "",
        "chain_holds": True,
        "closed": False,
        "problem": "",
    }
    cases = list(ET.parse(tmp_path / "junit.xml").getroot().iter("testcase"))
    assert [len(case) for case in cases] == [0, 1, 1]


def test_a_journal_cut_off_at_any_record_can_be_reported(run, tmp_path):
    with JournalReader(run / "journal.sqlite") as reader:
        count = reader.head().records
    for kept in {*range(1, count, 5), *range(count - 4, count)}:
        folder = tmp_path / str(kept)
        folder.mkdir()
        shutil.copy(run / "journal.sqlite", folder)
        cut_off(folder / "journal.sqlite", kept)
        view = write_report(folder / "journal.sqlite")
        assert view.chain.ok
        assert not view.chain.closed
        assert validated(folder)["journal"]["records"] == kept


def test_a_bench_that_could_not_be_opened_is_an_error_of_every_test(tmp_path):
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        journal.append("run.started", body=about([MadeTest("test_x")]))
        journal.append("bench.failed", body={"cause": "no such port", "next_step": "plug it in"})
        journal.append("run.finished", body={"exit_code": 3})
    view = write_report(tmp_path / "journal.sqlite")
    assert view.tests[0].outcome.verdict is Verdict.ERROR
    assert "plug it in" in (tmp_path / "report.html").read_text()
    assert validated(tmp_path)["run"]["bench_failures"] == [
        {"cause": "no such port", "next_step": "plug it in"}
    ]


def test_report_stays_small(tmp_path):
    records = [("message.sent", COMMAND | {"octets": bytes(200)}), ("message.received", RESPONSE)] * 15
    tests = [MadeTest(f"test_{number}", [("pass", "", records)], "pass") for number in range(60)]
    write_run(tmp_path / "journal.sqlite", tests)
    write_report(tmp_path / "journal.sqlite")
    assert (tmp_path / "report.html").stat().st_size < 2_500_000


def test_command_makes_the_views_again_and_checks_the_chain(run):
    outcome = CliRunner().invoke(report_command, [str(run)])
    assert outcome.exit_code == 0
    assert "hash chain holds, closed in order" in outcome.output
    assert (run / "junit.xml").is_file()

    connection = sqlite3.connect(run / "journal.sqlite")
    connection.execute("UPDATE records SET body = replace(body, 'nobody answered', 'all was well')")
    connection.commit()
    connection.close()
    outcome = CliRunner().invoke(report_command, [str(run / "journal.sqlite")])
    assert outcome.exit_code == 3
    assert "HASH CHAIN BROKEN" in outcome.output
    assert "The journal was altered" in (run / "report.html").read_text()


def test_views_are_the_same_when_made_again(run):
    write_report(run / "journal.sqlite")
    names = ("report.html", "junit.xml", "results.json")
    first = [(run / name).read_bytes() for name in names]
    write_report(run / "journal.sqlite")
    assert [(run / name).read_bytes() for name in names] == first


def test_register_rows_are_counted_by_topic_and_strength(tmp_path):
    """Two rows of three are tested: one by a function of its own, one by a case of a sweep; the DCC's do not count."""
    rows = {
        name: {"topic": "time", "strength": "derived", "device": device, "title": name}
        for name, device in (("OWN", "ESME"), ("SWEPT", "ESME"), ("SKIPPED", "ESME"), ("OFFICE", "DCC"))
    }
    tests = [
        MadeTest("test_own", [("pass", "", [])], "pass", covers=("OWN", "OFFICE")),
        MadeTest("test_sweep[SWEPT]", [("pass", "", [])], "pass", covers=("SWEPT",)),
        MadeTest("test_sweep[SKIPPED]", [("skipped", "", [])], "skipped", "", "asked", covers=("SKIPPED",)),
    ]
    held = [
        {"topic": "time", "strength": "derived", "rows": 7},
        {"topic": "time", "strength": "vendor", "rows": 2},
    ]
    write_run(tmp_path / "journal.sqlite", tests, exit_code=0, rows=rows, register=held)
    write_report(tmp_path / "journal.sqlite")
    assert validated(tmp_path)["register"] == {
        "all": {"rows": 9, "tested": 2, "with_own_test": 1},
        "spec_and_derived": {"rows": 7, "tested": 2, "with_own_test": 1},
        "topics": [
            {"topic": "time", "strength": "derived", "rows": 7, "tested": 2, "with_own_test": 1},
            {"topic": "time", "strength": "vendor", "rows": 2, "tested": 0, "with_own_test": 0},
        ],
    }
    assert "2 of 7" in (tmp_path / "report.html").read_text()
