"""``hil emulate``: run the emulated premises of a rig in this process."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import click


@click.command()
@click.argument("rig", type=click.Path(path_type=Path))
@click.option(
    "--until-stdin-closes", is_flag=True, help="End when standard input does (used by the harness)."
)
@click.option(
    "--capture",
    metavar="DIR",
    default="",
    help="Record the HAN from the start into DIR/capture.pcapng, with its keys in DIR/wireshark.",
)
@click.option(
    "--fault",
    "faults",
    metavar="FAULT",
    multiple=True,
    help="What goes wrong all the time, as NAME[:node[.port]][,key=value ...]; `hil faults` lists them.",
)
def command(rig: Path, *, until_stdin_closes: bool, capture: str, faults: tuple[str, ...]) -> None:
    """Run the emulated devices of RIG until Ctrl-C or SIGTERM.

    Prints one JSON line with the addresses of all wires once they are open. What the devices remember
    outlives the process; test runs of the same rig attach to it while it runs.
    """
    from hil.capture.desk import Desk
    from hil.clock import RealClock
    from hil.emulated import emulator_config
    from hil.han_radios import open_radios
    from hil.rigfile import load_rig
    from rigs.emulated.fault_catalogue import parse_order
    from rigs.emulated.process import serve

    loaded = load_rig(rig)
    config = emulator_config(
        loaded, until_stdin_closes=until_stdin_closes, faults=[parse_order(text) for text in faults]
    )
    clock = RealClock()
    radios = partial(open_radios, loaded, clock)
    asyncio.run(serve(config, clock, desk=Desk(loaded, clock), capture=capture, open_radios=radios))
