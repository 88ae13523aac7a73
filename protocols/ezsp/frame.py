"""EZSP frames: legacy and extended headers, and the parameters of commands, answers and callbacks (UG100 3).

The query for the version goes in the legacy format, all others from version 8 on in the extended one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from importlib.resources import files
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.ezsp.fields import Fields, Values, empty_values, make_fields, read_fields, write_fields

OLDEST_EXTENDED = 8
NEWEST = 19
_RESPONSE = 0x80
_CALLBACK = 0x10  # asynchronous callback: bits 3 and 4
_CALLBACK_MASK = 0x18
_FORMAT_1 = 0x01  # frame format version, in the high octet
_LEGACY_LONGEST_ID = 0xFE  # FF begins the header of versions 5 to 7


class Direction(IntEnum):
    """What a frame is."""

    COMMAND = 0
    RESPONSE = 1
    CALLBACK = 2


@dataclass(slots=True)
class EzspHeader:
    """Header of a frame; ``control`` keeps the bits that are not told apart here (low octet, high octet)."""

    sequence: int
    number: int
    direction: Direction = Direction.COMMAND
    legacy: bool = False
    control: int = 0


def build_header(header: EzspHeader) -> bytes:
    """The octets before the parameters."""
    low = header.control & 0xFF & ~(_RESPONSE | _CALLBACK_MASK)
    if header.direction is not Direction.COMMAND:
        low |= _RESPONSE
    if header.direction is Direction.CALLBACK:
        low |= _CALLBACK
    if header.legacy:
        if header.number > _LEGACY_LONGEST_ID:
            raise EncodeError(f"0x{header.number:04X} has no legacy format", element="frame_id")
        return bytes((header.sequence, low, header.number))
    high = header.control >> 8 & 0xFC | _FORMAT_1
    return bytes((header.sequence, low, high)) + header.number.to_bytes(2, "little")


def parse_header(octets: bytes, *, legacy: bool) -> tuple[EzspHeader, bytes]:
    """Header and parameters."""
    size = 3 if legacy else 5
    if len(octets) < size:
        raise DecodeError("too short for a header", offset=len(octets), path="ezsp")
    low = octets[1]
    if not low & _RESPONSE:
        if low & _CALLBACK_MASK:
            raise DecodeError("a command with a callback type", offset=1, path="ezsp.control")
        direction = Direction.COMMAND
    elif low & _CALLBACK_MASK in (0, _CALLBACK):
        direction = Direction.CALLBACK if low & _CALLBACK else Direction.RESPONSE
    else:
        raise DecodeError("synchronous callbacks are not used on ASH", offset=1, path="ezsp.control")
    control = low & ~(_RESPONSE | _CALLBACK_MASK)
    if legacy:
        if octets[2] > _LEGACY_LONGEST_ID:
            raise DecodeError("header of versions 5 to 7", offset=2, path="ezsp.frame_id")
        return EzspHeader(octets[0], octets[2], direction, True, control), octets[size:]
    if octets[2] & 3 != _FORMAT_1:
        raise DecodeError("not frame format 1", offset=2, path="ezsp.control")
    number = int.from_bytes(octets[3:5], "little")
    return EzspHeader(octets[0], number, direction, False, control | (octets[2] & 0xFC) << 8), octets[5:]


@dataclass(slots=True)
class Command:
    """A command with its fields, or (``response`` None) a callback."""

    name: str
    number: int
    request: Fields
    response: Fields | None


@dataclass(slots=True)
class Tables:
    """The frames of one version, by name and by number."""

    version: int
    commands: dict[str, Command] = field(default_factory=dict)
    callbacks: dict[str, Command] = field(default_factory=dict)
    commands_by_number: dict[int, Command] = field(default_factory=dict)
    callbacks_by_number: dict[int, Command] = field(default_factory=dict)

    def build_command(self, name: str, values: Values, sequence: int, *, legacy: bool = False) -> bytes:
        """A command from the host."""
        command = self.commands[name]
        header = EzspHeader(sequence, command.number, Direction.COMMAND, legacy)
        return build_header(header) + write_fields(command.request, values)

    def build_response(self, name: str, values: Values, sequence: int, *, legacy: bool = False) -> bytes:
        """The NCP's answer; fields that are not given are zero."""
        command = self.commands[name]
        assert command.response is not None
        header = EzspHeader(sequence, command.number, Direction.RESPONSE, legacy)
        return build_header(header) + write_fields(command.response, empty_values(command.response) | values)

    def build_callback(self, name: str, values: Values, sequence: int) -> bytes:
        """What the NCP tells by itself."""
        callback = self.callbacks[name]
        header = EzspHeader(sequence, callback.number, Direction.CALLBACK)
        return build_header(header) + write_fields(callback.request, values)

    def build_invalid(self, reason: int, sequence: int, *, legacy: bool = False) -> bytes:
        """The answer to a command that is none (invalidCommand)."""
        callback = self.callbacks["invalidCommand"]
        header = EzspHeader(sequence, callback.number, Direction.RESPONSE, legacy)
        return build_header(header) + write_fields(callback.request, {"reason": reason})

    def parse_command(
        self, number: int, parameters: bytes, *, surplus: bool = False
    ) -> tuple[Command, Values]:
        """A command's values; KeyError when there is none of this number.

        ``surplus``: octets after the last field are ignored, as firmware does.
        """
        command = self.commands_by_number[number]
        if surplus:
            return command, read_fields(command.request, parameters, path=command.name)[0]
        return command, _whole(command.request, parameters, command.name)

    def parse_answer(self, octets: bytes, *, legacy: bool = False) -> tuple[EzspHeader, Command, Values]:
        """A response or a callback as the host hears it."""
        header, parameters = parse_header(octets, legacy=legacy)
        if header.direction is Direction.COMMAND:
            raise DecodeError("a command, not an answer", offset=1, path="ezsp.control")
        command = self.commands_by_number.get(header.number)
        fields = command.response if command is not None else None
        if command is None or fields is None or header.direction is Direction.CALLBACK:
            command = self.callbacks_by_number.get(header.number)
            if command is None:
                raise DecodeError(f"unknown frame 0x{header.number:04X}", offset=3, path="ezsp.frame_id")
            fields = command.request
        assert fields is not None
        return header, command, _whole(fields, parameters, command.name)


