"""Prepayment top-ups: PTUT, PPTD and UTRN (GBCS section 14).

A supplier makes a top-up token (PTUT, 64 bits) for one device: the low 10 bits of the UTRN Counter, a value,
and 32 bits of a MAC. Added to a constant it is a number of 19 decimal digits (PPTD); with a check digit
behind it that is the UTRN which a consumer types in. The Originator Counter of a top-up is the UTRN Counter
shifted by 32 bits; a device has to find out the counter's other bits by itself (``prepayment_device``).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.errors import EncodeError
from protocols.gbcs.crypto import Agreer, mac_key, shared_secret
from protocols.gbcs.header import SECURITY_HEADER, CraFlag, GroupingHeader

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from protocols.eui64 import Eui64

PPTD_BASE = 0x669D529B714A0000
UTRN_DIGITS = 20
COUNTER_BITS = 10
MAX_UTRN_COUNTER = 0xFFFFFFFF
MAX_VALUE = 0x1FFF
_MAC_OCTETS = 4
# Lead (3 bits) and sub-class (4 bits) are zero in every top-up.
_TOKEN_BITS = 64 - 7
_COUNTER_SHIFT = 15
_CLASS_SHIFT = 13
# Verhoeff's scheme is built on the symmetries of the pentagon. 0 to 4 turn it, 5 to 9 also mirror it.
_PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
# GBCS starts at the fifth permutation, and maps the result with a table that is not the usual inverse.
_FIRST_PERMUTATION = 4
_FINAL = (1, 2, 6, 7, 5, 8, 3, 0, 9, 4)


class ValueClass(IntEnum):
    """What a top-up's value counts. 2 and 3 are not used."""

    PENCE = 0
    POUNDS = 1


class UtrnError(ValueError):
    """A UTRN that gives no credit. ``event`` is the event code that GBCS has for it, None without one."""

    event: ClassVar[int | None] = None


class MalformedUtrnError(UtrnError):
    """Not 20 digits, or digits that hold no top-up token."""


class WrongDigitError(UtrnError):
    """The check digit does not fit: mistyped."""


class NotAuthenticError(UtrnError):
    """The MAC is not the supplier's for this device, or no counter fits."""

    event = 0x8F63


class NotForThisDeviceError(UtrnError):
    """The MAC is the supplier's for another device that is known here."""

    event = 0x8F64


class DuplicateUtrnError(UtrnError):
    """The top-up was used before."""

    event = 0x8F51


class LockedOutError(DuplicateUtrnError):
    """Older than what the device remembers: whether it was used before cannot be told."""

    event = 0x81C5


