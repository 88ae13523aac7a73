"""``hil decode``: GBCS messages as people read them, or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hil.cli.decode_run import decode


@click.command("decode")
@click.argument("messages", nargs=-1, required=True)
@click.option("--keys", type=click.Path(path_type=Path), help="Folder of key files, or a key store in JSON.")
@click.option("--json", "as_json", is_flag=True, help="The whole tree as JSON (hil/data/decode.schema.json).")
@click.option("--hex", "as_hex", is_flag=True, help="The octets as well, each with what it is.")
def command(messages: tuple[str, ...], keys: Path | None, *, as_json: bool, as_hex: bool) -> None:
    """Show GBCS messages.

    Each of MESSAGES is hex digits, a file, or - for standard input. A file holds the octets of a message, hex
    digits, or any text, such as a log, with messages in its lines. Exit code 1 when a message does not decode
    or a signature, MAC or ciphered block is wrong.
    """
    code = decode(messages, keys, as_json=as_json, as_hex=as_hex)
    if code:
        sys.exit(code)
