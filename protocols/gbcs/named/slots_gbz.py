"""Values of GBZ commands (see ``slots``)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import Field, Switch, zcl_tables
from protocols.gbcs.named.gbz_heads import (
    ATTRIBUTES,
    COMMAND,
    FROM_DATE_TIME,
    SEQUENCE,
    Head,
    head_of,
    head_values,
)
from protocols.gbcs.named.slot import Slot
from protocols.gbcs.zcl_values import SIZES

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.catalogue.elements import GbzElement

_Path = tuple[str | int, ...]
# A component's name, with its number where it has one, and the value's.
_NAMED = re.compile(r"([^/]+?)(?:\[(\d{1,4})\])?/.*", re.DOTALL)


def slots(use_case: UseCase, names: Iterable[str] = ()) -> list[Slot]:
    """Values of a command; components that may be left out are, and others stand there as often as needed.

    A name ``Publish Week Profile[2]/Week ID`` asks for as many of that component, and one without a number
    for one; EncodeError where the command may not have so many.
    """
    rows = load_catalogue().gbz_messages(use_case.code).get("Command", [])
    clause = f"GBCS use case {use_case.code}"
    found: list[Slot] = []
    labels: Counter[str] = Counter()
    for row, count in zip(rows, _counts(rows, names, clause), strict=True):
        for number in range(count):
            labels[row.label] += 1
            index = labels.total() - 1
            for slot in _component(row, index, ("Components", index), clause, number):
                slot.alias = f"{row.label}[{labels[row.label]}]/{slot.path[-1]}"
                found.append(slot)
    return found


def repeats(use_case: UseCase) -> list[tuple[str, int, int]]:
    """Components that a command may have more or fewer of: name, fewest and most."""
    rows = load_catalogue().gbz_messages(use_case.code).get("Command", [])
    return [(row.label, row.least, row.most) for row in rows if row.least != row.most]


def _counts(rows: Sequence[GbzElement], names: Iterable[str], clause: str) -> list[int]:
    """How many components each row has: those it needs, and those named."""
    counts = [row.least for row in rows]
    for label, number in _numbered(names):
        same = [at for at, row in enumerate(rows) if row.label.casefold() == label.casefold()]
        most = sum(rows[at].most for at in same)
        if same and not 1 <= number <= most:
            problem = f"the command has 1 to {most} of them" if most > 1 else "the command has one of them"
            raise EncodeError(problem, element=f"{rows[same[0]].label}[{number}]", clause=clause)
        missing = number - sum(counts[at] for at in same)
        for at in same:
            added = min(max(missing, 0), rows[at].most - counts[at])
            counts[at] += added
            missing -= added
    return counts


def _numbered(names: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Components that names begin with, and their numbers."""
    for name in names:
        found = _NAMED.fullmatch(name)
        if found is not None:
            yield found[1], int(found[2] or 1)


def component_counts(payload: Mapping[str, Any]) -> list[str]:
    """Names that ask for the components a payload has."""
    commands = Counter(str(each.get(COMMAND)) for each in payload.get("Components", ()))
    return [f"{name}[{count}]/" for name, count in commands.items()]


def spread(payload: Mapping[str, Any], known: Sequence[Slot]) -> dict[str, Any]:
    """A payload with room for the components of ``known``; its own keep all values but their numbers."""
    own: dict[str, list[Mapping[str, Any]]] = {}
    for each in payload.get("Components", ()):
        own.setdefault(str(each.get(COMMAND)), []).append(each)
    labels = {slot.path[1]: slot.alias.rsplit("[", 1)[0] for slot in known if slot.alias}
    taken: Counter[str] = Counter()
    components: list[dict[str, Any]] = []
    for index, label in labels.items():
        same, at = own.get(label, []), taken[label]
        fixed = [slot for slot in known if slot.path[1] == index and slot.fixed is not None]
        values = dict(same[at]) if at < len(same) else {str(slot.path[2]): slot.fixed for slot in fixed}
        components.append(values | {SEQUENCE: index})
        taken[label] += 1
    return dict(payload) | {"Components": components}


def _component(row: GbzElement, index: int, path: _Path, clause: str, number: int) -> Iterator[Slot]:
    head = head_of(row.cluster, row.frame_control, row.command)
    for name, value in head_values(head).items():
        yield Slot((*path, name), "head", name, clause, value)
    yield Slot((*path, SEQUENCE), "u8", SEQUENCE, clause, index % 0x100)
    if row.dated:
        yield Slot((*path, FROM_DATE_TIME), "time", FROM_DATE_TIME, clause, is_text=True)
    if head.attributes:
        names = [_attribute(row.cluster, number) for number in row.details or ()]
        yield Slot((*path, ATTRIBUTES), "list of attributes", ATTRIBUTES, clause, names)
        return
    yield from _fields(head, row, path, clause, number)


def _attribute(cluster: int, number: str) -> str:
    known = zcl_tables().attribute(cluster, int(number, 16))
    return known.name if known else f"unnamed attribute {number}"


def _fields(head: Head, row: GbzElement, path: _Path, clause: str, number: int) -> Iterator[Slot]:
    allowed: dict[str, Any] = row.details if isinstance(row.details, dict) else {}
    for field in _flat(head.table.fields if head.table else (), allowed):
        choices = allowed.get(field.name) or []
        single = _only(choices, row, number)
        listed = field.entries is not None
        yield Slot(
            (*path, field.name),
            "list" if listed else field.type,
            field.name,
            clause,
            _shown(field, single),
            optional=field.optional,
            is_text=not listed and (field.type not in SIZES or field.type in {"time", "date"}),
            choices=", ".join(map(str, choices)),
        )


def _flat(fields: Iterable[Field | Switch], allowed: Mapping[str, Any]) -> Iterator[Field]:
    """Fields one after another, those too that depend on a value which the use case fixes."""
    for field in fields:
        if isinstance(field, Field):
            yield field
        else:
            yield from field.cases.get(next(iter(allowed.get(field.name) or ()), -1), ())


def _only(choices: list[Any], row: GbzElement, number: int) -> Any:
    """The one value there may be; components numbered 0, 1, 2 ... have theirs each."""
    if len(choices) != 1:
        return None
    if isinstance(choices[0], list):
        return number if row.least == row.most and choices[0] == [0, row.most - 1] else None
    return choices[0]


def _shown(field: Field, value: Any) -> Any:
    """A fixed value as documents have it: times are text."""
    if field.type == "time" and isinstance(value, int):
        from protocols.gbcs.zcl_values import time_text

        return time_text(value)
    return value
