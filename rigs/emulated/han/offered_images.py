"""Firmware images that a hub has for devices, in its memory until they are delivered or given up.

An image of 500 kB is written in one transaction with what is known about it, so a power cut leaves the whole
of it or nothing. One image a device, so no more than the device log has entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rigs.emulated.storage import Storage

LARGEST = 1_048_576
"""Octets of an image that is kept. A larger one is offered, and gone after a power cut (a choice of ours)."""
_SECTION, _ABOUT, _OCTETS = "images", ".about", ".octets"


@dataclass(slots=True)
class OfferedImage:
    """An image on its way; ``until`` it may wait to be asked for."""

    device_id: Eui64
    octets: bytes
    until: datetime


class OfferedImages:
    """Section ``images`` of a hub's storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def keep(self, image: OfferedImage, token: int) -> None:
        """Keep an image in place of the one there was for the device; its delivery has this token."""
        about = {"token": token, "until": image.until.isoformat()}
        fits = len(image.octets) <= LARGEST
        self._write(image.device_id, about if fits else None, image.octets)

    def forget(self, device_id: Eui64, token: int | None = None) -> None:
        """Keep it no longer; with a ``token`` only where that delivery is the one that is kept."""
        about = self._storage.get_json(_SECTION, f"{device_id}{_ABOUT}")
        if about is not None and token in {None, about["token"]}:
            self._write(device_id, None, b"")

    def all(self) -> Iterator[OfferedImage]:
        """Every image."""
        for key, _ in self._storage.items(_SECTION):
            if not key.endswith(_ABOUT):
                continue
            name = key.removesuffix(_ABOUT)
            octets = self._storage.get(_SECTION, f"{name}{_OCTETS}")
            about = self._storage.get_json(_SECTION, key)
            assert octets is not None, "both are written in one transaction"
            yield OfferedImage(Eui64(name), octets, datetime.fromisoformat(about["until"]))

    def _write(self, device_id: Eui64, about: dict[str, Any] | None, octets: bytes) -> None:
        if not self._storage.in_transaction:
            with self._storage.transaction():
                self._write(device_id, about, octets)
        elif about is None:
            self._storage.delete(_SECTION, f"{device_id}{_ABOUT}")
            self._storage.delete(_SECTION, f"{device_id}{_OCTETS}")
        else:
            self._storage.put_json(_SECTION, f"{device_id}{_ABOUT}", about)
            self._storage.put(_SECTION, f"{device_id}{_OCTETS}", octets)
