"""The table [load] of a device file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from hil.devicefile import load_device_file
from hil.load_table import LoadTable, load_settings
from protocols.eui64 import Eui64
from protocols.ports import ConfigError
from rigs.emulated.metering.amounts import Amounts

EUI = Eui64("00-DB-12-34-56-78-90-A0")


def settings(**table):
    return load_settings(LoadTable(**table), EUI)


def test_nothing_unless_said():
    assert settings().kind == "none"
    assert settings(import_w=500).rate == Amounts()


def test_constant_power():
    about = settings(
        kind="constant", import_w=1, export_w=2, import_var=3, export_var=4, secondary_w=5, gas_l_per_h=6
    )
    assert about.rate == Amounts(1, 2, 3, 4, 5, 6)


def test_a_recording(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("start,import_wh,gas\n2026-03-02T00:00,250,12\n2026-03-02T00:30,300,\n")
    about = settings(kind="recorded", file=path)
    assert about.recording == [Amounts(import_wh=250, gas=12), Amounts(import_wh=300)]
    assert about.start == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "content", ["", "import_wh\n", "time,energy\n1,2\n", "import_wh\nmuch\n", "start,import_wh\nsoon,1\n"]
)
def test_a_recording_that_is_none(tmp_path, content):
    path = tmp_path / "day.csv"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        settings(kind="recorded", file=path)
    assert "import_wh" in caught.value.next_step


def test_a_recording_needs_a_file():
    with pytest.raises(ConfigError):
        settings(kind="recorded")


def test_households_differ_by_device():
    other = load_settings(LoadTable(kind="household"), Eui64("00-DB-12-34-56-78-90-A1"))
    assert settings(kind="household").seed != other.seed


@pytest.mark.parametrize("table", [{"kind": "wild"}, {"import_w": -1}, {"watts": 1}])
def test_what_it_does_not_take(table):
    with pytest.raises(ValidationError):
        LoadTable(**table)


_DEVICE = """
type = "esme"
eui64 = "00-DB-12-34-56-78-90-A0"
firmware_version = "02000001"
mpxn = "2000012345672"

[load]
kind = "recorded"
file = "day.csv"
"""


def test_a_device_file_names_it_from_its_own_folder(tmp_path):
    path = tmp_path / "esme.toml"
    path.write_text(_DEVICE)
    (tmp_path / "day.csv").write_text("import_wh\n100\n")
    device, problems = load_device_file(path, tmp_path / "rig.toml")
    assert problems == []
    assert load_settings(device.load, device.eui64).recording == [Amounts(100)]


def test_a_file_that_is_not_there_is_a_problem_of_the_device_file(tmp_path):
    path = tmp_path / "esme.toml"
    path.write_text(_DEVICE)
    _device, problems = load_device_file(path, tmp_path / "rig.toml")
    assert [problem.key for problem in problems] == ["load.file"]
