"""Defects that an emulated device can have in what it sends, for tests of whatever is at the other end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import Message, build_message, parse_message

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class Quirk:
    """``send`` turns a message that would leave into those that leave instead."""

    text: str
    send: Callable[[bytes, Message], list[bytes]]


def _silent(octets: bytes, message: Message) -> list[bytes]:
    return [] if message.header.cra_flag is CraFlag.RESPONSE else [octets]


def _no_alerts(octets: bytes, message: Message) -> list[bytes]:
    return [] if message.header.cra_flag is CraFlag.ALERT else [octets]


def _twice(octets: bytes, message: Message) -> list[bytes]:
    return [octets, octets] if message.header.cra_flag is CraFlag.RESPONSE else [octets]


def _unprotected(octets: bytes, message: Message) -> list[bytes]:
    """The last octet is of the MAC or of the signature, whichever the message has."""
    _ = message
    return [octets[:-1] + bytes((octets[-1] ^ 0xFF,))]


def _other_counter(octets: bytes, message: Message) -> list[bytes]:
    if message.header.cra_flag is not CraFlag.RESPONSE:
        return [octets]
    header = replace(message.header, originator_counter=message.header.originator_counter + 1)
    return [build_message(replace(message, header=header))]


def _longer(octets: bytes, message: Message) -> list[bytes]:
    _ = message
    return [octets + b"\x00"]


def _shorter(octets: bytes, message: Message) -> list[bytes]:
    _ = message
    return [octets[:-1]]


def _half_answered(octets: bytes, message: Message) -> list[bytes]:
    """The headers are as they should be: whoever looks into the payload finds it cut."""
    if message.header.cra_flag is not CraFlag.RESPONSE:
        return [octets]
    return [build_message(replace(message, payload=message.payload[:-1]))]


QUIRKS = {
    "silent": Quirk("commands are carried out, and no response leaves", _silent),
    "no-alerts": Quirk("no alert leaves", _no_alerts),
    "responses-twice": Quirk("every response leaves twice", _twice),
    "wrong-protection": Quirk("the last octet of MAC or signature is inverted", _unprotected),
    "other-counter": Quirk(
        "responses carry a counter that no command had, and their protection", _other_counter
    ),
    "octet-too-many": Quirk("every message has an octet more than its headers say", _longer),
    "octet-missing": Quirk("every message lacks its last octet", _shorter),
    "payload-cut": Quirk("the payload of every response lacks its last octet", _half_answered),
}
"""Each defect by its name."""


def sent_with(quirk: Quirk, octets: bytes) -> list[bytes]:
    """What leaves in place of a message; one that is none leaves as it is."""
    try:
        message = parse_message(octets)
    except DecodeError:
        return [octets]
    return quirk.send(octets, message)
