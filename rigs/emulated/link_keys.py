"""ZigBee key arithmetic that the hub needs before a HAN exists: install codes and hashed link keys."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_BLOCK = 16


def aes_mmo(data: bytes) -> bytes:
    """Matyas-Meyer-Oseas hash over AES-128, 16 octets (ZigBee specification, annex B.6)."""
    padded = data + b"\x80"
    padded += bytes(-(len(padded) + 2) % _BLOCK) + (8 * len(data)).to_bytes(2, "big")
    digest = bytes(_BLOCK)
    for start in range(0, len(padded), _BLOCK):
        block = padded[start : start + _BLOCK]
        # One block under a key that changes with every block: what the hash is made of, not a mode.
        encryptor = Cipher(algorithms.AES128(digest), modes.ECB()).encryptor()  # noqa: S305
        cipher = encryptor.update(block) + encryptor.finalize()
        digest = bytes(a ^ b for a, b in zip(cipher, block, strict=True))
    return digest


def install_code_crc(install_code: bytes) -> bytes:
    """CRC-16/X-25 of an install code, little-endian as it is printed after the code."""
    crc = 0xFFFF
    for octet in install_code:
        crc ^= octet
        for _ in range(8):
            crc = (crc >> 1) ^ 0x8408 if crc & 1 else crc >> 1
    return (crc ^ 0xFFFF).to_bytes(2, "little")


def preconfigured_link_key(install_code: bytes) -> bytes:
    """Link key with which a device starts joining: hash of the install code with its CRC."""
    return aes_mmo(install_code + install_code_crc(install_code))


def stand_in_link_key(install_code: bytes, device: bytes, joined_at: str) -> bytes:
    """What stands for the outcome of CBKE until the HAN exists: 16 octets, new for every joining.

    Real link keys come from key establishment with ephemeral keys; here they only have to differ from one
    joining to the next and to be the same on both sides.
    """
    seed = preconfigured_link_key(install_code) + device + joined_at.encode()
    return hashlib.sha256(seed).digest()[:_BLOCK]


def hashed_link_key(link_key: bytes) -> bytes:
    """What CS14 and CCS07 carry for a link key (ZigBee trust centre swap-out uses the same hash)."""
    return aes_mmo(link_key)
