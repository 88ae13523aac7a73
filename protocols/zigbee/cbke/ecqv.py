"""ECQV: keys from implicit certificates (SEC 4 2.4, with the AES-MMO hash of ZigBee).

An implicit certificate holds a point P, no key and no signature. The public key of its subject is e P + Q_CA
with e the hash of all its octets; only who was issued that certificate knows the private key.
"""

from __future__ import annotations

from protocols.zigbee.cbke.certificates import Certificate
from protocols.zigbee.cbke.curve import Point
from protocols.zigbee.cbke.suites import Suite
from protocols.zigbee.security import mmo_hash


def hash_number(octets: bytes) -> int:
    """The hash of a certificate as a number; its 128 bits are fewer than those of either curve's order."""
    return int.from_bytes(mmo_hash(octets))


def public_key(suite: Suite, certificate: Certificate, authority: Point) -> Point | None:
    """The subject's public key; None for infinity, which no issued certificate gives.

    DecodeError where the certificate's point is none.
    """
    curve = suite.curve
    point = curve.decode(certificate.point, "certificate.point")
    return curve.add(curve.multiply(hash_number(certificate.build()), point), authority)


def private_key(suite: Suite, certificate: Certificate, request_key: int, reconstruction: int) -> int:
    """The subject's private key from the private key of its request and what the authority sent back."""
    return (hash_number(certificate.build()) * request_key + reconstruction) % suite.curve.order
