"""The suites twice against devices that are never reset, with a SIGKILL of the harness in the first run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from hil.journal_reader import JournalReader
from tests.system.processes import hil_environment, own_serial_rig

# In real time all of them take many minutes.
SUITE = ("--suite", "alerts", "-k", "test_tamper or test_display or test_supply or test_refusals")


@pytest.fixture
def rig(tmp_path):
    return own_serial_rig(tmp_path)


@pytest.fixture
def emulator(rig, tmp_path):
    """Devices that outlive every harness process of the test."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hil", "emulate", str(rig)],
        cwd=tmp_path,
        env=hil_environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    process.stdout.close()


def records(path) -> int:
    """How many records a journal holds while another process writes it."""
    try:
        with JournalReader(path) as reader:
            return sum(1 for _ in reader.records())
    except Exception:  # noqa: BLE001  # not there yet, or its tables are not
        return 0


@pytest.mark.timeout(280)
def test_second_run_passes_after_a_kill_in_the_first(emulator, rig, hil, tmp_path):
    first_dir, second_dir = tmp_path / "first", tmp_path / "second"
    first = subprocess.Popen(
        [sys.executable, "-m", "hil", "run", "--rig", str(rig), *SUITE, "--run-dir", str(first_dir)],
        cwd=tmp_path,
        env=hil_environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # In the middle of the suite: a whole run of it writes more than 600 records.
    deadline = time.monotonic() + 90
    while (journal := next(first_dir.glob("**/journal.sqlite"), None)) is None or records(journal) < 300:
        assert first.poll() is None, "the first run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    seen = records(journal)
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait(timeout=10) == -signal.SIGKILL
    assert emulator.poll() is None, "the devices must outlive the harness"

    with JournalReader(journal) as reader:
        assert sum(1 for _ in reader.records()) >= seen
        assert reader.verify().ok

    second = hil("run", "--rig", str(rig), *SUITE, "--run-dir", str(second_dir), timeout_s=180)
    assert second.returncode == 0, second.stdout[-6000:] + second.stderr[-3000:]
    results = json.loads(next(second_dir.glob("**/results.json")).read_text())
    verdicts = [test["verdict"] for test in results["tests"]]
    assert set(verdicts) <= {"pass", "skipped"}  # a polyphase meter is not on every rig
    assert verdicts.count("pass") >= 20

    # The report of the killed run can still be made, from its journal alone.
    report = hil("report", str(journal.parent))
    assert "hash chain holds" in report.stdout, report.stdout + report.stderr
    assert "did not end in order" in report.stdout
    killed = json.loads((journal.parent / "results.json").read_text())
    assert any(test["verdict"] == "inconclusive" for test in killed["tests"])
