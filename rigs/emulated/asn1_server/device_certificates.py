"""A device's own credentials: CS02c request, CS02d update, CS02e provide (asn1.md 4, 5, 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.gbcs.asn1.registry import CERTIFICATE_OR_CODE, KEY_USAGE_COMMAND
from protocols.gbcs.asn1.schema import CERTIFICATE, SMALL_NUMBER, decode, encode
from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import parse_certificate
from protocols.smki.keys import public_point
from protocols.smki.requests import build_request
from rigs.emulated.event_rules import EventCode

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

# Response codes of CS02c and CS02e, and of CS02d.
_INVALID_KEY_USAGE = 1
_STORED, _INVALID, _WRONG_DEVICE, _WRONG_USAGE, _NO_KEY_PAIR = 0, 1, 2, 3, 4


def register(device: Device) -> None:
    """CS02c, CS02d and CS02e where the catalogue gives them to this type of device."""
    for code, handler in (("CS02c", request), ("CS02d", update), ("CS02e", provide)):
        if device.description.device_type in device.catalogue[code].devices:
            device.handlers[code] = handler


def request(device: Device, command: Command) -> bytes:
    """Generate a key pair and give a certification request for it."""
    usage = KEY_USAGE_COMMAND.decode(command.payload).key_usage
    fault = device.fault("CS02c")
    if fault is not None:
        return encode(CERTIFICATE_OR_CODE, fault)
    identity = device.own_keys.identity(usage)
    if identity is None:
        return encode(CERTIFICATE_OR_CODE, _INVALID_KEY_USAGE)
    key, point = device.own_keys.generate(int(usage))
    name = parse_certificate(identity.certificate).alternative_name
    return encode(CERTIFICATE_OR_CODE, build_request(name, usage, point, key))


def generate_next(device: Device, usage: int, point: bytes) -> None:
    """Let the next key pair that the device generates have this public key (65 octets)."""
    device.own_keys.generate_next(usage, point)


def update(device: Device, command: Command) -> bytes:
    """Take a certificate for the key pair that was generated last, or for the one in force.

    The key is in force from here on: it is the one that signs the response, as in the reference messages,
    where a success verifies with the certificate that its command brought.
    """
    certificate = _certificate_in(command.payload)
    fault = device.fault("CS02d")
    outcome = _take(device, certificate) if fault is None else fault
    device.events.record(_event(certificate, stored=outcome == _STORED))
    return encode(SMALL_NUMBER, outcome)


def _certificate_in(payload: bytes) -> bytes:
    """The payload, once it was found to be one DER value; DecodeError for anything else."""
    try:
        parse_certificate(payload)  # what is one needs no second reading, and will be asked for
    except DecodeError:
        decode(CERTIFICATE, payload)
    return payload


def _event(certificate: bytes, *, stored: bool) -> EventCode:
    """0x8F4C to 0x8F4F; what cannot be read counts as one for the signing key."""
    try:
        for_agreement = parse_certificate(certificate).key_usage == KeyUsage.KEY_AGREEMENT
    except DecodeError:
        for_agreement = False
    if for_agreement:
        replaced, failed = EventCode.AGREEMENT_CERTIFICATE_REPLACED, EventCode.AGREEMENT_CERTIFICATE_FAILED
    else:
        replaced, failed = EventCode.SIGNING_CERTIFICATE_REPLACED, EventCode.SIGNING_CERTIFICATE_FAILED
    return replaced if stored else failed


def _take(device: Device, certificate: bytes) -> int:
    try:
        info = parse_certificate(certificate)
    except DecodeError:
        return _INVALID
    if info.subject_eui != device.eui64:
        return _WRONG_DEVICE
    usage = int(info.key_usage)
    if device.own_keys.identity(usage) is None:
        return _WRONG_USAGE
    taken = device.own_keys.install(usage, public_point(info.public_key), certificate)
    return _STORED if taken else _NO_KEY_PAIR


def provide(device: Device, command: Command) -> bytes:
    """The device's certificate for a key usage."""
    usage = KEY_USAGE_COMMAND.decode(command.payload).key_usage
    fault = device.fault("CS02e")
    if fault is not None:
        return encode(CERTIFICATE_OR_CODE, fault)
    certificate = device.own_keys.certificate(int(usage))
    return encode(CERTIFICATE_OR_CODE, _INVALID_KEY_USAGE if certificate is None else certificate)
