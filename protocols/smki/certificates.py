"""Certificates of the SMKI profiles, written with our own DER writer.

The order of extensions is that of the DCC's test certificates.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.gbcs import der
from protocols.gbcs.asn1.types import KeyUsage
from protocols.smki import oids
from protocols.smki.keys import point_identifier, public_point

if TYPE_CHECKING:
    from protocols.eui64 import Eui64

_CA_USAGE = KeyUsage.KEY_CERT_SIGN | KeyUsage.CRL_SIGN
_LAST_UTC_TIME = datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)  # RFC 5280 4.1.2.5
_SIGNING = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
# What stands alike in every certificate.
_ALGORITHM = der.sequence(der.encode_oid(oids.ECDSA_WITH_SHA256))
_KEY_ALGORITHM = der.sequence(der.encode_oid(oids.EC_PUBLIC_KEY), der.encode_oid(oids.PRIME256V1))


@dataclass(slots=True)
class Subject:
    """What a certificate says about its holder: encoded name and extensions that depend on its kind."""

    name: bytes
    key_usage: KeyUsage
    alternative_name: bytes = b""
    is_authority: bool = False
    path_length: int | None = None
    contingency: bytes = b""  # of a root: its wrapped contingency key (`smki.contingency`)


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


def authority_subject(
    common_name: str, role: int | None, path_length: int | None = None, *, contingency: bytes = b""
) -> Subject:
    """A certification authority; those for organisations carry their role, those for devices none."""
    parts = [_attribute(oids.COMMON_NAME, der.encode(der.PRINTABLE_STRING, common_name.encode("ascii")))]
    if role is not None:
        parts.insert(
            0, _attribute(oids.ORGANISATIONAL_UNIT, der.encode(der.PRINTABLE_STRING, b"%02X" % role))
        )
    return Subject(
        der.sequence(*parts),
        _CA_USAGE,
        is_authority=True,
        path_length=path_length,
        contingency=contingency,
    )


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
    point = public_point(public_key)
    certified = b"".join(
        (
            _ALGORITHM,
            issuer_name,
            _validity(not_before, not_after),
            subject.name,
            public_key_info(point),
            _extensions(subject, point, b"" if self_signed else public_point(issuer_key.public_key())),
        )
    )
    serial = int.from_bytes(hashlib.sha256(certified).digest()[:16]) >> 1 | 1 << 120
    to_be_signed = der.sequence(
        der.encode(0xA0, der.encode_integer(2)), der.encode_integer(serial), certified
    )
    signature = issuer_key.sign(to_be_signed, _SIGNING)
    return der.sequence(to_be_signed, _ALGORITHM, der.encode_bit_string(signature))


def encode_key_usage(usage: KeyUsage, tag: int = der.BIT_STRING) -> bytes:
    """KeyUsage as a BIT STRING without trailing zero bits, e.g. 03 02 07 80 for digitalSignature."""
    unused = (usage & -usage).bit_length() - 1 if usage else 0
    return der.encode(tag, bytes((unused, usage)) if usage else b"\x00")


def _attribute(oid: str, value: bytes) -> bytes:
    return der.encode(der.SET, der.sequence(der.encode_oid(oid), value))


def public_key_info(point: bytes) -> bytes:
    """SubjectPublicKeyInfo of a public point (65 octets) of P-256."""
    return der.sequence(_KEY_ALGORITHM, der.encode_bit_string(point))


@lru_cache(maxsize=64)
def _validity(not_before: datetime, not_after: datetime) -> bytes:
    """Authorities issue certificates with few times of validity."""
    return der.sequence(_time(not_before), _time(not_after))


def _time(moment: datetime) -> bytes:
    if moment > _LAST_UTC_TIME:
        return der.encode_generalized_time(moment)
    return der.encode(der.UTC_TIME, der.format_generalized_time(moment)[2:].encode("ascii"))


def encode_extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    """An extension around its encoded value."""
    flag = _TRUE if critical else b""
    return der.sequence(der.encode_oid(oid), flag, der.encode(der.OCTET_STRING, value))


def _extensions(subject: Subject, point: bytes, issuer_point: bytes) -> bytes:
    """``issuer_point`` is empty for a certificate that is signed by its own key."""
    usage = usage_extension(subject.key_usage)
    identifier = der.encode(der.OCTET_STRING, point_identifier(point))
    subject_key = encode_extension(oids.SUBJECT_KEY_IDENTIFIER, identifier)
    parts = [usage, subject_key, _POLICIES]
    if subject.is_authority:
        parts = [usage, _basic_constraints(subject.path_length), _POLICIES, subject_key]
    elif subject.alternative_name:
        name = encode_extension(oids.SUBJECT_ALTERNATIVE_NAME, subject.alternative_name, critical=True)
        parts = [usage, subject_key, name, _POLICIES]
    if subject.contingency:
        parts.append(encode_extension(oids.WRAPPED_CONTINGENCY_KEY, subject.contingency))
    if issuer_point:
        parts.append(_authority_extension(issuer_point))
    return der.encode(0xA3, der.sequence(*parts))


@lru_cache(maxsize=64)
def usage_extension(usage: KeyUsage) -> bytes:
    """The extension for a key usage, critical."""
    return encode_extension(oids.KEY_USAGE, encode_key_usage(usage), critical=True)


@lru_cache(maxsize=64)
def _authority_extension(point: bytes) -> bytes:
    """The authority key identifier: one for all certificates that an authority issues."""
    return encode_extension(
        oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.encode(0x80, point_identifier(point)))
    )


def _basic_constraints(path_length: int | None) -> bytes:
    length = b"" if path_length is None else der.encode_integer(path_length)
    value = der.sequence(_TRUE, length)
    return encode_extension(oids.BASIC_CONSTRAINTS, value, critical=True)


_TRUE = der.encode(der.BOOLEAN, b"\xff")
_POLICIES = encode_extension(
    oids.CERTIFICATE_POLICIES,
    der.sequence(der.sequence(der.encode_oid(oids.SMKI_TEST_POLICY))),
    critical=True,
)
