"""Which components a use case's messages have, in which order and number; what a strict builder enforces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from protocols.errors import EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.catalogue import UseCase, load_catalogue
from protocols.gbcs.catalogue.elements import GbzElement
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named.gbz_heads import (
    COMMAND,
    COMMAND_IDENTIFIER,
    FRAME_CONTROL,
    FRAME_COUNTER,
    FROM_DATE_TIME,
    HEADER_CONTROL,
    STATUS,
    Head,
)
from protocols.gbcs.zcl_fields import check_allowed

_MESSAGES = {
    CraFlag.COMMAND: "Command",
    CraFlag.RESPONSE: "Normal response",
    CraFlag.ALERT: "Pushed message",
}
# A Default Response for a command that was not carried out because an earlier one failed.
_NOT_TRIED = (0xFF, zcl.Status.FAILURE)
_KNOWN_STATUSES = [int(status) for status in zcl.Status]
_TOP_UP_CODE = "Top Up Code"


def rows_of(use_case: UseCase | None, flag: CraFlag) -> list[GbzElement]:
    """Rows of a message; none where the use case has no table."""
    if use_case is None:
        return []
    return load_catalogue().gbz_messages(use_case.code).get(_MESSAGES[flag], [])


def clause_of(use_case: UseCase | None, message_code: int) -> str:
    """What to cite for an element; alerts that belong to no single use case go by their message code."""
    return f"GBCS use case {use_case.code}" if use_case else f"GBCS message code {message_code:04X}"


def match_rows(
    rows: Sequence[GbzElement], components: Sequence[tuple[Head, Mapping[str, Any]]], clause: str
) -> list[GbzElement]:
    """The row of every component; EncodeError at the first component that no row has a place for.

    Positions that can be reached are followed row by row, since a component may fit more than one row.
    """
    reached: dict[int, list[GbzElement]] = {0: []}
    for row in rows:
        after: dict[int, list[GbzElement]] = {}
        for start, path in reached.items():
            for count in _counts(row, components, start):
                after.setdefault(start + count, path + [row] * count)
        if not after:
            raise _misfit(row, components, max(reached), clause)
        reached = after
    if len(components) in reached:
        return reached[len(components)]
    at = max(reached)
    problem = f"{components[at][1].get(COMMAND)} has no place here"
    raise EncodeError(problem, element=f"Components[{at}].{COMMAND}", clause=clause)


def check_component(
    row: GbzElement, head: Head, values: Mapping[str, Any], element: str, clause: str
) -> None:
    """EncodeError where the head, the date or the encryption is not that of the row."""
    default = head.is_default_response and row.default_frame_control is not None
    wanted = row.default_frame_control if default else row.frame_control
    check_allowed(head.frame_control, [wanted], f"{element}.{FRAME_CONTROL}", clause)
    encrypted, dated = row.encrypted and not default, row.dated and not default
    for name, there in ((FRAME_COUNTER, encrypted), (HEADER_CONTROL, encrypted), (FROM_DATE_TIME, dated)):
        if there and name not in values:
            raise EncodeError("the value is missing", element=f"{element}.{name}", clause=clause)
        if not there and name in values:
            raise EncodeError("no such element here", element=f"{element}.{name}", clause=clause)
    if encrypted:
        check_allowed(values[HEADER_CONTROL], [0], f"{element}.{HEADER_CONTROL}", clause)
    if head.is_default_response:
        check_allowed(values.get(STATUS), _KNOWN_STATUSES, f"{element}.{STATUS}", clause)


def check_frame_counters(components: Sequence[Mapping[str, Any]], clause: str) -> None:
    """Encrypted components are numbered from 0."""
    expected = 0
    for index, values in enumerate(components):
        if FRAME_COUNTER in values:
            here = f"Components[{index}].{FRAME_COUNTER}"
            check_allowed(values[FRAME_COUNTER], [expected], here, clause)
            expected += 1


def check_top_up(head: Head, values: Mapping[str, Any], element: str, clause: str) -> None:
    """EncodeError where a Consumer Top Up carries no UTRN (GBCS 14)."""
    if head.table is None or head.table.name != "Consumer Top Up":
        return
    # Loaded here: it brings the cryptography of top-ups along, which reading needs not.
    from protocols.gbcs.prepayment import UtrnError, decode_utrn

    try:
        decode_utrn(bytes.fromhex(values[_TOP_UP_CODE] or ""))
    except UtrnError as error:
        raise EncodeError(str(error), element=f"{element}.{_TOP_UP_CODE}", clause=clause) from None


def _counts(row: GbzElement, components: Sequence[tuple[Head, Mapping[str, Any]]], start: int) -> list[int]:
    """How many components from ``start`` on the row may take, most first."""
    count = 0
    while count < row.most and start + count < len(components) and _fits(row, *components[start + count]):
        count += 1
    return list(range(count, row.least - 1, -1))


def _fits(row: GbzElement, head: Head, values: Mapping[str, Any]) -> bool:
    if head.cluster != row.cluster:
        return False
    if row.answers is not None and head.is_default_response:
        said = values.get(COMMAND_IDENTIFIER)
        return said == row.answers or (said, values.get(STATUS)) == _NOT_TRIED
    return head.command == row.command and head.profile_wide == (not row.frame_control & 0x03)


def _misfit(
    row: GbzElement, components: Sequence[tuple[Head, Mapping[str, Any]]], start: int, clause: str
) -> EncodeError:
    at = start
    while at < len(components) and at - start < row.least and _fits(row, *components[at]):
        at += 1
    element = f"Components[{at}]"
    if at >= len(components):
        return EncodeError(f"{row.label} is missing", element=element, clause=clause)
    found = components[at][1].get(COMMAND)
    return EncodeError(f"{found} in place of {row.label}", element=f"{element}.{COMMAND}", clause=clause)
