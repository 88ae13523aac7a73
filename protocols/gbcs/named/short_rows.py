"""Short names as rows: a name, its place in the payload, and the form of its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocols.gbcs.named.short_forms import LEFT_OUT, REQUIRED, Form


@dataclass(slots=True)
class Row:
    """``place`` is the value's place as ``slots.Slot.place`` has it; the whole payload where it is empty."""

    name: str
    place: str = ""
    form: Form = field(default_factory=Form)
    default: Any = REQUIRED


def read_rows(rows: Sequence[Row], payload: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their short names."""
    values: dict[str, Any] = {}
    for row in rows:
        found = value_at(payload, row.place)
        if found is not None:
            values[row.name] = _read(row, found)
        elif row.default is not LEFT_OUT:
            values[row.name] = None if row.default is REQUIRED else row.default
    return values


def _read(row: Row, found: Any) -> Any:
    """None for what is of another type or length than the catalogue says: named values tell what it is."""
    try:
        return row.form.read(found)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def value_at(payload: Any, place: str) -> Any:
    """The value at a place, None where there is none."""
    here = payload
    for step in place.split("/") if place else ():
        if isinstance(here, list):
            at = int(step)
            here = here[at] if at < len(here) else None
        else:
            here = here.get(step) if isinstance(here, Mapping) else None
    return here


def record(*rows: Row) -> Form:
    """An object with short names of its own; only read."""
    return Form(lambda value: read_rows(rows, value))
