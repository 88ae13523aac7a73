"""Payloads of every kind behind one pair of functions: parse by message code, encode back octet for octet."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from protocols.errors import DecodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.dlms.access import AccessRequest, AccessResponse
    from protocols.dlms.notification import DataNotification
    from protocols.gbcs import der
    from protocols.gbcs.gbz import GbzPayload
    from protocols.gbcs.message import Message

    Payload: TypeAlias = "AccessRequest | AccessResponse | DataNotification | GbzPayload | AsnPayload"

# First octets of DLMS payloads: access-request, access-response, data-notification.
_DLMS_TAGS = frozenset((0xD9, 0xDA, 0x0F))
_GBZ_START = b"\x01\x09"


class AsnPayload:
    """An ASN.1 payload as a tree, and as the structure its message code names (None where unknown)."""

    __slots__ = ("node", "structure")

    def __init__(self, node: der.Node, structure: Any) -> None:
        self.node = node
        self.structure = structure


def payload_kind(message: Message) -> str:
    """``"dlms"``, ``"gbz"`` or ``"asn1"``: by message code where it is known, else by the first octets.

    The generic alerts exist in two kinds, so their octets decide.
    """
    header = message.header
    return _kind_of(header.message_code, header.cra_flag) or kind_by_octets(message.payload)


def kind_by_octets(payload: bytes) -> str:
    """``"dlms"``, ``"gbz"`` or ``"asn1"`` from the first octets."""
    if payload[:1] and payload[0] in _DLMS_TAGS:
        return "dlms"
    return "gbz" if payload[:2] == _GBZ_START else "asn1"


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
    """Only the parser of the kind at hand is loaded: starting up costs more than parsing."""
    payload, flag = message.payload, message.header.cra_flag
    if kind == "gbz":
        from protocols.gbcs.gbz import parse_gbz

        return parse_gbz(payload, alert=flag is CraFlag.ALERT)
    if kind == "asn1":
        return _parse_asn1(message)
    if flag is CraFlag.ALERT:
        from protocols.dlms.notification import parse_notification

        return parse_notification(payload)
    from protocols.dlms.access import parse_access_request, parse_access_response

    return parse_access_request(payload) if flag is CraFlag.COMMAND else parse_access_response(payload)


def _parse_asn1(message: Message) -> AsnPayload:
    from protocols.gbcs import der
    from protocols.gbcs.asn1 import registry, schema

    flag = message.header.cra_flag
    structure = registry.structure(message.header.message_code, flag.name.lower())
    node = der.parse_der(message.payload)
    return AsnPayload(node, None if structure is None else schema.parse_as(structure, node, "payload"))


def build_payload(payload: Payload) -> bytes:
    """Octets of a parsed payload."""
    return _builders()[type(payload)](payload)


@cache
def _builders() -> dict[type, Callable[[Any], bytes]]:
    from protocols.dlms import access, notification
    from protocols.gbcs import der, gbz

    return {
        access.AccessRequest: access.build_access_request,
        access.AccessResponse: access.build_access_response,
        notification.DataNotification: notification.build_notification,
        gbz.GbzPayload: gbz.build_gbz,
        AsnPayload: lambda payload: der.build(payload.node),
    }
