"""What a command carries as named values, and back to octets, as a table of fields says.

Values are as ``types`` has them, a list's entries dicts (plain values where an entry has a single field
without a name). Octets after the fields the table knows stand under ``unnamed octets``, as devices of a
later revision send them; so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.zcl.types import BY_CODE, BY_NUMBER, Reader, Writer, cut_off, write_value, written

UNNAMED_OCTETS = "unnamed octets"
TYPED = "typed"
RAW = "raw"
Note = Callable[[str, "Field", Any, int, int], None]
"""Told of every single value: path, field, value, offset and end."""


@dataclass(slots=True)
class Condition:
    """Whether a field is there: an earlier field is one of ``values`` or has one of the bits ``mask``.

    ``analog``: the earlier field is the number of an analog type; ``present``: it is there, whatever it is.
    """

    name: str
    values: tuple[int, ...] = ()
    mask: int = 0
    analog: bool = False
    present: bool = False

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it does, with the values before."""
        said = values.get(self.name)
        if self.values:
            return said in self.values
        if not isinstance(said, int):
            return False
        if self.analog:
            return said in BY_NUMBER and BY_NUMBER[said].analog
        return self.present or bool(said & self.mask)


@dataclass(slots=True)
class Field:
    """One field.

    ``type`` is the code of a data type, ``typed`` (a value whose type the field ``of`` says), or ``raw``
    (octets: ``octets`` many, as many as the field ``of`` says, or all that are left). ``enumeration`` or
    ``bitmap`` names the meaning of its values in the cluster, ``unit`` and the power of ten ``scale`` their
    size. ``optional`` fields end a command and may be absent; those with ``conditions`` are there if all
    of them hold.

    A list has ``entries``. It fills the rest of the command (``rest``), or has as many as the field ``count``
    says: its bits under ``mask`` shifted down, or its two nibbles multiplied (``product``).
    """

    name: str
    type: str = ""
    unit: str = ""
    scale: int = 0
    range: tuple[int, int] | None = None
    optional: bool = False
    conditions: tuple[Condition, ...] = ()
    enumeration: str = ""
    bitmap: str = ""
    of: str = ""
    octets: int | None = None
    entries: Fields | None = None
    rest: bool = False
    count: str = ""
    mask: int = 0xFFFF
    product: bool = False
    read: Reader | None = None
    write: Writer | None = None
    plain: int = 0
    """Octets of an unsigned number that is always there: most fields are, and are read without detours."""

    def __post_init__(self) -> None:
        row = BY_CODE.get(self.type)
        if row is not None:
            self.read, self.write = row.read, row.write
            if row.unsigned and row.octets and not self.optional and not self.conditions:
                self.plain = row.octets

    def present(self, values: Mapping[str, Any]) -> bool:
        """Whether its conditions hold with the values before."""
        for condition in self.conditions:  # noqa: SIM110  # a loop takes half the time of all()
            if not condition.holds(values):
                return False
        return True

    def announced(self, said: int) -> int:
        """Number of a list's entries by the value of the field ``count``."""
        if self.product:
            return (said >> 4) * (said & 0x0F)
        return (said & self.mask) // (self.mask & -self.mask)


@dataclass(slots=True)
class Switch:
    """Fields that depend on the value of an earlier field."""

    name: str
    cases: dict[int, Fields] = field(default_factory=dict)
    plain: int = 0


Fields = Sequence[Field | Switch]


def read_fields(fields: Fields, data: bytes, note: Note | None = None) -> dict[str, Any]:
    """Named values of a whole payload; DecodeError (offset in it, path of names) where it is not so."""
    values: dict[str, Any] = {}
    end = len(data)
    at = _read_members(fields, data, 0, values, ("", note))
    if at < end:
        values[UNNAMED_OCTETS] = data[at:]
        if note:
            note(UNNAMED_OCTETS, Field(UNNAMED_OCTETS, RAW), data[at:], at, end)
    return values


