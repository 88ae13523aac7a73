"""``hil doctor``: what is missing on this machine, and the command that fixes it."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.option("--rig", type=click.Path(path_type=Path), help="Also check a rig file and what it needs.")
def command(rig: Path | None) -> None:
    """Check this machine, and RIG if given: a line each, ok, missing or note, with the command that fixes it.

    Exit code 0 when nothing is missing, 2 otherwise; a note never counts.
    """
    from hil.doctor import check_machine, check_rig
    from hil.doctor_lines import Status

    findings = check_machine()
    findings += check_rig(rig) if rig is not None else []
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        click.echo(f"{finding.status:<8} {finding.subject:<{width}}  {finding.detail}".rstrip())
        if finding.fix:
            click.echo(f"{'':<8} {'':<{width}}  fix: {finding.fix}")
    if any(finding.status is Status.MISSING for finding in findings):
        sys.exit(2)
