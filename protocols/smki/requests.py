"""Certification requests of devices (PKCS#10): no subject, key usage, hardware module name (asn1.md 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs import der
from protocols.smki import oids
from protocols.smki.certificates import encode_extension, public_key_info, usage_extension
from protocols.smki.parsing import bits_in, exactly, extensions_in, hardware_serial, key_in, members, usage_in

if TYPE_CHECKING:
    from protocols.gbcs.asn1.types import KeyUsage

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_ATTRIBUTES = 0xA0
# Version 0 and an empty subject.
_START = der.encode_integer(0) + der.sequence()
_SIGNER = der.sequence(der.encode_oid(oids.ECDSA_WITH_SHA256))
_SIGNING = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
_VERIFYING = ec.ECDSA(hashes.SHA256())


def build_request(
    alternative_name: bytes, usage: KeyUsage, point: bytes, key: ec.EllipticCurvePrivateKey
) -> bytes:
    """Request (DER) for the public key ``point`` (65 octets), signed by ``key``.

    ``alternative_name`` is the content of the extension that holds the hardware module name.
    """
    name = encode_extension(oids.SUBJECT_ALTERNATIVE_NAME, alternative_name, critical=True)
    extensions = der.sequence(usage_extension(usage), name)
    attribute = der.sequence(der.encode_oid(_EXTENSION_REQUEST), der.encode(der.SET, extensions))
    asked = der.sequence(_START, public_key_info(point), der.encode(_ATTRIBUTES, attribute))
    return der.sequence(asked, _SIGNER, der.encode_bit_string(key.sign(asked, _SIGNING)))


@dataclass(slots=True)
class CertificationRequest:
    """What a device asks for: a certificate for this key, which has signed the request."""

    eui64: Eui64
    key_usage: KeyUsage
    public_key: ec.EllipticCurvePublicKey


def read_request(request: bytes) -> CertificationRequest:
    """Read a device's request (DER) and check that it is signed with the key that it is about.

    DecodeError for something else, ``InvalidSignature`` of the cryptography package for a wrong signature.
    """
    path = "request"
    asked, signer, signature = exactly(der.expect(der.parse_der(request), der.SEQUENCE, path), 3, path)
    if signer.octets() != _SIGNER:
        raise DecodeError("not signed by ECDSA with SHA-256", offset=signer.start, path=path)
    _version, _subject, key_info, attributes = exactly(asked, 4, path)
    public = key_in(key_info)
    public.verify(bits_in(signature, f"{path}.signature"), asked.octets(), _VERIFYING)
    kind, values = exactly(members(attributes, 1, path)[0], 2, path)
    if der.object_identifier(kind, path) != _EXTENSION_REQUEST:
        raise DecodeError("not a request of extensions", offset=kind.start, path=path)
    extensions = extensions_in(members(values, 1, path)[0].children)
    alternative = extensions.get(oids.SUBJECT_ALTERNATIVE_NAME)
    if alternative is None:
        raise DecodeError("no subject alternative name", offset=attributes.start, path=path)
    serial = hardware_serial(alternative)
    if len(serial) != 8:
        raise DecodeError(f"{len(serial)} octets instead of an EUI-64", offset=alternative.start, path=path)
    return CertificationRequest(Eui64(serial), usage_in(extensions.get(oids.KEY_USAGE)), public)
