"""Rows of the catalogue below the use case: payload elements in order, and names of objects and commands."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, cast

if TYPE_CHECKING:
    from importlib.abc import ResourceLoader

_LOADER = cast("ResourceLoader", sys.modules[__name__].__loader__)


class Leaf(NamedTuple):
    """One data element: SMETS or CHTS name and clause, place inside the attribute, DLMS type, fixed value.

    The type of an element that may be absent ends in ``[[OPTIONAL]]``.
    """

    name: str
    clause: str
    member: str
    type: str
    constant: Any


@dataclass(slots=True)
class DlmsNode:
    """One value in a DLMS payload, with what stands inside it.

    ``type`` is a DLMS type with the octets, bits or elements that fit (``"octet-string(0..8)"``,
    ``"array(1..4)"``), or one of our readings of a type, listed in ``named/dlms_leaves.py``. ``key`` names
    the value among its siblings; ``name`` is the full SMETS or CHTS name of a single value, empty for
    containers. ``fixed`` is the only value allowed, as JSON; ``unit`` stands where no other element says it.
    Optional nodes may be absent. ``inferred`` names the cells that no public source gives.
    """

    key: str
    type: str
    name: str = ""
    clause: str = ""
    member: str = ""
    fixed: Any = None
    unit: str = ""
    optional: bool = False
    of: list[DlmsNode] = field(default_factory=list)
    inferred: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DlmsElement:
    """One attribute or method that a DLMS use case names, in payload order.

    ``access`` is get, set, action or select (get with selective access). ``given`` is the parameter or value
    in the command, ``answer`` the value in the response; ``protected`` are the attributes that a method of a
    Data Protection object reads. Optional elements may be left out of a command.
    """

    class_id: int
    obis: bytes
    number: int
    access: str
    key: str
    optional: bool
    given: DlmsNode | None
    answer: DlmsNode | None
    protected: list[DlmsElement]

    @property
    def is_method(self) -> bool:
        """Whether ``number`` counts methods, not attributes."""
        return self.access == "action"

    @property
    def leaves(self) -> list[Leaf]:
        """Single values of the command's and the response's part."""
        return [leaf for node in (self.given, self.answer) if node is not None for leaf in _leaves(node)]


class GbzElement(NamedTuple):
    """One component of a GBZ message, and how many of them there are in a row.

    ``frame_control`` and ``command`` are ZCL's. ``details`` depends on the command: attribute numbers of Read
    Attributes (a list), values allowed by attribute number (Read Attributes Response), or values allowed by
    field name; a value is a number, a string, or a range of two numbers. ``answers`` is the command that a
    response's component answers; in its place may be a Default Response with ``default_frame_control``.
    ``inferred`` rows come from reference messages or a sibling.
    """

    label: str
    cluster: int
    frame_control: int
    command: int
    least: int
    most: int
    encrypted: bool
    dated: bool
    inferred: bool
    details: Any
    answers: int | None
    default_frame_control: int | None


class CosemObject(NamedTuple):
    """Names of one COSEM object and of its attributes and methods by number."""

    name: str
    attributes: dict[int, str]
    methods: dict[int, str]


def read_octets(name: str) -> bytes:
    """One of the data files beside this module as it is."""
    # The loader that brought this module also brings its files, and needs nothing imported for it.
    return _LOADER.get_data(__file__.removesuffix("elements.py") + name)


def read_json(name: str) -> dict[str, Any]:
    """One of the data files beside this module."""
    loaded: dict[str, Any] = json.loads(read_octets(name))
    return loaded


def read_one(octets: bytes, key: str) -> Any:
    """What stands under a key of such a file, without reading the rest; None where it is not there.

    The files' own keys begin their lines and nothing inside does: so one is found without parsing the others,
    which takes longer than decoding a message.
    """
    head = f'\n"{key}":'.encode()
    start = octets.find(head)
    if start < 0:
        return None
    end = octets.find(b'\n"', start + 1)
    row = octets[start + len(head) : end] if end > 0 else octets[start + len(head) : octets.rindex(b"}")]
    return json.loads(row.rstrip(b" \n,"))


def dlms_node(row: dict[str, Any]) -> DlmsNode:
    """Node, with those inside, from its object in ``dlms_elements.json`` or ``dlms_alerts.json``."""
    inside = [dlms_node(each) for each in row.get("of", ())]
    return DlmsNode(**{**row, "of": inside})


def dlms_element(row: dict[str, Any]) -> DlmsElement:
    """Element from its object in ``dlms_elements.json``."""
    given, answer = row.get("input"), row.get("output")
    return DlmsElement(
        row["class"],
        bytes.fromhex(row["obis"]),
        row["number"],
        row["access"],
        row["key"],
        row.get("optional", False),
        None if given is None else dlms_node(given),
        None if answer is None else dlms_node(answer),
        [dlms_element(each) for each in row.get("protected", ())],
    )


def _leaves(node: DlmsNode) -> list[Leaf]:
    if node.of:
        return [leaf for each in node.of for leaf in _leaves(each)]
    condition = "[[OPTIONAL]]" if node.optional else ""
    return [Leaf(node.name, node.clause, node.member, node.type + condition, node.fixed)]


def gbz_element(row: list[Any]) -> GbzElement:
    """Component from its row in ``gbz_elements.json``; its marks are e, d and i."""
    label, cluster, frame_control, command, least, most, marks, details, answers, default = row
    return GbzElement(
        label,
        cluster,
        frame_control,
        command,
        least,
        most,
        "e" in marks,
        "d" in marks,
        "i" in marks,
        details,
        answers,
        default,
    )


def cosem_object(row: list[Any]) -> CosemObject:
    """Names from a row of ``cosem_objects.json``."""
    name, attributes, methods = row
    return CosemObject(
        name,
        {int(number): text for number, text in attributes.items()},
        {int(number): text for number, text in methods.items()},
    )
