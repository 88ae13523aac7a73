"""Payloads of every kind behind one pair of functions: parse by message code, encode back octet for octet."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import (
    AccessRequest,
    AccessResponse,
    build_access_request,
    build_access_response,
    parse_access_request,
    parse_access_response,
)
from protocols.dlms.notification import DataNotification, build_notification, parse_notification
from protocols.errors import DecodeError
from protocols.gbcs import der, use_cases
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.gbz import GbzPayload, build_gbz, parse_gbz
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from protocols.gbcs.message import Message


@dataclass(slots=True)
class AsnPayload:
    """An ASN.1 payload as a tree, and as the structure its message code names (None where unknown)."""

    node: der.Node
    structure: Any


Payload = AccessRequest | AccessResponse | DataNotification | GbzPayload | AsnPayload


def payload_kind(message: Message) -> str:
    """``"dlms"``, ``"gbz"`` or ``"asn1"``: by message code where it is known, else by the first octets.

    The generic alerts exist in two kinds, so their octets decide.
    """
    header = message.header
    return _kind_of(header.message_code, header.cra_flag) or use_cases.payload_kind(message.payload)


@lru_cache(maxsize=1024)
def _kind_of(message_code: int, flag: CraFlag) -> str | None:
    """What the catalogue says of a message code: asked for every message, so remembered."""
    use_case = load_catalogue().by_message_code(message_code, flag)
    return use_case.payload_kind if use_case else None


def parse_payload(message: Message) -> Payload:
    """Parse a message's payload whole; DecodeError's offset counts in the message's octets."""
    try:
        return _parse(message, payload_kind(message))
    except DecodeError as error:
        raise error.moved(message.payload_offset, "message.payload") from None


def _parse(message: Message, kind: str) -> Payload:
    payload, flag = message.payload, message.header.cra_flag
    if kind == "gbz":
        return parse_gbz(payload, alert=flag is CraFlag.ALERT)
    if kind == "asn1":
        return _parse_asn1(message)
    if flag is CraFlag.COMMAND:
        return parse_access_request(payload)
    if flag is CraFlag.RESPONSE:
        return parse_access_response(payload)
    return parse_notification(payload)


def _parse_asn1(message: Message) -> AsnPayload:
    from protocols.gbcs.asn1 import registry, schema

    flag = message.header.cra_flag
    structure = registry.structure(message.header.message_code, flag.name.lower())
    node = der.parse_der(message.payload)
    return AsnPayload(node, None if structure is None else schema.parse_as(structure, node, "payload"))


def build_payload(payload: Payload) -> bytes:
    """Octets of a parsed payload."""
    if isinstance(payload, AccessRequest):
        return build_access_request(payload)
    if isinstance(payload, AccessResponse):
        return build_access_response(payload)
    if isinstance(payload, DataNotification):
        return build_notification(payload)
    if isinstance(payload, GbzPayload):
        return build_gbz(payload)
    return der.build(payload.node)
