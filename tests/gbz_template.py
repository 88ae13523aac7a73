"""What the catalogue fixes of a GBZ message, so that only the values it leaves open have to be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs import zcl
from protocols.gbcs.catalogue.zcl import Field, zcl_tables
from protocols.gbcs.named import gbz_heads as heads
from protocols.gbcs.named.gbz_rules import rows_of
from protocols.gbcs.zcl_values import shown

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.catalogue.elements import GbzElement
    from protocols.gbcs.header import CraFlag


def template(use_case: UseCase, flag: CraFlag) -> dict[str, Any]:
    """Payload values with heads and fixed values filled in and open ones left out.

    A component that may be repeated stands there as often as it has to, at least once where it may be left
    out; sequence numbers count components.
    """
    components: list[dict[str, Any]] = []
    encrypted = 0
    for row in rows_of(use_case, flag):
        for number in range(max(row.least, 1)):
            values = _component(row, len(components))
            if row.encrypted:
                values |= {heads.HEADER_CONTROL: 0, heads.FRAME_COUNTER: encrypted}
                encrypted += 1
            components.append(values | _content(row, number))
    return {"Components": components}


def _component(row: GbzElement, sequence: int) -> dict[str, Any]:
    head = heads.head_of(row.cluster, row.frame_control, row.command)
    return heads.head_values(head) | {heads.SEQUENCE: sequence}


def _content(row: GbzElement, number: int) -> dict[str, Any]:
    head = heads.head_of(row.cluster, row.frame_control, row.command)
    if head.is_default_response:
        return {heads.COMMAND_IDENTIFIER: row.answers}
    if head.attributes:
        return {heads.ATTRIBUTES: _attributes(row)}
    fields = head.table.fields if head.table else []
    kinds = {field.name: field.type for field in fields if isinstance(field, Field)}
    found = {}
    for name, allowed in row.details.items():
        value = _only(allowed, row, number)
        if value is not None:
            found[name] = shown(kinds[name], value) if isinstance(value, int) else value
    return found


def _attributes(row: GbzElement) -> Any:
    names = {}
    for text in row.details:
        known = zcl_tables().attribute(row.cluster, int(text, 16))
        if known is not None:
            names[text] = known.name
    if row.command == zcl.READ_ATTRIBUTES:
        return list(names.values())
    fixed = {text: allowed[0] for text, allowed in row.details.items() if allowed and len(allowed) == 1}
    return {names[text]: value for text, value in fixed.items()}


def _only(allowed: list[Any], row: GbzElement, number: int) -> Any:
    """The one value there may be; instances of a component numbered 0, 1, 2 ... have theirs each."""
    if len(allowed) != 1:
        return None
    if isinstance(allowed[0], list):
        return number if row.least == row.most and allowed[0] == [0, row.most - 1] else None
    return allowed[0]
