"""``hil decode``: one GBCS message as people read it, or as JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hil.cli.key_files import load_keys, octets_from_text
from protocols.errors import DecodeError
from protocols.gbcs.crypto import SecretCache
from protocols.gbcs.message import parse_message
from protocols.gbcs.protect import decryptor, verify_with_keystore
from protocols.gbcs.tree import decode_tree
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

# First octets of a message as it is (not hex text): MAC Header or Grouping Header.
_BINARY = (b"\xdd", b"\xdf")
# Keys of a node that its head line already shows, or that stand below it.
_SHOWN = {"name", "type", "offset", "octets", "value", "children", "plaintext", "selection"}


@click.command("decode")
@click.argument("message")
@click.option("--keys", type=click.Path(path_type=Path), help="Folder of key files, or a key store in JSON.")
@click.option("--json", "as_json", is_flag=True, help="The whole tree as JSON.")
def command(message: str, keys: Path | None, *, as_json: bool) -> None:
    """Show a GBCS message: MESSAGE is hex digits, a file of them (or of the octets), or - for standard input.

    Exit code 1 when it does not decode or a signature, MAC or ciphered block is wrong.
    """
    try:
        tree = _tree(_octets(message), keys)
    except DecodeError as error:
        _complain(error, as_json=as_json)
        sys.exit(1)
    if as_json:
        import json

        click.echo(json.dumps(tree, indent=2))
    else:
        click.echo("\n".join(_lines(tree)))
    parts = [tree["signature"], tree["mac"], *tree["encrypted"]]
    if any(part and part.get("verdict") == "bad" for part in parts):
        sys.exit(1)


def _complain(error: DecodeError, *, as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps({"offset": error.offset, "path": error.path, "problem": error.problem}))
    else:
        click.echo(f"does not decode: {error}", err=True)


def _octets(message: str) -> bytes:
    if message == "-":
        raw = sys.stdin.buffer.read()
    elif _is_file(message):
        raw = Path(message).read_bytes()
    elif "/" in message or Path(message).suffix:
        step = "give a file that is there, or hex digits"
        raise ConfigError(f"{message}: no such file", next_step=step)
    else:
        raw = message.encode()
    return raw if raw.startswith(_BINARY) else octets_from_text(raw.decode("utf-8", "replace"))


def _is_file(message: str) -> bool:
    try:
        return Path(message).is_file()
    except OSError:  # hex digits can be too long for a file name
        return False


def _tree(octets: bytes, keys: Path | None) -> dict[str, Any]:
    message = parse_message(octets)
    if keys is None:
        return decode_tree(message)
    keystore, cache = load_keys(keys), SecretCache()
    verdicts = verify_with_keystore(message, keystore, cache)
    return decode_tree(message, verdicts, decryptor(message, keystore, cache))


def _lines(tree: dict[str, Any]) -> Iterator[str]:
    title = f"{tree['use_case']} {tree['title']}" if tree["use_case"] else tree["title"]
    yield f"{title} ({tree['kind']}, message code {tree['message_code']}, {tree['octets']} octets)"
    header = dict(tree["header"])
    offsets = header.pop("offsets")
    yield "header"
    for name, value in header.items():
        text = value.get("time") or value["value"] if isinstance(value, dict) else value
        yield f"  {offsets[name]:>5}  {name}: {text}"
    payload = tree["payload"]
    yield f"payload ({payload['kind']}, {payload['octets']} octets at {payload['offset']})"
    for node in payload["elements"]:
        yield from _node(node, 1)
    if tree.get("values"):
        yield "values"
        yield from (f"         {name}: {value}" for name, value in tree["values"].items())
    for name in ("signature", "mac"):
        part = tree[name]
        if part and part["octets"]:
            yield _verdict(name, part)
    for block in tree["encrypted"]:
        yield _verdict("encrypted", block)


def _verdict(name: str, part: dict[str, Any]) -> str:
    return f"{name}: {part.get('verdict', 'not checked')} ({part['octets']} octets at {part['offset']})"


def _node(node: dict[str, Any], depth: int) -> Iterator[str]:
    parts = [str(node[key]) for key in ("name", "type", "value") if node.get(key) is not None]
    parts += [f"{key}={value}" for key, value in node.items() if key not in _SHOWN]
    yield f"  {node['offset']:>5}  {'  ' * (depth - 1)}{' '.join(parts)}"
    for child in [*node.get("children", ()), *([node["selection"]] if "selection" in node else ())]:
        yield from _node(child, depth + 1)
    if "plaintext" in node:
        yield f"         {'  ' * depth}plaintext (offsets count in it)"
        yield from _node(node["plaintext"], depth + 2)
