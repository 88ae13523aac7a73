"""Ciphered blocks in payloads: where they stand, in DLMS responses and alerts and in GBZ components."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocols.gbcs.header import BLOCK_HEADER, CraFlag

if TYPE_CHECKING:
    from protocols.dlms.protection import ProtectedBlock
    from protocols.gbcs.message import Message


class CipheredBlock(NamedTuple):
    """One block (31 00000000, ciphertext, tag) and where it starts in the payload."""

    offset: int
    octets: bytes


def ciphered_blocks(message: Message) -> list[CipheredBlock]:
    """Ciphered blocks of a response's or alert's payload, in order; DecodeError if it does not parse."""
    payload, flag = message.payload, message.header.cra_flag
    # Most payloads hold no block and need not be parsed to see it.
    if flag is CraFlag.COMMAND or BLOCK_HEADER not in payload:
        return []
    from protocols.dlms.access import ACCESS_RESPONSE_TAG, parse_access_response
    from protocols.dlms.notification import DATA_NOTIFICATION_TAG, parse_notification
    from protocols.gbcs.gbz import PROFILE_ID, parse_gbz

    if payload[0] == ACCESS_RESPONSE_TAG:
        return blocks_of(message, parse_access_response(payload))
    if payload[0] == DATA_NOTIFICATION_TAG:
        return blocks_of(message, parse_notification(payload))
    if payload[:2] == PROFILE_ID.to_bytes(2, "big"):
        return blocks_of(message, parse_gbz(payload, alert=flag is CraFlag.ALERT))
    return []


def blocks_of(message: Message, parsed: object) -> list[CipheredBlock]:
    """The same of a payload that has been parsed already."""
    if message.header.cra_flag is CraFlag.COMMAND or BLOCK_HEADER not in message.payload:
        return []
    from protocols.dlms.access import AccessResponse
    from protocols.dlms.notification import DataNotification
    from protocols.dlms.protection import notification_blocks, response_blocks
    from protocols.gbcs.gbz import GbzPayload

    if isinstance(parsed, AccessResponse):
        return _of_dlms(response_blocks(parsed))
    if isinstance(parsed, DataNotification):
        return _of_dlms(notification_blocks(parsed))
    if isinstance(parsed, GbzPayload):
        components = parsed.components
        return [CipheredBlock(part.payload_offset, part.ciphered) for part in components if part.ciphered]
    return []


def _of_dlms(blocks: list[ProtectedBlock]) -> list[CipheredBlock]:
    return [CipheredBlock(block.offset, block.block) for block in blocks]
