"""Implicit certificates of ZigBee Smart Energy, as octets (annex C.4.2.2.4 and C.4.2.3.3).

Everything in them is big-endian, identifiers too: unlike the rest of ZigBee. Values that no device would
accept are kept, so that what was parsed builds to the same octets; ``problem`` says what is wrong with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.fixed_layout import Numbers

PROFILE_SMART_ENERGY = 0x0109
KEY_AGREEMENT = 0x08
DIGITAL_SIGNATURE = 0x80
NO_END = 0xFFFFFFFF
CURVE_SECT283K1 = 0x0D
HASH_AES_MMO = 0x08
IMPLICIT_WITHOUT_EXTENSIONS = 0x00

_HEAD = Numbers(type=1, serial=8, curve=1, hash=1)
_SHORT = Numbers(valid_from=4, valid_for=4)


def _expect_length(octets: bytes, expected: int, path: str) -> None:
    if len(octets) != expected:
        problem = f"an implicit certificate of this suite has {expected} octets, not {len(octets)}"
        raise DecodeError(problem, offset=min(len(octets), expected), path=path)


def _fixed(value: bytes, octets: int, element: str) -> bytes:
    if len(value) != octets:
        raise EncodeError(f"{len(value)} octets do not fit {octets}", element=element)
    return bytes(value)


@dataclass(slots=True)
class Suite1Certificate:
    """48 octets: the compressed public key reconstruction point (22), subject, issuer, attributes (10)."""

    OCTETS: ClassVar[int] = 48
    POINT_OCTETS: ClassVar[int] = 22

    point: bytes
    subject: Eui64
    issuer: Eui64
    attributes: bytes = bytes.fromhex("0109 00 0000 0000000000")

    @classmethod
    def parse(cls, octets: bytes, path: str = "certificate") -> Self:
        """The certificate in exactly 48 octets."""
        _expect_length(octets, cls.OCTETS, path)
        return cls(bytes(octets[:22]), Eui64(octets[22:30]), Eui64(octets[30:38]), bytes(octets[38:]))

    def build(self) -> bytes:
        """The octets."""
        point = _fixed(self.point, self.POINT_OCTETS, "point")
        return point + self.subject + self.issuer + _fixed(self.attributes, 10, "attributes")

    def problem(self, utc: float | None = None) -> str | None:  # noqa: ARG002
        """Why no device should accept it, as far as its fields tell; None where they are in order."""
        profile = int.from_bytes(self.attributes[:2])
        if profile != PROFILE_SMART_ENERGY:
            return f"the certificate is for profile {profile:04X}, not 0109"
        return None


@dataclass(slots=True)
class Suite2Certificate:
    """74 octets: type, serial, curve, hash, issuer, validity, subject, key usage, compressed point (37).

    ``valid_from`` is Unix time (40 bits), ``valid_for`` the seconds it lasts from then (``NO_END`` for ever).
    """

    OCTETS: ClassVar[int] = 74
    POINT_OCTETS: ClassVar[int] = 37

    point: bytes
    subject: Eui64
    issuer: Eui64
    serial: int = 0
    valid_from: int = 0
    valid_for: int = NO_END
    key_usage: int = KEY_AGREEMENT | DIGITAL_SIGNATURE
    type: int = IMPLICIT_WITHOUT_EXTENSIONS
    curve: int = CURVE_SECT283K1
    hash: int = HASH_AES_MMO

    @classmethod
    def parse(cls, octets: bytes, path: str = "certificate") -> Self:
        """The certificate in exactly 74 octets."""
        _expect_length(octets, cls.OCTETS, path)
        kind, serial, curve, hash_function = _HEAD.read(octets, 0, cls.OCTETS, path)
        return cls(
            point=bytes(octets[37:]),
            subject=Eui64(octets[28:36]),
            issuer=Eui64(octets[11:19]),
            serial=serial,
            valid_from=int.from_bytes(octets[19:24]),
            valid_for=int.from_bytes(octets[24:28]),
            key_usage=octets[36],
            type=kind,
            curve=curve,
            hash=hash_function,
        )

    def build(self) -> bytes:
        """The octets."""
        high, low = divmod(self.valid_from, 1 << 32)
        if not 0 <= high <= 0xFF:
            raise EncodeError(f"{self.valid_from!r} does not fit 5 octets", element="valid_from")
        if not 0 <= self.key_usage <= 0xFF:
            raise EncodeError(f"{self.key_usage!r} does not fit 1 octets", element="key_usage")
        return b"".join(
            (
                _HEAD.write("", self.type, self.serial, self.curve, self.hash),
                self.issuer,
                bytes([high]),
                _SHORT.write("", low, self.valid_for),
                self.subject,
                bytes([self.key_usage]),
                _fixed(self.point, self.POINT_OCTETS, "point"),
            )
        )

    def problem(self, utc: float | None = None) -> str | None:
        """Why no device should accept it, as far as its fields tell; None where they are in order.

        The validity is looked at where ``utc`` (Unix time) is known.
        """
        if self.type != IMPLICIT_WITHOUT_EXTENSIONS:
            return f"certificate type {self.type:02X} is not supported"
        if self.curve != CURVE_SECT283K1:
            return f"curve {self.curve:02X} is not sect283k1"
        if self.hash != HASH_AES_MMO:
            return f"hash {self.hash:02X} is not AES-MMO"
        if not self.key_usage & KEY_AGREEMENT:
            return f"key usage {self.key_usage:02X} does not allow key agreement"
        return None if utc is None else self._problem_with_time(utc)

    def _problem_with_time(self, utc: float) -> str | None:
        if utc < self.valid_from:
            return f"the certificate is valid from {self.valid_from} only, it is {int(utc)}"
        if self.valid_for != NO_END and utc > self.valid_from + self.valid_for:
            return f"the certificate was valid until {self.valid_from + self.valid_for}, it is {int(utc)}"
        return None


Certificate = Suite1Certificate | Suite2Certificate
