"""Certificates of the SMKI profiles, written with our own DER writer.

The order of extensions is that of the DCC's test certificates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.gbcs import der
from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import oids
from protocols.smki.keys import key_identifier, public_point

if TYPE_CHECKING:
    from protocols.eui64 import Eui64

_CA_USAGE = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN
_LAST_UTC_TIME = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280 4.1.2.5


@dataclass(slots=True)
class Subject:
    """What a certificate says about its holder: encoded name and extensions that depend on its kind."""

    name: bytes
    key_usage: KeyUsage
    alternative_name: bytes = b""
    is_authority: bool = False
    path_length: int | None = None


def organisation_subject(eui64: Eui64, role: int, usage: KeyUsage, common_name: str = "") -> Subject:
    """A remote party: OU = role in two hexadecimal digits, x500UniqueIdentifier = EUI-64."""
    parts = [
        _attribute(oids.ORGANISATIONAL_UNIT, der.encode(der.UTF8_STRING, b"%02X" % role)),
        _attribute(oids.UNIQUE_IDENTIFIER, der.encode_bit_string(eui64)),
    ]
    if common_name:
        parts.insert(0, _attribute(oids.COMMON_NAME, der.encode(der.UTF8_STRING, common_name.encode())))
    return Subject(der.sequence(*parts), usage)


def device_subject(eui64: Eui64, usage: KeyUsage, hardware_type: str = oids.SMKI_TEST_POLICY) -> Subject:
    """A device: empty name, EUI-64 as serial number of a hardwareModuleName in the alternative name."""
    module = der.sequence(der.encode_oid(hardware_type), der.encode(der.OCTET_STRING, eui64))
    other_name = der.encode(0xA0, der.encode_oid(oids.HARDWARE_MODULE_NAME), der.encode(0xA0, module))
    return Subject(der.sequence(), usage, der.sequence(other_name))


def authority_subject(common_name: str, role: int | None, path_length: int | None = None) -> Subject:
    """A certification authority; those for organisations carry their role, those for devices none."""
    parts = [_attribute(oids.COMMON_NAME, der.encode(der.PRINTABLE_STRING, common_name.encode("ascii")))]
    if role is not None:
        parts.insert(
            0, _attribute(oids.ORGANISATIONAL_UNIT, der.encode(der.PRINTABLE_STRING, b"%02X" % role))
        )
    return Subject(der.sequence(*parts), _CA_USAGE, is_authority=True, path_length=path_length)


def build_certificate(
    subject: Subject,
    public_key: ec.EllipticCurvePublicKey,
    *,
    issuer_name: bytes,
    issuer_key: ec.EllipticCurvePrivateKey,
    not_before: datetime,
    not_after: datetime,
) -> bytes:
    """The DER of a certificate; the same input always gives the same octets (RFC 6979 signature).

    ``issuer_name`` is an encoded name (``Subject.name`` of the issuer); equal to the subject's for a root,
    which then carries no authority key identifier. The serial number comes from everything certified.
    """
    self_signed = issuer_name == subject.name
    algorithm = der.sequence(der.encode_oid(oids.ECDSA_WITH_SHA256))
    certified = (
        algorithm
        + issuer_name
        + der.sequence(_time(not_before), _time(not_after))
        + subject.name
        + _public_key_info(public_key)
        + _extensions(subject, public_key, None if self_signed else issuer_key.public_key())
    )
    serial = int.from_bytes(hashlib.sha256(certified).digest()[:16]) >> 1 | 1 << 120
    to_be_signed = der.sequence(
        der.encode(0xA0, der.encode_integer(2)), der.encode_integer(serial), certified
    )
    signature = issuer_key.sign(to_be_signed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    return der.sequence(to_be_signed, algorithm, der.encode_bit_string(signature))


def encode_key_usage(usage: KeyUsage, tag: int = der.BIT_STRING) -> bytes:
    """KeyUsage as a BIT STRING without trailing zero bits, e.g. 03 02 07 80 for digitalSignature."""
    unused = (usage & -usage).bit_length() - 1 if usage else 0
    return der.encode(tag, bytes((unused, usage)) if usage else b"\x00")


def _attribute(oid: str, value: bytes) -> bytes:
    return der.encode(der.SET, der.sequence(der.encode_oid(oid), value))


def _public_key_info(key: ec.EllipticCurvePublicKey) -> bytes:
    algorithm = der.sequence(der.encode_oid(oids.EC_PUBLIC_KEY), der.encode_oid(oids.PRIME256V1))
    return der.sequence(algorithm, der.encode_bit_string(public_point(key)))


def _time(moment: datetime) -> bytes:
    if moment > _LAST_UTC_TIME:
        return der.encode_generalized_time(moment)
    return der.encode(der.UTC_TIME, der.format_generalized_time(moment)[2:].encode("ascii"))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = der.encode(der.BOOLEAN, b"\xff") if critical else b""
    return der.sequence(der.encode_oid(oid), flag, der.encode(der.OCTET_STRING, value))


def _extensions(
    subject: Subject, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey | None
) -> bytes:
    usage = _extension(oids.KEY_USAGE, encode_key_usage(subject.key_usage), critical=True)
    identifier = der.encode(der.OCTET_STRING, key_identifier(key))
    subject_key = _extension(oids.SUBJECT_KEY_IDENTIFIER, identifier)
    policy = der.sequence(der.sequence(der.encode_oid(oids.SMKI_TEST_POLICY)))
    policies = _extension(oids.CERTIFICATE_POLICIES, policy, critical=True)
    parts = [usage, subject_key, policies]
    if subject.is_authority:
        parts = [usage, _basic_constraints(subject.path_length), policies, subject_key]
    elif subject.alternative_name:
        name = _extension(oids.SUBJECT_ALTERNATIVE_NAME, subject.alternative_name, critical=True)
        parts = [usage, subject_key, name, policies]
    if issuer_key is not None:
        value = der.sequence(der.encode(0x80, key_identifier(issuer_key)))
        parts.append(_extension(oids.AUTHORITY_KEY_IDENTIFIER, value))
    return der.encode(0xA3, der.sequence(*parts))


def _basic_constraints(path_length: int | None) -> bytes:
    length = b"" if path_length is None else der.encode_integer(path_length)
    value = der.sequence(der.encode(der.BOOLEAN, b"\xff"), length)
    return _extension(oids.BASIC_CONSTRAINTS, value, critical=True)
