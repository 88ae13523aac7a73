"""Attributes that keep their values: COSEM ones as A-XDR, ZCL ones as octets, in the device's storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, encode_data, parse_data

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

Check = Callable[[Data], bool]
"""Whether a value may be written, beyond having the right type."""

_COSEM, _ZCL = "cosem", "zcl"


class StoredData:
    """A COSEM attribute that reads as what was last written, at first as ``default``."""

    def __init__(self, storage: Storage, name: str, default: Data, check: Check | None = None) -> None:
        self._storage = storage
        self._name = name
        self._default = default
        self._check = check

    def read(self) -> Data:
        """The present value."""
        octets = self._storage.get(_COSEM, self._name)
        return self._default if octets is None else parse_data(octets)[0]

    def write(self, value: Data) -> AccessResult:
        """Take a value of the default's type that passes the check."""
        if value.tag != self._default.tag:
            return AccessResult.TYPE_UNMATCHED
        if self._check is not None and not self._check(value):
            return AccessResult.OTHER_REASON
        self.put(value)
        return AccessResult.SUCCESS

    def put(self, value: Data) -> None:
        """Set the value from inside the device."""
        self._storage.put(_COSEM, self._name, encode_data(value))


class StoredOctets:
    """A ZCL attribute's octets without its type, at first ``default``."""

    def __init__(self, storage: Storage, name: str, default: bytes) -> None:
        self._storage = storage
        self._name = name
        self._default = default

    def read(self) -> bytes:
        """The present value."""
        octets = self._storage.get(_ZCL, self._name)
        return self._default if octets is None else octets

    def put(self, value: bytes) -> None:
        """Set the value."""
        self._storage.put(_ZCL, self._name, value)
