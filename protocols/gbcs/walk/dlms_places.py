"""The catalogue's DLMS rows made ready for a walk: by tag and count, which row comes next."""

from __future__ import annotations

from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Tag
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import DlmsElement, DlmsNode
from protocols.gbcs.named.dlms_leaves import CLAUSE, type_form
from protocols.gbcs.named.dlms_match import KINDS, result_kind
from protocols.gbcs.named.dlms_nodes import clause_of
from protocols.gbcs.named.dlms_shape import expected_tag, members_present
from protocols.gbcs.walk.rows import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ANY_TAG = -1


class Place(Row):
    """A row of the catalogue where a value may stand, with the places inside it.

    ``tag`` is that of its type (-1: any, or a value without a name). ``packed`` are the sizes of the
    fields in an octet string that holds several.
    """

    __slots__ = ("_by_count", "base", "inside", "node", "packed", "tag")

    def __init__(self, node: DlmsNode | None, tag: int, *, base: str = "", name: str = "") -> None:
        clause = "" if node is None else clause_of(node)
        unit = "" if node is None else node.unit
        super().__init__(name or (node.name or node.key if node else ""), clause, node, unit=unit)
        self.node = node
        self.tag = tag
        self.base = base
        self.inside: list[Place] = []
        self.packed: list[int] = []
        self._by_count: dict[int, list[Place]] = {}

    def other(self, tag: int) -> Place:
        """The place of a value that has another tag than this place's."""
        # Whatever may be absent is null then.
        return self if tag == Tag.NULL_DATA or self.base == "any" else NAMELESS

    def members(self, count: int) -> Iterable[Place]:
        """The places of so many values inside; all without names where the catalogue has no such form."""
        if self.base == "array":
            return repeat(self.inside[0], count)
        if self.base == "any":
            return repeat(self, count)
        found = self._by_count.get(count)
        if found is None:
            found = self._present(count)
            if not found:
                return repeat(NAMELESS, count)
            self._by_count[count] = found
        return found

    def _present(self, count: int) -> list[Place]:
        present = members_present([each.node for each in self.inside if each.node is not None], count)
        chosen = {id(node) for node in present or ()}
        return [each for each in self.inside if id(each.node) in chosen]


NAMELESS = Place(None, _ANY_TAG, name="unnamed")


def place_of(node: DlmsNode) -> Place:
    """Place of a node, with those inside."""
    base = type_form(node.type).base
    place = Place(node, _ANY_TAG if base == "any" else expected_tag(node), base=base)
    if base == "packed":
        place.inside = [Place(each, _ANY_TAG) for each in node.of]
        place.packed = [type_form(each.type).low for each in node.of]
    else:
        place.inside = [place_of(each) for each in node.of]
    return place


def _part(key: str, kind: str, *of: DlmsNode) -> DlmsNode:
    """A node of what Data Protection and selective access wrap around values."""
    return DlmsNode(key, kind, key, CLAUSE, of=list(of))


def _protection() -> DlmsNode:
    agreed = _part(
        "agreed_key", "structure", _part("parameters", "octet-string"), _part("data", "octet-string")
    )
    options = _part(
        "options",
        "structure",
        _part("transaction_id", "octet-string"),
        _part("originator_system_title", "octet-string"),
        _part("recipient_system_title", "octet-string"),
        _part("other_information", "octet-string"),
        _part("key_info", "structure", _part("key_info_type", "enum"), agreed),
    )
    element = _part("protection_parameter", "structure", _part("protection_type", "enum"), options)
    return _part("protection", "array", element)


def ciphered_places(node: DlmsNode | DlmsElement) -> tuple[Place, Place]:
    """Places of protection parameters and ciphered block, which stand for ``node`` together."""
    block = place_of(_part("ciphered", "octet-string"))
    block.name, block.source = f"{node.key}: ciphered", node
    return place_of(_protection()), block


