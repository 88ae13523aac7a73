"""Which commands a device admits: the checks of GBCS 6.2.4 in the order that assumption A01 fixes.

Layout, target, role, authority, counter, signature, MAC. A command that fails one is dropped: no response, no
change, an event. Nothing here changes state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.asn1.credentials import UPDATE_CREDENTIALS_COMMAND
from protocols.gbcs.asn1.types import RemotePartyRole
from protocols.gbcs.crypto import verify_mac, verify_signature
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import covered_octets, parse_message
from protocols.smki import contingency_key
from rigs.emulated import partner_messages
from rigs.emulated.asn1_server.modes import CONTINGENCY, MODES, UPDATES, mode_of
from rigs.emulated.command import Command
from rigs.emulated.events import EventCode
from rigs.emulated.replies import needs_reader_key, response_header
from rigs.emulated.trust_anchors import ROOT_CELL, has_role_counter

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device


class RefusedError(Exception):
    """A command that the device does not execute; ``event`` is what it notes, ``reason`` for people.

    ``command`` is set once the command was authentic.
    """

    def __init__(self, event: int, reason: str, *, command: Command | None = None) -> None:
        super().__init__(reason)
        self.event = event
        self.reason = reason
        self.command = command


@dataclass(slots=True)
class Protection:
    """What a command must carry (messages.md 3)."""

    signature: bool
    mac: bool


def admit(device: Device, octets: bytes, parsed: Message | None = None) -> Command:
    """The command in ``octets`` once every check has passed; RefusedError at the first that fails."""
    try:
        message = parsed or parse_message(octets)
    except DecodeError as error:
        raise RefusedError(EventCode.FAILED_OTHERWISE, f"not a message: {error}") from None
    _check_target(device, message)
    if message.header.message_code == CONTINGENCY:
        return _contingency(device, message, covered_octets(octets, message)[0])
    if partner_messages.is_partner(device, message.header.business_originator_id):
        return _of_partner(device, message, octets)
    roles = device.trust_anchors.roles_of(message.header.business_originator_id)
    if not roles:
        originator = message.header.business_originator_id
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, f"{originator} is not a known party")
    use_case = device.catalogue.by_message_code(message.header.message_code, CraFlag.COMMAND)
    role = _role_with_authority(device, message, use_case, roles)
    _check_counter(device, message, use_case, role)
    _check_protection(device, message, use_case, role, covered_octets(octets, message))
    if use_case is None:
        code = message.header.message_code
        raise RefusedError(EventCode.CONTENT_CHECK_FAILED, f"message code {code:#06x} is not known")
    _check_reader(device, message, use_case, role)
    command = Command(message, use_case, role, response_header(device, message))
    if device.handler(use_case.code) is None:
        raise RefusedError(
            EventCode.COMMAND_NOT_SUPPORTED, f"{use_case.code} is not supported", command=command
        )
    return command


def _contingency(device: Device, message: Message, signed: bytes) -> Command:
    """A replacement that the contingency key signed; the command brings what opens it (SEC-REC-03)."""
    use_case = device.catalogue["CS02b"]
    _check_counter(device, message, use_case, RemotePartyRole.ROOT)
    if not message.signature:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "the signature is missing")
    if device.description.assumes("contingency") != "unverified":
        key = _contingency_key(device, message)
        if not verify_signature(key, signed, message.signature):
            raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "the signature is wrong")
    if message.mac is not None:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "a MAC where none belongs")
    if device.handler(use_case.code) is None:
        raise RefusedError(EventCode.NO_AUTHORITY, "this device has no trust anchors to replace")
    return Command(message, use_case, RemotePartyRole.ROOT, response_header(device, message))


def _contingency_key(device: Device, message: Message) -> EllipticCurvePublicKey:
    try:
        asked = UPDATE_CREDENTIALS_COMMAND.decode(message.payload)
    except DecodeError as error:
        raise RefusedError(EventCode.FAILED_OTHERWISE, f"not a replacement: {error}") from None
    root = device.trust_anchors.certificate(ROOT_CELL)
    try:
        return contingency_key(root or b"", asked.control.plaintext_symmetric_key or b"")
    except DecodeError as error:
        problem = f"the contingency key stays closed: {error}"
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, problem) from None


def _of_partner(device: Device, message: Message, octets: bytes) -> Command:
    """A command of another device on the HAN."""
    use_case = device.catalogue.by_message_code(message.header.message_code, CraFlag.COMMAND)
    event, objection = partner_messages.objection(device, message, octets, use_case)
    if objection or use_case is None:
        raise RefusedError(event, objection)
    role = partner_messages.role_of(message.header.business_originator_id)
    command = Command(message, use_case, role, response_header(device, message))
    if device.handler(use_case.code) is None:
        raise RefusedError(
            EventCode.COMMAND_NOT_SUPPORTED, f"{use_case.code} is not supported", command=command
        )
    return command


def _check_target(device: Device, message: Message) -> None:
    header = message.header
    if header.business_target_id != device.eui64:
        raise RefusedError(EventCode.FAILED_OTHERWISE, f"meant for {header.business_target_id}")
    if header.cra_flag is not CraFlag.COMMAND:
        raise RefusedError(EventCode.FAILED_OTHERWISE, f"a {message.kind}, not a command")


def _role_with_authority(
    device: Device, message: Message, use_case: UseCase | None, roles: frozenset[int]
) -> int:
    """The role by which the originator may send a use case; unknown ones are judged once authentic."""
    if use_case is None:
        return min(roles)
    if use_case.code in UPDATES:
        allowed: set[int] = {MODES[mode_of(message.header.message_code)].authority}
    else:
        allowed = device.authorised_roles(use_case)
    entitled = roles & allowed
    if not entitled:
        originator = message.header.business_originator_id
        raise RefusedError(EventCode.NO_AUTHORITY, f"{originator} may not send {use_case.code}")
    broker = RemotePartyRole.ACCESS_CONTROL_BROKER
    # Before handover the ACB also stands in other roles' cells; what it may do as itself it does as itself.
    return broker if broker in entitled else min(entitled)


def _check_counter(device: Device, message: Message, use_case: UseCase | None, role: int) -> None:
    if use_case is None or not has_role_counter(use_case):
        return
    counter = message.header.originator_counter
    if not device.trust_anchors.is_new(role, counter):
        highest = device.trust_anchors.counter(role)
        raise RefusedError(EventCode.FAILED_OTHERWISE, f"counter {counter} is not above {highest} (replay)")


def required_protection(message: Message, use_case: UseCase | None, device_type: str) -> Protection:
    """What a command of this use case must carry; CS02a has two forms, CS02b a rule for each mode."""
    if use_case is None:
        return Protection(signature=bool(message.signature), mac=message.mac is not None)
    if use_case.code in {"CS02a", "CS02f"}:
        return Protection(signature=message.mac is None, mac=message.mac is not None)
    if use_case.code in UPDATES:
        mode = MODES[mode_of(message.header.message_code)]
        on_hub = device_type == "chf"
        return Protection(signature=mode.signed or on_hub, mac=mode.maced)
    # A use case of unknown category is treated as critical: the stricter of the two.
    return Protection(signature=use_case.critical is not False, mac=True)


def _check_protection(
    device: Device, message: Message, use_case: UseCase | None, role: int, covered: tuple[bytes, bytes]
) -> None:
    signed, authenticated = covered
    required = required_protection(message, use_case, device.description.device_type)
    if not required.signature and not required.mac:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "neither signature nor MAC")
    if required.signature or message.signature:
        _check_signature(device, message, role, signed)
    if required.mac != (message.mac is not None):
        problem = "the MAC is missing" if required.mac else "a MAC where none belongs"
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, problem)
    if required.mac:
        _check_mac(device, message, authenticated)
    if message.signature and not required.signature:
        raise RefusedError(EventCode.CONTENT_CHECK_FAILED, "a signature where none belongs")


def _check_reader(device: Device, message: Message, use_case: UseCase, role: int) -> None:
    originator = message.header.business_originator_id
    if needs_reader_key(message, use_case) and device.trust_anchors.agreement_key(role, originator) is None:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, f"no key agreement key of {originator}")


def _check_signature(device: Device, message: Message, role: int, signed: bytes) -> None:
    originator = message.header.business_originator_id
    if not message.signature:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "the signature is missing")
    key = device.trust_anchors.signing_key(role, originator)
    if key is None:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, f"no digital signature key of {originator}")
    if not verify_signature(key, signed, message.signature):
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "the signature is wrong")


def _check_mac(device: Device, message: Message, authenticated: bytes) -> None:
    # Whoever the originator is, the command's MAC is made between the ACB and the device.
    key = device.trust_anchors.agreement_key(RemotePartyRole.ACCESS_CONTROL_BROKER)
    if key is None:
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "no key agreement key of the ACB")
    if not verify_mac(device.agree(key), message, authenticated):
        raise RefusedError(EventCode.AUTHENTICATION_FAILURE, "the MAC is wrong")
