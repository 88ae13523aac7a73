"""The server of the OTA Upgrade cluster: offers images, hands out blocks no faster than it wants to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from protocols.eui64 import Eui64
from protocols.ota import parse_ota
from protocols.zigbee.ota_cluster import LARGEST_BLOCK, NOT_NOW, ImageId, Send, image_id
from protocols.zigbee.zcl.foundation import Status

_NOTIFY_ALL = 3
_MINIMUM_BLOCK_PERIOD = 0x02
_NUMBERS = {
    "Query Next Image Request": 0x01,
    "Image Block Request": 0x03,
    "Image Page Request": 0x04,
    "Upgrade End Request": 0x06,
    "Query Specific File Request": 0x08,
}


@dataclass(slots=True)
class Offer:
    """An image and to whom it goes.

    ``clients`` None: to all whose hardware version fits. ``upgrade_after`` None: a later command says when
    (GBCS activates meters so), else seconds. ``downgrade`` offers it also to clients with a later version.
    """

    image: ImageId
    octets: bytes
    hardware_versions: tuple[int, int] | None = None
    clients: set[Eui64] | None = None
    upgrade_after: int | None = None
    downgrade: bool = False
    destination: Eui64 | None = None

    def fits(self, client: Eui64, values: Mapping[str, Any]) -> bool:
        """Whether a client that sent Query Next Image Request should have it."""
        current = values["File Version"]
        newer = self.image.file_version > current or (self.downgrade and self.image.file_version != current)
        hardware = values.get("Hardware Version")
        low, high = self.hardware_versions or (0, 0xFFFF)
        return (
            newer
            and self.destination is None
            and (self.clients is None or client in self.clients)
            and self.image.manufacturer_code == values["Manufacturer Code"]
            and self.image.image_type == values["Image Type"]
            and (hardware is None or low <= hardware <= high)
        )


def offer_file(octets: bytes, **more: Any) -> Offer:
    """An offer of an OTA file, what it is read from its header; DecodeError."""
    header = parse_ota(octets, trailer=False).header
    versions = None
    if header.minimum_hardware_version is not None and header.maximum_hardware_version is not None:
        versions = (header.minimum_hardware_version, header.maximum_hardware_version)
    image = ImageId(header.manufacturer_code, header.image_type, header.file_version)
    return Offer(image, octets, versions, **more)


@dataclass(slots=True)
class Ended:
    """A client says its download is over; ``status`` is its check of the image."""

    client: Eui64
    image: ImageId
    status: int


@dataclass(slots=True)
class ServerSettings:
    """``block_period`` (seconds) is how often one client may ask; the server makes the rest wait.

    So many clients at a time (``transfers``) are served; one that is silent for ``silence`` seconds no longer
    counts. ``largest_block`` is what fits one APS payload (``ota_cluster.block_size``).
    """

    largest_block: int = LARGEST_BLOCK
    block_period: float = 0.0
    transfers: int = 4
    silence: float = 600.0
    busy: float = 60.0


@dataclass(slots=True)
class _Transfer:
    heard: float
    earliest: float = field(default=float("-inf"))


class OtaServer:
    """One server. ``utc`` gives seconds since 2000 for ``now``; without it times are sent as offsets."""

    def __init__(
        self, settings: ServerSettings | None = None, utc: Callable[[float], int] | None = None
    ) -> None:
        self.settings = settings or ServerSettings()
        self.offers: list[Offer] = []
        self.paused_until = float("-inf")
        self._utc = utc or (lambda _: 0)
        self._transfers: dict[Eui64, _Transfer] = {}

    def notify(self, offer: Offer, jitter: int = 100) -> Send:
        """Image Notify; with ``jitter`` below 100 only so many percent of the clients ask."""
        return Send(
            "Image Notify", {"Payload Type": _NOTIFY_ALL, "Query Jitter": jitter, **offer.image.values()}
        )

    def receive(self, client: Eui64, name: str, values: Mapping[str, Any], now: float) -> list[Send | Ended]:
        """A command of a client, and what to answer."""
        if name == "Image Block Request":
            return [self._block(client, values, now)]
        if name == "Query Next Image Request":
            return [self._query(client, values)]
        if name == "Query Specific File Request":
            return [self._query_specific(values)]
        if name == "Upgrade End Request":
            return self._ended(client, values, now)
        if name == "Image Page Request":
            return [_default(name, Status.UNSUPPORTED_CLUSTER_COMMAND)]
        return []

    def upgrade(self, offer: Offer, now: float, after: int = 0) -> Send:
        """Upgrade End Response that was not asked for: run the image, after so many seconds."""
        current = self._utc(now)
        return Send(
            "Upgrade End Response",
            {**offer.image.values(), "Current Time": current, "Upgrade Time": current + after},
        )

    def _query(self, client: Eui64, values: Mapping[str, Any]) -> Send:
        fitting = [offer for offer in self.offers if offer.fits(client, values)]
        best = max(fitting, key=lambda offer: offer.image.file_version, default=None)
        return Send("Query Next Image Response", _answer(best))

    def _query_specific(self, values: Mapping[str, Any]) -> Send:
        wanted = image_id(values)
        node = values["Request Node Address"]
        found = (each for each in self.offers if each.destination == node and each.image == wanted)
        return Send("Query Specific File Response", _answer(next(found, None)))

    def _block(self, client: Eui64, values: Mapping[str, Any], now: float) -> Send:
        offer = next((each for each in self.offers if each.image.named_by(values)), None)
        offset = values["File Offset"]
        if offer is None or offset >= len(offer.octets) or not values["Maximum Data Size"]:
            return Send("Image Block Response", {"Status": Status.ABORT})
        if offer.clients is not None and client not in offer.clients:
            return Send("Image Block Response", {"Status": Status.ABORT})
        wait = self._wait(client, now)
        if wait:
            return self._hold(values, wait, now)
        size = min(values["Maximum Data Size"], self.settings.largest_block, LARGEST_BLOCK)
        data = offer.octets[offset : offset + size]
        return Send(
            "Image Block Response",
            {
                "Status": Status.SUCCESS,
                **offer.image.values(),
                "File Offset": offset,
                "Data Size": len(data),
                "Image Data": data,
            },
        )

    def _wait(self, client: Eui64, now: float) -> float:
        """Seconds a client has to wait for its block; 0 takes it into account as served."""
        if now < self.paused_until:
            return self.paused_until - now
        transfer = self._transfers.get(client)
        if transfer is None:
            if len(self._transfers) >= self.settings.transfers:
                horizon = now - self.settings.silence
                self._transfers = {
                    each: held for each, held in self._transfers.items() if held.heard > horizon
                }
                if len(self._transfers) >= self.settings.transfers:
                    return self.settings.busy
            transfer = self._transfers[client] = _Transfer(now)
        transfer.heard = now
        if now < transfer.earliest:
            return transfer.earliest - now
        # A request may come a little early: radios and retries are no clocks.
        transfer.earliest = now + self.settings.block_period * 0.9
        return 0.0

    def _hold(self, values: Mapping[str, Any], wait: float, now: float) -> Send:
        current = self._utc(now)
        held: dict[str, Any] = {
            "Status": Status.WAIT_FOR_DATA,
            "Current Time": current,
            "Request Time": current + ceil(wait),
        }
        if values.get("Field Control", 0) & _MINIMUM_BLOCK_PERIOD:
            held["Minimum Block Period"] = min(0xFFFE, round(self.settings.block_period * 1000))
        return Send("Image Block Response", held)

    def _ended(self, client: Eui64, values: Mapping[str, Any], now: float) -> list[Send | Ended]:
        image = image_id(values)
        self._transfers.pop(client, None)
        told = Ended(client, image, values["Status"])
        offer = next((each for each in self.offers if each.image == image), None)
        if offer is None or values["Status"] != Status.SUCCESS:
            return [told, _default("Upgrade End Request", Status.SUCCESS)]
        if offer.upgrade_after is not None:
            return [told, self.upgrade(offer, now, offer.upgrade_after)]
        answer = self.upgrade(offer, now)
        answer.values["Upgrade Time"] = NOT_NOW
        return [told, answer]


def _answer(offer: Offer | None) -> dict[str, Any]:
    if offer is None:
        return {"Status": Status.NO_IMAGE_AVAILABLE}
    return {"Status": Status.SUCCESS, **offer.image.values(), "Image Size": len(offer.octets)}


def _default(name: str, status: int) -> Send:
    return Send("Default Response", {"Command": _NUMBERS[name], "Status": status})
