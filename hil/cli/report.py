"""``hil report``: make the views of a run again from its journal."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path), default=Path("runs/latest"))
def command(run: Path) -> None:
    """Make report.html, junit.xml and results.json of RUN again (default: runs/latest).

    Also checks the journal's hash chain: exit code 3 when a record was altered. A run that was killed is
    reported with what it had written; tests without a verdict are inconclusive.
    """
    from hil.report.write import write_report
    from hil.rundir import journal_of

    journal = journal_of(run)
    view = write_report(journal)
    click.echo(view.headline)
    chain = view.chain
    state = "closed in order" if chain.closed else "not closed: the run was cut off"
    if chain.ok:
        click.echo(f"journal: {chain.records} records, hash chain holds, {state}; head {chain.head}")
    else:
        click.echo(f"journal: HASH CHAIN BROKEN: {chain.problem}", err=True)
    click.echo(f"report: {journal.parent / 'report.html'}")
    sys.exit(0 if chain.ok else 3)
