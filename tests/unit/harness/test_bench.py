"""The bench with a real emulator process: start, attach, use, and every way of ending."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil import emulator
from hil.bench import Bench
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.rigfile import load_rig
from hil.verdicts import NotRunError, SkipKind
from protocols.ports import BenchError, PortClosedError

RIG = Path(__file__).parents[3] / "rigs" / "desk-esme.toml"
# A process that ends neither when its input does nor on SIGTERM.
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    return load_rig(RIG)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "run" / "journal.sqlite") as opened:
        yield opened


def _kinds(journal):
    with JournalReader(journal.path) as reader:
        return [record.kind for record in reader.records()]


def _gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_requests_power_stimulus_and_console_of_an_emulated_meter(rig, journal):
    with Bench.open(rig, journal) as bench:
        esme, acb = bench.devices["esme"], bench.users["acb"]
        assert {"message", "console", "power", "stimulus"} <= esme.capabilities
        response = acb.request("ECS52", esme)
        assert (response.mac, response.values["firmware_version"]) == (
            "ok",
            esme.device_file.firmware_version,
        )
        assert "ECS52" in esme.console.expect(r"ECS52 from \S+")
        esme.power.off()
        assert esme.power.is_on() is False
        sent = acb.send("ECS52", esme)
        acb.expect_silence(sent, 0.1)
        esme.power.on()
        assert acb.request("ECS52", esme).mac == "ok"
        mark = bench.alerts.mark()
        assert esme.stimulus.apply("cover-open").outcome == "done"
        assert bench.alerts.expect(esme, since=mark).signature == "ok"
    kinds = _kinds(journal)
    assert kinds[0] == "emulator.ready"
    assert {
        "bench.opened",
        "console",
        "message.sent",
        "message.received",
        "power.off",
        "power.on",
        "stimulus",
    } <= set(kinds)


def test_the_emulator_ends_with_the_bench_and_remembers(rig, journal):
    with Bench.open(rig, journal) as bench:
        first = bench.users["supplier"].send("ECS52", bench.devices["esme"]).counter
    assert not emulator.is_running(rig)
    with Bench.open(rig, journal) as bench:
        assert bench.users["supplier"].send("ECS52", bench.devices["esme"]).counter == first + 1


def test_attaches_to_a_running_emulator_and_leaves_it_running(rig, journal, tmp_path):
    started = emulator.start(rig, tmp_path / "log")
    try:
        with Bench.open(rig, journal) as bench:
            assert bench.endpoints == started.endpoints
            assert bench.users["acb"].request("ECS52", bench.devices["esme"]).mac == "ok"
        assert emulator.is_running(rig)
        assert started.process.poll() is None
    finally:
        assert started.stop() == []


def test_an_emulator_that_dies_is_trouble_of_the_bench_not_of_the_device(rig, journal):
    bench = Bench.open(rig, journal)
    acb, esme = bench.users["acb"], bench.devices["esme"]
    with JournalReader(journal.path) as reader:
        pid = next(reader.records("emulator.ready")).body["volatile"]["pid"]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(PortClosedError):
        acb.request("ECS52", esme, timeout_s=20)
    with pytest.raises(BenchError, match="exit code -9"):
        bench.close()
    assert "wire.closed" in _kinds(journal)


def test_an_emulator_does_not_outlive_a_killed_harness(rig, tmp_path):
    code = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from hil import emulator\n"
        "from hil.rigfile import load_rig\n"
        "print(emulator.start(load_rig(sys.argv[1]), Path(sys.argv[2])).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    harness = subprocess.Popen(
        [sys.executable, "-c", code, str(RIG), str(tmp_path / "log")], stdout=subprocess.PIPE, text=True
    )
    with harness.stdout:
        pid = int(harness.stdout.readline())
    assert not _gone(pid)
    harness.kill()
    harness.wait()
    deadline = time.monotonic() + 20
    while emulator.is_running(rig):
        assert time.monotonic() < deadline, "the emulator still runs"
        time.sleep(0.01)


def test_what_keeps_it_from_starting_stands_in_the_error(rig, tmp_path):
    rig.state_root.mkdir(parents=True)
    rig.state_dir.write_text("a file where the folder should be")
    with pytest.raises(BenchError, match="before it was ready: ") as caught:
        emulator.start(rig, tmp_path / "log")
    assert "Error" in caught.value.cause


def test_a_stubborn_process_is_ended_in_steps_that_are_reported():
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process.stdout:
        process.stdout.readline()
        trouble = emulator.Emulator(process.pid, {}, None, process).stop(0.1)
    assert [line.rpartition(" ")[2] for line in trouble] == ["SIGTERM", "SIGKILL"]
    assert process.returncode == -signal.SIGKILL


def test_a_rig_serves_one_run_at_a_time(rig, journal, tmp_path):
    with (
        Bench.open(rig, journal),
        Journal.open(tmp_path / "other" / "journal.sqlite") as other,
        pytest.raises(BenchError, match=f"process {os.getpid()} runs tests on this rig"),
    ):
        Bench.open(rig, other)
    Bench.open(rig, journal).close()


def test_nothing_stays_open_when_opening_fails(rig, journal):
    rig.devices["esme"].ports["console"].settings["url"] = "/dev/does-not-exist"
    with pytest.raises(BenchError, match="does-not-exist"):
        Bench.open(rig, journal)
    assert not emulator.is_running(rig)


def test_wait_that_is_longer_than_the_rig_allows_skips_the_test(rig, journal):
    rig.longest_wait_s = 1
    with Bench.open(rig, journal) as bench:
        bench.wait(0.01)
        with pytest.raises(NotRunError, match=r"waits 60 s, and this rig at most 1 s") as raised:
            bench.wait(60)
    assert raised.value.kind is SkipKind.NOT_APPLICABLE
