"""The delay of calendar switching: a settable limit times a number of the device's own (SMETS-ALC-02)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.dlms.axdr import long_unsigned

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_DATA, _VALUE = 1, 2
_OFFSET, _LIMIT, _NUMBER = "00005E2C0000", "00005E2C0001", "00005E2C0002"
# Which whole number stands for one no source says.
_ONE = 0xFFFF


def register(device: Device) -> Callable[[], int]:
    """Number, limit (0 as manufactured) and offset; gives what the offset is, in the limit's seconds."""
    digest = hashlib.sha256(b"randomised offset" + bytes(device.eui64)).digest()
    number = int.from_bytes(digest[:2], "big")
    cosem = device.cosem
    limit = cosem.stored(_DATA, _LIMIT, _VALUE, long_unsigned(0))

    def offset() -> int:
        return int(limit.read().value) * number // _ONE

    cosem.attribute(_DATA, _NUMBER, _VALUE, read=lambda: long_unsigned(number))
    cosem.attribute(_DATA, _OFFSET, _VALUE, read=lambda: long_unsigned(offset()))
    return offset
