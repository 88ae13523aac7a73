"""``hil run`` and ``pytest --rig`` from outside, in processes of their own, against the emulated premises."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from hil.journal_reader import JournalReader
from tests.system.processes import own_serial_rig

ROOT = Path(__file__).parents[3]
RIG = ROOT / "rigs" / "emulated.toml"
HEAD = """
import os, signal
import pytest
from hil.api import covers, inconclusive, leaves, needs, not_applicable
from protocols.ports import BenchError
"""
CELLS = """
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.types import KeyUsage
from protocols.gbcs.keystore import KeyUse

def hand_over(bench, supplier, second_supplier, device):
    certificate = bench.keys.keystore.certificate
    other = second_supplier.eui64
    cells = [
        (certificate(other, KeyUse.DS), TrustAnchorCell(2, KeyUsage.DIGITAL_SIGNATURE)),
        (certificate(other, KeyUse.KA), TrustAnchorCell(2, KeyUsage.KEY_AGREEMENT)),
        (certificate(other, KeyUse.PP_KA), TrustAnchorCell(2, KeyUsage.KEY_AGREEMENT, 1)),
    ]
    path = [bench.keys.hierarchy.issuing.certificate]
    return supplier.request("CS02b", device, mode=2, new_floor_counter=0, replacements=cells, path=path)
"""
READ = """
@covers("GBCS-UC-ECS27")
@needs(state="commissioned", devices=["esme"])
@leaves("nothing")
def test_read(supplier, esme, check):
    response = supplier.request("ECS27", esme)
    check.equal("GBCS-UC-ECS27", "ok", response.mac, octets=response.octets)
