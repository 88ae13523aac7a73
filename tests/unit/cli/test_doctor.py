"""The doctor: one line for each thing, with the command that fixes it."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hil import doctor
from hil.cli.doctor import command
from hil.doctor_lines import Status
from hil.rigfile import load_rig

RIG = Path(__file__).parents[3] / "rigs" / "serial.toml"


def test_an_old_python_is_named():
    assert doctor.check_python((3, 10, 2)).status is Status.MISSING
    assert doctor.check_python().status is Status.OK


def test_the_other_package_named_fixtures_is_refused(tmp_path, monkeypatch):
    assert doctor.check_fixtures().status is Status.OK
    other = tmp_path / "fixtures"
    other.mkdir()
    (other / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "fixtures", raising=False)
    found = doctor.check_fixtures()
    assert found.status is Status.MISSING
    assert str(other) in found.detail
    assert "pip uninstall fixtures" in found.fix


def test_serial_devices(tmp_path):
    line = tmp_path / "ttyUSB0"
    line.write_text("")
    missing, usable = doctor.check_serial([str(tmp_path / "none"), str(line)])
    assert missing.status is Status.MISSING
    assert usable.status is Status.OK


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every device")
def test_no_permission_on_a_serial_device(tmp_path):
    line = tmp_path / "ttyUSB0"
    line.write_text("")
    line.chmod(0)
    assert "usermod" in doctor.check_serial([str(line)])[0].fix


def test_a_missing_package_is_named_with_pip(monkeypatch):
    monkeypatch.setattr(
        doctor.importlib.metadata, "requires", lambda _: ["no-such-thing>=2", "bleak==1; extra == 'ble'"]
    )
    found = doctor.check_packages()
    assert [finding.subject for finding in found] == ["smets-hil", "no-such-thing"]
    assert found[1].fix == "pip install 'no-such-thing>=2'"


def test_missing_tools_are_notes(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda _: None)
    assert {finding.status for finding in doctor.check_tools()} == {Status.NOTE}


def test_the_emulator_of_a_rig(tmp_path):
    rig = load_rig(RIG, {"SMETS_HIL_STATE": str(tmp_path)})
    assert doctor.check_emulator(rig).status is Status.OK
    assert doctor.check_state(rig).status is Status.OK
    rig.state_dir.mkdir(parents=True)
    with (rig.state_dir / "emulator.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("process 123")
        lock.flush()
        found = doctor.check_emulator(rig)
        assert (found.status, found.fix) == (Status.MISSING, "kill 123")
        (rig.state_dir / "endpoints.json").write_text("{}")
        found = doctor.check_emulator(rig)
        assert (found.status, found.fix) == (Status.NOTE, "to end it: kill 123")


def test_a_state_folder_that_cannot_be_written(tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    rig = load_rig(RIG, {"SMETS_HIL_STATE": str(blocker / "state")})
    found = doctor.check_state(rig)
    assert found.status is Status.MISSING
    assert "SMETS_HIL_STATE" in found.fix


def test_exit_codes(tmp_path, monkeypatch):
    monkeypatch.setenv("SMETS_HIL_STATE", str(tmp_path / "state"))
    fine = CliRunner().invoke(command, ["--rig", str(RIG)])
    assert fine.exit_code == 0, fine.output
    assert "ok       rig" in fine.output
    wrong = tmp_path / "rig.toml"
    wrong.write_text("schema = 2\n")
    refused = CliRunner().invoke(command, ["--rig", str(wrong)])
    assert refused.exit_code == 2
    assert "missing  rig" in refused.output
    assert "schema = 2" in refused.output
