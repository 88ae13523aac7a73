"""The OTA Upgrade cluster (0x0019): what client and server share.

``ota_client.OtaClient`` fetches an image block by block, ``ota_server.OtaServer`` hands images out. Both are
fed commands as names and values (``zcl.foundation`` reads and writes them) and ``now``, monotonic seconds;
they give back what is to be sent and what has happened. ``next_due`` says when ``run_due`` wants to be
called. The file itself is ``protocols.ota``.

Times in these commands are UTC with a current time to compare with; a server without a clock gives 0 for now
and so says the others are offsets from now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol

from protocols.errors import DecodeError
from protocols.ota import parse_ota
from protocols.zigbee.zcl.foundation import Status

CLUSTER = 0x0019
ANY_MANUFACTURER = ANY_IMAGE_TYPE = 0xFFFF
ANY_VERSION = 0xFFFF_FFFF
NOT_NOW = 0xFFFF_FFFF
"""Upgrade time of a server that will say later when to upgrade."""
LARGEST_BLOCK = 255
_ZCL_HEADER = 3
_BLOCK_HEADER = 14


class UpgradeStatus(IntEnum):
    """Attribute 0x0006: what the client is doing."""

    NORMAL = 0
    DOWNLOADING = 1
    COMPLETE = 2
    WAITING_TO_UPGRADE = 3
    COUNTING_DOWN = 4
    WAITING_FOR_MORE = 5


@dataclass(slots=True)
class ImageId:
    """Which image: manufacturer, type and version."""

    manufacturer_code: int
    image_type: int
    file_version: int

    def values(self) -> dict[str, int]:
        """As every command has it."""
        return {
            "Manufacturer Code": self.manufacturer_code,
            "Image Type": self.image_type,
            "File Version": self.file_version,
        }

    def named_by(self, values: Mapping[str, Any]) -> bool:
        """Whether a command names this image."""
        return (
            values.get("File Version") == self.file_version
            and values.get("Image Type") == self.image_type
            and values.get("Manufacturer Code") == self.manufacturer_code
        )


def image_id(values: Mapping[str, Any]) -> ImageId:
    """Which image a command names."""
    return ImageId(values["Manufacturer Code"], values["Image Type"], values["File Version"])


@dataclass(slots=True)
class Send:
    """A command of the cluster to send; Default Response is the general command."""

    name: str
    values: dict[str, Any] = field(default_factory=dict)


# What a client reports.


@dataclass(slots=True)
class Found:
    """The server has an image; the download starts at ``offset``."""

    image: ImageId
    size: int
    offset: int


@dataclass(slots=True)
class NoImage:
    """The server has none; ``status`` says why."""

    status: int


@dataclass(slots=True)
class Downloaded:
    """The image is whole; ``status`` is what its check gave and what the server is told."""

    image: ImageId
    status: int


@dataclass(slots=True)
class Upgrade:
    """The server says when to run the image: now. With ``later`` it said to wait for another command."""

    image: ImageId
    later: bool = False


@dataclass(slots=True)
class Failed:
    """The transfer ended; ``kept`` where a new query resumes it."""

    status: int
    kept: bool


Outcome = Send | Found | NoImage | Downloaded | Upgrade | Failed


@dataclass(slots=True)
class Progress:
    """How far a download is, as it outlives a power cut: octets 0 to ``offset`` are in the store."""

    image: ImageId
    size: int
    offset: int = 0


class ImageStore(Protocol):
    """Where a client keeps what it has; it outlives power cuts.

    ``write`` comes before the ``save`` that counts its octets, so a cut between the two loses nothing.
    """

    def load(self) -> Progress | None:
        """The download there is, if any."""
        ...

    def save(self, progress: Progress) -> None:
        """Keep how far the download is."""
        ...

    def write(self, offset: int, data: bytes) -> None:
        """Keep octets of the image."""
        ...

    def image(self, size: int) -> bytes:
        """The first ``size`` octets."""
        ...

    def clear(self) -> None:
        """Forget the download."""
        ...


class MemoryStore:
    """A store in memory; what it holds survives a client made anew on it."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._progress: Progress | None = None

    def load(self) -> Progress | None:
        """The download there is, if any."""
        held = self._progress
        return None if held is None else Progress(held.image, held.size, held.offset)

    def save(self, progress: Progress) -> None:
        """Keep how far the download is."""
        if self._progress is None:
            self._progress = Progress(progress.image, progress.size, progress.offset)
        else:
            self._progress.image, self._progress.size = progress.image, progress.size
            self._progress.offset = progress.offset

    def write(self, offset: int, data: bytes) -> None:
        """Keep octets of the image."""
        if offset > len(self._octets):
            self._octets.extend(bytes(offset - len(self._octets)))
        self._octets[offset : offset + len(data)] = data

    def image(self, size: int) -> bytes:
        """The first ``size`` octets."""
        return bytes(self._octets[:size])

    def clear(self) -> None:
        """Forget the download."""
        self._octets.clear()
        self._progress = None


def block_size(asdu: int) -> int:
    """Image octets that fit a block response in an APS payload of so many octets."""
    return max(1, min(LARGEST_BLOCK, asdu - _ZCL_HEADER - _BLOCK_HEADER))


def check_file(image: ImageId, octets: bytes) -> Status:
    """Whether a download is the OTA file that was offered; the supplier's signature is not looked at."""
    try:
        header = parse_ota(octets, trailer=False).header
    except DecodeError:
        return Status.INVALID_IMAGE
    found = ImageId(header.manufacturer_code, header.image_type, header.file_version)
    return Status.SUCCESS if found == image else Status.INVALID_IMAGE


def delay(values: Mapping[str, Any], name: str) -> float:
    """Seconds from now to a time of a command; 0 where it is over."""
    return float(max(0, values[name] - values["Current Time"]))
