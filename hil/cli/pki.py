"""``hil pki``: key infrastructures for test benches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from protocols.eui64 import Eui64


@click.group("pki")
def command() -> None:
    """Make keys and certificates for tests."""


@command.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--seed", metavar="TEXT", help="Equal seeds make equal keys; without one, a random seed.")
@click.option(
    "--device",
    "devices",
    metavar="EUI64:TYPE",
    multiple=True,
    help="A device, such as 00-DB-12-34-56-78-90-A0:esme; may be given several times. Without any, those of "
    "the emulated premises.",
)
def new(folder: Path, seed: str | None, devices: tuple[str, ...]) -> None:
    """Write a complete test hierarchy into a new folder DIR.

    Authorities, remote parties of every role (two suppliers) and devices, each with private keys and
    certificates as PEM files, for `hil decode --keys` and the [keys] of a rig. Test keys only.
    """
    import secrets

    from hil.pki import DEFAULT_DEVICES, write_hierarchy

    chosen = dict(_device(text) for text in devices)
    if len(chosen) < len(devices):
        raise click.BadParameter("a device is named twice", param_hint="--device")
    if seed is None:
        seed = secrets.token_hex(16)
    elif not seed or not seed.isprintable():
        raise click.BadParameter("give it some printable text, or leave it out", param_hint="--seed")
    count = write_hierarchy(folder, seed, chosen or DEFAULT_DEVICES)
    click.echo(f"{folder}: {count} files, test keys only")
    click.echo(f"seed: {seed}")


def _device(text: str) -> tuple[Eui64, str]:
    from protocols.eui64 import Eui64
    from protocols.parties import DEVICES

    eui64, _, kind = text.rpartition(":")
    if kind.lower() not in DEVICES:
        known = ", ".join(sorted(DEVICES))
        raise click.BadParameter(
            f"{text!r} does not end with a colon and one of {known}", param_hint="--device"
        )
    try:
        return Eui64(eui64), kind.lower()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--device") from None
