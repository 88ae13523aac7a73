"""A Spinel frame: header octet, command, and for most commands a property with its value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError
from protocols.spinel.datatypes import pack_uint, unpack_uint

LARGEST_TID = 15
_FLAG = 0x80
_WITH_PROPERTY = frozenset(range(2, 9))


class Command(IntEnum):
    """Commands that an RCP knows; the last three are its answers."""

    NOOP = 0
    RESET = 1
    GET = 2
    SET = 3
    INSERT = 4
    REMOVE = 5
    IS = 6
    INSERTED = 7
    REMOVED = 8


class ResetKind(IntEnum):
    """What a RESET command asks for."""

    PLATFORM = 1
    STACK = 2
    BOOTLOADER = 3


@dataclass(slots=True)
class SpinelFrame:
    """One frame. ``tid`` 0: nobody asked for it. ``property`` None: the command has none (NOOP, RESET)."""

    command: int
    property: int | None = None
    value: bytes = b""
    tid: int = 0
    interface: int = 0

    def build(self) -> bytes:
        """The octets between HDLC header and CRC."""
        if not 0 <= self.tid <= LARGEST_TID:
            raise EncodeError(f"{self.tid} is not within 0 to {LARGEST_TID}", element="tid")
        if not 0 <= self.interface <= 3:
            raise EncodeError(f"{self.interface} is not within 0 to 3", element="interface")
        if (self.property is None) == (self.command in _WITH_PROPERTY):
            raise EncodeError(f"command {self.command} goes with a property or without", element="property")
        key = b"" if self.property is None else pack_uint(self.property)
        return bytes((_FLAG | self.interface << 4 | self.tid,)) + pack_uint(self.command) + key + self.value


def parse_frame(octets: bytes) -> SpinelFrame:
    """The frame; DecodeError where header, command or property are no Spinel."""
    if not octets:
        raise DecodeError("the frame is empty", offset=0, path="header")
    if octets[0] & 0xC0 != _FLAG:
        raise DecodeError(f"{octets[0]:#04x} does not begin a Spinel frame", offset=0, path="header")
    command, at = unpack_uint(octets, 1, "command")
    key = None
    if command in _WITH_PROPERTY:
        key, at = unpack_uint(octets, at, "property")
    return SpinelFrame(command, key, octets[at:], octets[0] & 0x0F, octets[0] >> 4 & 3)
