"""The delay of calendar switching: a settable limit times a number of the device's own (SMETS-ALC-02)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, long_unsigned

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_DATA, _VALUE = 1, 2
_OFFSET, _LIMIT, _NUMBER = "00005E2C0000", "00005E2C0001", "00005E2C0002"
# Which whole number stands for one no source says.
_ONE = 0xFFFF


class RandomisedOffset:
    """Number, limit (0 as manufactured) and offset of a device; ``heard`` are told of a new limit (ECS38)."""

    def __init__(self, device: Device) -> None:
        digest = hashlib.sha256(b"randomised offset" + bytes(device.eui64)).digest()
        self._number = int.from_bytes(digest[:2], "big")
        self.heard: list[Callable[[], None]] = []
        cosem = device.cosem
        cosem.attribute(_DATA, _LIMIT, _VALUE, write=self._set)
        self._limit = cosem.stored(_DATA, _LIMIT, _VALUE, long_unsigned(0))
        cosem.attribute(_DATA, _NUMBER, _VALUE, read=lambda: long_unsigned(self._number))
        cosem.attribute(_DATA, _OFFSET, _VALUE, read=lambda: long_unsigned(self()))

    def __call__(self) -> int:
        """What the offset is, in the limit's seconds."""
        return int(self._limit.read().value) * self._number // _ONE

    def _set(self, value: Data) -> AccessResult:
        if value.tag != Tag.LONG_UNSIGNED:
            return AccessResult.TYPE_UNMATCHED
        self._limit.put(value)
        for heard in self.heard:
            heard()
        return AccessResult.SUCCESS
