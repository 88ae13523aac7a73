"""``hil journal``: a run's journal as text, for comparing runs and for pinning one outside the bench."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def command() -> None:
    """Show the journal of a run: what happened, and where and when."""


@command.command("export")
@click.argument("run", type=click.Path(path_type=Path), default=Path("runs/latest"))
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to a file, not to the terminal."
)
def export(run: Path, output: Path | None) -> None:
    """Write the records of RUN (default: runs/latest) in canonical form, one JSON object a line.

    Left out is what differs between equal runs: run, host, versions, paths, and hashes (see `hil journal
    header`); of a run in real time also the times. Two runs of a rig on virtual time with the same seed
    export the same lines.
    """
    from hil.journal_reader import JournalReader
    from hil.rundir import journal_of

    with JournalReader(journal_of(run)) as reader:
        if output is None:
            reader.export(sys.stdout)
            return
        with output.open("w", encoding="utf-8") as stream:
            reader.export(stream)


@command.command("header")
@click.argument("run", type=click.Path(path_type=Path), default=Path("runs/latest"))
def header(run: Path) -> None:
    """Write what the export of RUN leaves out, and the head of its chain, as one JSON object.

    Exit code 3 when the hash chain does not hold.
    """
    import json

    from hil.journal_reader import JournalReader
    from hil.rundir import journal_of

    with JournalReader(journal_of(run)) as reader:
        found = reader.header()
    click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    sys.exit(0 if found["chain_holds"] else 3)
