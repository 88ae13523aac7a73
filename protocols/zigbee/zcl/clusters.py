"""The clusters of a SMETS HAN: attributes, commands and the meaning of their values, by number and by name.

``load()`` gives them all, each read on first use::

    metering = load()[0x0702]
    metering.attributes[0x0000].name          # "Current Summation Delivered"
    octets = metering.received("Get Snapshot").build({...})
    values = metering.commands_generated[0x06].parse(octets)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from protocols.errors import EncodeError
from protocols.zigbee.zcl.fields import Fields, Note, fields_from, read_fields, write_fields
from protocols.zigbee.zcl.tables import CLUSTER_FILES, attribute_rows, read_table
from protocols.zigbee.zcl.types import BY_CODE, DataType

CLUSTER_REVISION = 0xFFFD
REPORTING_STATUS = 0xFFFE
# Every cluster has them on both sides.
_GLOBAL: tuple[list[Any], ...] = (
    [f"{CLUSTER_REVISION:04X}", "Cluster Revision", "u16", "r", "M"],
    [f"{REPORTING_STATUS:04X}", "Attribute Reporting Status", "e8", "r", "O"],
)


@dataclass(slots=True)
class Attribute:
    """An attribute; ``access`` is ``r``, ``w`` or ``rw``; ``enumeration`` or ``bitmap`` names its meaning."""

    number: int
    name: str
    type: DataType
    access: str = "r"
    mandatory: bool = False
    enumeration: str = ""
    bitmap: str = ""


@dataclass(slots=True)
class Command:
    """A command and what it carries, in order."""

    number: int
    name: str
    mandatory: bool = False
    fields: Fields = field(default_factory=list)

    def parse(self, payload: bytes, note: Note | None = None) -> dict[str, Any]:
        """Values by name; ``note`` is told of each with its octets; DecodeError with the octet and path."""
        return read_fields(self.fields, payload, note)

    def build(self, values: Mapping[str, Any] | None = None) -> bytes:
        """The payload; EncodeError names what is missing, surplus or does not fit."""
        return write_fields(self.fields, values or {}, self.name)


@dataclass(slots=True)
class Span:
    """Where a value stands in a payload: ``path`` is its name, with those around it."""

    path: str
    value: Any
    start: int
    end: int


def spans(command: Command, payload: bytes) -> list[Span]:
    """All values of a payload with their octets; DecodeError as ``parse``."""
    found: list[Span] = []
    command.parse(payload, lambda path, _, value, start, end: found.append(Span(path, value, start, end)))
    return found


class Cluster:
    """One cluster as its table has it; ``sources`` says what its facts were taken from and compared with."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self.number = int(table["cluster"], 16)
        self.name: str = table["name"]
        self.revision: int = table["revision"]
        self.profile: str = table["profile"]
        self.sources: list[str] = table["sources"]

    def __repr__(self) -> str:
        return f"<Cluster {self.number:04X} {self.name}>"

    @cached_property
    def attributes(self) -> dict[int, Attribute]:
        """The server's attributes by number."""
        return _attributes(self._table["server_attributes"])

    @cached_property
    def client_attributes(self) -> dict[int, Attribute]:
        """The client's attributes by number."""
        return _attributes(self._table["client_attributes"])

    @cached_property
    def commands_received(self) -> dict[int, Command]:
        """What the server receives, by number."""
        return _commands(self._table["received"])

    @cached_property
    def commands_generated(self) -> dict[int, Command]:
        """What the server sends, by number."""
        return _commands(self._table["generated"])

    @cached_property
    def enumerations(self) -> dict[str, dict[int, str]]:
        """Meanings of numbers, by the enumeration's name."""
        return {
            name: {int(number): meaning for number, meaning in rows.items()}
            for name, rows in self._table["enumerations"].items()
        }

    @cached_property
    def bitmaps(self) -> dict[str, dict[str, int]]:
        """Masks by meaning, by the bitmap's name."""
        return {
            name: {meaning: int(mask, 16) for meaning, mask in rows.items()}
            for name, rows in self._table["bitmaps"].items()
        }

    def commands(self, *, from_server: bool) -> dict[int, Command]:
        """Commands of one direction, by number."""
        return self.commands_generated if from_server else self.commands_received

    def received(self, name: str) -> Command:
        """What the server receives, by name; EncodeError where there is no such command."""
        return self._named(self._received_names, name)

    def generated(self, name: str) -> Command:
        """What the server sends, by name; EncodeError where there is no such command."""
        return self._named(self._generated_names, name)

    def attribute(self, name: str, *, client: bool = False) -> Attribute:
        """An attribute by name; EncodeError where there is none."""
        known = self._client_attribute_names if client else self._attribute_names
        if name not in known:
            raise EncodeError(f"{self.name} has no such attribute", element=name)
        return known[name]

    def _named(self, known: Mapping[str, Command], name: str) -> Command:
        if name not in known:
            raise EncodeError(f"{self.name} has no such command in this direction", element=name)
        return known[name]

    @cached_property
    def _received_names(self) -> dict[str, Command]:
        return {command.name: command for command in self.commands_received.values()}

    @cached_property
    def _generated_names(self) -> dict[str, Command]:
        return {command.name: command for command in self.commands_generated.values()}

    @cached_property
    def _attribute_names(self) -> dict[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes.values()}

    @cached_property
    def _client_attribute_names(self) -> dict[str, Attribute]:
        return {attribute.name: attribute for attribute in self.client_attributes.values()}


class Clusters(Mapping[int, Cluster]):
    """All clusters by number."""

    def __init__(self) -> None:
        self._read: dict[int, Cluster] = {}

    def __getitem__(self, number: int) -> Cluster:
        if number not in self._read:
            self._read[number] = Cluster(read_table(CLUSTER_FILES[number]))
        return self._read[number]

    def __iter__(self) -> Iterator[int]:
        return iter(CLUSTER_FILES)

    def __len__(self) -> int:
        return len(CLUSTER_FILES)

    def __contains__(self, number: object) -> bool:
        return number in CLUSTER_FILES

    def named(self, name: str) -> Cluster:
        """A cluster by its name; EncodeError where there is none."""
        for number in self:
            if self[number].name == name:
                return self[number]
        raise EncodeError("there is no such cluster", element=name)


@cache
def load() -> Clusters:
    """All clusters; one instance is enough, since nothing in them changes."""
    return Clusters()


def _attributes(rows: list[list[Any]]) -> dict[int, Attribute]:
    made: dict[int, Attribute] = {}
    for number, name, (_, _, kind, access, presence, *more) in attribute_rows((*rows, *_GLOBAL)):
        extra = more[0] if more else {}
        meaning = extra.get("enum", ""), extra.get("bits", "")
        made[number] = Attribute(number, name, BY_CODE[kind], access, presence == "M", *meaning)
    return made


def _commands(rows: Mapping[str, list[Any]]) -> dict[int, Command]:
    return {
        int(number, 16): Command(int(number, 16), name, presence == "M", fields_from(fields))
        for number, (name, presence, fields) in rows.items()
    }
