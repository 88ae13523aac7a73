"""What ``hil decode`` does, without the command line library, whose import takes longer than the decoding."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from hil.cli.message_text import Found, find_messages
from protocols.errors import DecodeError
from protocols.gbcs.message import parse_message
from protocols.gbcs.tree import decode_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from protocols.gbcs.keystore import KeyStore


def run_plain(arguments: Sequence[str]) -> int | None:
    """Exit code of ``hil decode`` with these arguments; None for those that the command line library reads.

    Here are read: messages, ``--json``, ``--hex``, and ``--keys`` with its value after it.
    """
    messages: list[str] = []
    flags: set[str] = set()
    keys: Path | None = None
    rest = iter(arguments)
    for each in rest:
        if each in {"--json", "--hex"}:
            flags.add(each)
        elif each == "--keys" and keys is None:
            value = next(rest, "")
            if not value or value.startswith("-"):
                return None
            keys = Path(value)
        elif each.startswith("-") and each != "-":
            return None
        else:
            messages.append(each)
    if not messages:
        return None
    try:
        return decode(messages, keys, as_json="--json" in flags, as_hex="--hex" in flags)
    except BrokenPipeError:
        # Whoever reads has enough; the interpreter must not find the pipe closed once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def decode(messages: Sequence[str], keys: Path | None, *, as_json: bool, as_hex: bool) -> int:
    """Print messages; exit code 1 where one does not decode or its protection is wrong."""
    keystore = None if keys is None else _load_keys(keys)
    results = [result for each in messages for result in _results(each, keystore, whole=as_json)]
    if as_json:
        import json

        shown = [({"source": found.source} if found.source else {}) | tree for found, tree in results]
        _say(json.dumps(shown[0] if len(shown) == 1 else shown, indent=2))
    else:
        _print(results, keystore, as_hex=as_hex)
    sys.stdout.flush()
    return int(any(_is_bad(tree) for _, tree in results))


def _say(text: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(f"{text}\n")


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
            _say(("\n" if index else "") + f"{found.source or f'message {index + 1}'}:")
        if "problem" in tree:
            where = f"octet {tree['offset']}" + (f" ({tree['path']})" if tree["path"] else "")
            _say(f"does not decode: {where}: {tree['problem']}", sys.stderr)
            continue
        _say("\n".join(lines(tree, keystore)))
        if as_hex:
            _say("\n".join(dump(tree, found.octets)))


def _is_bad(tree: dict[str, Any]) -> bool:
    if "problem" in tree:
        return True
    parts = [tree["signature"], tree["mac"], *tree["encrypted"]]
    return any(part and part.get("verdict") == "bad" for part in parts)
