"""ZigBee security: CCM* at level 5, auxiliary header, AES-MMO hash (ZigBee 05-3474-22 4.5, annex B).

On the air the security level bits of an auxiliary header are 0, whatever the network uses; nonce and
authenticated data carry the level that is really in use. Keys are 16 octets.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

MIC_OCTETS = 4
LEVEL = 5  # encryption and a MIC of 4 octets: what ZigBee PRO networks use
_BLOCK = 16
_LONG_MESSAGE_BITS = 1 << 16
_EXTENDED_NONCE = 0x20
_COUNTER = struct.Struct("<BI")


class SecurityError(DecodeError):
    """A MIC that does not fit the octets, the key or the nonce."""


class KeyIdentifier(IntEnum):
    """Which key protects a frame (4.5.1.1.2)."""

    LINK = 0
    NETWORK = 1
    KEY_TRANSPORT = 2
    KEY_LOAD = 3


_KEY_IDENTIFIERS = tuple(KeyIdentifier)


@dataclass(slots=True)
class AuxiliaryHeader:
    """What precedes a secured payload (4.5.1).

    ``extended_nonce`` says that ``source`` stands in the frame; ``key_sequence`` goes with the network key
    only. ``level`` is used for nonce and authenticated data, ``on_air_level`` is what the frame shows;
    ``reserved`` are bits 6 and 7 of the security control octet.
    """

    key_identifier: KeyIdentifier
    frame_counter: int
    source: Eui64 | None = None
    key_sequence: int | None = None
    extended_nonce: bool = True
    level: int = LEVEL
    on_air_level: int = 0
    reserved: int = 0

    def build(self) -> bytes:
        """The header as it stands in a frame."""
        return self._octets(self.on_air_level)

    def authenticated(self) -> bytes:
        """The header as CCM* authenticates it: with the level in use."""
        if self.level != LEVEL:
            raise EncodeError(f"{self.level!r} is not {LEVEL}, the only one here", element="level")
        return self._octets(self.level)

    def nonce(self, source: Eui64 | None = None) -> bytes:
        """13 octets; ``source`` is who secured the frame, needed where the frame does not say."""
        sender = self.source or source
        if sender is None:
            raise EncodeError("who secured the frame is not known", element="source", clause="4.5.2.2")
        return sender[::-1] + struct.pack("<IB", self.frame_counter, self._control(self.level))

    def _control(self, level: int) -> int:
        extended = _EXTENDED_NONCE if self.extended_nonce else 0
        return level | self.key_identifier << 3 | extended | self.reserved << 6

    def _octets(self, level: int) -> bytes:
        if self.extended_nonce != (self.source is not None):
            raise EncodeError("an extended nonce and a source go together", element="extended_nonce")
        if (self.key_identifier is KeyIdentifier.NETWORK) != (self.key_sequence is not None):
            raise EncodeError("belongs to the network key and to no other", element="key_sequence")
        try:
            octets = _COUNTER.pack(self._control(level), self.frame_counter)
        except struct.error:
            raise EncodeError(
                f"{self.frame_counter!r} does not fit 4 octets", element="frame_counter"
            ) from None
        if self.source is not None:
            octets += self.source[::-1]
        if self.key_sequence is None:
            return octets
        if not 0 <= self.key_sequence <= 0xFF:
            raise EncodeError(f"{self.key_sequence!r} does not fit 1 octet", element="key_sequence")
        return octets + bytes((self.key_sequence,))


def parse_auxiliary(octets: bytes, offset: int = 0) -> tuple[AuxiliaryHeader, int]:
    """The header at ``offset`` and where the secured payload begins."""
    end = offset + 5
    try:
        control, counter = _COUNTER.unpack_from(octets, offset)
        identifier = _KEY_IDENTIFIERS[control >> 3 & 3]
        source, sequence = None, None
        if control & _EXTENDED_NONCE:
            struct.unpack_from("8x", octets, end)
            source = bytes.__new__(Eui64, octets[end + 7 : end - 1 : -1])
            end += 8
        if identifier is KeyIdentifier.NETWORK:
            sequence = octets[end]
            end += 1
    except (struct.error, IndexError):
        problem = "the data ends within the auxiliary header"
        raise DecodeError(problem, offset=len(octets), path="security") from None
    header = AuxiliaryHeader(
        identifier, counter, source, sequence, source is not None, LEVEL, control & 7, control >> 6
    )
    return header, end


def open_payload(
    header: bytes, security: AuxiliaryHeader, sealed: bytes, key: bytes, source: Eui64 | None
) -> bytes:
    """The plain payload of a frame; ``header`` is what precedes the auxiliary header."""
    if security.source is None and source is None:
        raise SecurityError("who secured the frame is not known", offset=len(header), path="security.source")
    return ccm_decrypt(key, security.nonce(source), header + security.authenticated(), sealed)


def seal_frame(
    header: bytes, security: AuxiliaryHeader, payload: bytes, key: bytes | None, source: Eui64 | None
) -> bytes:
    """A whole frame with its payload secured."""
    if key is None:
        raise EncodeError("a secured frame needs a key", element="security")
    sealed = ccm_encrypt(key, security.nonce(source), header + security.authenticated(), payload)
    return header + security.build() + sealed


def join_frame(
    header: bytes,
    security: AuxiliaryHeader | None,
    payload: bytes,
    key: bytes | None,
    source: Eui64 | None,
    *,
    closed: bool,
) -> bytes:
    """A whole frame: without security, with a payload that is ``closed`` as it stands, or secured now."""
    if security is None:
        if closed:
            raise EncodeError("only a secured payload can be closed", element="closed")
        return header + payload
    if closed:
        return header + security.build() + payload
    return seal_frame(header, security, payload, key, source)


def ccm_encrypt(key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
    """Ciphertext and MIC of 4 octets."""
    return AESCCM(key, tag_length=MIC_OCTETS).encrypt(nonce, plaintext, aad)


def ccm_decrypt(key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Plaintext; ``ciphertext`` ends with the MIC. SecurityError where the MIC is wrong."""
    if len(ciphertext) < MIC_OCTETS:
        raise SecurityError("no room for a MIC", offset=len(aad), path="mic")
    try:
        return AESCCM(key, tag_length=MIC_OCTETS).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        offset = len(aad) + len(ciphertext) - MIC_OCTETS
        raise SecurityError("the MIC is wrong", offset=offset, path="mic") from None


