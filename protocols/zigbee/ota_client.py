"""The client of the OTA Upgrade cluster: asks for an image, fetches it, resumes, is told when to upgrade."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.ota_cluster import (
    ANY_IMAGE_TYPE,
    ANY_MANUFACTURER,
    ANY_VERSION,
    LARGEST_BLOCK,
    NOT_NOW,
    Downloaded,
    Failed,
    Found,
    ImageId,
    ImageStore,
    NoImage,
    Outcome,
    Progress,
    Send,
    Upgrade,
    UpgradeStatus,
    check_file,
    delay,
    image_id,
)
from protocols.zigbee.zcl.foundation import Status

_HARDWARE_VERSION = 0x01
_MINIMUM_BLOCK_PERIOD = 0x02
_SHORTEST_WAIT = 1.0
_MANUFACTURER_SAID, _TYPE_SAID, _VERSION_SAID = 1, 2, 3
_NO_VERSION = 0xFFFF_FFFF


@dataclass(slots=True)
class ClientSettings:
    """How a client asks; times in seconds.

    After ``retries`` more attempts without answer it pauses, at most ``pauses`` times, then gives up and
    keeps what it has. ``block_period`` is what it keeps between requests, at the least; ``says_period`` puts
    it into the requests, which tells the server that it may set one. While it waits for a server that said
    "later" it reminds it every ``reminder``.
    """

    largest_block: int = 64
    response_timeout: float = 5.0
    retries: int = 3
    pause: float = 60.0
    pauses: int = 10
    block_period: float = 0.0
    says_period: bool = True
    reminder: float = 3600.0


class State(Enum):
    """What the client waits for."""

    IDLE = auto()
    QUERYING = auto()
    DOWNLOADING = auto()
    ENDING = auto()
    COUNTING_DOWN = auto()
    WAITING_TO_UPGRADE = auto()


class OtaClient:
    """One client; ``current`` is the image it runs.

    ``verify`` checks a whole download and gives a status: SUCCESS, INVALID_IMAGE or REQUIRE_MORE_IMAGE.
    Every method gives back what is to be done, in order.
    """

    def __init__(
        self,
        current: ImageId,
        store: ImageStore,
        *,
        node: Eui64,
        chance: random.Random,
        hardware_version: int | None = None,
        stack_version: int = 0x0002,
        settings: ClientSettings | None = None,
        verify: Callable[[ImageId, bytes], int] = check_file,
    ) -> None:
        self.current = current
        self.settings = settings or ClientSettings()
        self.state = State.IDLE
        self._store = store
        self._node = node
        self._chance = chance
        self._hardware_version = hardware_version
        self._stack_version = stack_version
        self._verify = verify
        self._progress = store.load()
        self._request: Send | None = None
        self._due: float | None = None
        self._left = self._pauses_left = 0
        self._sent_at = float("-inf")
        self._period = self.settings.block_period

    # What a power cut leaves is the store; everything else starts anew.

    def attributes(self) -> dict[str, Any]:
        """The cluster's attributes on the client's side, by name."""
        progress = self._progress
        whole = progress is not None and progress.offset == progress.size
        return {
            "File Offset": progress.offset if progress else 0xFFFF_FFFF,
            "Current File Version": self.current.file_version,
            "Current ZigBee Stack Version": self._stack_version,
            "Downloaded File Version": progress.image.file_version if progress and whole else _NO_VERSION,
            "Image Upgrade Status": int(self._status()),
            "Manufacturer ID": self.current.manufacturer_code,
            "Image Type ID": self.current.image_type,
            "Minimum Block Period": round(self._period * 1000),
        }

    def _status(self) -> UpgradeStatus:
        return {
            State.DOWNLOADING: UpgradeStatus.DOWNLOADING,
            State.ENDING: UpgradeStatus.COMPLETE,
            State.COUNTING_DOWN: UpgradeStatus.COUNTING_DOWN,
            State.WAITING_TO_UPGRADE: UpgradeStatus.WAITING_TO_UPGRADE,
        }.get(self.state, UpgradeStatus.NORMAL)

    def next_due(self) -> float | None:
        """When ``run_due`` wants to be called."""
        return self._due

    def query(self, now: float) -> list[Outcome]:
        """Ask for the next image; a download that was cut is resumed if the server still has that image."""
        self.state = State.QUERYING
        values: dict[str, Any] = {"Field Control": 0, **self.current.values()}
        if self._hardware_version is not None:
            values |= {"Field Control": _HARDWARE_VERSION, "Hardware Version": self._hardware_version}
        return self._ask(Send("Query Next Image Request", values), now)

    def query_specific_file(self, wanted: ImageId, now: float) -> list[Outcome]:
        """Ask for a file for this device alone."""
        self.state = State.QUERYING
        stack = {"Current ZigBee Stack Version": self._stack_version}
        values = {"Request Node Address": self._node, **wanted.values(), **stack}
        return self._ask(Send("Query Specific File Request", values), now)

    def abort(self, status: int = Status.ABORT) -> list[Outcome]:
        """Stop a download for good and tell the server."""
        progress = self._progress
        self._forget()
        if progress is None:
            return []
        ended = Send("Upgrade End Request", {"Status": status, **progress.image.values()})
        return [ended, Failed(status, kept=False)]

    def receive(self, name: str, values: Mapping[str, Any], now: float) -> list[Outcome]:
        """A command of the server; one that is not expected now is ignored."""
        if name == "Image Block Response":
            return self._block(values, now)
        handle = {
            "Image Notify": self._notified,
            "Query Next Image Response": self._found,
            "Query Specific File Response": self._found,
            "Upgrade End Response": self._ended,
            "Default Response": self._refused,
        }.get(name)
        return handle(values, now) if handle else []

    def run_due(self, now: float) -> list[Outcome]:
        """What time brings: the next request, the same again, a pause, the upgrade."""
        if self._due is None or now < self._due:
            return []
        self._due = None
        if self.state is State.COUNTING_DOWN:
            return self._upgrade()
        if self._request is None:
            return self._next_block(now) if self.state is State.DOWNLOADING else self._end(now)
        if self._left:
            self._left -= 1
            return self._send(self._request, now)
        if not self._pauses_left:
            return self._give_up(Status.TIMEOUT)
        self._pauses_left -= 1
        self._left = self.settings.retries + 1
        self._due = now + self.settings.pause
        return []

    def _ask(self, request: Send, now: float) -> list[Outcome]:
        """Send a request that wants an answer."""
        self._left, self._pauses_left = self.settings.retries, self.settings.pauses
        return self._send(request, now)

    def _send(self, request: Send, now: float) -> list[Outcome]:
        self._request, self._sent_at = request, now
        self._due = now + self.settings.response_timeout
        return [request]

    def _wait(self, seconds: float, now: float) -> list[Outcome]:
        """Say nothing for a while, then go on."""
        self._request = None
        self._due = now + seconds
        return []

    def _give_up(self, status: int) -> list[Outcome]:
        """Stop, keep the download."""
        self._request = self._due = None
        self.state = State.IDLE
        return [Failed(status, kept=self._progress is not None)]

    def _forget(self) -> None:
        self._request = self._due = self._progress = None
        self.state = State.IDLE
        self._store.clear()

    def _notified(self, values: Mapping[str, Any], now: float) -> list[Outcome]:
        """Image Notify: ask if it is meant for this client and its dice say so."""
        kind = values["Payload Type"]
        for said, name, mine, any_of in (
            (_MANUFACTURER_SAID, "Manufacturer Code", self.current.manufacturer_code, ANY_MANUFACTURER),
            (_TYPE_SAID, "Image Type", self.current.image_type, ANY_IMAGE_TYPE),
        ):
            if kind >= said and values.get(name) not in {mine, any_of}:
                return []
        if kind >= _VERSION_SAID and values.get("File Version") == self.current.file_version != ANY_VERSION:
            return []
        idle = self.state in {State.IDLE, State.WAITING_TO_UPGRADE}
        if not idle or self._chance.randint(1, 100) > values["Query Jitter"]:
            return []
        return self.query(now)

    def _found(self, values: Mapping[str, Any], now: float) -> list[Outcome]:
        if self.state is not State.QUERYING:
            return []
        self._request = self._due = None
        if values["Status"] != Status.SUCCESS:
            self.state = State.IDLE
            return [NoImage(values["Status"])]
        image, size = image_id(values), values["Image Size"]
        progress = self._progress
        if progress is None or (progress.image, progress.size) != (image, size):
            self._store.clear()
            progress = self._progress = Progress(image, size)
            self._store.save(progress)
        self.state = State.DOWNLOADING
        self._period = self.settings.block_period
        return [Found(image, size, progress.offset), *self._next_block(now)]

    def _next_block(self, now: float) -> list[Outcome]:
        """Ask for the next octets, as soon as the block period allows."""
        progress = self._progress
        if progress is None:
            return self._give_up(Status.ABORT)
        if progress.offset >= progress.size:
            return self._check(progress, now)
        earliest = self._sent_at + self._period
        if self._period and now < earliest:
            return self._wait(earliest - now, now)
        size = min(self.settings.largest_block, LARGEST_BLOCK, progress.size - progress.offset)
        values: dict[str, Any] = {
            "Field Control": _MINIMUM_BLOCK_PERIOD if self.settings.says_period else 0,
            **progress.image.values(),
            "File Offset": progress.offset,
            "Maximum Data Size": size,
        }
        if self.settings.says_period:
            values["Minimum Block Period"] = min(0xFFFE, round(self._period * 1000))
        return self._ask(Send("Image Block Request", values), now)

    def _block(self, values: Mapping[str, Any], now: float) -> list[Outcome]:
        progress = self._progress
        if self.state is not State.DOWNLOADING or progress is None:
            return []
        status = values["Status"]
        if status == Status.WAIT_FOR_DATA:
            said = values.get("Minimum Block Period")
            if said is not None:
                self._period = max(self.settings.block_period, said / 1000)
            return self._wait(max(_SHORTEST_WAIT, delay(values, "Request Time")), now)
        if status == Status.ABORT:
            self._forget()
            return [Failed(status, kept=False)]
        data = values.get("Image Data", b"")
        expected = values.get("File Offset") == progress.offset and progress.image.named_by(values)
        # A late copy of an earlier block, or one that is not what was asked for: the timer asks again.
        if status != Status.SUCCESS or not expected or not data:
            return []
        if progress.offset + len(data) > progress.size:
            return []
        self._store.write(progress.offset, data)
        progress.offset += len(data)
        self._store.save(progress)
        return self._next_block(now)

    def _check(self, progress: Progress, now: float) -> list[Outcome]:
        """The image is whole: check it and tell the server."""
        status = self._verify(progress.image, self._store.image(progress.size))
        done = Downloaded(progress.image, status)
        ended = Send("Upgrade End Request", {"Status": status, **progress.image.values()})
        if status not in {Status.SUCCESS, Status.REQUIRE_MORE_IMAGE}:
            self._forget()
            return [done, ended]
        self.state = State.ENDING
        return [done, *self._ask(ended, now)]

    def _end(self, now: float) -> list[Outcome]:
        """Ask again when to upgrade."""
        progress = self._progress
        if progress is None or self.state is not State.WAITING_TO_UPGRADE:
            return []
        ended = Send("Upgrade End Request", {"Status": Status.SUCCESS, **progress.image.values()})
        self._due = now + self.settings.reminder
        return [ended]

    def _ended(self, values: Mapping[str, Any], now: float) -> list[Outcome]:
        progress = self._progress
        expecting = {State.ENDING, State.WAITING_TO_UPGRADE, State.COUNTING_DOWN}
        if self.state not in expecting or progress is None or not _meant(values, progress.image):
            return []
        self._request = None
        if values["Upgrade Time"] == NOT_NOW:
            first = self.state is State.ENDING
            self.state = State.WAITING_TO_UPGRADE
            self._due = now + self.settings.reminder
            return [Upgrade(progress.image, later=True)] if first else []
        seconds = delay(values, "Upgrade Time")
        if seconds <= 0:
            return self._upgrade()
        self.state = State.COUNTING_DOWN
        self._due = now + seconds
        return []

    def _upgrade(self) -> list[Outcome]:
        """Time to run the image; it stays in the store until ``activated``."""
        self._due = None
        progress = self._progress
        self.state = State.IDLE
        return [] if progress is None else [Upgrade(progress.image)]

    def activated(self) -> None:
        """The image runs now (after CS06 for a meter): it is the current one, and the store is empty."""
        if self._progress is not None:
            self.current = self._progress.image
        self._forget()

    def _refused(self, values: Mapping[str, Any], now: float) -> list[Outcome]:
        """A Default Response to a request of this client instead of the answer."""
        if self._request is None or values["Status"] == Status.SUCCESS:
            return []
        if self.state is State.QUERYING:
            self._request = self._due = None
            self.state = State.IDLE
            return [NoImage(values["Status"])]
        return self._wait(self.settings.response_timeout, now) if self.state is State.DOWNLOADING else []


def _meant(values: Mapping[str, Any], image: ImageId) -> bool:
    """Whether an Upgrade End Response is for this image; all may be said at once."""
    return all(
        values[name] in {mine, any_of}
        for name, mine, any_of in (
            ("Manufacturer Code", image.manufacturer_code, ANY_MANUFACTURER),
            ("Image Type", image.image_type, ANY_IMAGE_TYPE),
            ("File Version", image.file_version, ANY_VERSION),
        )
    )
