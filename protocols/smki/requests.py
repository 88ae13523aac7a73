"""Certification requests of devices (PKCS#10): no subject, key usage, hardware module name (asn1.md 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.gbcs import der
from protocols.smki import oids
from protocols.smki.certificates import encode_key_usage

if TYPE_CHECKING:
    from protocols.gbcs.asn1.types import KeyUsage

_EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
_ATTRIBUTES = 0xA0


def build_request(
    alternative_name: bytes, usage: KeyUsage, point: bytes, key: ec.EllipticCurvePrivateKey
) -> bytes:
    """Request (DER) for the public key ``point`` (65 octets), signed by ``key``.

    ``alternative_name`` is the content of the extension that holds the hardware module name.
    """
    algorithm = der.sequence(der.encode_oid(oids.EC_PUBLIC_KEY), der.encode_oid(oids.PRIME256V1))
    extensions = der.sequence(
        _extension(oids.KEY_USAGE, encode_key_usage(usage)),
        _extension(oids.SUBJECT_ALTERNATIVE_NAME, alternative_name),
    )
    attribute = der.sequence(der.encode_oid(_EXTENSION_REQUEST), der.encode(der.SET, extensions))
    asked = der.sequence(
        der.encode_integer(0),
        der.sequence(),
        der.sequence(algorithm, der.encode_bit_string(point)),
        der.encode(_ATTRIBUTES, attribute),
    )
    signature = key.sign(asked, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    signer = der.sequence(der.encode_oid(oids.ECDSA_WITH_SHA256))
    return der.sequence(asked, signer, der.encode_bit_string(signature))


def _extension(oid: str, value: bytes) -> bytes:
    critical = der.encode(der.BOOLEAN, b"\xff")
    return der.sequence(der.encode_oid(oid), critical, der.encode(der.OCTET_STRING, value))


def alternative_name(certificate: bytes) -> bytes:
    """Content of the subject alternative name of a certificate (DER); empty where it has none."""
    wanted = der.parse_der(der.encode_oid(oids.SUBJECT_ALTERNATIVE_NAME)).value
    for node in der.parse_der(certificate).walk():
        if node.children and node.children[0].value == wanted:
            return bytes(node.children[-1].value)
    return b""
