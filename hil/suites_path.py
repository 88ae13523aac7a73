"""Which files the name of a suite stands for.

The suites of the bench lie in the package ``hil.suites``: in a checkout that is ``tests/conformance``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import hil
from protocols.ports import ConfigError

# A premises is commissioned before it is updated and alarmed; suites without a place here come after these.
_ORDER = ("commissioning", "firmware", "alerts")


def built_in() -> Path:
    """Folder of the bench's own suites."""
    return (Path(hil.__file__).parent / "suites").resolve()


def names(folder: Path) -> list[str]:
    """Names of the suites in a folder (test files, folders with test files), in the order to run."""
    files = [file.stem.removeprefix("test_") for file in folder.glob("test_*.py")]
    folders = [file.parent.name for file in folder.glob("*/test_*.py")]
    rank = {name: number for number, name in enumerate(_ORDER)}
    return sorted({*files, *folders}, key=lambda name: (rank.get(name, len(rank)), name))


def resolve(asked: Sequence[str], more: Sequence[Path], usual: Sequence[str] | None = None) -> list[Path]:
    """Paths for the suites asked for by name or path; without any, built-in ones and the rig's ``more``.

    Those are all built-in suites, or those that the rig names (``usual``), whole or one file of a suite.

    ConfigError lists the names that exist.
    """
    own = built_in()
    if not asked:
        found = [_one(name, own) for name in (names(own) if usual is None else usual)]
        return [*found, *(path.resolve() for path in more)] or _none(own)
    return [_one(name, own) for name in asked]


def _one(name: str, own: Path) -> Path:
    suite, _, file = name.partition("/")
    for candidate in (own / f"test_{name}.py", own / name):
        if candidate.exists() and suite in names(own) and (not file or file.startswith("test_")):
            return candidate
    path = Path(name)
    if path.exists():
        return path.resolve()
    raise ConfigError(
        f"no suite {name!r}: neither a suite of the bench nor a file or folder",
        next_step=f"use one of {', '.join(names(own)) or '(none installed)'}, or the path of a test file",
    )


def _none(own: Path) -> list[Path]:
    raise ConfigError(
        f"{own} holds no suites", next_step="install smets-hil again, or name a path with --suite"
    )
