"""EUI-64 identifiers: every device, remote party and ZigBee node is named by one."""

from __future__ import annotations

import re
from typing import Self

_TEXT = re.compile(r"[0-9A-Fa-f]{2}(?:[-:]?[0-9A-Fa-f]{2}){7}")


class Eui64(bytes):
    """Eight octets, big-endian; equal to the plain octets and printed as ``90-B3-D5-1F-30-01-00-00``.

    Accepts eight octets or text with dashes, colons or nothing between the octets; anything else is a
    ``ValueError`` that names the input.
    """

    __slots__ = ()

    def __new__(cls, value: bytes | str) -> Self:
        """Check and convert."""
        if isinstance(value, str):
            if not _TEXT.fullmatch(value):
                raise ValueError(f"{value!r} is not an EUI-64; write it like 90-B3-D5-1F-30-01-00-00")
            value = bytes.fromhex(value.replace("-", "").replace(":", ""))
        if len(value) != 8:
            raise ValueError(f"an EUI-64 has 8 octets, not {len(value)}: {value.hex().upper()}")
        return super().__new__(cls, value)

    def __str__(self) -> str:
        return self.hex("-").upper()

    def __repr__(self) -> str:
        return f"Eui64('{self}')"