def _whole(fields: Fields, parameters: bytes, name: str) -> Values:
    values, end = read_fields(fields, parameters, path=name)
    if end != len(parameters):
        raise DecodeError(f"{len(parameters) - end} octets left over", offset=end, path=name)
    return values


def _for_version(rows: Any, version: int) -> Any:
    """The row that holds for a version; None where there is none."""
    if not isinstance(rows, dict):
        return rows
    known = [int(since) for since in rows if int(since) <= version]
    return rows[str(max(known))] if known else None


@lru_cache(maxsize=16)
def tables(version: int) -> Tables:
    """The tables of a version (8 or later; the newest one known here is `NEWEST`)."""
    if version < OLDEST_EXTENDED:
        raise ValueError(f"EZSP version {version} is older than {OLDEST_EXTENDED}")
    text = files("protocols.ezsp.tables").joinpath("frames.json").read_text("utf-8")
    data = json.loads(text)

    def structure(name: str) -> str | None:
        found: str | None = _for_version(data["structures"].get(name), version)
        return found

    made = Tables(version)
    for name, rows in data["commands"].items():
        row = _for_version(rows, version)
        if row is not None:
            request, response = (make_fields(text, version, structure) for text in row[1:])
            made.commands[name] = made.commands_by_number[row[0]] = Command(name, row[0], request, response)
    for name, rows in data["callbacks"].items():
        row = _for_version(rows, version)
        if row is not None:
            fields = make_fields(row[1], version, structure)
            made.callbacks[name] = made.callbacks_by_number[row[0]] = Command(name, row[0], fields, None)
    return made