def _read_members(
    fields: Fields, data: bytes, at: int, values: dict[str, Any], where: tuple[str, Note | None]
) -> int:
    note, end = where[1], len(data)
    for member in fields:
        stop = at + member.plain
        if at < stop <= end and note is None:
            values[member.name] = int.from_bytes(data[at:stop], "little")
            at = stop
            continue
        if isinstance(member, Switch):
            at = _read_members(member.cases.get(values.get(member.name, -1), ()), data, at, values, where)
        elif not member.conditions or member.present(values):
            if member.optional and at == end:
                return at
            at = _read_member(member, data, at, values, where)
    return at


def _read_member(
    member: Field, data: bytes, at: int, values: dict[str, Any], where: tuple[str, Note | None]
) -> int:
    path, note = where
    try:
        if member.read is not None:
            value, after = member.read(data, at, len(data))
        elif member.entries is not None:
            value, after = _read_list(member, data, at, values, where)
        else:
            value, after = _read_other(member, data, at, values)
    except DecodeError as error:
        # A list has named itself, with the entry.
        raise (error if member.entries is not None else error.moved(0, member.name)) from None
    values[member.name] = value
    if note and member.entries is None:
        here = f"{path}.{member.name}" if path and member.name else path or member.name
        note(here, member, value, at, after)
    return after


def _read_list(
    member: Field, data: bytes, at: int, values: dict[str, Any], where: tuple[str, Note | None]
) -> tuple[list[Any], int]:
    found: list[Any] = []
    end = len(data)
    entries = member.entries or ()
    path, note = where
    path = f"{path}.{member.name}" if path else member.name
    said = values.get(member.count, 0)
    count = None if member.rest else member.announced(said if isinstance(said, int) else 0)
    while at < end if count is None else len(found) < count:
        entry: dict[str, Any] = {}
        try:
            here = f"{path}[{len(found)}]" if note else ""
            after = _read_members(entries, data, at, entry, (here, note))
        except DecodeError as error:
            raise error.moved(0, f"{member.name}[{len(found)}]") from None
        if after == at:
            raise cut_off(1, at, end).moved(0, f"{member.name}[{len(found)}]")
        found.append(entry.get("", entry))
        at = after
    return found, at


def _read_other(member: Field, data: bytes, at: int, values: Mapping[str, Any]) -> tuple[Any, int]:
    end = len(data)
    if member.type == TYPED:
        row = BY_NUMBER.get(values.get(member.of, -1))
        if row is None:
            raise DecodeError(f"there is no type {values.get(member.of)!r}", offset=at)
        return row.read(data, at, end)
    size = values.get(member.of, 0) if member.of else member.octets
    stop = end if size is None else at + size
    if stop > end:
        raise cut_off(stop - at, at, end)
    return data[at:stop], stop


def write_fields(fields: Fields, values: Mapping[str, Any], element: str = "") -> bytes:
    """Payload from named values; EncodeError names what is missing, surplus or does not fit."""
    out = bytearray()
    known = _write_members(fields, values, element, out)
    if UNNAMED_OCTETS in values:
        octets = values[UNNAMED_OCTETS]
        if not isinstance(octets, bytes):
            raise EncodeError(f"{octets!r} are no octets", element=_join(element, UNNAMED_OCTETS))
        out += octets
        known.add(UNNAMED_OCTETS)
    _refuse_surplus(values, known, element)
    return bytes(out)


def _refuse_surplus(values: Mapping[str, Any], known: set[str], element: str) -> None:
    if len(values) > len(known) or not known.issuperset(values):
        name = next(name for name in values if name not in known)
        raise EncodeError("no such element here", element=_join(element, name))


def _write_members(fields: Fields, values: Mapping[str, Any], element: str, out: bytearray) -> set[str]:
    """Write the members and give the names of those that are there."""
    known: set[str] = set()
    absent = ""
    for member in fields:
        if isinstance(member, Switch):
            known |= _write_members(member.cases.get(values.get(member.name, -1), ()), values, element, out)
            continue
        if member.conditions and not member.present(values):
            continue
        name = member.name
        if name not in values:
            if not member.optional:
                raise EncodeError("the value is missing", element=_join(element, name))
            absent = absent or name
            continue
        if absent:
            raise EncodeError(f"{absent} before it is missing", element=_join(element, name))
        known.add(name)
        if member.write is not None:
            try:
                out += member.write(values[name])
            except (ValueError, TypeError, OverflowError, AttributeError):
                written(member.write, values[name], member.type, _join(element, name))
        else:
            out += _write_other(member, values, _join(element, name))
    return known


