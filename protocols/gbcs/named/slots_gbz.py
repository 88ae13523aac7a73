"""Values of GBZ commands (see ``slots``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import Field, zcl_tables
from protocols.gbcs.named.gbz_heads import (
    ATTRIBUTES,
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


def slots(use_case: UseCase) -> list[Slot]:
    """Values of a command; components that may be left out are, and others stand there as often as needed."""
    rows = load_catalogue().gbz_messages(use_case.code).get("Command", [])
    needed = [row for row in rows for _ in range(row.least)]
    clause = f"GBCS use case {use_case.code}"
    return [
        slot
        for index, row in enumerate(needed)
        for slot in _component(row, index, ("Components", index), clause)
    ]


def _component(row: GbzElement, index: int, path: _Path, clause: str) -> Iterator[Slot]:
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
    yield from _fields(head, row, path, clause)


def _attribute(cluster: int, number: str) -> str:
    known = zcl_tables().attribute(cluster, int(number, 16))
    return known.name if known else f"unnamed attribute {number}"


def _fields(head: Head, row: GbzElement, path: _Path, clause: str) -> Iterator[Slot]:
    allowed: dict[str, Any] = row.details if isinstance(row.details, dict) else {}
    for field in head.table.fields if head.table else ():
        if not isinstance(field, Field):
            continue  # what follows depends on an earlier value
        choices = allowed.get(field.name) or []
        single = choices[0] if len(choices) == 1 and not isinstance(choices[0], list) else None
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


def _shown(field: Field, value: Any) -> Any:
    """A fixed value as documents have it: times are text."""
    if field.type == "time" and isinstance(value, int):
        from protocols.gbcs.zcl_values import time_text

        return time_text(value)
    return value
