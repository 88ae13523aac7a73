"""Rows of the catalogue below the use case: payload elements in order, and names of objects and commands."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any


@dataclass(slots=True)
class Leaf:
    """One data element: SMETS or CHTS name and clause, place inside the attribute, DLMS type, fixed value.

    A type may end in a condition such as ``[[TWIN_ELEMENT_ESME_ONLY]]``. The row of a method itself has no
    type.
    """

    name: str
    clause: str
    member: str
    type: str
    constant: str | None


@dataclass(slots=True)
class DlmsElement:
    """One attribute or method that a DLMS use case names, with its data elements in payload order."""

    class_id: int
    obis: bytes
    is_method: bool
    number: int
    leaves: list[Leaf]


@dataclass(slots=True)
class GbzElement:
    """One component of a GBZ message; None where a number depends on the case.

    ``frame_control`` and ``command`` are ZCL's; ``fields`` are (name, octets, value).
    """

    label: str
    cluster: int | None
    frame_control: int | None
    command: int | None
    fields: list[tuple[str, str, str]]


@dataclass(slots=True)
class CosemObject:
    """Names of one COSEM object and of its attributes and methods by number."""

    name: str
    attributes: dict[int, str]
    methods: dict[int, str]


def read_json(name: str) -> dict[str, Any]:
    """One of the data files beside this module."""
    loaded: dict[str, Any] = json.loads((files(__package__) / name).read_text("utf-8"))
    return loaded


def dlms_element(row: list[Any]) -> DlmsElement:
    """Element from its row in ``dlms_elements.json``."""
    class_id, obis, kind, number, leaves = row
    return DlmsElement(class_id, bytes.fromhex(obis), kind == "m", number, [Leaf(*leaf) for leaf in leaves])


def gbz_element(row: list[Any]) -> GbzElement:
    """Component from its row in ``gbz_elements.json``."""
    label, cluster, frame_control, command, fields = row
    return GbzElement(
        label, cluster, frame_control, command, [(name, size, value) for name, size, value in fields]
    )


def cosem_object(row: list[Any]) -> CosemObject:
    """Names from a row of ``cosem_objects.json``."""
    name, attributes, methods = row
    return CosemObject(
        name,
        {int(number): text for number, text in attributes.items()},
        {int(number): text for number, text in methods.items()},
    )
