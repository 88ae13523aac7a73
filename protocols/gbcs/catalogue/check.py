"""Comparing the catalogue's tables with each other; every disagreement in words.

The tables were gathered from several sources and completed by hand, so each rule that ties one to another is
checked here rather than trusted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING

from protocols.gbcs.catalogue import UseCase
from protocols.parties import DEVICES, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.gbcs.catalogue import Catalogue

# A device on the same network may have authority, too.
_ROLES = ROLES | {"han_device"}
PAYLOAD_KINDS = ("dlms", "gbz", "asn1", None)
# Message types that say whether a message is critical.
_CRITICAL = {
    "SME.C.C": True,
    "SME.C.NC": False,
    "SME.A.C": True,
    "SME.A.NC": False,
    "SME.C.PPMID-GSME": False,
}
_OTHER_TYPES = frozenset(
    ("See GBCS", "See GBCS Section 7.2.9.1", "Variant Command & Response", "ZSE specified")
)
# Firmware images travel outside GBCS messages, so these have no message code.
_WITHOUT_CODE = frozenset(("CS05a", "CS05b", "CS05c"))
_INFERABLE = {each.name for each in fields(UseCase)} - {"code", "inferred"} | {"elements"}


def inconsistencies(catalogue: Catalogue) -> list[str]:
    """Everything in which the tables disagree, one sentence each; empty is good."""
    found = [
        f"{use_case.code}: {problem}"
        for use_case in catalogue
        for problem in _of_use_case(catalogue, use_case)
    ]
    return [*found, *_of_message_codes(catalogue), *_of_elements(catalogue)]


def _of_use_case(catalogue: Catalogue, use_case: UseCase) -> Iterator[str]:
    yield from _unknown("device", use_case.devices, DEVICES)
    yield from _unknown("role", use_case.roles, _ROLES)
    yield from _unknown("inferred cell", use_case.inferred, _INFERABLE)
    if not use_case.title:
        yield "no title"
    if use_case.payload_kind not in PAYLOAD_KINDS:
        yield f"payload kind {use_case.payload_kind!r}"
    if bool(use_case.message_codes) == (use_case.code in _WITHOUT_CODE):
        yield "message code where there is none" if use_case.message_codes else "no message code"
    for code in use_case.message_codes:
        if not 0 <= code <= 0xFFFF:
            yield f"message code {code} does not fit 16 bits"
    yield from _of_protection(use_case)
    yield from _of_service(use_case)
    if not _has_table(catalogue, use_case):
        yield f"no table of its {use_case.payload_kind} payload"


def _unknown(what: str, values: list[str], known: frozenset[str] | set[str]) -> Iterator[str]:
    if not values and what != "inferred cell":
        yield f"no {what}"
    for value in values:
        if value not in known:
            yield f"{what} {value!r} is not known"
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{what} {value!r} stands there {count} times"


def _of_protection(use_case: UseCase) -> Iterator[str]:
    kind = use_case.message_type or ""
    if kind not in _CRITICAL and kind not in _OTHER_TYPES:
        yield f"message type {use_case.message_type!r}"
    # A None in a cell passes the type checker, since rows come from JSON.
    cells = ("critical", "future_datable", "encrypted", "replay_protected")
    for name in cells:
        if not isinstance(getattr(use_case, name), bool):
            yield f"{name} is empty"
    if kind in _CRITICAL and use_case.critical is not _CRITICAL[kind]:
        yield f"critical is {use_case.critical}, but its message type is {kind}"
    if use_case.is_alert and use_case.replay_protected:
        yield "an alert is protected against replay"
    if use_case.future_datable and (use_case.is_alert or not use_case.replay_protected):
        yield "future datable, so it is a command that changes state and needs protection against replay"
    if (
        use_case.critical
        and not use_case.is_alert
        and not use_case.replay_protected
        and "replay_protected" in use_case.inferred
        and not use_case.title.startswith(("Read", "Provide"))
    ):
        yield "a critical command without protection against replay"


def _of_service(use_case: UseCase) -> Iterator[str]:
    if set(use_case.service_references) != set(use_case.eligible_user_roles):
        yield "service references and eligible user roles name different variants"
    if any(not roles for roles in use_case.eligible_user_roles.values()):
        yield "a service reference without eligible user roles"
    asked_for = not use_case.is_alert and "han_device" not in use_case.roles
    if asked_for != bool(use_case.service_references):
        yield "service references of an alert or HAN message" if not asked_for else "no service reference"


def _has_table(catalogue: Catalogue, use_case: UseCase) -> bool:
    """Whether the payload's structure is tabulated."""
    if use_case.payload_kind == "asn1":
        from protocols.gbcs.asn1.registry import structure

        kinds = ("alert",) if use_case.is_alert else ("command", "response")
        return all(structure(code, kind) for code in use_case.message_codes for kind in kinds)
    if use_case.payload_kind == "dlms":
        if use_case.is_alert:
            return all(catalogue.dlms_alert(code) is not None for code in use_case.message_codes)
        return bool(catalogue.dlms_elements(use_case.code))
    return use_case.payload_kind is None or use_case.is_alert or bool(catalogue.gbz_messages(use_case.code))


def _of_message_codes(catalogue: Catalogue) -> Iterator[str]:
    """A message code and direction lead to one use case; the generic alerts are one per payload kind."""
    seen: dict[tuple[int, bool, str | None], str] = {}
    for use_case in catalogue:
        for code in use_case.message_codes:
            kind = use_case.payload_kind if use_case.is_alert else ""
            other = seen.setdefault((code, use_case.is_alert, kind), use_case.code)
            if other != use_case.code:
                yield f"{use_case.code}: message code {code:04X} is also {other}'s"
            if use_case.is_alert and not catalogue.alert_message(code):
                yield f"{use_case.code}: alert message {code:04X} has no title"


def _of_elements(catalogue: Catalogue) -> Iterator[str]:
    """Tables of elements belong to use cases of their kind, and name COSEM objects that are known."""
    for kind, codes in (("dlms", catalogue.element_tables("dlms")), ("gbz", catalogue.element_tables("gbz"))):
        for code in codes:
            if code not in catalogue:
                yield f"{code}: elements of no use case"
            elif catalogue[code].payload_kind != kind:
                yield f"{code}: {kind} elements of a use case with {catalogue[code].payload_kind}"
    for code in catalogue.element_tables("dlms"):
        for element in catalogue.dlms_elements(code):
            known = catalogue.cosem_object(element.class_id, element.obis)
            if known is None:
                yield f"{code}: no COSEM object of class {element.class_id} at {element.obis.hex()}"
