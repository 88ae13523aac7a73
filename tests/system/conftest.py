"""Whole-program tests: each runs the real command in processes of their own, on state folders of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.system.processes import hil_environment


@pytest.fixture
def hil(tmp_path):
    """Run ``hil`` with a state folder of its own; gives the finished process."""

    def run(
        *arguments: str, timeout_s: float = 300, cwd: Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hil", *arguments],
            cwd=cwd,
            env=hil_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run
