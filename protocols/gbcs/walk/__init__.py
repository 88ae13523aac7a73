"""Payloads taken apart into spans, each bound to its row of the catalogue: the fast way through a payload.

``parse_payload`` makes a tree of values, which is what changing and building want. Whoever only has to see
that a payload is whole, and where what stands in it, walks it: ``walk_payload`` takes what the parser takes
and refuses what it refuses, with the parser's own errors, and no octet is left without a span and a row.
Names, clauses, units and values are looked up when somebody asks.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag
from protocols.gbcs.payload import kind_by_octets, parse_payload
from protocols.gbcs.walk.rows import UNNAMED, Row, Span, UnusualError, Walked

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.gbcs.message import Message

__all__ = ["UNNAMED", "Row", "Span", "Walked", "walk_payload"]


def walk_payload(message: Message) -> Walked:
    """A message's payload as bound spans; DecodeError as ``parse_payload`` has it where it does not parse."""
    header, payload = message.header, message.payload
    walk = _walk_of(header.message_code, header.cra_flag)
    try:
        if walk is None:  # the generic alerts exist in two kinds, told apart by their octets
            walk = _walk_by(kind_by_octets(payload), "", header.message_code, header.cra_flag)
        return walk(payload)
    except (UnusualError, IndexError, DecodeError):
        raise _problem(message) from None


def _problem(message: Message) -> DecodeError:
    try:
        parse_payload(message)
    except DecodeError as error:
        return error
    return DecodeError("no walk through this payload", offset=message.payload_offset, path="message.payload")


@lru_cache(maxsize=1024)
def _walk_of(message_code: int, flag: CraFlag) -> Callable[[bytes], Walked] | None:
    """How to walk the payloads of a message code; None where their first octets have to tell."""
    use_case = load_catalogue().by_message_code(message_code, flag)
    if use_case is None or use_case.payload_kind is None:
        return None
    return _walk_by(use_case.payload_kind, use_case.code, message_code, flag)


@lru_cache(maxsize=1024)
def _walk_by(kind: str, code: str, message_code: int, flag: CraFlag) -> Callable[[bytes], Walked]:
    """Only the modules of the kind at hand are loaded."""
    if kind == "gbz":
        from protocols.gbcs.walk import gbz

        if flag is CraFlag.ALERT:
            return partial(gbz.walk_gbz_alert, content=gbz.alert_content(message_code))
        return gbz.walk_gbz_command if flag is CraFlag.COMMAND else gbz.walk_gbz
    if kind == "asn1":
        from protocols.gbcs.walk import asn1, asn1_places

        places = asn1_places.payload_places(message_code, flag.name.lower())
        return partial(asn1.walk_asn1, places=places)
    from protocols.gbcs.walk import dlms, dlms_places

    if flag is CraFlag.ALERT:
        return partial(dlms.walk_notification, body=dlms_places.alert_places(message_code))
    table = dlms_places.table_places(code)
    return partial(dlms.walk_request if flag is CraFlag.COMMAND else dlms.walk_response, table=table)
