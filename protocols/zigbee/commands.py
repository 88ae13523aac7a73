"""What the commands of MAC, NWK and APS have in common: an identifier octet, elements, perhaps more.

``rest`` keeps octets after the elements this version of the specification knows (later ones append some).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from protocols.errors import DecodeError
from protocols.zigbee.elements import REST, Layout, Rest, attributes


@dataclass(slots=True, kw_only=True)
class Command:
    """Base of all commands."""

    IDENTIFIER: ClassVar[int] = -1
    LAYOUT: ClassVar[Layout] = Layout({})

    rest: bytes = b""

    @property
    def identifier(self) -> int:
        """The command identifier."""
        return self.IDENTIFIER

    def build(self) -> bytes:
        """The octets from the command identifier on."""
        values = attributes(self, self.LAYOUT.names)
        return bytes((self.IDENTIFIER,)) + self.LAYOUT.write(values) + self.rest


@dataclass(slots=True)
class OtherCommand(Command):
    """A command that has no class here."""

    LAYOUT: ClassVar[Layout] = Layout({REST: Rest()})

    number: int

    @property
    def identifier(self) -> int:
        """The command identifier."""
        return self.number

    def build(self) -> bytes:
        """The octets from the command identifier on."""
        return bytes((self.number,)) + self.rest


def by_identifier(*kinds: type[Command]) -> dict[int, type[Command]]:
    """The classes by their identifiers."""
    return {kind.IDENTIFIER: kind for kind in kinds}


def parse_command(octets: bytes, kinds: Mapping[int, type[Command]]) -> Any:
    """The command whose identifier is the first octet: one of ``kinds`` or an `OtherCommand`."""
    if not octets:
        raise DecodeError("the data ends before the command identifier", offset=0, path="command")
    kind = kinds.get(octets[0])
    if kind is None:
        return OtherCommand(octets[0], rest=octets[1:])
    values, end = kind.LAYOUT.read(octets, 1)
    return kind(**values, rest=octets[end:])
