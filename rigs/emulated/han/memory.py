"""What a device remembers of its HAN: stack and application, and the one it was on before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from protocols.zigbee.ota_cluster import ImageId, Progress

if TYPE_CHECKING:
    from rigs.emulated.storage import Storage

State = dict[str, Any]
_HAN, _OTA = "han", "ota"
COUNTERS = ("nwk_counter", "aps_counter")  # of frames, in a stack's state: they never go back


class HanMemory:
    """Section ``han`` of a device's storage; every write is a transaction, its own or its caller's."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def get(self, key: str) -> Any:
        """What stands under a key; None for nothing."""
        return self._storage.get_json(_HAN, key)

    def put(self, **values: Any) -> None:
        """Keep values by key, all or none; None forgets one."""
        if self._storage.in_transaction:
            self._write(values)
        else:
            with self._storage.transaction():
                self._write(values)

    def _write(self, values: dict[str, Any]) -> None:
        for key, value in values.items():
            if value is None:
                self._storage.delete(_HAN, key)
            else:
                self._storage.put_json(_HAN, key, value)

    def next_boot(self) -> int:
        """How often this was called before: every start of a stack has chance of its own."""
        boots = int(self.get("boots") or 0)
        self.put(boots=boots + 1)
        return boots

    def former(self) -> tuple[State, State] | None:
        """Stack and application on the HAN that was left, with counters that have not been used."""
        kept = self.get("former")
        if kept is None:
            return None
        stack, application = kept
        now = self.get("stack") or {}
        for counter in COUNTERS:
            stack[counter] = max(stack[counter], now.get(counter, 0))
        return stack, application


class KeptImage:
    """A firmware download that outlives power cuts (`protocols.zigbee.ota_cluster.ImageStore`).

    Blocks are kept by their offset; only the last one written counts where two overlap.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def load(self) -> Progress | None:
        """The download there is."""
        kept = self._storage.get_json(_OTA, "progress")
        if kept is None:
            return None
        return Progress(ImageId(*kept["image"]), kept["size"], kept["offset"])

    def save(self, progress: Progress) -> None:
        """Keep how far it is."""
        image = progress.image
        document = {
            "image": [image.manufacturer_code, image.image_type, image.file_version],
            "size": progress.size,
            "offset": progress.offset,
        }
        with self._storage.transaction():
            self._storage.put(_OTA, "progress", json.dumps(document).encode())

    def write(self, offset: int, data: bytes) -> None:
        """Keep octets."""
        with self._storage.transaction():
            self._storage.put(_OTA, f"block.{offset:08x}", data)

    def image(self, size: int) -> bytes:
        """The first octets."""
        whole = bytearray(size)
        for key, data in self._storage.items(_OTA):
            if key.startswith("block."):
                at = int(key.removeprefix("block."), 16)
                whole[at : at + len(data)] = data[: max(0, size - at)]
        return bytes(whole)

    def clear(self) -> None:
        """Forget it."""
        with self._storage.transaction():
            for key, _ in self._storage.items(_OTA):
                self._storage.delete(_OTA, key)
