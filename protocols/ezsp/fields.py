"""Fields of EZSP frames: what they are called, how they are read and written.

==============  ======================================================================
``u8`` ... u32  unsigned, low octet first; ``i8`` signed; ``bool`` one octet, any but 0 is True
``eui64``       `Eui64`, low octet first on the wire
``key``         16 octets; ``rawN``: N octets
``octets``      octets with their count before them (one octet); ``octets32``: count of four
``status``      of the stack: EmberStatus (u8) before version 14, sl_status (u32) from then on
``ezsp``        EzspStatus (u8) before version 14, sl_status (u32) from then on
``T[name]``     as many as an earlier field says; ``T[]``: to the end
a structure     a dictionary of its fields
==============  ======================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

SL_STATUS_FROM = 14
_SIZES = {"u8": 1, "u16": 2, "u32": 4, "bool": 1, "i8": 1}
_COUNTS = {"octets": 1, "octets32": 4}


@dataclass(slots=True)
class Field:
    """A field; ``entries`` where it is a structure, ``count`` where it is an array (empty: to the end).

    ``status``: ``status`` or ``ezsp`` where it tells one.
    """

    name: str
    type: str
    size: int = 0  # octets, of fixed types
    entries: tuple[Field, ...] = ()
    count: str | None = None
    status: str = ""


Fields = tuple[Field, ...]
Values = dict[str, Any]


def make_fields(text: str, version: int, structure: Callable[[str], str | None]) -> Fields:
    """Fields from ``name:type`` with blanks between; ``structure`` gives those of a structure."""
    made = []
    for item in text.split():
        name, _, kind = item.partition(":")
        count: str | None = None
        if kind.endswith("]"):
            kind, _, rest = kind.partition("[")
            count = rest[:-1]
        if kind in ("status", "ezsp"):
            wire = "u32" if version >= SL_STATUS_FROM else "u8"
            made.append(Field(name, wire, _SIZES[wire], status=kind))
        else:
            made.append(_make(name, kind, count, version, structure))
    return tuple(made)


def _make(
    name: str, kind: str, count: str | None, version: int, structure: Callable[[str], str | None]
) -> Field:
    if kind in _SIZES:
        return Field(name, kind, _SIZES[kind], count=count)
    if kind == "eui64":
        return Field(name, kind, 8, count=count)
    if kind == "key" or kind.startswith("raw"):
        return Field(name, "raw", 16 if kind == "key" else int(kind[3:]), count=count)
    if kind in _COUNTS:
        return Field(name, kind, count=count)
    inner = structure(kind)
    if inner is None:
        raise ValueError(f"{name} has a type that does not exist: {kind}")
    return Field(name, "structure", entries=make_fields(inner, version, structure), count=count)


# Reading


def read_fields(fields: Fields, octets: bytes, offset: int = 0, path: str = "") -> tuple[Values, int]:
    """Values by name, and where the rest begins."""
    values: Values = {}
    for field in fields:
        where = f"{path}.{field.name}" if path else field.name
        if field.count is None:
            values[field.name], offset = _read(field, octets, offset, where)
            continue
        entries: list[Any] = []
        wanted = values[field.count] if field.count else None
        while len(entries) < wanted if wanted is not None else offset < len(octets):
            entry, offset = _read(field, octets, offset, where)
            entries.append(entry)
        values[field.name] = entries
    return values, offset


def _read(field: Field, octets: bytes, offset: int, where: str) -> tuple[Any, int]:
    if field.entries:
        return read_fields(field.entries, octets, offset, where)
    size = field.size
    if field.type in _COUNTS:
        start = offset + _COUNTS[field.type]
        size = int.from_bytes(_slice(octets, offset, start, where), "little")
        offset = start
    end = offset + size
    part = _slice(octets, offset, end, where)
    if field.type == "eui64":
        return Eui64(part[::-1]), end
    if not field.size or field.type == "raw":
        return part, end
    if field.type == "bool":
        return part != b"\x00", end
    return int.from_bytes(part, "little", signed=field.type == "i8"), end


def _slice(octets: bytes, start: int, end: int, where: str) -> bytes:
    if end > len(octets):
        raise DecodeError("ends too early", offset=len(octets), path=where)
    return octets[start:end]


# Writing


def write_fields(fields: Fields, values: Mapping[str, Any], path: str = "") -> bytes:
    """The octets of values; all fields have to be there, and no others."""
    surplus = values.keys() - {field.name for field in fields}
    if surplus:
        raise EncodeError("there is no such field", element=_join(path, min(surplus)))
    parts = []
    for field in fields:
        where = _join(path, field.name)
        if field.name not in values:
            raise EncodeError("is missing", element=where)
        value = values[field.name]
        if field.count is None:
            parts.append(_write(field, value, where))
            continue
        if field.count and len(value) != values[field.count]:
            raise EncodeError(f"has {len(value)} entries, not {values[field.count]}", element=where)
        parts.extend(_write(field, entry, where) for entry in value)
    return b"".join(parts)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _write(field: Field, value: Any, where: str) -> bytes:
    if field.entries:
        return write_fields(field.entries, value, where)
    if field.type == "eui64":
        return bytes(Eui64(value))[::-1]
    try:
        if field.type in _COUNTS:
            return len(value).to_bytes(_COUNTS[field.type], "little") + bytes(value)
        if field.type == "raw":
            if len(value) != field.size:
                raise EncodeError(f"has {len(value)} octets, not {field.size}", element=where)
            return bytes(value)
        return int(value).to_bytes(field.size, "little", signed=field.type == "i8")
    except OverflowError as error:
        raise EncodeError(f"{value} does not fit", element=where) from error


def empty_values(fields: Fields) -> Values:
    """Zeros, no octets and no entries: what a command is answered with that has nothing to tell."""
    empty: dict[str, Any] = {"octets": b"", "octets32": b"", "eui64": Eui64(bytes(8)), "bool": False}
    values: Values = {}
    for field in fields:
        if field.count is not None:
            values[field.name] = []
        elif field.entries:
            values[field.name] = empty_values(field.entries)
        elif field.type == "raw":
            values[field.name] = bytes(field.size)
        else:
            values[field.name] = empty.get(field.type, 0)
    return values
