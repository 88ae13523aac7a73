"""``hil decode``: GBCS messages as people read them, or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.message_text import Found, find_messages
from protocols.errors import DecodeError
from protocols.gbcs.message import parse_message
from protocols.gbcs.tree import decode_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.gbcs.keystore import KeyStore


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
    keystore = None if keys is None else _load_keys(keys)
    results = [result for each in messages for result in _results(each, keystore, whole=as_json)]
    if as_json:
        import json

        shown = [({"source": found.source} if found.source else {}) | tree for found, tree in results]
        click.echo(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2))
    else:
        _print(results, keystore, as_hex=as_hex)
    if any(_is_bad(tree) for _, tree in results):
        sys.exit(1)


def _load_keys(path: Path) -> KeyStore:
    """Only who has keys pays for loading what uses them."""
    from hil.cli.key_files import load_keys

    return load_keys(path)


def _results(
    argument: str, keystore: KeyStore | None, *, whole: bool = True
) -> Iterator[tuple[Found, dict[str, Any]]]:
    """Every message of an argument with its tree, or with what is wrong: offset, path, problem."""
    try:
        for found in find_messages(argument):
            try:
                tree = _tree(found.octets, keystore, whole=whole)
            except DecodeError as error:
                tree = _problem(error)
            yield found, tree
    except DecodeError as error:
        yield Found("" if argument == "-" else argument, b""), _problem(error)


def _problem(error: DecodeError) -> dict[str, Any]:
    return {"offset": error.offset, "path": error.path, "problem": error.problem}


def _tree(octets: bytes, keystore: KeyStore | None, *, whole: bool) -> dict[str, Any]:
    message = parse_message(octets)
    if keystore is None:
        return decode_tree(message, whole=whole)
    from protocols.gbcs.crypto import SecretCache
    from protocols.gbcs.protect import decryptor, verify_with_keystore

    cache = SecretCache()
    verdicts = verify_with_keystore(message, keystore, cache)
    return decode_tree(message, verdicts, decryptor(message, keystore, cache), whole=whole)


def _print(results: list[tuple[Found, dict[str, Any]]], keystore: KeyStore | None, *, as_hex: bool) -> None:
    from hil.cli.decode_text import dump, lines

    for index, (found, tree) in enumerate(results):
        if len(results) > 1:
            click.echo(("\n" if index else "") + f"{found.source or f'message {index + 1}'}:")
        if "problem" in tree:
            where = f"octet {tree['offset']}" + (f" ({tree['path']})" if tree["path"] else "")
            click.echo(f"does not decode: {where}: {tree['problem']}", err=True)
            continue
        click.echo("\n".join(lines(tree, keystore)))
        if as_hex:
            click.echo("\n".join(dump(tree, found.octets)))


def _is_bad(tree: dict[str, Any]) -> bool:
    if "problem" in tree:
        return True
    parts = [tree["signature"], tree["mac"], *tree["encrypted"]]
    return any(part and part.get("verdict") == "bad" for part in parts)
