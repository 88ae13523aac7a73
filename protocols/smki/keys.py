"""Keys from a seed, and key identifiers."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def make_key(seed: bytes, label: str) -> ec.EllipticCurvePrivateKey:
    """The P-256 private key that ``seed`` and ``label`` always give.

    HKDF with SHA-256 to 48 octets, reduced to a scalar; the 128 bits beyond the order keep it unbiased.
    """
    wide = HKDF(hashes.SHA256(), 48, salt=b"smets-hil", info=label.encode()).derive(seed)
    return ec.derive_private_key(int.from_bytes(wide) % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def make_secret(seed: bytes, label: str) -> bytes:
    """A symmetric key of 32 octets that ``seed`` and ``label`` always give."""
    return HKDF(hashes.SHA256(), 32, salt=b"smets-hil", info=label.encode()).derive(seed)


def public_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """04 || x || y, 65 octets."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def key_identifier(key: ec.EllipticCurvePublicKey) -> bytes:
    """8 octets: nibble 4, then the low 60 bits of the SHA-1 of the public point (RFC 5280 4.2.1.2 (2))."""
    return point_identifier(public_point(key))


def point_identifier(point: bytes) -> bytes:
    """The key identifier from the public point (65 octets)."""
    digest = hashlib.sha1(point, usedforsecurity=False).digest()
    low = int.from_bytes(digest) & (1 << 60) - 1
    return (4 << 60 | low).to_bytes(8)
