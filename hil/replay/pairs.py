"""Commands and their replies in a file of JSON lines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message
from protocols.ports import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message

# Between PPMID and GSME: no remote party, so no key, takes part in them.
_NOT_REMOTE = frozenset(("PCS01", "PCS02"))
# Where messages leave the kind of a device open: what more of them are for.
_LIKELY = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc")


@dataclass(slots=True)
class Pair:
    """A command with its reply; ``device_type`` is what the file's messages say the target is."""

    name: str
    use_case: UseCase
    octets: bytes
    command: Message
    reply: Message
    device_type: str


@dataclass(slots=True)
class Named:
    """A message of the file."""

    name: str
    octets: bytes
    message: Message


def read_pairs(path: Path) -> list[Pair]:
    """Every command whose reply is in the file, in the file's order; ConfigError for an unusable file."""
    messages = list(_messages(path))
    types = device_types(messages)
    replies: dict[str, Named] = {each.name: each for each in messages if each.message.kind == "response"}
    by_header = {_identity(each.message): each for each in reversed(list(replies.values()))}
    named = {each.name.replace("RESPONSE", "COMMAND") for each in replies.values()}
    pairs = []
    for each in messages:
        use_case = _use_case(each.message)
        if each.message.kind != "command" or use_case is None or use_case.code in _NOT_REMOTE:
            continue
        reply = replies.get(each.name.replace("COMMAND", "RESPONSE"))
        if reply is None and "COMMAND" not in each.name and each.name not in named:
            reply = by_header.get(_identity(each.message))
        if reply is not None:
            kind = types[each.message.header.business_target_id]
            pairs.append(Pair(each.name, use_case, each.octets, each.message, reply.message, kind))
    return pairs


def _identity(message: Message) -> tuple[int, int, Eui64]:
    """What a command and its reply have in common."""
    header = message.header
    device = header.business_originator_id if message.kind == "response" else header.business_target_id
    return header.message_code, header.originator_counter, device


def _use_case(message: Message) -> UseCase | None:
    return load_catalogue().by_message_code(message.header.message_code, CraFlag.COMMAND)


def device_types(messages: list[Named]) -> dict[Eui64, str]:
    """The type of every device: the one that can have all the use cases which are sent to it."""
    possible: dict[Eui64, set[str]] = {}
    for each in messages:
        use_case = _use_case(each.message)
        if each.message.kind == "alert" or use_case is None:
            continue
        header = each.message.header
        is_reply = each.message.kind == "response"
        device = header.business_originator_id if is_reply else header.business_target_id
        kinds = set(use_case.devices)
        possible[device] = possible.get(device, kinds) & kinds or kinds
    return {
        device: next((kind for kind in _order(kinds) if kind in kinds), "esme")
        for device, kinds in possible.items()
    }


def _order(kinds: set[str]) -> tuple[str, ...]:
    # Two kinds that share use cases: the one that has fewer of its own would otherwise never be chosen.
    return tuple(reversed(_LIKELY)) if kinds <= {"hcalcs", "ppmid"} or kinds <= {"esme", "sapc"} else _LIKELY


def _messages(path: Path) -> list[Named]:
    found = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", next_step="give a file of JSON lines") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_message(path, number, line))
    return found


def _message(path: Path, number: int, line: str) -> Named:
    try:
        row = json.loads(line)
        octets = bytes.fromhex(row["hex"])
        return Named(str(row["name"]), octets, parse_message(octets))
    except (ValueError, KeyError, TypeError, DecodeError) as error:
        step = 'write one JSON object with "name" and "hex" on each line'
        raise ConfigError(f"{path} line {number}: not a message ({error})", next_step=step) from None
