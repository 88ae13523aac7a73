"""``hil corpus``: decode, re-encode and verify many messages."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hil.cli.key_files import load_keys, octets_from_text
from hil.cli.rebuild import Rebuilder
from protocols.errors import DecodeError
from protocols.gbcs.corpus import (
    CheckResult,
    CorpusSummary,
    Failure,
    check_message,
    document_text,
    note_built,
    verify_message,
)
from protocols.gbcs.crypto import SecretCache
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.gbcs.keystore import KeyStore


@click.command("corpus")
@click.argument("messages", type=click.Path(path_type=Path))
@click.option("--keys", type=click.Path(path_type=Path), help="Folder of key files, or a key store in JSON.")
@click.option("--verify-only", is_flag=True, help="Only parse and verify: for large archives.")
@click.option("--json", "as_json", is_flag=True, help="Counts and failures as JSON.")
def command(messages: Path, keys: Path | None, *, verify_only: bool, as_json: bool) -> None:
    """Check every message of MESSAGES: a file of JSON lines with "name" and "hex", or a folder of .HEX files.

    Each has to parse to its last octet, encode to the same octets again, carry right signatures, MACs and
    ciphered blocks (as far as there are keys), have a name for every element, and come out the same when
    another process builds it from its named values; with --verify-only it is not encoded or built. Exit
    code 1 if any does not.
    """
    keystore, summary = load_keys(keys), CorpusSummary()
    check = partial(verify_message, keystore=keystore, cache=SecretCache())
    with ExitStack() as stack:
        if not verify_only:
            check = partial(_check_and_build, keystore, SecretCache(), stack.enter_context(Rebuilder(keys)))
        for name, text in _messages(messages):
            try:
                octets = octets_from_text(text)
            except DecodeError as error:
                failure = Failure(name, error.offset, error.path, error.problem)
                summary.add(CheckResult(name, failures=[failure]))
                continue
            summary.add(check(octets, name=name))
    if not summary.messages:
        raise ConfigError(
            f"{messages}: no messages", next_step="give JSON lines, or a folder with .HEX files"
        )
    lines = _lines(summary, verify_only=verify_only)
    click.echo(json.dumps(summary.as_dict(), indent=2) if as_json else "\n".join(lines))
    for problem in keystore.problems:
        click.echo(f"keys: {problem}", err=True)
    if summary.failures or summary.unnamed:
        sys.exit(1)


def _check_and_build(
    keystore: KeyStore, cache: SecretCache, rebuilder: Rebuilder, octets: bytes, *, name: str
) -> CheckResult:
    result = check_message(octets, keystore, cache, name)
    if result.parsed:
        document = document_text(octets, keystore, cache, result)
        if document:
            note_built(result, octets, rebuilder.build(document))
    return result


def _messages(path: Path) -> Iterator[tuple[str, str]]:
    """Name and hex text of every message."""
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix.lower() == ".hex" and file.is_file():
                    yield file.relative_to(path).as_posix(), file.read_text("utf-8", "replace")
            return
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _row(path, number, line)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", next_step="check the path of the messages") from None


def _row(path: Path, number: int, line: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        return str(row.get("name", f"line {number}")), str(row["hex"])
    except (ValueError, KeyError, AttributeError):
        step = 'write one JSON object with "name" and "hex" on each line'
        raise ConfigError(f"{path} line {number}: not a message", next_step=step) from None


def _lines(summary: CorpusSummary, *, verify_only: bool) -> Iterator[str]:
    counts = summary.as_dict()
    again = "" if verify_only else f", {counts['reencoded']} re-encoded alike"
    yield f"{counts['messages']} messages: {counts['parsed']} parsed{again}"
    built = "" if verify_only else f"{counts['built']} built from named values, "
    yield f"  {built}{len(counts['unnamed'])} elements without a name"
    for title in ("kinds", "mac", "signature", "encrypted"):
        yield f"  {title:<10}" + ", ".join(f"{count} {name}" for name, count in counts[title].items())
    if summary.encrypted["no_key"]:
        yield f"  {summary.encrypted['no_key']} ciphered blocks without a key"
    for name, reason in summary.rule_breakers:
        yield f"against the rules {name}: {reason}"
    for path in summary.unnamed:
        yield f"UNNAMED {path}"
    for failure in summary.failures:
        where = f" ({failure.path})" if failure.path else ""
        yield f"FAILURE {failure.name}: octet {failure.offset}{where}: {failure.problem}"
