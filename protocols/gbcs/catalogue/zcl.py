"""ZigBee Cluster Library tables: commands with their fields, attributes with their types, read on first use.

A field's type is one of u8 u16 u24 u32 u48 (unsigned), i32 (signed), e8 (enumeration), b8 b16 b32 (bitmaps),
time (UTCTime, seconds since 2000), date (year since 1900, month, day, weekday; FF any), octets and chars
(strings with a length octet).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from protocols.gbcs.catalogue.elements import read_json


@dataclass(slots=True)
class Field:
    """One field of a command.

    ``entries`` are the members of a list's entries (a single one without a name where the entries are plain
    values), else None. A list fills the rest of the command (``rest``) or has as many entries as the field
    ``count`` says under ``mask`` (``product``: its two nibbles, multiplied); with ``rest`` the count has to
    agree. ``scale`` is the power of ten.
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
        return (said >> 4) * (said & 0x0F) if self.product else said & self.mask


@dataclass(slots=True)
class Switch:
    """Fields that depend on the value of an earlier field."""

    name: str
    cases: dict[int, list[Field]]


@dataclass(slots=True)
class Attribute:
    """Name and ZCL data type of an attribute."""

    attribute: int
    name: str
    data_type: int
    unit: str = ""
    scale: int = 0


@dataclass(slots=True)
class Command:
    """Name of a cluster command and what it carries, in order."""

    command: int
    name: str
    fields: list[Field | Switch] = field(default_factory=list)


class ZclTables:
    """Commands and attributes of all clusters; each part is read when first asked for."""

    @cached_property
    def _names(self) -> dict[str, str]:
        return read_json("zcl_commands.json")

    @cached_property
    def _fields(self) -> dict[str, list[Any]]:
        return read_json("zcl_fields.json")

    @cached_property
    def _objects(self) -> dict[str, list[str]]:
        return read_json("zcl_smets.json")

    @cached_property
    def _attributes(self) -> dict[int, dict[int, Attribute]]:
        return {
            int(cluster, 16): {
                int(number, 16): _attribute(int(number, 16), *row) for number, row in rows.items()
            }
            for cluster, rows in read_json("zcl_attributes.json").items()
        }

    @cached_property
    def _commands(self) -> dict[str, Command]:
        return {}

    def command(self, cluster: int, command: int, *, from_server: bool) -> Command | None:
        """A cluster's command by its number, None where it is unknown."""
        key = f"{cluster:04X}{'<' if from_server else '>'}{command:02X}"
        if key not in self._names:
            return None
        if key not in self._commands:
            fields = [_field(row) for row in self._fields[key]]
            self._commands[key] = Command(command, self._names[key], fields)
        return self._commands[key]

    def command_named(self, cluster: int, name: str, *, from_server: bool) -> Command | None:
        """A cluster's command by its name."""
        prefix = f"{cluster:04X}{'<' if from_server else '>'}"
        found = (key for key, known in self._names.items() if known == name and key.startswith(prefix))
        key = next(found, None)
        return None if key is None else self.command(cluster, int(key[5:], 16), from_server=from_server)

    def attribute(self, cluster: int, number: int) -> Attribute | None:
        """An attribute by its number."""
        return self._attributes.get(cluster, {}).get(number)

    def attributes(self, cluster: int) -> list[Attribute]:
        """All attributes of a cluster."""
        return list(self._attributes.get(cluster, {}).values())

    def attribute_named(self, cluster: int, name: str) -> Attribute | None:
        """An attribute by its name."""
        known = self._attributes.get(cluster, {})
        return next((attribute for attribute in known.values() if attribute.name == name), None)

    def smets_object(self, *keys: str) -> tuple[str, str]:
        """Object and clause of SMETS (or CHTS) that stand under the first key there is; empty without.

        Keys: use case and cluster (``GCS05:0707``), cluster and attribute (``0700:0301``), command and field
        (``0700<04.Currency``), command, use case.
        """
        found = next((self._objects[key] for key in keys if key in self._objects), ["", ""])
        return found[0], found[1]

    def keys(self) -> list[str]:
        """All commands as cluster, ``<`` (from the server) or ``>``, and command number."""
        return list(self._names)


@cache
def zcl_tables() -> ZclTables:
    """The tables; one instance is enough, since nothing in them changes."""
    return ZclTables()


def _attribute(number: int, name: str, data_type: int, extra: dict[str, Any] | None = None) -> Attribute:
    return Attribute(number, name, data_type, **(extra or {}))


def _field(row: Any) -> Field | Switch:
    if isinstance(row, dict):
        cases = {int(value): [_plain_field(each) for each in rows] for value, rows in row["cases"].items()}
        return Switch(row["switch"], cases)
    return _plain_field(row)


def _plain_field(row: list[Any]) -> Field:
    name, kind, *more = row
    made = Field(name, **(more[0] if more else {}))
    if isinstance(kind, str):
        made.type = kind
        return made
    made.rest = "rest" in kind
    entries = kind["rest"] if made.rest else kind["list"]
    if isinstance(entries, str):
        made.entries = [Field("", entries, made.unit, made.scale)]
    else:
        made.entries = [_plain_field(each) for each in entries]
    made.count, made.mask = kind.get("count", ""), kind.get("mask", made.mask)
    made.product = kind.get("product", False)
    return made
