"""The two CRC-16 of this room: of 802.15.4 frames, and of install codes (X.25, also of HDLC)."""

from __future__ import annotations

from binascii import crc_hqx

_REVERSED = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def crc16_itu(octets: bytes) -> int:
    """Polynomial 0x1021 taken from the lowest bit, start 0 (802.15.4 FCS)."""
    return _reflected(octets, 0)


def crc16_x25(octets: bytes) -> int:
    """The same polynomial, start and final inversion 0xFFFF (ITU-T X.25)."""
    return _reflected(octets, 0xFFFF) ^ 0xFFFF


def _reflected(octets: bytes, start: int) -> int:
    # binascii works from the highest bit: turning the bits of input and result round gives the reflected CRC.
    forward = crc_hqx(octets.translate(_REVERSED), start)
    return _REVERSED[forward & 0xFF] << 8 | _REVERSED[forward >> 8]
