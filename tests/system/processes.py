"""How the whole-program tests start processes."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]


def hil_environment(tmp_path: Path) -> dict[str, str]:
    """The environment less pytest's own variables, with a state folder of the test's own."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_"))}
    return kept | {"SMETS_HIL_STATE": str(tmp_path / "state"), "COLUMNS": "120"}
