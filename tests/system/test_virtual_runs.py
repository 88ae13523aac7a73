"""Whole runs on virtual time: the suites pass, and equal runs are equal whatever the hash seed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.system.processes import ROOT, hil_environment

RIG = ROOT / "rigs" / "emulated.toml"


@pytest.fixture
def hil_seeded(tmp_path):
    """Run ``hil`` under a hash seed, in a folder of its own."""

    def run(seed: int, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = tmp_path / str(seed)
        folder.mkdir(exist_ok=True)
        return subprocess.run(
            [sys.executable, "-m", "hil", *arguments],
            cwd=folder,
            env=hil_environment(folder) | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return run


def exported(hil_seeded, seed, rig, *selection):
    """Lines of the export, and the header, of a run under a hash seed."""
    done = hil_seeded(seed, "run", "--rig", str(rig), "--run-dir", f"evidence-{seed}", *selection)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = hil_seeded(seed, "journal", "export", f"evidence-{seed}")
    header = hil_seeded(seed, "journal", "header", f"evidence-{seed}")
    assert (lines.returncode, header.returncode) == (0, 0)
    return lines.stdout, json.loads(header.stdout)


# Of each suite some: `make run` has all of them, these here run twice.
SOME = (
    "test_pairing or test_replacement or test_dated or test_tunnels or test_registers or test_top_ups "
    "or test_tamper or test_valve"
)


@pytest.mark.timeout(240)
def test_runs_are_equal_under_any_hash_seed(hil_seeded, tmp_path):
    first, first_header = exported(hil_seeded, 1, RIG, "-k", SOME)
    # Sets of octet strings have another order under 4.
    second, second_header = exported(hil_seeded, 4, RIG, "-k", SOME)
    assert first.count("\n") == first_header["records"] > 3_000
    assert first == second
    assert first_header["head_sha256"] == second_header["head_sha256"]
    assert first_header["reproducible"] is True
    assert first_header["run"] != second_header["run"]
    for name in ("host", "platform", "rig_path", "bench_version", "started_at"):
        assert first_header[name]
        assert f'"{name}"' not in first
    folder = tmp_path / "1" / "evidence-1"
    results = json.loads((folder / "results.json").read_text())
    assert results["run"]["time"] == "virtual"
    assert results["run"]["counts"]["pass"] > 80
    assert results["run"]["started_at"].startswith("2026-01-05T09:00:00")
    assert "of virtual time" in (folder / "report.html").read_text()
    # Counters of the run lie beside its evidence; what its devices remember ended with it.
    assert (folder / "state").is_dir()
    assert not (folder / "state" / "emulated" / "devices").exists()
    # Nothing was left in the account's own state, where counters of real devices are.
    assert not (tmp_path / "1" / "state").exists()


@pytest.mark.timeout(240)
def test_another_seed_makes_another_journal(hil_seeded, tmp_path):
    text = RIG.read_text().replace('"devices/', f'"{ROOT}/rigs/devices/')
    heads = set()
    for number, keys in enumerate(("one", "two")):
        rig = tmp_path / f"{keys}.toml"
        rig.write_text(text.replace('seed = "emulated premises"', f'seed = "{keys}"'))
        _, header = exported(hil_seeded, number, rig, "--suite", "alerts", "-k", "cover")
        heads.add(header["head_sha256"])
    assert len(heads) == 2
