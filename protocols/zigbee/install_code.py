"""Install codes: what is printed on a device, and the link key it stands for (Base Device Behavior 10.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocols.errors import CodecError
from protocols.zigbee.crc import crc16_x25
from protocols.zigbee.security import mmo_hash

CODE_OCTETS = (6, 8, 12, 16)
CRC_OCTETS = 2
_SEPARATORS = re.compile(r"[\s:.-]+")


class InstallCodeError(CodecError):
    """A text that is no install code; the message says what is wrong with it."""


@dataclass(slots=True)
class InstallCode:
    """The code (6, 8, 12 or 16 octets) and its CRC as a number (least significant octet printed first)."""

    octets: bytes
    crc: int

    @classmethod
    def of(cls, octets: bytes) -> InstallCode:
        """A code with the CRC that belongs to it."""
        if len(octets) not in CODE_OCTETS:
            raise InstallCodeError(
                f"an install code has 6, 8, 12 or 16 octets before its CRC, not {len(octets)}"
            )
        return cls(octets, crc16_x25(octets))

    def build(self) -> bytes:
        """Code and CRC as they stand on the label."""
        return self.octets + self.crc.to_bytes(CRC_OCTETS, "little")

    def __str__(self) -> str:
        return self.build().hex(" ", -2).upper()


def parse_install_code(text: str) -> InstallCode:
    """Hexadecimal digits with the CRC at the end; white space, dashes, colons and dots may separate them."""
    digits = _SEPARATORS.sub("", text)
    if not re.fullmatch("[0-9A-Fa-f]*", digits):
        strange = next(sign for sign in digits if sign not in "0123456789abcdefABCDEF")
        raise InstallCodeError(f"{strange!r} is no hexadecimal digit")
    if len(digits) % 2:
        raise InstallCodeError(f"{len(digits)} hexadecimal digits are no whole number of octets")
    octets = bytes.fromhex(digits)
    if len(octets) - CRC_OCTETS not in CODE_OCTETS:
        raise InstallCodeError(
            f"an install code has 8, 10, 14 or 18 octets with its CRC, not {len(octets)}"
            + (" (is the CRC missing?)" if len(octets) in CODE_OCTETS else "")
        )
    code = octets[:-CRC_OCTETS]
    crc = int.from_bytes(octets[-CRC_OCTETS:], "little")
    right = crc16_x25(code)
    if crc != right:
        shown, wanted = octets[-CRC_OCTETS:], right.to_bytes(CRC_OCTETS, "little")
        swapped = ", its octets stand in the wrong order" if shown == wanted[::-1] else ""
        raise InstallCodeError(
            f"the CRC {shown.hex().upper()} is wrong: this code's is {wanted.hex().upper()}"
            + (swapped or "; a digit was misread")
        )
    return InstallCode(code, crc)


def link_key(install_code: InstallCode) -> bytes:
    """The preconfigured link key: the MMO hash over code and CRC."""
    return mmo_hash(install_code.build())