"""


class Place:
    """A folder with suites, far from the checkout, and a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SMETS_HIL_STATE": str(folder / "state"), "COLUMNS": "200"}
        self.environment.pop("PYTEST_ADDOPTS", None)
        # The settings of the project that stands here must not reach a run of ours.
        (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
        (folder / "conftest.py").write_text("raise RuntimeError('a conftest of somebody else')\n")

    def suite(self, name: str, text: str) -> str:
        path = self.folder / "own" / name / "test_own.py"
        path.parent.mkdir(parents=True)
        path.write_text(HEAD + text)
        return str(path.parent)

    def hil(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "hil", *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def results(self, run: str = "runs/latest") -> dict:
        return json.loads((self.folder / run / "results.json").read_text())

    def kinds(self, run: str = "runs/latest") -> list[tuple[str, dict]]:
        with JournalReader(self.folder / run / "journal.sqlite") as reader:
            assert reader.verify().ok
            return [(record.kind, record.body) for record in reader.records()]


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def verdicts(results):
    return {test["id"].rpartition("::")[2]: test["verdict"] for test in results["tests"]}


def test_every_verdict_from_a_real_run(place):
    suite = place.suite(
        "all",
        READ
        + """
@covers("GBCS-UC-ECS27")
@needs(devices=["esme"])
@leaves("nothing")
def test_fails(esme, check):
    check.equal("GBCS-UC-ECS27", 1, 2)
    check.equal("GBCS-UC-ECS27", 3, 4)

@leaves("nothing")
def test_breaks():
    raise BenchError("the wire was cut", next_step="mend it")

@leaves("nothing")
def test_cannot_tell(bench):
    inconclusive("the sky is cloudy")

@leaves("nothing")
@needs(devices=["hcalcs"])
def test_of_a_device_that_is_not_here(): ...

@leaves("nothing")
def test_of_another_variant():
    not_applicable("no meter here has a second element")

@covers("GBCS-UC-ECS27")
@leaves("nothing")
def test_silence(bench, supplier, esme):
    supplier.request("ECS27", bench.devices["esme"], timeout_s=0.0)

@leaves("nothing")
def test_at_the_second_attempt(bench, seen=[]):
    seen.append(1)
    assert len(seen) > 1
""",
    )
    done = place.hil("run", "--rig", str(RIG), "--suite", suite, "--retry", "1")
    assert done.returncode == 1, done.stdout + done.stderr
    results = place.results()
    assert verdicts(results) == {
        "test_read": "pass",
        "test_fails": "fail",
        "test_breaks": "error",
        "test_cannot_tell": "inconclusive",
        "test_of_a_device_that_is_not_here": "skipped",
        "test_of_another_variant": "skipped",
        "test_silence": "fail",
        "test_at_the_second_attempt": "flaky",
    }
    tests = {test["id"].rpartition("::")[2]: test for test in results["tests"]}
    assert [finding["expected"] for finding in tests["test_fails"]["findings"]] == ["1", "3"] * 2
    assert "chf answered CS02a on the same wire" in tests["test_silence"]["reason"]
    assert tests["test_of_another_variant"]["skip_kind"] == "not-applicable"
    assert [attempt["verdict"] for attempt in tests["test_at_the_second_attempt"]["attempts"]] == [
        "inconclusive",
        "pass",
    ]
    assert results["devices"]["esme"]["at_end"]["authenticated"] == "ok"
    assert results["devices"]["esme"]["at_end"]["firmware_version"] == "02000001"
    assert len(results["switches"]) == 30
    assert results["rig"]["name"] == "emulated"
    root = ET.parse(place.folder / "runs" / "latest" / "junit.xml").getroot()
    assert (root.get("failures"), root.get("errors"), root.get("skipped")) == ("2", "3", "2")
    for piece in ("fail  own: fails", "A device failed", "runs/", "report.html"):
        assert piece in done.stdout
    before = (place.folder / "runs" / "latest" / "report.html").read_bytes()
    assert place.hil("report").returncode == 0
    assert (place.folder / "runs" / "latest" / "report.html").read_bytes() == before


def test_settings_and_credentials_come_back_also_after_a_failure(place):
    suite = place.suite(
        "touch",
        CELLS
        + """
@needs(state="commissioned", devices=["esme"])
@leaves("restored")
def test_changes_and_breaks(bench, supplier, second_supplier, esme):
    supplier.request("ECS39a", esme, mpan="1234567890128")
    hand_over(bench, supplier, second_supplier, esme)
    raise RuntimeError("in the middle")

@needs(state="commissioned", devices=["esme"])
@leaves("nothing")
def test_the_supplier_is_back(supplier, esme):
    assert supplier.request("ECS17b", esme).mac == "ok"
""",
    )
    done = place.hil("run", "--rig", str(RIG), "--suite", suite)
    assert done.returncode == 3, done.stdout
    assert verdicts(place.results()) == {
        "test_changes_and_breaks": "error",
        "test_the_supplier_is_back": "pass",
    }
    restored = [body["what"] for kind, body in place.kinds() if kind == "restore.done"]
    assert sorted(restored) == ["credentials", "mpxn"]


def test_a_killed_run_is_evidence_and_the_next_one_puts_things_back(place):
    first = place.suite(
        "killed",
        CELLS
        + """
@needs(state="commissioned", devices=["esme"])
@leaves("restored")
def test_is_killed(bench, supplier, second_supplier, esme):
    supplier.request("ECS39a", esme, mpan="1234567890128")
    hand_over(bench, supplier, second_supplier, esme)
    os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    keeps_state = own_serial_rig(place.folder)  # in real time: its devices outlive a run
    done = place.hil("run", "--rig", str(keeps_state), "--suite", first, "--run-dir", "killed")
    assert done.returncode == -signal.SIGKILL
    sent = [body["use_case"] for kind, body in place.kinds("killed") if kind == "message.sent"]
    assert sent[-1] == "CS02b"
    done = place.hil("report", "killed")
    assert done.returncode == 0
    assert "not closed: the run was cut off" in done.stdout
    assert verdicts(place.results("killed")) == {"test_is_killed": "inconclusive"}

    second = place.suite("next", READ)
    done = place.hil("run", "--rig", str(keeps_state), "--suite", second)
    assert done.returncode == 0, (
        done.stdout
    )  # fewer than the rig's minimum_tests, but only these were asked for
    assert verdicts(place.results()) == {"test_read": "pass"}
    kinds = place.kinds()
    assert ("restore.left", {"devices": {"esme": ["activation", "credentials", "mpxn"]}}) in kinds
    numbers = [
        body["values"] for kind, body in kinds if kind == "message.sent" and body["use_case"] == "ECS39a"
    ]
    assert {"mpan": "2000012345672"} in numbers
    assert json.loads(next(place.folder.glob("state/*/restore.json")).read_text()) == {}


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ('@covers("GBCS-0")\n@leaves("nothing")\ndef test_x(): ...', [], "covers 'GBCS-0'"),
        ("def test_x(): ...", [], "does not say what it leaves behind"),
        ("import nowhere_at_all", [], "nowhere_at_all"),
        (READ, ["-k", "nothing_like_it"], "no test was run"),
        (READ, ["--rig", "nowhere.toml"], "nowhere.toml"),
        (READ, ["--suite", "nowhere"], "no suite 'nowhere'"),
    ],
)
def test_what_the_user_can_correct_is_exit_code_2(place, text, arguments, said):
    done = place.hil("run", "--rig", str(RIG), "--suite", place.suite("x", text), *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not (place.folder / "runs").exists()


def test_a_rig_that_cannot_be_opened_is_exit_code_3_with_a_report(place):
    rig = place.folder / "rig.toml"
    port = '[nodes.chf.ports.wan]\ndriver = "serial"\nurl = "socket://127.0.0.1:9"\n'
    text = (
        _without(RIG.read_text(), "[bench]")
        .replace("emulated = true", "emulated = false")
        .replace('"devices/', f'"{RIG.parent}/devices/')
    )
    for node in ("chf", "esme", "gsme", "ppmid"):
        for kind in ("wan", "console", "power", "stimulus", "firmware"):
            text = _without(text, f"[nodes.{node}.ports.{kind}]")
    rig.write_text(text + port)
    done = place.hil("run", "--rig", str(rig), "--suite", place.suite("x", READ))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "next step" in done.stdout
    results = place.results()
    assert results["run"]["bench_failures"]
    assert verdicts(results) == {"test_read": "error"}


def _without(text: str, table: str) -> str:
    """TOML text without one table."""
    start = text.find(table)
    if start < 0:
        return text
    end = text.find("\n[", start + 1)
    return text[:start] + (text[end + 1 :] if end >= 0 else "")


def test_pytest_with_a_rig_of_ones_own_rows(place):
    (place.folder / "pytest.ini").unlink()
    (place.folder / "conftest.py").unlink()
    row = {"id": "OWN-1", "document": "our notes", "title": "t", "text": "t", "strength": "vendor"}
    (place.folder / "rows.json").write_text(json.dumps([row]))
    rig = RIG.read_text().replace('"devices/', f'"{RIG.parent}/devices/')
    rig = re.sub(r"minimum_tests = \d+", 'minimum_tests = 1\nregister = ["rows.json"]', rig)
    (place.folder / "rig.toml").write_text(rig)
    suite = place.suite(
        "mine",
        READ
        + """
@covers("OWN-1")
@needs(devices=["esme"])
@leaves("nothing")
def test_weak(esme, check, firmware_images, users, devices, alerts):
    check.that("OWN-1", False, expected="a", observed="b")
    check.equal("GBCS-UC-ECS27", 1, 1)
    assert firmware_images.make(esme, 9).version == bytes((0, 0, 0, 9))
    assert alerts.mark() == 0
    assert users["acb"].role == "access_control_broker"
    assert devices["esme"] is esme

@needs(devices=["hcalcs"])
@leaves("nothing")
def test_absent(): ...
""",
    )
    done = place.python("-m", "pytest", "--rig", "rig.toml", suite, "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    results = place.results()
    assert verdicts(results) == {"test_read": "pass", "test_weak": "pass", "test_absent": "skipped"}
    weak = next(test for test in results["tests"] if test["observed"])
    assert (weak["observed"][0]["row"], weak["observed"][0]["strength"]) == ("OWN-1", "vendor")
    assert "2 passed, 1 skipped" in done.stdout

    done = place.python("-m", "pytest", "--rig", "rig.toml", suite, "-n", "2")
    assert done.returncode == 2
    assert "one rig serves one process" in done.stdout + done.stderr


def test_the_plugin_keeps_quiet_without_a_rig(place):
    (place.folder / "pytest.ini").unlink()
    (place.folder / "conftest.py").unlink()
    (place.folder / "test_other.py").write_text(
        "import sys\ndef test_other():\n"
        "    ours = sorted(m for m in sys.modules if m.split('.')[0] in ('hil', 'protocols', 'drivers', 'fixtures'))\n"
        "    assert ours == ['hil', 'hil.pytest_plugin']\n"
    )
    done = place.python("-m", "pytest", "test_other.py", "-p", "no:cacheprovider", "--strict-markers")
    assert done.returncode == 0, done.stdout
    done = place.python("-m", "pytest", place.suite("x", READ), "-p", "no:cacheprovider", "--strict-markers")
    assert done.returncode == 2
    assert "add --rig RIG" in done.stdout + done.stderr
