"""A device's side of firmware: ``protocols.zigbee.ota_client`` on the ZCL layer (hub: ``image_host``)."""

from __future__ import annotations

from collections.abc import Callable

from protocols.zigbee.ota_client import ClientSettings, OtaClient, State
from protocols.zigbee.ota_cluster import (
    Downloaded,
    Failed,
    ImageId,
    ImageStore,
    NoImage,
    Outcome,
    Send,
    Upgrade,
    check_file,
)
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import ImageNotReceived, ImageReceived, UpgradeDue, UpgradePostponed
from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, OTA, DeviceSettings
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Incoming, Result
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.zcl.clusters import load
from protocols.zigbee.zcl.foundation import Status

_UNACKNOWLEDGED = frozenset({"Image Block Request"})


class ImageFetcher:
    """``address`` is the hub's, None while there is none; ``check`` looks at a whole file."""

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        settings: DeviceSettings,
        store: ImageStore,
        *,
        address: Callable[[], Address | None],
        check: Callable[[bytes], bool],
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._store = store
        self._address = address
        self._check = check
        self._timer: Timer | None = None
        self._image = b""
        self.client = OtaClient(
            settings.image,
            store,
            node=context.service.eui64,
            chance=context.random,
            hardware_version=settings.hardware_version,
            settings=ClientSettings(
                largest_block=settings.image_block_octets, block_period=settings.image_block_period_s
            ),
            verify=self._verify,
        )
        side = zcl.side(DEVICE_ENDPOINT, OTA, client=True)
        side.commands = self._take
        side.attributes = Attributes(self._attribute, names=lambda: load()[OTA].client_attributes)
        zcl.handle_defaults(OTA, self._receive)

    def query(self) -> None:
        """Ask the hub for an image now, unless a transfer is under way."""
        if self._address() is not None and self.client.state in (State.IDLE, State.WAITING_TO_UPGRADE):
            self._act(self.client.query(self._context.now()))

    def resume(self) -> None:
        """After a restart or rejoin: go on with a download that was cut."""
        progress = self._store.load()
        if progress is not None and progress.offset < progress.size and self.client.state is State.IDLE:
            self.query()

    def stop(self) -> None:
        """A power cut."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _attribute(self, attribute: int) -> object:
        row = load()[OTA].client_attributes.get(attribute)
        if row is None:
            return None
        if row.name == "Upgrade Server ID":
            address = self._address()
            return None if address is None else address.partner
        return self.client.attributes().get(row.name)

    def _verify(self, image: ImageId, octets: bytes) -> int:
        status = check_file(image, octets)
        if status != Status.SUCCESS or not self._check(octets):
            return Status.INVALID_IMAGE
        self._image = octets
        return Status.SUCCESS

    def _take(self, incoming: Incoming) -> Result:
        address = self._address()
        if address is None or incoming.partner != address.partner:
            self._context.refuse("not-the-hub", incoming.partner, OTA)
            return Status.NOT_AUTHORISED
        self._receive(incoming)
        return None

    def _receive(self, incoming: Incoming) -> None:
        address = self._address()
        if address is not None and incoming.partner == address.partner:
            self._act(self.client.receive(incoming.name, incoming.values, self._context.now()))

    def _act(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Send):
                self._send(outcome)
            elif isinstance(outcome, Downloaded):
                if outcome.status == Status.SUCCESS:
                    image, self._image = self._image, b""
                    self._context.emit(ImageReceived(image))
                else:
                    self._context.emit(ImageNotReceived(outcome.status, kept=False))
            elif isinstance(outcome, Failed):
                self._context.emit(ImageNotReceived(outcome.status, outcome.kept))
            elif isinstance(outcome, NoImage):
                self._finish()
            elif isinstance(outcome, Upgrade):
                self._context.emit(UpgradePostponed() if outcome.later else UpgradeDue())
        self._plan()

    def _finish(self) -> None:
        """The hub has no image for this device. If one is here whole, the hub heard that it had arrived.

        Then a power cut came before the device had done anything with it, and nobody else will say so again.
        """
        progress = self._store.load()
        if progress is None or progress.offset < progress.size:
            return
        octets = self._store.image(progress.size)
        if self._verify(progress.image, octets) == Status.SUCCESS:
            self._image = b""
            self._context.emit(ImageReceived(octets))
            self._context.emit(UpgradePostponed())

    def _send(self, output: Send) -> None:
        address = self._address()
        if address is None:
            return
        general = output.name == "Default Response"
        acknowledged = output.name not in _UNACKNOWLEDGED
        self._zcl.tell(address, OTA, output.name, output.values, general=general, acknowledged=acknowledged)
        self._context.stay_awake(self.client.settings.response_timeout)

    def _plan(self) -> None:
        """Keep a timer that fires no later than due; one that fires early looks again."""
        due, timer = self.client.next_due(), self._timer
        if due is None or (timer is not None and timer.action is not None and timer.due <= due):
            return
        if timer is not None:
            timer.cancel()
        self._timer = self._context.timers.at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        self._act(self.client.run_due(self._context.now()))
