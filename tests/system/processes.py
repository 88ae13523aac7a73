"""How the whole-program tests start processes."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERIAL_LINE = "/tmp/smets-hil/hub-wan"


def hil_environment(tmp_path: Path) -> dict[str, str]:
    """The environment less pytest's own variables, with a state folder of the test's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_"))}
    return kept | {"SMETS_HIL_STATE": str(tmp_path / "state"), "COLUMNS": "120"}


def own_serial_rig(tmp_path: Path) -> Path:
    """A copy of ``rigs/serial.toml`` with a line of its own: two runs on one path take it from each other."""
    text = (ROOT / "rigs" / "serial.toml").read_text()
    assert SERIAL_LINE in text
    text = text.replace(SERIAL_LINE, str(tmp_path / "hub-wan")).replace('"devices/', f'"{ROOT}/rigs/devices/')
    path = tmp_path / "serial.toml"
    path.write_text(text)
    return path
