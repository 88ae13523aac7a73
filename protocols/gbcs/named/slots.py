"""What a command of a use case takes: every named value with its place, type, and the value it has to have.

``slots`` lists them for people and for filling in by name; ``template`` is a command's payload with all that
the use case fixes already in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.named import slots_asn1, slots_gbz
from protocols.gbcs.named.dlms_leaves import TYPES, type_form
from protocols.gbcs.named.slot import Slot

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.catalogue.elements import DlmsNode
    from protocols.gbcs.header import GroupingHeader

# DLMS types whose values are JSON numbers, booleans and lists; all others are text.
_NUMBERS = frozenset(
    (
        "integer",
        "long",
        "double-long",
        "unsigned",
        "long-unsigned",
        "double-long-unsigned",
        "enum",
        "boolean",
        "array",
        "compact-array",
    )
)
_WITH_MEMBERS = frozenset(("structure", "sequence", "packed", "protected", "range"))


def slots(use_case: UseCase, header: GroupingHeader, names: Iterable[str] = ()) -> list[Slot]:
    """Values of a use case's command, in payload order; ``header`` gives message code and counter.

    ``names`` ask for components that may be left out or repeated (see ``slots_gbz``).
    """
    if use_case.payload_kind == "asn1":
        return slots_asn1.slots(use_case, header)
    if use_case.payload_kind == "gbz":
        return slots_gbz.slots(use_case, names)
    return list(_dlms(use_case))


def template(use_case: UseCase, header: GroupingHeader, names: Iterable[str] = ()) -> dict[str, Any]:
    """Payload values of a command as far as the use case fixes them."""
    values: dict[str, Any] = {"elements": {}} if use_case.payload_kind == "dlms" else {}
    for slot in slots(use_case, header, names):
        if slot.fixed is not None and not slot.optional:
            put(values, slot.path, slot.fixed)
    return values


def find(known: list[Slot], name: str) -> Slot:
    """The value of a name, a place, or the end of a place; EncodeError where there is none, or several."""
    wanted = name.casefold()
    for matches in (
        [slot for slot in known if wanted in (slot.place.casefold(), slot.alias.casefold())],
        [slot for slot in known if slot.alias and _without_number(slot.alias) == wanted],
        [slot for slot in known if slot.name.casefold() == wanted],
        [slot for slot in known if slot.place.casefold().endswith("/" + wanted)],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            places = ", ".join(slot.alias or slot.place for slot in matches)
            raise EncodeError(f"could be several values, name one place: {places}", element=name)
    raise EncodeError("no such value", element=name)


def _without_number(alias: str) -> str:
    component, _, name = alias.casefold().partition("/")
    return f"{component.rsplit('[', 1)[0]}/{name}"


def prepared(
    use_case: UseCase, header: GroupingHeader, names: Iterable[str], payload: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], list[Slot]]:
    """A command's payload with room for the values ``names``, and where they go.

    It is ``payload``, with the components that are named and not there, or what the use case fixes.
    """
    if payload is None:
        return template(use_case, header, names), slots(use_case, header, names)
    if use_case.payload_kind != "gbz" or not isinstance(payload.get("Components"), list):
        return dict(payload), slots(use_case, header)
    known = slots(use_case, header, [*slots_gbz.component_counts(payload), *names])
    if len(known) and known[-1].path[1] == len(payload["Components"]) - 1:
        return dict(payload), known
    return slots_gbz.spread(payload, known), known


def put(values: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    """Set the value at a path, making objects and lists on the way; lists grow by one at a time."""
    here: Any = values
    for step, after in pairwise(path):
        fresh: Any = [] if isinstance(after, int) else {}
        here = _step(here, step, fresh)
    last = path[-1]
    if isinstance(last, int) and last == len(here):
        here.append(value)
    else:
        here[last] = value


def _step(here: Any, step: str | int, fresh: Any) -> Any:
    if isinstance(step, int):
        if step == len(here):
            here.append(fresh)
        return here[step]
    return here.setdefault(step, fresh)


def _dlms(use_case: UseCase) -> Iterator[Slot]:
    for element in load_catalogue().dlms_message(use_case.code):
        if element.given is not None:
            yield from _node(element.given, ("elements", element.key), optional=element.optional)


def _node(node: DlmsNode, path: tuple[str | int, ...], *, optional: bool) -> Iterator[Slot]:
    optional = optional or node.optional
    base = type_form(node.type).base
    if base in _WITH_MEMBERS:
        for each in node.of:
            yield from _node(each, (*path, each.key), optional=optional)
        return
    kind = node.type if base in TYPES else f"{node.type} of {', '.join(_inside(node))}"
    yield Slot(
        path,
        kind,
        name=node.name or str(path[-1]),
        clause=node.clause,
        fixed=node.fixed,
        optional=optional,
        is_text=base not in _NUMBERS,
    )


def _inside(node: DlmsNode) -> Iterator[str]:
    for each in node.of:
        if each.of:
            yield from (f"{each.key}.{inner}" if each.key else inner for inner in _inside(each))
        else:
            yield f"{each.key} {each.type}"
