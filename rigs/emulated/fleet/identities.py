"""Keys of a fleet's devices, derived from its seed when somebody asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.gbcs.keystore import KeyUse
from protocols.smki import DeviceIdentities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.eui64 import Eui64
    from protocols.smki import Hierarchy, Identity


class DerivedIdentities(DeviceIdentities):
    """A device's credentials, each made on first use: one that only checks MACs never makes the other."""

    # The base has fields of these names; here they are made when they are read.
    __slots__ = ("_ds", "_hierarchy", "_ka")

    def __init__(self, hierarchy: Hierarchy, eui64: Eui64) -> None:
        self.eui64 = eui64
        self._hierarchy = hierarchy
        self._ds: Identity | None = None
        self._ka: Identity | None = None

    @property
    def ds(self) -> Identity:  # type: ignore[override]
        """Digital signature key pair with its certificate."""
        if self._ds is None:
            self._ds = self._hierarchy.device_identity(self.eui64, KeyUse.DS)
        return self._ds

    @property
    def ka(self) -> Identity:  # type: ignore[override]
        """Key agreement key pair with its certificate."""
        if self._ka is None:
            self._ka = self._hierarchy.device_identity(self.eui64, KeyUse.KA)
        return self._ka

    def __iter__(self) -> Iterator[Identity]:
        yield from (self.ds, self.ka)
