"""The commands and attributes of the ZigBee Cluster Library that GBCS uses, each cluster read on first use.

Names, layouts and types are the cluster tables' (``protocols.zigbee.zcl.tables``); ``zcl_used.json``
says what of them GBCS uses, and in which units where the library leaves that to the device.

A field's type is one of u8 u16 u24 u32 u48 (unsigned), i32 (signed), e8 (enumeration), b8 b16 b32 (bitmaps),
time (UTCTime, seconds since 2000), date (year since 1900, month, day, weekday; FF any), octets and chars
(strings with a length octet).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from protocols.gbcs.catalogue.elements import read_json, read_one
from protocols.gbcs.zcl import DataType
from protocols.zigbee.zcl.tables import CLUSTER_FILES, attribute_rows, read_octets

if TYPE_CHECKING:
    from collections.abc import Sequence

# Types of the attributes that GBCS uses, by their short names in the tables.
DATA_TYPES = {
    "b8": DataType.BITMAP8,
    "b16": DataType.BITMAP16,
    "u8": DataType.UINT8,
    "u16": DataType.UINT16,
    "u24": DataType.UINT24,
    "u32": DataType.UINT32,
    "u48": DataType.UINT48,
    "i32": DataType.INT32,
    "e8": DataType.ENUM8,
    "octets": DataType.OCTET_STRING,
    "chars": DataType.CHARACTER_STRING,
    "time": DataType.UTC_TIME,
}
_Units = dict[str, tuple[str, int]]


@dataclass(slots=True)
class Field:
    """One field of a command.

    ``entries`` are the members of a list's entries (a single one without a name where the entries are plain
    values), else None. A list fills the rest of the command (``rest``) or has as many entries as the field
    ``count`` says under ``mask`` (``product``: its two nibbles, multiplied). With ``rest`` that field counts
    the entries of all commands, where there are several. ``scale`` is the power of ten.
    ``optional`` fields end a command and may be absent.
    """

    name: str
    type: str = ""
    unit: str = ""
    scale: int = 0
    range: tuple[int, int] | None = None
    optional: bool = False
    entries: list[Field] | None = None
    rest: bool = False
    count: str = ""
    mask: int = 0xFFFF
    product: bool = False

    def announced(self, said: int) -> int:
        """Number of a list's entries by the value of the field ``count``."""
        if self.product:
            return (said >> 4) * (said & 0x0F)
        return (said & self.mask) // (self.mask & -self.mask)


class Switch(NamedTuple):
    """Fields that depend on the value of an earlier field."""

    name: str
    cases: dict[int, list[Field]]


class Attribute(NamedTuple):
    """Name and ZCL data type of an attribute."""

    attribute: int
    name: str
    data_type: int
    unit: str = ""
    scale: int = 0


class Command(NamedTuple):
    """Name of a cluster command and what it carries, in order."""

    command: int
    name: str
    fields: Sequence[Field | Switch] = ()


class ZclTables:
    """Commands and attributes of all clusters; each part is read when first asked for."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, str], Any] = {}
        self._commands: dict[str, Command] = {}
        self._attributes: dict[int, dict[int, Attribute]] = {}

    @cached_property
    def _used(self) -> dict[str, dict[str, Any]]:
        return read_json("zcl_used.json")

    @cached_property
    def _objects(self) -> dict[str, list[str]]:
        return read_json("zcl_smets.json")

    def _part(self, cluster: int, name: str) -> Any:
        """One part of a cluster's table, as parsing all would take longer than decoding a message."""
        if (cluster, name) not in self._parts:
            self._parts[cluster, name] = read_one(read_octets(CLUSTER_FILES[cluster]), name)
        return self._parts[cluster, name]

    def command(self, cluster: int, command: int, *, from_server: bool) -> Command | None:
        """A cluster's command by its number, None where it is unknown."""
        key = f"{cluster:04X}{'<' if from_server else '>'}{command:02X}"
        known = self._commands.get(key)
        if known is None and key in self._used:
            name, _, rows = self._part(cluster, "generated" if from_server else "received")[key[5:]]
            known = self._commands[key] = Command(command, name, _fields(rows, self._used[key]))
        return known

    def command_named(self, cluster: int, name: str, *, from_server: bool) -> Command | None:
        """A cluster's command by its name."""
        prefix = f"{cluster:04X}{'<' if from_server else '>'}"
        numbers = (int(key[5:], 16) for key in self._used if key.startswith(prefix))
        known = (self.command(cluster, number, from_server=from_server) for number in numbers)
        return next((command for command in known if command and command.name == name), None)

    def _of(self, cluster: int) -> dict[int, Attribute]:
        if cluster not in self._attributes:
            units = {int(key, 16): row for key, row in self._used.get(f"{cluster:04X}", {}).items()}
            rows = self._part(cluster, "server_attributes") if units else ()
            self._attributes[cluster] = {
                number: Attribute(number, name, DATA_TYPES[row[2]].value, *units[number])
                for number, name, row in attribute_rows(rows, units)
            }
        return self._attributes[cluster]

    def attribute(self, cluster: int, number: int) -> Attribute | None:
        """An attribute by its number."""
        return self._of(cluster).get(number)

    def attributes(self, cluster: int) -> list[Attribute]:
        """All attributes of a cluster."""
        return list(self._of(cluster).values())

    def attribute_named(self, cluster: int, name: str) -> Attribute | None:
        """An attribute by its name."""
        return next((attribute for attribute in self._of(cluster).values() if attribute.name == name), None)

    def smets_object(self, *keys: str) -> tuple[str, str]:
        """Object and clause of SMETS (or CHTS) that stand under the first key there is; empty without.

        Keys: use case and cluster (``GCS05:0707``), cluster and attribute (``0700:0301``), command and field
        (``0700<04.Currency``), command, use case.
        """
        found = next((self._objects[key] for key in keys if key in self._objects), ["", ""])
        return found[0], found[1]

    def keys(self) -> list[str]:
        """All commands as cluster, ``<`` (from the server) or ``>``, and command number."""
        return [key for key in self._used if len(key) > 4]


@cache
def zcl_tables() -> ZclTables:
    """The tables; one instance is enough, since nothing in them changes."""
    return ZclTables()


def _fields(rows: list[Any], units: _Units) -> list[Field | Switch]:
    return [
        Switch(
            row["switch"],
            {int(value): [_field(each, units) for each in case] for value, case in row["cases"].items()},
        )
        if isinstance(row, dict)
        else _field(row, units)
        for row in rows
    ]


def _field(row: list[Any], units: _Units) -> Field:
    name, kind, more = row[0], row[1], row[2] if len(row) > 2 else {}
    unit, scale = units.get(name) or (more.get("unit", ""), more.get("scale", 0))
    made = Field(name, "", unit, scale, more.get("range"), more.get("optional", False))
    if isinstance(kind, str):
        made.type = kind
        return made
    made.rest = "rest" in kind
    entries = kind["rest"] if made.rest else kind["list"]
    if isinstance(entries, str):
        made.entries = [Field("", entries, unit, scale)]
    else:
        made.entries = [_field(each, units) for each in entries]
    made.count, made.mask = kind.get("count", ""), kind.get("mask", made.mask)
    made.product = kind.get("product", False)
    return made
