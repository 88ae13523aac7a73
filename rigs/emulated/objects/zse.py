"""Which ZSE attributes and commands a type of device has, and which of them a use case may touch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.zcl import DataType, octets_of_type

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import Catalogue, UseCase
    from protocols.gbcs.catalogue.elements import GbzElement

DEFAULT_RESPONSE, READ_ATTRIBUTES, READ_RESPONSE = 0x0B, 0x00, 0x01
_CLUSTER_COMMAND, _FROM_SERVER = 0x01, 0x08
_COMMAND = "Command"


class AttributePlace(NamedTuple):
    """Cluster and attribute."""

    cluster: int
    number: int

    def __str__(self) -> str:
        return f"{self.cluster:04X}/{self.number:04X}"

    @property
    def key(self) -> str:
        """Key of its value in a device's storage."""
        return f"{self.cluster:04x}/{self.number:04x}"


class CommandPlace(NamedTuple):
    """Cluster, direction and command."""

    cluster: int
    from_server: bool
    number: int

    def __str__(self) -> str:
        return f"{self.cluster:04X}{'<' if self.from_server else '>'}{self.number:02X}"


@dataclass(slots=True)
class ZseAttribute:
    """One attribute: name, ZCL data type, clause, and the roles that may read it; a default of its type."""

    place: AttributePlace
    name: str
    data_type: int
    clause: str = ""
    readers: set[str] = field(default_factory=set)
    uses: set[str] = field(default_factory=set)

    def default(self) -> int | bytes:
        """Zero, or an empty string."""
        return b"" if self.data_type in {DataType.OCTET_STRING, DataType.CHARACTER_STRING} else 0


@dataclass(slots=True)
class Scope:
    """What a use case's messages are made of: components of its command, and of its answers."""

    commands: list[GbzElement]
    answers: list[GbzElement]

    def allows(self, cluster: int, frame_control: int, command: int) -> bool:
        """Whether a component may stand in the command."""
        return any(
            (each.cluster, each.frame_control & 0x0B, each.command)
            == (cluster, frame_control & 0x0B, command)
            for each in self.commands
        )

    def answer(self, cluster: int, frame_control: int, command: int) -> GbzElement | None:
        """The component that answers one of the command's, where that is more than a default response."""
        kind = frame_control & _CLUSTER_COMMAND
        found = (
            each
            for each in self.answers
            if (each.cluster, each.answers, each.frame_control & _CLUSTER_COMMAND) == (cluster, command, kind)
            and (kind or each.command == READ_RESPONSE)
        )
        return next(found, None)


class ZseObjects:
    """Attributes and commands of a device type; nothing here changes once built."""

    def __init__(self, device_type: str, catalogue: Catalogue) -> None:
        self.attributes: dict[AttributePlace, ZseAttribute] = {}
        self.scopes: dict[str, Scope] = {}
        self.commands: dict[CommandPlace, set[str]] = {}
        for use_case in catalogue:
            if use_case.payload_kind == "gbz" and not use_case.is_alert and device_type in use_case.devices:
                self._add(use_case, catalogue)

    def _add(self, use_case: UseCase, catalogue: Catalogue) -> None:
        messages = catalogue.gbz_messages(use_case.code)
        commands = messages.get(_COMMAND, [])
        answers = [each for name, rows in messages.items() if name != _COMMAND for each in rows]
        self.scopes[use_case.code] = Scope(commands, answers)
        for each in commands:
            if each.frame_control & _CLUSTER_COMMAND:
                place = CommandPlace(each.cluster, bool(each.frame_control & _FROM_SERVER), each.command)
                self.commands.setdefault(place, set()).update(use_case.roles)
            for number in each.details if isinstance(each.details, list) else ():
                self._add_attribute(AttributePlace(each.cluster, int(number, 16)), use_case)

    def _add_attribute(self, place: AttributePlace, use_case: UseCase) -> None:
        tables = zcl_tables()
        known = tables.attribute(place.cluster, place.number)
        if known is None or octets_of_type(known.data_type) is None:
            return
        _, clause = tables.smets_object(str(place).replace("/", ":"))
        made = ZseAttribute(place, known.name, known.data_type, clause)
        attribute = self.attributes.setdefault(place, made)
        attribute.readers.update(use_case.roles)
        attribute.uses.add(use_case.code)


@cache
def zse_objects(device_type: str, version: str = "") -> ZseObjects:
    """The definition of a device type in a version of the catalogue; all devices of a type share it."""
    return ZseObjects(device_type, load_catalogue(version))
