from __future__ import annotations

from datetime import UTC, datetime

import pytest

import hil.suites_path
from hil.rundir import JOURNAL, journal_of, make_run_dir
from hil.suites_path import names, resolve
from protocols.ports import ConfigError

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def test_runs_are_named_by_time_and_latest_is_replaced(tmp_path):
    first = make_run_dir(None, NOW, tmp_path / "runs")
    assert first.name == "20260301T123000Z"
    second = make_run_dir(None, NOW, tmp_path / "runs")
    assert second.name == "20260301T123000Z-2"
    latest = tmp_path / "runs" / "latest"
    assert latest.resolve() == second
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [first.name, second.name, "latest"]


def test_a_folder_of_ones_own_named_latest_is_left_alone(tmp_path):
    (tmp_path / "latest").mkdir()
    make_run_dir(None, NOW, tmp_path)
    assert not (tmp_path / "latest").is_symlink()


def test_evidence_is_never_overwritten(tmp_path):
    folder = make_run_dir(str(tmp_path / "mine"), NOW)
    (folder / JOURNAL).touch()
    with pytest.raises(ConfigError, match="evidence of another run"):
        make_run_dir(str(folder), NOW)


def test_a_folder_that_cannot_be_made_is_a_matter_of_configuration(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="no folder for this run"):
        make_run_dir(str(tmp_path / "file" / "run"), NOW)


def test_journal_is_found_by_folder_or_file(tmp_path):
    (tmp_path / JOURNAL).touch()
    assert journal_of(tmp_path) == journal_of(tmp_path / JOURNAL) == tmp_path / JOURNAL
    with pytest.raises(ConfigError, match="holds no journal"):
        journal_of(tmp_path / "nowhere")


# Suites -------------------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path, monkeypatch):
    folder = tmp_path / "suites"
    (folder / "firmware").mkdir(parents=True)
    (folder / "firmware" / "test_a.py").touch()
    (folder / "test_alerts.py").touch()
    (folder / "test_billing.py").touch()
    (folder / "helpers").mkdir()
    monkeypatch.setattr(hil.suites_path, "built_in", lambda: folder)
    monkeypatch.chdir(tmp_path)
    return folder


def test_names_of_suites_in_the_order_of_a_devices_life(own):
    assert names(own) == ["firmware", "alerts", "billing"]


def test_suites_by_name_and_path(own, tmp_path):
    private = tmp_path / "private" / "test_x.py"
    private.parent.mkdir()
    private.touch()
    asked = resolve(["alerts", "firmware", "private"], [])
    assert asked == [own / "test_alerts.py", own / "firmware", private.parent]
    all_own = [own / "firmware", own / "test_alerts.py", own / "test_billing.py"]
    assert resolve([], [private]) == [*all_own, private]


def test_unknown_suite_lists_the_known_ones(own):
    with pytest.raises(ConfigError) as error:
        resolve(["helpers"], [])
    assert "firmware, alerts, billing" in error.value.next_step


def test_the_bench_brings_its_suites():
    assert {"alerts", "commissioning", "firmware"} <= set(names(hil.suites_path.built_in()))
