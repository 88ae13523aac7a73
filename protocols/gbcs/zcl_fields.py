"""What a cluster command carries as named values, and back to octets, as the ZCL tables say.

A structure is a dict, a list a list; lengths and types are not kept. ``unnamed octets`` are what the tables
have no field for: the strict writer refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from protocols.errors import EncodeError
from protocols.gbcs.catalogue.zcl import Field, Switch
from protocols.gbcs.zcl_values import check_date, octets_of, plain, read_value, write_value

UNNAMED_OCTETS = "unnamed octets"
# How many commands an answer takes.
_TOTALS = ("Total Number of Commands", "Total Commands")
Fields = Sequence[Field | Switch]
Note = Callable[[str, Field, Any, int, int], None]
"""Told of every single value: path, field, value, offset and end."""


class Rules(NamedTuple):
    """What a strict writer checks; ``allowed`` has the values (or ranges of two) of fields that have few."""

    strict: bool = False
    clause: str = ""
    allowed: Mapping[str, list[Any] | None] = MappingProxyType({})


def read_fields(fields: Fields, data: bytes, note: Note | None = None) -> dict[str, Any]:
    """Named values of a whole ZCL payload; DecodeError (offset in it) where a field is cut off."""
    values: dict[str, Any] = {}
    at = _read_members(fields, data, 0, values, ("", note))
    if at < len(data):
        values[UNNAMED_OCTETS] = data[at:].hex().upper()
        if note:
            note(UNNAMED_OCTETS, Field(UNNAMED_OCTETS, "octets"), values[UNNAMED_OCTETS], at, len(data))
    return values


def write_fields(fields: Fields, values: Mapping[str, Any], element: str, rules: Rules) -> bytes:
    """ZCL payload from named values; EncodeError names what is missing, surplus or does not fit."""
    out = bytearray()
    known = _write_members(fields, values, element, rules, out)
    if UNNAMED_OCTETS in values and not rules.strict:
        out += octets_of(str(values[UNNAMED_OCTETS]), f"{element}.{UNNAMED_OCTETS}")
        known.add(UNNAMED_OCTETS)
    refuse_surplus(values, known, element, rules.clause)
    return bytes(out)


def refuse_surplus(values: Iterable[str], known: set[str], element: str, clause: str) -> None:
    """EncodeError for the first key that is not known."""
    for name in values:
        if name not in known:
            raise EncodeError("no such element here", element=f"{element}.{name}", clause=clause)


def _read_members(
    fields: Fields, data: bytes, at: int, values: dict[str, Any], where: tuple[str, Note | None]
) -> int:
    path, note = where
    for member in fields:
        if isinstance(member, Switch):
            cases = member.cases.get(values[member.name])
            return at if cases is None else _read_members(cases, data, at, values, where)
        here = f"{path}.{member.name}" if path and member.name else path or member.name
        if member.entries is not None:
            values[member.name], at = _read_list(member, data, at, values, (here, note))
        elif member.optional and at == len(data):
            return at
        else:
            start = at
            values[member.name], at = read_value(member.type, data, at, here)
            if note:
                note(here, member, values[member.name], start, at)
    return at


def _read_list(
    member: Field, data: bytes, at: int, values: dict[str, Any], where: tuple[str, Note | None]
) -> tuple[list[Any], int]:
    path, note = where
    found: list[Any] = []
    count = None if member.rest else member.announced(values[member.count])
    while at < len(data) if count is None else len(found) < count:
        entry: dict[str, Any] = {}
        at = _read_members(member.entries or (), data, at, entry, (f"{path}[{len(found)}]", note))
        found.append(entry.get("", entry))
    return found, at


def _write_members(
    fields: Fields, values: Mapping[str, Any], element: str, rules: Rules, out: bytearray
) -> set[str]:
    """Write the members and give the names of those there may be."""
    known: set[str] = set()
    ended = False
    for member in fields:
        if isinstance(member, Switch):
            cases = member.cases.get(values.get(member.name, -1))
            if cases is None and rules.strict:
                problem = f"no form for {values.get(member.name)!r}"
                raise EncodeError(problem, element=f"{element}.{member.name}", clause=rules.clause)
            return known | _write_members(cases or (), values, element, rules, out)
        known.add(member.name)
        here = f"{element}.{member.name}" if member.name else element
        if member.name not in values:
            if not member.optional:
                raise EncodeError("the value is missing", element=here, clause=rules.clause)
            ended = True
            continue
        if ended:
            raise EncodeError("an element before it is missing", element=here, clause=rules.clause)
        value = values[member.name]
        if member.entries is not None:
            out += _write_list(member, values, here, rules)
        else:
            out += write_value(member.type, value, here)
            _check(member, value, here, rules)
    return known


def _write_list(member: Field, values: Mapping[str, Any], element: str, rules: Rules) -> bytes:
    entries, out = values[member.name], bytearray()
    if not isinstance(entries, list):
        raise EncodeError(f"{entries!r} is no list", element=element, clause=rules.clause)
    if rules.strict and member.count:
        _check_announced(member, values, len(entries), element, rules.clause)
    inner = Rules(rules.strict, rules.clause)
    members = member.entries or []
    single = not members[0].name
    for index, entry in enumerate(entries):
        here = f"{element}[{index}]"
        if not single and not isinstance(entry, Mapping):
            raise EncodeError(f"{entry!r} is no object", element=here, clause=rules.clause)
        named = {"": entry} if single else entry
        known = _write_members(members, named, here, inner, out)
        refuse_surplus(named, known, here, rules.clause)
    return bytes(out)


def _check_announced(member: Field, values: Mapping[str, Any], found: int, element: str, clause: str) -> None:
    """A list that fills its command is a part of what is announced, where there are several commands."""
    said = values.get(member.count)
    if not isinstance(said, int):
        return
    announced = member.announced(said)
    several = member.rest and any(values.get(name, 1) != 1 for name in _TOTALS)
    if found > announced or (found < announced and not several):
        raise EncodeError(f"{found} entries, but {member.count} is {said}", element=element, clause=clause)


def _check(member: Field, value: object, element: str, rules: Rules) -> None:
    """Rules about one value of a member, for a strict writer."""
    if not rules.strict:
        return
    if member.type == "date":
        check_date(value, element, rules.clause)
        return
    raw = plain(member.type, value, element)
    if member.range:
        check_allowed(raw, [list(member.range)], element, rules.clause)
    allowed = rules.allowed.get(member.name)
    if allowed is not None:
        check_allowed(raw.hex().upper() if isinstance(raw, bytes) else raw, allowed, element, rules.clause)


def check_allowed(value: Any, allowed: list[Any], element: str, clause: str) -> None:
    """EncodeError unless a value is one of those allowed, or within a range [lowest, highest] of them."""
    for each in allowed:
        if each == value or (
            isinstance(each, list) and isinstance(value, int) and each[0] <= value <= each[1]
        ):
            return
    wanted = " or ".join(
        f"{each[0]} to {each[1]}" if isinstance(each, list) else repr(each) for each in allowed
    )
    raise EncodeError(f"{value!r} instead of {wanted}", element=element, clause=clause)
