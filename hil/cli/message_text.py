"""Finding GBCS messages: octets, hexadecimal text, and the text of logs with messages somewhere in it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hil.cli.key_files import octets_from_text
from protocols.dlms.length import read_length
from protocols.errors import DecodeError
from protocols.gbcs.header import parse_grouping_header, parse_mac_header

# First octets of a message as it is (not hex text): MAC Header or Grouping Header.
_BINARY = (b"\xdd", b"\xdf")
# A message in a line of text begins with a MAC Header, or with a Grouping Header and its transaction id's
# length and CRA flag; octets may be apart by one blank, colon or dash.
_BETWEEN = r"[ :\-]?"
_PAIR = r"[0-9A-Fa-f]{2}"
_START = rf"(?:DD(?:{_BETWEEN}00){{6}}|DF{_BETWEEN}09{_BETWEEN}0[123])"
_IN_LINE = rf"(?i)(?<![0-9A-Fa-f]){_START}(?:{_BETWEEN}{_PAIR})*"  # compiled where a line is searched


class Found(NamedTuple):
    """One message as it was found, and where: a file's name, with the line where there are several."""

    source: str
    octets: bytes


def find_messages(argument: str) -> Iterator[Found]:
    """Messages of one argument of `hil decode`: hex digits, a file, or - for standard input.

    DecodeError where the text is neither hexadecimal nor has a message in it; ConfigError for a file that is
    not there.
    """
    if argument == "-":
        yield from _in_octets("standard input", sys.stdin.buffer.read())
    elif _is_file(argument):
        yield from _in_octets(argument, Path(argument).read_bytes())
    elif "/" in argument or Path(argument).suffix:
        from protocols.ports import ConfigError

        step = "give a file that is there, or hex digits"
        raise ConfigError(f"{argument}: no such file", next_step=step)
    else:
        yield from _in_octets("", argument.encode())


def _in_octets(source: str, raw: bytes) -> Iterator[Found]:
    if raw.startswith(_BINARY):
        yield Found(source, raw)
        return
    text = raw.decode("utf-8", "replace")
    try:
        yield Found(source, octets_from_text(text))
    except DecodeError as error:
        found = list(_in_lines(source, text))
        if not found:
            raise DecodeError(f"{error.problem}, and no message in the text", offset=error.offset) from None
        yield from found


def _in_lines(source: str, text: str) -> Iterator[Found]:
    for number, line in enumerate(text.splitlines(), start=1):
        for match in re.finditer(_IN_LINE, line):
            octets = bytes.fromhex(re.sub(_BETWEEN, "", match[0]))
            yield Found(f"{source} line {number}".strip(), _cut(octets))


def _cut(octets: bytes) -> bytes:
    """A message alone: what follows it in the line is something else. As it is where it does not parse."""
    try:
        if octets[0] == _BINARY[0][0]:
            length, start = parse_mac_header(octets)
            return octets[: start + length]
        _, at = parse_grouping_header(octets)
        length, at = read_length(octets, at)
    except DecodeError:
        return octets
    end = at + length
    # The signature field; a pre-command may have none.
    if octets[end : end + 1] == b"\x00":
        return octets[: end + 1]
    has_signature = octets[end : end + 1] == b"\x40" and len(octets) >= end + 65
    return octets[: end + 65 if has_signature else end]


def _is_file(argument: str) -> bool:
    try:
        return Path(argument).is_file()
    except OSError:  # hex digits can be too long for a file name
        return False
