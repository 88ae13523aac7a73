"""A rig on virtual time: what its file may say, and how its devices live in the harness's own process."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hil.bench import COUNTERS_NAME, Bench
from hil.clock import RealClock, clock_of
from hil.drivers import check_ports
from hil.emulated import emulator_config
from hil.exchange import NoResponseError
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.rigfile import load_rig
from hil.virtual_time import DEFAULT_START
from protocols.ports import BenchError, ConfigError
from rigs.emulated.config import WireKind
from tests.desk_rig import DESK_RIG

RIGS = Path(__file__).parents[3] / "rigs"


@pytest.fixture
def rig_of(tmp_path):
    def load(*changes):
        text = DESK_RIG
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "rig.toml").write_text(text)
        return load_rig(tmp_path / "rig.toml", {"SMETS_HIL_STATE": str(tmp_path / "state")})

    return load


@pytest.fixture
def opened(tmp_path):
    """Open a bench on a rig, with a journal in a folder of its own."""
    journals = []

    def open_bench(rig):
        folder = tmp_path / f"run{len(journals)}"
        rig = rig.in_run(folder)
        clock = clock_of(rig)
        journals.append(Journal.open(folder / "journal.sqlite", clock, reproducible=not rig.keep_state))
        return Bench.open(rig, journals[-1], clock=clock)

    yield open_bench
    for journal in journals:
        journal.close()


# The rig file --------------------------------------------------------------------------------------------


def test_time_is_real_unless_said():
    rig = load_rig(RIGS / "serial.toml", {})
    assert (rig.virtual, rig.keep_state) == (False, True)
    assert isinstance(clock_of(rig), RealClock)


def test_virtual_time_begins_when_the_rig_says(rig_of):
    assert clock_of(rig_of()).now() == DEFAULT_START
    start = ('"virtual"', '"virtual"\nstart = 2027-03-01T00:00:00+01:00')
    assert clock_of(rig_of(start)).now() == datetime(2027, 2, 28, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("emulated = true", "emulated = false"), ["nodes.esme.emulated", "no virtual time"]),
        (('"virtual"', '"fast"'), ["bench.time", "real", "virtual"]),
        (('"virtual"', '"real"\nstart = 2026-01-01T00:00:00Z'), ["bench.start", "means nothing"]),
        (('"virtual"', '"virtual"\nstart = 2026-01-01T00:00:00'), ["bench.start", "offset"]),
        (('"virtual"', '"real"\n[state]\nkeep = true'), ["state.keep", "means nothing"]),
        (('"virtual"', '"virtual"\n[state]\ndir = "x"'), ["state.dir", "keep = true"]),
    ],
)
def test_what_does_not_fit_together_is_named(rig_of, change, told):
    with pytest.raises(ConfigError) as caught:
        rig_of(change)
    for part in told:
        assert part in str(caught.value)
    assert caught.value.next_step


def test_a_wire_that_knows_real_time_alone_is_refused_with_what_to_do(rig_of):
    rig = rig_of(('console = { driver = "memory" }', 'console = { driver = "console" }'))
    with pytest.raises(
        ConfigError, match=r'ports\.console\.driver = "console".*real time alone.*"memory"'
    ) as caught:
        check_ports(rig)
    assert "hil doctor" in caught.value.next_step


def test_a_wire_in_memory_is_refused_in_real_time(rig_of):
    with pytest.raises(ConfigError, match=r'wires in memory need time = "virtual"'):
        check_ports(rig_of(('"virtual"', '"real"')))


def test_state_of_a_run_lies_in_its_folder_unless_kept(rig_of, tmp_path):
    rig = rig_of()
    placed = rig.in_run(tmp_path / "run")
    assert placed.state_root == tmp_path / "run" / "state"
    assert placed.in_run(tmp_path / "run") == placed
    kept = rig_of(('"virtual"', '"virtual"\n[state]\nkeep = true'))
    assert kept.in_run(tmp_path / "run").state_root == tmp_path / "state"


def test_the_emulator_process_has_no_wires_in_memory(rig_of):
    config = emulator_config(rig_of())
    assert {(wire.port, wire.kind) for wire in config.wires} == {
        ("serial", WireKind.MEMORY),
        ("console", WireKind.MEMORY),
    }


# The devices ---------------------------------------------------------------------------------------------


def test_every_port_of_a_device_in_this_process(rig_of, opened):
    before = time.monotonic()
    with opened(rig_of()) as bench:
        esme, acb = bench.devices["esme"], bench.users["acb"]
        assert {
            "message",
            "message.raw",
            "console",
            "firmware",
            "power",
            "stimulus",
        } <= esme.capabilities
        assert acb.request("ECS52", esme).mac == "ok"
        assert bench.clock.monotonic() == pytest.approx(0.01)  # there and back
        assert "firmware" in esme.console.expect("emulated ESME .*")
        assert esme.stimulus.apply("cover-open").outcome == "done"
        esme.power.off()
        assert esme.power.is_on() is False
        with pytest.raises(NoResponseError):
            acb.request("ECS52", esme, timeout_s=3600)
        with pytest.raises(NoResponseError, match="nothing like 'never'"):
            esme.console.expect("never", timeout_s=3600)
        assert bench.clock.monotonic() > 7200
        mark = esme.console.mark()
        esme.power.on()
        assert esme.console.expect("emulated ESME", since=mark)
    assert time.monotonic() - before < 20


def test_a_broken_line_costs_that_line_only(rig_of, opened):
    with opened(rig_of()) as bench:
        esme, acb = bench.devices["esme"], bench.users["acb"]
        bench.send_octets(esme, b"GBCS:DATA#0:4:00\r\n")
        assert acb.request("ECS52", esme).mac == "ok"


def test_devices_killed_go_on_with_what_they_remember(rig_of, opened):
    with opened(rig_of()) as bench:
        esme, supplier, acb = bench.devices["esme"], bench.users["supplier"], bench.users["acb"]
        assert supplier.request("ECS39a", esme, mpan="1234567890123").results == [0]
        lost = supplier.send("ECS39a", esme, mpan="9999999999999")
        mark = esme.console.mark()
        bench.kill_emulated()
        with pytest.raises(NoResponseError):
            supplier.expect_response(lost, timeout_s=60)
        assert "emulated ESME" in esme.console.text(mark)
        assert acb.request("ECS52", esme).mac == "ok"
        # This rig begins anew with every run: nothing is written for the next.
        assert not (bench.rig.state_dir / "devices").exists()
        # The first command was taken before the kill, the second never arrived: its counter is still free.
        replayed = supplier.send("ECS39a", esme, counter=lost.counter, mpan="1234567890123")
        assert supplier.expect_response(replayed).results == [0]


def test_killing_is_for_devices_in_this_process(tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        bench = Bench(load_rig(RIGS / "serial.toml"), journal, RealClock())
        with pytest.raises(ConfigError, match="do not live in this process"):
            bench.kill_emulated()


def test_a_defect_of_an_emulated_device_is_told(rig_of, opened, monkeypatch):
    bench = opened(rig_of())
    esme = bench.devices["esme"]
    monkeypatch.setattr("rigs.emulated.premises.Premises.receive", lambda *_: 1 / 0)
    with pytest.raises(NoResponseError):
        bench.users["acb"].request("ECS52", esme, timeout_s=1)
    with pytest.raises(BenchError, match="ZeroDivisionError"):
        bench.close()


def test_new_devices_have_new_counters_in_each_run(rig_of, opened, tmp_path):
    for _ in range(2):
        with opened(rig_of()) as bench:
            bench.users["acb"].request("ECS52", bench.devices["esme"])
            assert bench.counters.last(bench.users["acb"].eui64) == 1
    assert not (tmp_path / "state" / COUNTERS_NAME).exists()


def test_kept_devices_keep_counters_and_time(rig_of, opened):
    kept = ('"virtual"', '"virtual"\n[state]\nkeep = true')
    ends = []
    for number in (1, 2):
        with opened(rig_of(kept)) as bench:
            assert bench.clock.now() >= max(ends, default=DEFAULT_START)
            bench.users["acb"].request("ECS52", bench.devices["esme"])
            assert bench.counters.last(bench.users["acb"].eui64) == number
            bench.wait(86_400)
            ends.append(bench.clock.now())
    assert (ends[1] - ends[0]).days >= 1


def test_the_chain_of_such_a_journal_holds_what_an_equal_run_has_again(tmp_path):
    heads = []
    for number in range(2):
        path = tmp_path / f"{number}.sqlite"
        clock = clock_of(load_rig(RIGS / "emulated.toml", {}))
        with Journal.open(path, clock, reproducible=True) as journal:
            journal.append("run.started", body={"a": 1, "volatile": {"host": number}})
            journal.append("check", body={"held": True})
        with JournalReader(path) as reader:
            assert reader.verify().ok
            assert reader.reproducible
            heads.append(reader.head())
            assert next(reader.records()).body == {"a": 1, "volatile": {"host": number}}
            assert reader.header()["host"] == number
    assert heads[0] == heads[1]
