"""Which elements of a use case's table a DLMS message holds.

A command names its attributes and methods; they stand in the order of the table, and optional ones may be
left out. A response names nothing. With as many items as the table has, every item is told by its place.
With fewer, all required elements are there and the first optional ones that fit by kind of access and type;
where even that does not fit, the answer breaks off early. In both cases the choice is an assumption and says
so: which of five equal controllers was set stands in the command only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.access import SpecKind
from protocols.dlms.axdr import Data, Tag
from protocols.gbcs.named.dlms_shape import expected_tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from protocols.dlms.access import AccessResponse, AccessSpecification
    from protocols.gbcs.catalogue.elements import DlmsElement

KINDS = {
    "get": SpecKind.GET,
    "set": SpecKind.SET,
    "action": SpecKind.ACTION,
    "select": SpecKind.GET_WITH_SELECTION,
}
_RESULT_KINDS = KINDS | {"select": SpecKind.GET}


def result_kind(element: DlmsElement) -> SpecKind:
    """Kind of access that a response names for an element."""
    return _RESULT_KINDS[element.access]


def match_request(
    table: Sequence[DlmsElement], specifications: Sequence[AccessSpecification]
) -> list[DlmsElement] | None:
    """Elements that a command's specifications name; None where one is not in the table or out of order."""
    rest = iter(table)
    found = []
    for each in specifications:
        element = next((one for one in rest if _names(one, each)), None)
        if element is None:
            return None
        found.append(element)
    return found


def _names(element: DlmsElement, specification: AccessSpecification) -> bool:
    return (
        element.class_id == specification.class_id
        and element.obis == specification.obis
        and element.number == specification.member
        and KINDS[element.access] == specification.kind
    )


def match_response(
    table: Sequence[DlmsElement], response: AccessResponse
) -> tuple[list[DlmsElement], bool] | None:
    """Elements that a response's items are, and whether that is assumed; None where nothing fits."""
    items = [(kind, data) for data, (kind, _) in zip(response.data, response.results, strict=True)]
    if len(items) == len(table):
        kinds = [kind for kind, _ in items]
        return (list(table), False) if kinds == [result_kind(each) for each in table] else None
    found = _with_optional(table, items)
    if found is None:
        found = list(table[: len(items)])
        if len(found) != len(items) or not all(map(_could_be, found, items)):
            return None
    return found, True


def _with_optional(
    table: Sequence[DlmsElement], items: Sequence[tuple[SpecKind, Data]]
) -> list[DlmsElement] | None:
    """All required elements and the first optional ones that fit; no table is long enough to try for long."""
    required = sum(not each.optional for each in table)
    if not required <= len(items) <= len(table):
        return None
    # From the back: fits[at][n] says whether the last n items can be the elements from `at` on.
    fits = [[False] * (len(items) + 1) for _ in range(len(table) + 1)]
    fits[-1][0] = True
    for at in range(len(table) - 1, -1, -1):
        for count in range(len(items) + 1):
            taken = count > 0 and fits[at + 1][count - 1] and _could_be(table[at], items[-count])
            fits[at][count] = taken or (table[at].optional and fits[at + 1][count])
    if not fits[0][len(items)]:
        return None
    found, left = [], len(items)
    for at, element in enumerate(table):
        if left and fits[at + 1][left - 1] and _could_be(element, items[-left]):
            found.append(element)
            left -= 1
    return found


def _could_be(element: DlmsElement, item: tuple[SpecKind, Data]) -> bool:
    kind, data = item
    if kind != result_kind(element):
        return False
    if data.tag == Tag.NULL_DATA or element.protected:
        return True
    return element.answer is not None and data.tag == expected_tag(element.answer)
