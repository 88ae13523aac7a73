"""``hil faults``: what can be made to go wrong on purpose."""

from __future__ import annotations

import json

import click


@click.command("faults")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--markdown", is_flag=True, help="As docs/reference/faults.md.")
def command(*, as_json: bool, markdown: bool) -> None:
    """List the faults that emulated devices, their wires and single commands can have, with their values."""
    from hil import fault_page

    if as_json:
        click.echo(json.dumps(fault_page.as_json(), indent=2))
    elif markdown:
        click.echo(fault_page.page(), nl=False)
    else:
        click.echo("\n".join(fault_page.lines()))
