"""The device log of a meter, GPF or PPMID: with which devices it is joined (asn1.md 7, 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

_SECTION = "join_log"


@dataclass(slots=True)
class JoinLogEntry:
    """One joined device. ``certificate`` is its key agreement certificate (DER), by method C only."""

    device_id: Eui64
    device_type: int
    certificate: bytes = b""


class JoinLog:
    """Entries in the order of their EUI-64."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def entries(self) -> list[JoinLogEntry]:
        """All joined devices."""
        return [JoinLogEntry(Eui64(key), value[0], value[1:]) for key, value in self._storage.items(_SECTION)]

    def get(self, device_id: Eui64) -> JoinLogEntry | None:
        """The entry of one device."""
        value = self._storage.get(_SECTION, str(device_id))
        return None if value is None else JoinLogEntry(device_id, value[0], value[1:])

    def put(self, entry: JoinLogEntry) -> None:
        """Add an entry or replace the one of the same device."""
        self._storage.put(_SECTION, str(entry.device_id), bytes((entry.device_type,)) + entry.certificate)

    def remove(self, device_id: Eui64) -> bool:
        """Remove an entry; False when there was none."""
        held = self._storage.get(_SECTION, str(device_id)) is not None
        self._storage.delete(_SECTION, str(device_id))
        return held
