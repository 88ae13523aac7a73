"""The tutorial does what it says: its files, as they stand on the page, make a repository whose tests pass."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOC = Path(__file__).parents[3] / "docs" / "writing-tests.md"


@pytest.fixture
def repository(tmp_path):
    blocks = re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", DOC.read_text(), re.DOTALL | re.MULTILINE)
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert len(blocks) == 5
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ["hil", "run", "--rig", "rigs/desk.toml", "--suite", "tests"],
        ["pytest", "--rig", "rigs/desk.toml", "tests"],
    ],
)
def test_tutorial(repository, command):
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=repository,
        env={**os.environ, "SMETS_HIL_STATE": str(repository / "state")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((repository / "runs" / "latest" / "results.json").read_text())
    assert [test["verdict"] for test in results["tests"]] == ["pass", "pass"]
    assert {"row": "ACME-17", "result": "held"}.items() <= results["coverage"][0].items()
    assert (repository / "rigs" / "relay.log").read_text() == "off\non\n"