def _answer(element: DlmsElement) -> Place:
    if element.protected:
        place = Place(_part(element.key, "structure"), Tag.STRUCTURE, base="structure")
        place.inside = list(ciphered_places(element))
        return place
    return _nothing(element) if element.answer is None else place_of(element.answer)


def _nothing(element: DlmsElement) -> Place:
    return Place(_part(element.key, "null-data"), Tag.NULL_DATA)


def _given(element: DlmsElement) -> Place:
    if element.protected:
        return place_of(_parameter(element))
    if element.given is None or element.access == "select":
        return _nothing(element)
    return place_of(element.given)


def _parameter(element: DlmsElement) -> DlmsNode:
    """Parameter of a protected read: what is asked for, with dates where they restrict it, and protection."""
    dates = [] if element.given is None else element.given.of
    restriction = _part(
        "restriction", "structure", _part("restriction_type", "enum"), _part("range", "structure", *dates)
    )
    asked = _part("asked", "structure", *_attribute(), restriction)
    return _part(element.key, "structure", _part("attributes", "array", asked), _protection())


def _attribute() -> tuple[DlmsNode, ...]:
    numbers = _part("attribute", "integer"), _part("data_index", "long-unsigned")
    return _part("class_id", "long-unsigned"), _part("logical_name", "octet-string"), *numbers


def _selection(element: DlmsElement) -> Place:
    """Range descriptor of a read with selective access."""
    if element.given is None:
        return NAMELESS
    restricting = _part("restricting_object", "structure", *_attribute())
    columns = _part("selected_values", "array", _part("column", "structure"))
    return place_of(_part(element.key, "structure", restricting, *element.given.of, columns))


class ItemPlaces:
    """Places of one attribute or method: its specification, what a command gives, what answers it."""

    __slots__ = ("answer", "element", "given", "key", "result", "selection", "specification")

    def __init__(self, element: DlmsElement) -> None:
        node = element.given or element.answer
        node = node or (element.protected[0].answer if element.protected else None)
        clause = CLAUSE if node is None else clause_of(node)
        number = element.number.to_bytes(1, "big")
        self.element = element
        self.key = bytes((KINDS[element.access],)) + element.class_id.to_bytes(2, "big")
        self.key += element.obis + number
        self.specification = Row(element.key, clause, element)
        self.result = Row(f"{element.key} result", clause, element)
        self.given = _given(element)
        self.answer = _answer(element)
        self.selection = _selection(element) if element.access == "select" else NAMELESS


class TablePlaces:
    """Places of a use case's table, as a command or response that leaves nothing out has them."""

    __slots__ = ("answers", "by_element", "givens", "items", "keys", "kinds", "results", "specifications")

    def __init__(self, table: Sequence[DlmsElement]) -> None:
        self.items = [ItemPlaces(element) for element in table]
        self.by_element = {id(each.element): each for each in self.items}
        self.specifications = [each.specification for each in self.items]
        self.givens = [each.given for each in self.items]
        self.answers = [each.answer for each in self.items]
        self.results = [each.result for each in self.items]
        # A specification with a selection is longer than its key.
        selecting = any(element.access == "select" for element in table)
        self.keys = b"" if selecting else b"".join(each.key for each in self.items)
        self.kinds = bytes(result_kind(element) for element in table)


@cache
def table_places(code: str) -> TablePlaces:
    """Places of a use case; made once, since nothing in the catalogue changes."""
    return TablePlaces(load_catalogue().dlms_message(code))


@cache
def alert_places(message_code: int) -> Place:
    """Place of an alert's body; without names where the message code is unknown."""
    further = load_catalogue().dlms_alert(message_code)
    if further is None:
        return NAMELESS
    body = Place(_part("alert", "structure"), Tag.STRUCTURE, base="structure")
    head = _part("AlertCode", "long-unsigned"), _part("Timestamp", "date-time")
    body.inside = [place_of(each) for each in head]
    for node in further:
        if type_form(node.type).base == "ciphered":
            body.inside += ciphered_places(node)
        else:
            body.inside.append(place_of(node))
    return body
