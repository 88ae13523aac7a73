"""A bench keeps the capture of its run: devices in this process, and in a process of their own."""

from pathlib import Path

import pytest

from hil.bench import Bench
from hil.capture.counts import count_file
from hil.capture.keys import read_keys
from hil.clock import clock_of
from hil.exchange import Faults
from hil.journal import Journal
from hil.journal_reader import JournalReader
from hil.rigfile import load_rig
from protocols.pcapng import Packet, read_pcapng
from protocols.ports import ConfigError
from protocols.radio_frames import with_fcs

RIGS = Path(__file__).parents[3] / "rigs"


def bodies(path, kind):
    with JournalReader(path) as reader:
        return [record.body for record in reader.records() if record.kind == kind]


def packets(folder):
    octets = (folder / "capture.pcapng").read_bytes()
    return [block for block in read_pcapng(octets) if isinstance(block, Packet)]


@pytest.fixture(params=["emulated", "serial"])
def rig(request, tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    return load_rig(RIGS / f"{request.param}.toml")


def test_frames_keys_tests_and_hostile_ones(rig, tmp_path):
    folder = tmp_path / "run"
    clock = clock_of(rig)
    with Journal.open(folder / "journal.sqlite", clock) as journal:
        with Bench.open(rig, journal, clock=clock) as bench:
            chf, acb = bench.devices["chf"], bench.users["acb"]
            bench.wait(2.0)  # the hub forms its network
            bench.current_test = "suite/test_x.py::test_y"
            assert acb.request("ECS52", chf).mac == "ok"
            spoilt = acb.send("ECS52", chf, faults=Faults(tamper=lambda octets: octets[:-1] + b"\x00"))
            acb.expect_silence(spoilt, 0.2)
            bench.current_test = ""
            assert "han.inject" in chf.capabilities
            assert "chf" in bench.attacker.state()["nodes"]
            assert bench.attacker.inject([with_fcs(b"\x41\x88\x07")], "hostile: cut") == 1
            bench.wait(0.3)
            if rig.virtual:
                bench.kill_emulated()
                bench.wait(2.0)
                assert acb.request("ECS52", chf).mac == "ok"
        (opened,), (closed,) = (bodies(journal.path, f"capture.{word}") for word in ("opened", "closed"))
        assert [body["comment"] for body in bodies(journal.path, "hostile.sent")] == ["hostile: cut"]
    assert opened == {"file": "capture.pcapng"}
    assert closed["layers"] == count_file(folder / "capture.pcapng").as_json()
    assert (closed["keys_withheld"], closed["problem"]) == ("", "")
    assert closed["layers"]["hostile"] == 1
    assert closed["layers"]["gbcs"]["alone"] == closed["messages"] >= 3
    assert closed["layers"]["frames"] == closed["frames"] > 3
    assert closed["layers"]["malformed"] == 0
    assert any("network key" in label for _, label in read_keys(folder / "wireshark"))
    comments = [packet.comments for packet in packets(folder)]
    assert ("hostile: cut",) in [comment[:1] for comment in comments]
    test = "test: suite/test_x.py::test_y; use case: ECS52"
    assert ("to chf", test) in comments
    assert ("from chf", test) in comments
    assert ("hostile: message spoilt on purpose", "to chf", test) in comments


def test_a_rig_without_a_han_has_no_capture(tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    rig = load_rig(RIGS / "desk-esme.toml")
    with Journal.open(tmp_path / "run" / "journal.sqlite") as journal:
        with Bench.open(rig, journal) as bench, pytest.raises(ConfigError, match="nobody can put frames"):
            _ = bench.attacker
        assert bodies(journal.path, "capture.opened") == []
    assert not (tmp_path / "run" / "capture.pcapng").exists()
