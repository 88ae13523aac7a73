"""Ciphered blocks in payloads: where they stand, in DLMS responses and alerts and in GBZ components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.dlms.access import ACCESS_RESPONSE_TAG, parse_access_response
from protocols.dlms.notification import DATA_NOTIFICATION_TAG, parse_notification
from protocols.dlms.protection import notification_blocks, response_blocks
from protocols.gbcs.gbz import PROFILE_ID, parse_gbz
from protocols.gbcs.gbz import SECURITY_HEADER as BLOCK_START
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from protocols.dlms.protection import ProtectedBlock
    from protocols.gbcs.message import Message


@dataclass(slots=True)
class CipheredBlock:
    """One block (31 00000000, ciphertext, tag) and where it starts in the payload."""

    offset: int
    octets: bytes


def ciphered_blocks(message: Message) -> list[CipheredBlock]:
    """Ciphered blocks of a response's or alert's payload, in order; DecodeError if it does not parse."""
    payload, flag = message.payload, message.header.cra_flag
    # Most payloads hold no block and need not be parsed to see it.
    if flag is CraFlag.COMMAND or BLOCK_START not in payload:
        return []
    if payload[0] == ACCESS_RESPONSE_TAG:
        return _of_dlms(response_blocks(parse_access_response(payload)))
    if payload[0] == DATA_NOTIFICATION_TAG:
        return _of_dlms(notification_blocks(parse_notification(payload)))
    if payload[:2] == PROFILE_ID.to_bytes(2, "big"):
        components = parse_gbz(payload, alert=flag is CraFlag.ALERT).components
        return [CipheredBlock(part.payload_offset, part.ciphered) for part in components if part.ciphered]
    return []


def _of_dlms(blocks: list[ProtectedBlock]) -> list[CipheredBlock]:
    return [CipheredBlock(block.offset, block.block) for block in blocks]
