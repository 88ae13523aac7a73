"""``hil run``: run suites on a rig, show what happens, keep the evidence."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from protocols.ports import ConfigError

# A backstop only: waits of the bench have limits of their own. Long enough for a real device to join.
_TIMEOUT_S = 900


@click.command()
@click.option("--rig", metavar="RIG", help="Rig file (default: the emulated premises).")
@click.option(
    "--suite", "suites", multiple=True, metavar="NAME", help="Suite by name or path; may be repeated."
)
@click.option("--run-dir", metavar="DIR", help="Folder for the evidence (default: runs/<UTC time>).")
@click.option(
    "--retry", type=click.IntRange(0, 10), default=0, help="More attempts for a test (verdict: flaky)."
)
@click.option("-k", "expression", metavar="EXPR", help="Only tests whose names match, as in pytest.")
def command(
    rig: str | None, suites: tuple[str, ...], run_dir: str | None, retry: int, expression: str | None
) -> None:
    """Run suites on a rig and keep the evidence.

    Exit codes: 0 all passed; 1 a device failed; 2 usage or configuration; 3 bench error; 4 nothing
    failed, but something is inconclusive, flaky or not run.
    """
    from hil.rigfile import load_rig
    from hil.suites_path import resolve

    rig_path = Path(rig) if rig else default_rig()
    opened = load_rig(rig_path)
    paths = resolve(suites, opened.suites, opened.built_in)
    arguments = [*_isolated(paths), "--rig", str(rig_path), "--retry", str(retry)]
    if run_dir:
        arguments += ["--run-dir", run_dir]
    if expression:
        arguments += ["-k", expression]
    if suites:
        arguments.append("--hil-part")
    from hil.plugin.follow import run_pytest

    sys.exit(run_pytest([*arguments, *map(str, paths)]))


def default_rig() -> Path:
    """``rigs/emulated.toml`` of this folder, otherwise the one that came with the bench."""
    import rigs

    here = Path("rigs/emulated.toml")
    packaged = Path(rigs.__file__).parent / "emulated.toml"
    for candidate in (here, packaged):
        if candidate.is_file():
            return candidate
    raise ConfigError("there is no rig file", next_step="name one with --rig RIG")


def _isolated(paths: list[Path]) -> list[str]:
    """Arguments that keep the settings of whatever project stands in this folder out of the run."""
    folders = [str(path if path.is_dir() else path.parent) for path in paths]
    root = os.path.commonpath(folders)
    return [
        f"--config-file={os.devnull}",
        f"--rootdir={root}",
        f"--confcutdir={root}",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
        f"--timeout={_TIMEOUT_S}",
    ]
