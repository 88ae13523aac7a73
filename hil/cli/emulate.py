"""``hil emulate``: run the emulated premises of a rig in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click


@click.command()
@click.argument("rig", type=click.Path(path_type=Path))
@click.option(
    "--until-stdin-closes", is_flag=True, help="End when standard input does (used by the harness)."
)
def command(rig: Path, *, until_stdin_closes: bool) -> None:
    """Run the emulated devices of RIG until Ctrl-C or SIGTERM.

    Prints one JSON line with the addresses of all wires once they are open. What the devices remember
    outlives the process; test runs of the same rig attach to it while it runs.
    """
    from hil.clock import RealClock
    from hil.emulated import emulator_config
    from hil.rigfile import load_rig
    from rigs.emulated.process import serve

    config = emulator_config(load_rig(rig), until_stdin_closes=until_stdin_closes)
    asyncio.run(serve(config, RealClock()))