@dataclass(slots=True)
class TopUp:
    """A top-up as the supplier means it: 0 to 8191 pence or pounds, under a UTRN Counter of 32 bits."""

    value: int
    value_class: ValueClass
    utrn_counter: int

    @classmethod
    def of_pence(cls, pence: int, utrn_counter: int) -> TopUp:
        """The top-up of an amount; EncodeError for amounts over 81.91 pounds that are not whole pounds."""
        if 0 <= pence <= MAX_VALUE:
            return cls(pence, ValueClass.PENCE, utrn_counter)
        if pence % 100 or not 0 < pence <= MAX_VALUE * 100:
            raise EncodeError(f"{pence} pence have no top-up", element="value")
        return cls(pence // 100, ValueClass.POUNDS, utrn_counter)

    @property
    def pence(self) -> int:
        """The amount."""
        return self.value * (100 if self.value_class is ValueClass.POUNDS else 1)

    @property
    def originator_counter(self) -> int:
        """Originator Counter of the command that carries the top-up, 64 bits."""
        return self.utrn_counter << 32


@dataclass(slots=True)
class Ptut:
    """A top-up token's parts. ``truncated_counter`` has 10 bits, ``value_class`` 2, ``mac`` 4 octets."""

    truncated_counter: int
    value_class: int
    value: int
    mac: bytes

    def __int__(self) -> int:
        return self.content << 32 | int.from_bytes(self.mac, "big")

    @property
    def content(self) -> int:
        """The high 32 bits, which the MAC covers."""
        return self.truncated_counter << _COUNTER_SHIFT | self.value_class << _CLASS_SHIFT | self.value

    @property
    def utrn(self) -> str:
        """The token as 20 digits."""
        digits = f"{PPTD_BASE + int(self):019d}"
        return digits + str(check_digit(digits))


@dataclass(slots=True)
class TopUpKey:
    """The shared secret ``z`` (32 octets) of a supplier's prepayment key agreement key and a device's."""

    z: bytes
    supplier: Eui64
    device: Eui64

    @classmethod
    def agree(
        cls,
        private: ec.EllipticCurvePrivateKey | Agreer,
        public: ec.EllipticCurvePublicKey,
        *,
        supplier: Eui64,
        device: Eui64,
    ) -> TopUpKey:
        """From one side's private key (or whatever holds it) and the other side's public key."""
        return cls(shared_secret(private, public), supplier, device)

    def mac(self, content: int, originator_counter: int) -> bytes:
        """The token's MAC, 4 octets, over its high 32 bits and the whole Originator Counter."""
        header = GroupingHeader(CraFlag.COMMAND, originator_counter, self.supplier, self.device, 0)
        authenticated = b"".join(
            (
                SECURITY_HEADER,
                b"\x00",
                self.supplier,
                self.device,
                header.transaction_id,
                content.to_bytes(4, "big"),
            )
        )
        cipher = AESGCM(mac_key(self.z, header))
        return cipher.encrypt(self.supplier + bytes(4), b"", authenticated)[-_MAC_OCTETS:]

    def ptut(self, top_up: TopUp) -> Ptut:
        """The token of a top-up; EncodeError names what does not fit."""
        _within(top_up.value, MAX_VALUE, "value")
        _within(top_up.utrn_counter, MAX_UTRN_COUNTER, "utrn_counter")
        _within(top_up.value_class, max(ValueClass), "value_class")
        token = Ptut(truncate_counter(top_up.utrn_counter), int(top_up.value_class), top_up.value, b"")
        token.mac = self.mac(token.content, top_up.originator_counter)
        return token

    def utrn(self, top_up: TopUp) -> str:
        """The 20 digits of a top-up."""
        return self.ptut(top_up).utrn

    def verify(self, token: Ptut, originator_counter: int) -> bool:
        """Whether the token's MAC is right for this device and counter."""
        return hmac.compare_digest(self.mac(token.content, originator_counter), token.mac)


def _within(value: int, highest: int, element: str) -> None:
    if not 0 <= value <= highest:
        raise EncodeError(f"{value} is not within 0 to {highest}", element=element)


def truncate_counter(utrn_counter: int) -> int:
    """The 10 bits of a UTRN Counter that a token has room for."""
    return utrn_counter & (1 << COUNTER_BITS) - 1


def check_digit(digits: str) -> int:
    """The last digit of a UTRN from the 19 before it (GBCS section 14.8); MalformedUtrnError otherwise."""
    if len(digits) != UTRN_DIGITS - 1 or not (digits.isascii() and digits.isdigit()):
        raise MalformedUtrnError(f"{len(digits)} characters where 19 digits belong")
    state = 0
    for place, digit in enumerate(digits, _FIRST_PERMUTATION):
        state = _combine(state, _permuted(int(digit), place % 8))
    return _FINAL[state]


def _permuted(digit: int, times: int) -> int:
    for _ in range(times):
        digit = _PERMUTATION[digit]
    return digit


def _combine(first: int, second: int) -> int:
    """One symmetry of the pentagon after another."""
    turn, mirrored = second % 5, second >= 5
    if first < 5:
        return (first + turn) % 5 + 5 * mirrored
    return (first - 5 - turn) % 5 + 5 * (not mirrored)


def decode_utrn(utrn: str | bytes) -> Ptut:
    """The token in a UTRN, 20 digits as text or as octets; its MAC is not looked at.

    Raises WrongDigitError or MalformedUtrnError.
    """
    digits = utrn.decode("ascii", "replace") if isinstance(utrn, bytes) else utrn
    if len(digits) != UTRN_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise MalformedUtrnError(f"{len(digits)} characters that are not 20 digits")
    expected = check_digit(digits[:-1])
    if int(digits[-1]) != expected:
        raise WrongDigitError(f"the last digit is {digits[-1]}, {expected} would fit the others")
    number = int(digits[:-1]) - PPTD_BASE
    if not 0 <= number < 1 << _TOKEN_BITS:
        raise MalformedUtrnError("the digits are outside the range of top-ups")
    content = number >> 32
    return Ptut(
        content >> _COUNTER_SHIFT,
        content >> _CLASS_SHIFT & 0x03,
        content & MAX_VALUE,
        (number & 0xFFFFFFFF).to_bytes(_MAC_OCTETS, "big"),
    )
