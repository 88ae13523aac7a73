"""Responses: their header, and the protection that messages.md 3 asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.date_time import encode_date_time
from protocols.gbcs.crypto import encrypt_block
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.message import Message
from protocols.gbcs.protect import protected_octets
from protocols.smki import parse_certificate
from rigs.emulated import partner_messages
from rigs.emulated.clock import ClockStatus

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

# Message codes whose responses carry a date-time in the Grouping Header (messages.md 1.4).
DATED = frozenset(
    {0x0007, 0x0012, 0x0019, 0x001A, 0x001B, 0x001F, *range(0x0026, 0x002E), 0x0039, 0x0043, 0x0054}
    | {0x006B, 0x006C, 0x006D, 0x006F, 0x0074, 0x0075, 0x0097, 0x00A2, 0x00A3, 0x00B6, 0x00B7, 0x00B8}
    | {0x00BC, 0x00C7, 0x00DE, *range(0x0102, 0x010A), 0x011A, 0x0125, 0x0126, 0x012A}
)
# Of these, the gas register reads say how far the time can be trusted (messages.md 1.4): GCS14, GCS13a/b/c,
# GCS60a.
GAS_READS = frozenset({0x0074, 0x0075, 0x00B6, 0x00B7, 0x00B8})
_CREDENTIALS = range(0x0100, 0x010A)
NOT_SPECIFIED = 0xFF


def response_header(device: Device, message: Message) -> GroupingHeader:
    """The Grouping Header of the response to a command: counter and code repeated, parties swapped."""
    header = message.header
    date_time, own_counter = b"", None
    if header.certificate:
        # Encrypted data for a party unknown to the device goes under a counter of the device's own.
        own_counter = device.next_counter()
    if header.message_code in DATED:
        date_time = encode_date_time(device.device_clock.now(), status=_clock_status(device, header))
    return GroupingHeader(
        cra_flag=CraFlag.RESPONSE,
        originator_counter=header.originator_counter,
        business_originator_id=header.business_target_id,
        business_target_id=header.business_originator_id,
        message_code=header.message_code,
        date_time=date_time,
        supplementary_remote_party_id=header.supplementary_remote_party_id,
        supplementary_remote_party_counter=header.supplementary_remote_party_counter,
        supplementary_originator_counter=own_counter,
    )


def _clock_status(device: Device, header: GroupingHeader) -> int:
    if header.message_code not in GAS_READS:
        return NOT_SPECIFIED
    return 0x00 if device.device_clock.status is ClockStatus.RELIABLE else 0x02


def reader_secret(device: Device, command: Command) -> bytes:
    """Shared secret with whoever reads the response; admission has seen to it that there is one."""
    if partner_messages.is_by_device(command):
        secret = partner_messages.partner_secret(device, command.originator)
        if secret is not None:
            return secret
    key = device.trust_anchors.agreement_key(command.role, command.originator)
    if key is None:
        raise LookupError(f"{command.originator} was admitted without a key agreement key")
    return device.agree(key)


def encrypt(device: Device, command: Command, plaintext: bytes) -> bytes:
    """Ciphered block for the reader of the command's response (messages.md 4.4)."""
    return encrypt_block(_data_secret(device, command), command.response_header, plaintext)


def _data_secret(device: Device, command: Command) -> bytes:
    """Shared secret with whom encrypted data is for: the supplementary remote party, if one is named."""
    header = command.header
    if header.certificate:
        return device.agree(parse_certificate(header.certificate).public_key)
    party = header.supplementary_remote_party_id
    for role in device.trust_anchors.roles_of(party) if party is not None else ():
        key = device.trust_anchors.agreement_key(role, party)
        if key is not None:
            return device.agree(key)
    return reader_secret(device, command)


def is_signed(message: Message, use_case: UseCase) -> bool:
    """Whether the response to a command is signed; the others carry a MAC."""
    if message.header.message_code in _CREDENTIALS:
        return True
    if use_case.code in {"CS02a", "CS02f"}:
        return bool(message.signature)
    return use_case.critical is not False


def needs_reader_key(message: Message, use_case: UseCase) -> bool:
    """Whether the response cannot be made without the originator's key agreement key."""
    return use_case.encrypted or not is_signed(message, use_case)


def respond(device: Device, command: Command, payload: bytes) -> bytes:
    """The whole response."""
    message = Message(command.response_header, payload, None, None)
    if is_signed(command.message, command.use_case):
        return protected_octets(message, signer=device.own_keys.signing)
    return protected_octets(message, mac_z=reader_secret(device, command))