def _write_other(member: Field, values: Mapping[str, Any], element: str) -> bytes:
    value = values[member.name]
    if member.entries is not None:
        return _write_list(member, values, element)
    if member.type == TYPED:
        return write_value(values.get(member.of, -1), value, element)
    size = values.get(member.of) if member.of else member.octets
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        said = f"{size} octets" if size is not None else "octets"
        raise EncodeError(f"{value!r} instead of {said}", element=element)
    return value


def _write_list(member: Field, values: Mapping[str, Any], element: str) -> bytes:
    entries, out = values[member.name], bytearray()
    if not isinstance(entries, list | tuple):
        raise EncodeError(f"{entries!r} is no list", element=element)
    if not member.rest:
        said = values.get(member.count)
        if not isinstance(said, int) or member.announced(said) != len(entries):
            raise EncodeError(f"{len(entries)} entries, but {member.count} is {said}", element=element)
    members = member.entries or ()
    single = isinstance(members[0], Field) and not members[0].name
    last = len(entries) - 1
    for index, entry in enumerate(entries):
        here = f"{element}[{index}]"
        named = {"": entry} if single else entry
        if not isinstance(named, Mapping):
            raise EncodeError(f"{entry!r} is no object", element=here)
        known = _write_members(members, named, here, out)
        _refuse_surplus(named, known, here)
        if index != last:
            _expect_whole(members, known, here)
    return bytes(out)


def _expect_whole(members: Fields, known: set[str], element: str) -> None:
    """Only the last entry of a list may lack its optional end."""
    for member in members:
        if isinstance(member, Field) and member.optional and member.name not in known:
            raise EncodeError("only the last entry may lack it", element=_join(element, member.name))


def _join(element: str, name: str) -> str:
    return f"{element}.{name}" if element and name else element or name


def fields_from(rows: Sequence[Any]) -> list[Field | Switch]:
    """The fields of a table's rows.

    A row is ``[name, type]`` or ``[name, type, more]``; the type of a list is an object with its entries
    under ``list`` (with ``count``) or ``rest``. A switch is ``{"switch": name, "cases": {value: rows}}``.
    """
    made: list[Field | Switch] = []
    for row in rows:
        if isinstance(row, dict):
            cases: dict[int, Fields] = {int(value): fields_from(each) for value, each in row["cases"].items()}
            made.append(Switch(row["switch"], cases))
        else:
            made.append(_field(*row))
    return made


def _field(name: str, kind: Any, more: Mapping[str, Any] | None = None) -> Field:
    given = dict(more or {})
    conditions = tuple(_condition(*each) for each in given.pop("if", ()))
    for short, long in (("enum", "enumeration"), ("bits", "bitmap")):
        if short in given:
            given[long] = given.pop(short)
    if "range" in given:
        given["range"] = tuple(given["range"])
    made = Field(name, kind if isinstance(kind, str) else "", conditions=conditions, **given)
    if isinstance(kind, dict):
        made.rest = "rest" in kind
        entries = kind["rest"] if made.rest else kind["list"]
        made.entries = fields_from([["", entries]] if isinstance(entries, str) else entries)
        made.count, made.mask = kind.get("count", ""), kind.get("mask", made.mask)
        made.product = kind.get("product", False)
    return made


def _condition(name: str, test: str, value: Any = None) -> Condition:
    if test == "analog":
        return Condition(name, analog=True)
    if test == "present":
        return Condition(name, present=True)
    if test == "&":
        return Condition(name, mask=value)
    return Condition(name, tuple(value) if isinstance(value, list) else (value,))
