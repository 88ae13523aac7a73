"""Where the evidence of a run lies: ``runs/<UTC time>`` and the link ``runs/latest``."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from protocols.ports import BenchError, ConfigError

JOURNAL = "journal.sqlite"
LATEST = "latest"


def make_run_dir(asked: str | None, started: datetime, base: Path | None = None) -> Path:
    """Make the folder of a run: ``asked``, or a new one in ``base`` (default ``./runs``), linked as latest.

    The link is set when the run starts, so after a kill it still names the run that was killed.
    ConfigError: the folder asked for holds a run already, or cannot be made.
    """
    try:
        if asked:
            folder = Path(asked).absolute()
            if (folder / JOURNAL).exists():
                raise ConfigError(
                    f"{folder} holds the evidence of another run",
                    next_step="give --run-dir an empty folder; evidence is never overwritten",
                )
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        runs = (base or Path("runs")).absolute()
        runs.mkdir(parents=True, exist_ok=True)
        folder = _new_folder(runs, started.strftime("%Y%m%dT%H%M%SZ"))
        _point_latest(runs, folder)
    except OSError as error:
        raise ConfigError(
            f"no folder for this run: {error}", next_step="give one that can be written with --run-dir DIR"
        ) from error
    return folder


def _new_folder(runs: Path, name: str) -> Path:
    for number in range(1, 1000):
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise BenchError(f"{runs} has 999 runs of the same second", next_step="give another --run-dir")


def _point_latest(runs: Path, folder: Path) -> None:
    """Replace the link in one step, so nobody ever sees it missing."""
    link = runs / LATEST
    if link.exists() and not link.is_symlink():
        return  # somebody's own folder of that name stays theirs
    temporary = runs / f".{LATEST}-{os.getpid()}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(folder.name)
    temporary.replace(link)


def journal_of(run: Path) -> Path:
    """The journal of a run given as its folder or as the journal itself; ConfigError when there is none."""
    path = run / JOURNAL if run.is_dir() else run
    if not path.is_file():
        raise ConfigError(
            f"{run} holds no {JOURNAL}",
            next_step="name a run folder, such as runs/latest; `hil run` makes them",
        )
    return path
