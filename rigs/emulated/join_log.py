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
    """Entries in the order in which they came; a device that comes again keeps its place."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def entries(self) -> list[JoinLogEntry]:
        """All joined devices."""
        held = dict(self._storage.items(_SECTION))
        order = {each: at for at, each in enumerate(self._order())}
        keys = sorted(held, key=lambda each: order.get(each, len(order)))
        return [JoinLogEntry(Eui64(key), held[key][0], held[key][1:]) for key in keys]

    def _order(self) -> list[str]:
        order: list[str] = self._storage.get_json("join_log_order", "devices", [])
        return order

    def get(self, device_id: Eui64) -> JoinLogEntry | None:
        """The entry of one device."""
        value = self._storage.get(_SECTION, str(device_id))
        return None if value is None else JoinLogEntry(device_id, value[0], value[1:])

    def put(self, entry: JoinLogEntry) -> None:
        """Add an entry or replace the one of the same device."""
        key, order = str(entry.device_id), self._order()
        self._storage.put(_SECTION, key, bytes((entry.device_type,)) + entry.certificate)
        if key not in order:
            self._storage.put_json("join_log_order", "devices", [*order, key])

    def remove(self, device_id: Eui64) -> bool:
        """Remove an entry; False when there was none."""
        held = self._storage.get(_SECTION, str(device_id)) is not None
        self._storage.delete(_SECTION, str(device_id))
        order = [each for each in self._order() if each != str(device_id)]
        self._storage.put_json("join_log_order", "devices", order)
        return held
