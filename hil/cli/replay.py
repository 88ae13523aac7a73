"""``hil replay``: reference commands answered by emulated devices, compared with the reference replies."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.key_files import load_keys
from hil.replay.engine import Result, replay
from hil.replay.pairs import read_pairs
from hil.replay.parties import Parties
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator


@click.command("replay")
@click.argument("messages", type=click.Path(path_type=Path))
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of key files, or a key store in JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="Counts and every result as JSON.")
def command(messages: Path, keys: Path, *, as_json: bool) -> None:
    """Answer every command of MESSAGES whose reply is there too, each by a fresh emulated device.

    MESSAGES has JSON lines with "name" and "hex". The keys need no device's private key: what a device and a
    party agree is computed from the party's key. A result says whether the answer has the reply's structure
    and says the same (encrypted parts as plaintext, MACs and signatures apart), which values were given to
    the device from the reply, and which failures were injected (refused). Exit code 1 if an answer differs
    in structure.
    """
    parties = Parties(load_keys(keys))
    pairs, spoiled = read_pairs(messages)
    if not pairs and not spoiled:
        raise ConfigError(f"{messages}: no command with its reply", next_step="give a file that has both")
    results = [replay(pair, parties) for pair in pairs]
    results += [Result(each.name, why=each.why) for each in spoiled]
    document = summary(results)
    click.echo(json.dumps(document, indent=2) if as_json else "\n".join(_lines(document)))
    if not all(result.structure for result in results):
        sys.exit(1)


def summary(results: list[Result]) -> dict[str, Any]:
    """Counts over all results, and the results."""
    return {
        "commands": len(results),
        "structure": sum(result.structure for result in results),
        "payload": sum(result.payload for result in results),
        "unaided": sum(result.unaided for result in results),
        "results": [result.as_dict() for result in results],
    }


def _lines(document: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{document['commands']} commands: {document['structure']} replies alike in structure, "
        f"{document['payload']} in payload, {document['unaided']} unaided"
    )
    for each in document["results"]:
        if each["why"]:
            yield f"{each['name']}: {each['why']}"
