"""Keys, MACs, signatures and attribute encryption (GBCS sections 4.3, 5 and 8).

Everything is NIST P-256, SHA-256 and AES-128-GCM. Functions take keys and octets and keep nothing; a
``SecretCache`` belongs to whoever wants shared secrets remembered.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Protocol, runtime_checkable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.header import GroupingHeader
from protocols.gbcs.message import Message

# DER of the algorithm identifier for AES-GCM-128, first part of the KDF's OtherInfo.
_ALGORITHM = bytes.fromhex("60857406080300")
_ENCRYPTION_FLAG = 0x04
# Security control (authentication and encryption, suite 1) is the whole AAD of a ciphered block.
_BLOCK_AAD = b"\x31"
BLOCK_START = bytes.fromhex("3100000000")
_TAG_OCTETS = 12
_IV_END = bytes(4)
_ECDH = ec.ECDH()
_KDF_COUNTER = b"\x00\x00\x00\x01"
_DETERMINISTIC = ec.ECDSA(SHA256(), deterministic_signing=True)
_VERIFYING = ec.ECDSA(SHA256())


@runtime_checkable
class Signer(Protocol):
    """Whatever holds a digital signing key: signs octets, returns r then s, 64 octets."""

    def sign(self, data: bytes, /) -> bytes:
        """Sign ``data`` with ECDSA P-256 and SHA-256."""


@runtime_checkable
class Agreer(Protocol):
    """Whatever holds a key agreement key: agrees a shared secret Z, 32 octets."""

    def agree(self, public: ec.EllipticCurvePublicKey, /) -> bytes:
        """ECDH with the other side's public key."""


def shared_secret(private: ec.EllipticCurvePrivateKey | Agreer, public: ec.EllipticCurvePublicKey) -> bytes:
    """Shared secret Z, 32 octets (the x coordinate of the ECDH point)."""
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return private.exchange(_ECDH, public)
    return private.agree(public)


class SecretCache:
    """Remembers the shared secret of every key pair it was asked for, by the identity of the key objects."""

    __slots__ = ("_secrets",)

    def __init__(self) -> None:
        # The keys are kept beside the secret: an id is only unique while its object lives.
        self._secrets: dict[tuple[int, int], tuple[object, object, bytes]] = {}

    def shared_secret(
        self, private: ec.EllipticCurvePrivateKey | Agreer, public: ec.EllipticCurvePublicKey
    ) -> bytes:
        """Shared secret Z of this pair, computed once."""
        key = (id(private), id(public))
        found = self._secrets.get(key)
        if found is None:
            found = self._secrets[key] = (private, public, shared_secret(private, public))
        return found[2]


def _derive(*parts: bytes) -> bytes:
    """One round of the SP 800-56A single-step KDF over Z and other-info, cut to 16 octets."""
    return hashlib.sha256(b"".join((_KDF_COUNTER, *parts))).digest()[:16]


def mac_key(z: bytes, header: GroupingHeader) -> bytes:
    """Key of a message's MAC, 16 octets."""
    originator, target = header.business_originator_id, header.business_target_id
    return _derive(z, _ALGORITHM, originator, b"\x09", header.transaction_id, target)


def encryption_key(z: bytes, header: GroupingHeader) -> bytes:
    """Key of the encrypted parts of the message (response or alert) with this header, 16 octets."""
    counter = header.supplementary_originator_counter
    if counter is None:
        counter = header.originator_counter
    transaction = bytes((9, _ENCRYPTION_FLAG)) + counter.to_bytes(8, "big")
    return _derive(z, _ALGORITHM, header.business_originator_id, transaction, header.reader)


def _iv(header: GroupingHeader) -> bytes:
    return header.business_originator_id + _IV_END


def compute_mac(z: bytes, message: Message) -> bytes:
    """MAC of a message, 12 octets, from the shared secret of the two key agreement keys."""
    return gmac(z, message.header, message.authenticated_octets())


def gmac(z: bytes, header: GroupingHeader, authenticated: bytes) -> bytes:
    """The same from the octets that the MAC covers."""
    return AESGCM(mac_key(z, header)).encrypt(_iv(header), b"", authenticated)[:_TAG_OCTETS]


def verify_mac(z: bytes, message: Message, authenticated: bytes | None = None) -> bool:
    """Whether the message's MAC is right; False where it has none.

    ``authenticated`` is what it covers, for who has that at hand (`message.covered_octets`).
    """
    if message.mac is None:
        return False
    if authenticated is None:
        authenticated = message.authenticated_octets()
    return hmac.compare_digest(gmac(z, message.header, authenticated), message.mac)


def sign(private: ec.EllipticCurvePrivateKey | Signer, data: bytes) -> bytes:
    """ECDSA P-256/SHA-256 signature, r then s, 64 octets; the same octets each time (RFC 6979)."""
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        signature = private.sign(data)
        if len(signature) != 64:
            raise EncodeError(f"the signer gave {len(signature)} octets, not 64", element="signature")
        return signature
    r, s = decode_dss_signature(private.sign(data, _DETERMINISTIC))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify_signature(public: ec.EllipticCurvePublicKey, data: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 octets, r then s) is the key's over ``data``."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public.verify(encode_dss_signature(r, s), data, _VERIFYING)
    except InvalidSignature:
        return False
    return True


def encrypt_block(z: bytes, header: GroupingHeader, plaintext: bytes) -> bytes:
    """Ciphered block 31 00000000, ciphertext, tag (12 octets); ``header`` is that of the carrying message.

    Key and IV depend on the header alone, so blocks of one message share them, as GBCS has it.
    """
    sealed = AESGCM(encryption_key(z, header)).encrypt(_iv(header), plaintext, _BLOCK_AAD)
    return BLOCK_START + sealed[: len(plaintext) + _TAG_OCTETS]


def decrypt_block(z: bytes, header: GroupingHeader, block: bytes) -> bytes:
    """Plaintext of a ciphered block; DecodeError on a wrong layout or tag."""
    if block[:5] != BLOCK_START:
        raise DecodeError("a ciphered block starts with 31 00000000", offset=0, path="ciphered_block")
    if len(block) < len(BLOCK_START) + _TAG_OCTETS:
        raise DecodeError("no room for the tag", offset=len(block), path="ciphered_block.tag")
    ciphertext, tag = block[5:-_TAG_OCTETS], block[-_TAG_OCTETS:]
    key, iv = encryption_key(z, header), _iv(header)
    # The one-shot interface only takes whole 16-octet tags. GCM is a counter mode, so encrypting the
    # ciphertext gives the plaintext back, and encrypting that once more gives the whole tag to compare.
    cipher = AESGCM(key)
    plaintext = cipher.encrypt(iv, ciphertext, None)[: len(ciphertext)]
    expected = cipher.encrypt(iv, plaintext, _BLOCK_AAD)[len(plaintext) :][:_TAG_OCTETS]
    if not hmac.compare_digest(expected, tag):
        raise DecodeError("the tag is wrong", offset=len(block) - _TAG_OCTETS, path="ciphered_block.tag")
    return plaintext
