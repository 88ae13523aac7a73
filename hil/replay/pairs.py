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


@dataclass(slots=True)
class Spoiled:
    """A command of the file that has a reply and cannot be answered, and why not."""

    name: str
    why: str


def read_pairs(path: Path) -> tuple[list[Pair], list[Spoiled]]:
    """Every command whose reply is in the file, in the file's order; ConfigError for an unusable file."""
    messages, unreadable = _messages(path)
    return _pairs(messages), _spoiled(messages, unreadable)


def _spoiled(messages: list[Named], unreadable: dict[str, str]) -> list[Spoiled]:
    """Commands that a line which is no message belongs to, and those of no use case."""
    reasons = {name: f"{name} is not a message: {why}" for name, why in unreadable.items()}
    for each in messages:
        if each.message.kind == "command" and _use_case(each.message) is None:
            code = each.message.header.message_code
            reasons[each.name] = f"no use case has message code 0x{code:04X}"
    known = reasons.keys() | {each.name for each in messages}
    found = {}
    for name, why in reasons.items():
        command, reply = name.replace("RESPONSE", "COMMAND"), name.replace("COMMAND", "RESPONSE")
        if command != reply and command in known and reply in known:
            found[command] = Spoiled(command, why)
    return list(found.values())


def _pairs(messages: list[Named]) -> list[Pair]:
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


def _messages(path: Path) -> tuple[list[Named], dict[str, str]]:
    """The messages, and of lines whose octets are none the name and the reason."""
    found, unreadable = [], {}
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", next_step="give a file of JSON lines") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        name, octets = _named_octets(path, number, line)
        try:
            found.append(Named(name, octets, parse_message(octets)))
        except DecodeError as error:
            unreadable[name] = str(error)
    return found, unreadable


def _named_octets(path: Path, number: int, line: str) -> tuple[str, bytes]:
    try:
        row = json.loads(line)
        return str(row["name"]), bytes.fromhex(row["hex"])
    except (ValueError, KeyError, TypeError) as error:
        step = 'write one JSON object with "name" and "hex" on each line'
        raise ConfigError(f"{path} line {number}: not a message ({error})", next_step=step) from None
