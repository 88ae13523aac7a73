"""GBCS messages from one device to another: PCS01 and PCS02 of a PPMID for a GSME (GBCS-PPMID-SEC).

They have a MAC of the two devices' own key agreement keys, which method C has given them of each other, and
no signature. Who sends them is no remote party: the counter is kept for the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.crypto import verify_mac
from protocols.gbcs.message import covered_octets
from protocols.smki import parse_certificate
from rigs.emulated.command import Command
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device

BY_DEVICES = "han_device"  # the catalogue's name for who sends them


def partner_secret(device: Device, partner: Eui64) -> bytes | None:
    """Shared secret with a device of the own log; None for one without a certificate there."""
    entry = device.join_log.get(partner)
    if entry is None or not entry.certificate:
        return None
    return device.agree(parse_certificate(entry.certificate).public_key)


def role_of(partner: Eui64) -> int:
    """What stands for a role where counters are kept: no remote party's has such a number."""
    return int.from_bytes(partner, "big")


def has_right_mac(device: Device, message: Message, octets: bytes, partner: Eui64) -> bool:
    """Whether a message is protected as one of a partner."""
    secret = partner_secret(device, partner)
    if secret is None or message.mac is None or message.signature:
        return False
    return verify_mac(secret, message, covered_octets(octets, message)[1])


def objection(device: Device, message: Message, octets: bytes, use_case: UseCase | None) -> tuple[int, str]:
    """Event and reason why a partner's command is not carried out; no reason where it may be."""
    originator = message.header.business_originator_id
    if use_case is None or BY_DEVICES not in use_case.roles:
        return EventCode.NO_AUTHORITY, f"{originator} is a device and may not send this"
    if not device.trust_anchors.is_new(role_of(originator), message.header.originator_counter):
        return EventCode.FAILED_OTHERWISE, f"a counter of {originator} again (replay)"
    if not has_right_mac(device, message, octets, originator):
        return EventCode.AUTHENTICATION_FAILURE, f"not protected with the key shared with {originator}"
    return EventCode.FAILED_OTHERWISE, ""


def is_partner(device: Device, originator: Eui64) -> bool:
    """Whether such messages may come from a device at all."""
    entry = device.join_log.get(originator)
    return entry is not None and bool(entry.certificate)


def is_by_device(command: Command) -> bool:
    """Whether a command came from another device."""
    return BY_DEVICES in command.use_case.roles and command.role == role_of(command.originator)
