"""ECMQV with implicit certificates, key derivation and key confirmation (annex C.4.2, SEC 1 3.4 and 3.6.1).

U is the initiator, V the responder. Identifiers go into the MACs as they stand in certificates, big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.zigbee.cbke.ecqv import hash_number
from protocols.zigbee.security import keyed_hash, mmo_hash

if TYPE_CHECKING:
    from collections.abc import Callable

    from protocols.eui64 import Eui64
    from protocols.zigbee.cbke.certificates import Certificate
    from protocols.zigbee.cbke.credentials import Credentials
    from protocols.zigbee.cbke.curve import Curve, Multiples, Point

MAC_OCTETS = 16
_TAG_INITIATOR = b"\x02"
_TAG_RESPONDER = b"\x03"


@dataclass(slots=True)
class EphemeralKey:
    """A key pair for one exchange; ``octets`` is the compressed public key."""

    private: int
    public: Point
    octets: bytes

    def __repr__(self) -> str:
        return f"<ephemeral key {self.octets.hex().upper()}>"


def ephemeral_key(curve: Curve, random_octets: Callable[[int], bytes]) -> EphemeralKey:
    """A fresh key pair; ``random_octets(count)`` gives the randomness."""
    # Eight octets more than the order has make the remainder uniform for all purposes.
    number = int.from_bytes(random_octets(curve.scalar_octets + 8))
    private = 1 + number % (curve.order - 1)
    public = curve.multiply_base(private)
    assert public is not None  # 0 < private < order
    return EphemeralKey(private, public, curve.encode(public))


def associated_value(curve: Curve, point: Point) -> int:
    """The number MQV makes of a point: the lower half of x with a bit set above it."""
    half = -(-curve.order.bit_length() // 2)
    return point.x % (1 << half) | 1 << half


def implicit_signature(curve: Curve, static: int, ephemeral: int, public: Point) -> int:
    """What MQV makes of the own static and ephemeral private keys, the latter with its public key."""
    return (ephemeral + associated_value(curve, public) * static) % curve.order


def mqv(curve: Curve, signature: int, partner: list[tuple[int, Multiples]]) -> bytes:
    """The shared secret Z; ``partner`` are the terms whose sum is the partner's implicit signature point.

    DecodeError where the sum is infinity.
    """
    factor = signature * curve.cofactor
    secret = curve.combine([(factor * scalar, multiples) for scalar, multiples in partner])
    if secret is None:
        raise DecodeError("the shared secret is the point at infinity", offset=0, path="ephemeral_data")
    return secret.x.to_bytes(curve.field.octets)


def shared_secret(
    own: Credentials, ephemeral: EphemeralKey, partner: Certificate, partner_ephemeral: bytes
) -> bytes:
    """Z from the own credentials and ephemeral key and the partner's certificate and ephemeral public key.

    DecodeError with path ``certificate.point`` or ``ephemeral_data`` where one of those is no valid point.
    """
    curve = own.suite.curve
    point = curve.decode(partner.point, "certificate.point")
    other = curve.decode(partner_ephemeral, "ephemeral_data")
    signature = implicit_signature(curve, own.private_key, ephemeral.private, ephemeral.public)
    weight = associated_value(curve, other)
    # other + weight * (hash * point + authority), in one go.
    terms = [
        (1, curve.multiples(other)),
        (weight * hash_number(partner.build()), curve.multiples(point)),
        (weight, own.authority_multiples),
    ]
    return mqv(curve, signature, terms)


@dataclass(slots=True)
class KeyingMaterial:
    """What both sides derive: the key of the confirmation MACs and the link key."""

    mac_key: bytes
    link_key: bytes

    def __repr__(self) -> str:
        return "<keying material>"


def derive(secret: bytes) -> KeyingMaterial:
    """The key derivation function of SEC 1 3.6.1 with AES-MMO and no shared information."""
    return KeyingMaterial(mmo_hash(secret + bytes([0, 0, 0, 1])), mmo_hash(secret + bytes([0, 0, 0, 2])))


def initiator_mac(
    mac_key: bytes, initiator: Eui64, responder: Eui64, initiator_data: bytes, responder_data: bytes
) -> bytes:
    """MACU, which the initiator sends; the data are the ephemeral public keys."""
    return keyed_hash(mac_key, _TAG_INITIATOR + initiator + responder + initiator_data + responder_data)


def responder_mac(
    mac_key: bytes, initiator: Eui64, responder: Eui64, initiator_data: bytes, responder_data: bytes
) -> bytes:
    """MACV, which the responder sends."""
    return keyed_hash(mac_key, _TAG_RESPONDER + responder + initiator + responder_data + initiator_data)