def mmo_hash(data: bytes) -> bytes:
    """The 16-octet Matyas-Meyer-Oseas hash (B.1.3, B.6)."""
    bits = 8 * len(data)
    if bits < _LONG_MESSAGE_BITS:
        tail = bits.to_bytes(2, "big")
    elif bits < 1 << 32:
        tail = bits.to_bytes(4, "big") + bytes(2)
    else:
        raise EncodeError("too long for this hash", element="data", clause="B.6")
    padded = data + b"\x80"
    padded += bytes(-(len(padded) + len(tail)) % _BLOCK) + tail
    digest = bytes(_BLOCK)
    for start in range(0, len(padded), _BLOCK):
        block = padded[start : start + _BLOCK]
        # The hash is defined on single blocks; ECB of one block is the bare cipher.
        sealed = Cipher(AES(digest), ECB()).encryptor().update(block)  # noqa: S305
        digest = _xor(sealed, block)
    return digest


def keyed_hash(key: bytes, data: bytes) -> bytes:
    """HMAC with the MMO hash, 16 octets (B.1.4); a key of more than one block is hashed first."""
    key = (mmo_hash(key) if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = mmo_hash(_xor(key, b"\x36" * _BLOCK) + data)
    return mmo_hash(_xor(key, b"\x5c" * _BLOCK) + inner)


def transport_key(link_key: bytes) -> bytes:
    """The key-transport key, under which network keys travel (4.5.3)."""
    return keyed_hash(link_key, b"\x00")


def load_key(link_key: bytes) -> bytes:
    """The key-load key, under which link keys travel (4.5.3)."""
    return keyed_hash(link_key, b"\x02")


def verify_hash(link_key: bytes) -> bytes:
    """What a Verify-Key command shows of a link key (4.4.10.7.4)."""
    return keyed_hash(link_key, b"\x03")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(_BLOCK, "big")
