"""``hil faults`` and its page, ``hil emulate --fault``, and the mark of a test, from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil.bench import Bench
from hil.cli import cli
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.rigfile import load_rig
from rigs.emulated.fault_catalogue import CATALOGUE

ROOT = Path(__file__).parents[3]
DESK = (ROOT / "rigs" / "desk-esme.toml").read_text().replace('"devices/', f'"{ROOT}/rigs/devices/')


def test_the_page_is_what_the_catalogue_says():
    made = CliRunner().invoke(cli, ["faults", "--markdown"], catch_exceptions=False).output
    assert (ROOT / "docs" / "reference" / "faults.md").read_text() == made, (
        "make it again: hil faults --markdown > docs/reference/faults.md"
    )


def test_the_list_has_every_fault_with_its_values():
    shown = CliRunner().invoke(cli, ["faults"], catch_exceptions=False).output
    rows = json.loads(CliRunner().invoke(cli, ["faults", "--json"], catch_exceptions=False).output)
    assert [row["name"] for row in rows] == list(CATALOGUE)
    for row in rows:
        assert row["name"] in shown
        assert all(f"{each['name']}: {each['text']}" in shown for each in row["parameters"])


def environment(tmp_path):
    kept = {**os.environ, "SMETS_HIL_STATE": str(tmp_path / "state"), "COLUMNS": "200"}
    kept.pop("PYTEST_ADDOPTS", None)
    return kept


def test_emulator_with_faults(tmp_path, monkeypatch):
    """Those of the command line stay, those of a bench are lifted by it, or by the next one."""
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    (tmp_path / "rig.toml").write_text(DESK)
    command = [sys.executable, "-m", "hil", "emulate", str(tmp_path / "rig.toml"), "--until-stdin-closes"]
    command += ["--fault", "slow-responses:esme,seconds=0.3"]
    rig = load_rig(tmp_path / "rig.toml")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(tmp_path), **pipes) as process:
        assert process.stdout.readline()
        for run in ("one", "two"):
            with (
                Journal.open(tmp_path / run / "journal.sqlite") as journal,
                Bench.open(rig, journal) as bench,
            ):
                seconds = [took(bench)]
                bench.faults.begin("slow-responses", "esme", seconds=0.4)
                seconds.append(took(bench))
            assert 0.3 <= seconds[0] < 0.65 <= seconds[1]
        process.stdin.close()


def took(bench):
    before = bench.clock.monotonic()
    bench.users["acb"].request("ECS52", bench.devices["esme"])
    return bench.clock.monotonic() - before


def test_emulator_refuses_what_is_no_fault(tmp_path):
    (tmp_path / "rig.toml").write_text(DESK)
    command = [sys.executable, "-m", "hil", "emulate", str(tmp_path / "rig.toml"), "--fault", "slow-respones"]
    done = subprocess.run(
        command, check=False, env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "perhaps slow-responses" in done.stderr


SUITE = """
import pytest
from hil.api import leaves, needs

def seconds(bench, acb, esme):
    before = bench.clock.monotonic()
    acb.request("ECS52", esme, timeout_s=60)
    return bench.clock.monotonic() - before

@leaves("nothing")
@pytest.mark.fault("slow-responses", node="esme", seconds=3)
def test_a_slow(bench, acb, esme):
    assert seconds(bench, acb, esme) > 3
    raise RuntimeError("even so the fault is lifted")

@leaves("nothing")
def test_b_as_usual(bench, acb, esme):
    assert seconds(bench, acb, esme) < 1

@leaves("nothing")
@pytest.mark.fault("drop", node="esme", port="wan")
def test_c_no_such_wire(bench, acb, esme):
    raise AssertionError

@leaves("nothing")
@pytest.mark.fault("drop:esme.serial,direction=out,count=1")
def test_d_as_text(bench, acb, esme):
    bench.wait(1)
"""
VIRTUAL = DESK.replace("\n[keys]", '\n[bench]\ntime = "virtual"\n\n[keys]').replace('url = "emulated:"\n', "")
for _driver in ("serial", "console", "power-emulated", "stimulus-emulated"):
    VIRTUAL = VIRTUAL.replace(f'driver = "{_driver}"', 'driver = "memory"')


def run(tmp_path, suite, rig):
    (tmp_path / "rig.toml").write_text(rig)
    (tmp_path / "test_own.py").write_text(suite)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rig", str(tmp_path / "rig.toml")]
    command += ["--run-dir", str(tmp_path / "run"), str(tmp_path / "test_own.py")]
    done = subprocess.run(
        command,
        check=False,
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    return done, tmp_path / "run"


def test_the_mark_of_a_test(tmp_path):
    done, folder = run(tmp_path, SUITE, VIRTUAL)
    results = {
        row["id"].rpartition("::")[2]: row
        for row in json.loads((folder / "results.json").read_text())["tests"]
    }
    assert {name: row["verdict"] for name, row in results.items()} == {
        "test_a_slow": "error",
        "test_b_as_usual": "pass",
        "test_c_no_such_wire": "skipped",
        "test_d_as_text": "pass",
    }, done.stdout + done.stderr
    assert "no wan on this rig" in results["test_c_no_such_wire"]["reason"]
    with JournalReader(folder / "journal.sqlite") as reader:
        told = [(r.kind, r.test.rpartition("::")[2]) for r in reader.records() if r.kind.startswith("fault.")]
    assert told == [
        (f"fault.{word}", test) for test in ("test_a_slow", "test_d_as_text") for word in ("begun", "ended")
    ]


@pytest.mark.parametrize(
    ("mark", "told"),
    [
        ('"slow-respones", node="esme"', "perhaps slow-responses"),
        ('"refuse", node="esme"', "refuse needs element"),
        ("", "fault("),
    ],
)
def test_a_mark_that_is_none_stops_the_run(tmp_path, mark, told):
    suite = SUITE.replace('"slow-responses", node="esme", seconds=3', mark)
    done, _ = run(tmp_path, suite, VIRTUAL)
    assert done.returncode == 2
    assert told in done.stdout + done.stderr
