"""The hub's side of firmware: an image offered to one device, until it is there (OTA cluster, GBCS CS05)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.zigbee.ota_cluster import Send
from protocols.zigbee.ota_server import Ended, Offer, OtaServer, ServerSettings, offer_file
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import ImageDelivered, ImageFailed, ImageFailure, ImageStarted
from protocols.zigbee.smart_energy.settings import HUB_ENDPOINT, OTA, HubSettings
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Incoming, Result
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.zcl.foundation import Status

_JITTER_ALONE = 0
_RESUMABLE = frozenset({Status.TIMEOUT})


@dataclass(slots=True, eq=False)
class _Delivery:
    """An image on its way to one device, by a server of its own."""

    token: int
    partner: Eui64
    offer: Offer
    server: OtaServer
    given_up_at: float
    heard: float = -inf
    asked: bool = False
    timer: Timer | None = None


class ImageHost:
    """``announce`` tells a device in its own way that there is an image (True) or none any more (False).

    ``address_of`` says where a device's OTA client is.
    """

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        settings: HubSettings,
        address_of: Callable[[Eui64], Address | None],
        utc: Callable[[], int],
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._settings = settings
        self._address_of = address_of
        self._utc = utc
        self._deliveries: dict[Eui64, _Delivery] = {}
        self._nothing = OtaServer()
        self.announce: Callable[[Eui64, bool], None] = lambda *_: None
        zcl.side(HUB_ENDPOINT, OTA).commands = self._take

    def deliver(
        self,
        partner: Eui64,
        token: int,
        octets: bytes,
        *,
        upgrade_after: int | None,
        age_s: float | None = None,
    ) -> None:
        """Offer an image in place of the one there was; ``age_s``: how long it may wait to be asked for."""
        self.withdraw(partner)
        try:
            offer = offer_file(octets, clients={partner}, upgrade_after=upgrade_after, downgrade=True)
        except CodecError:
            self._context.after(
                0, lambda: self._context.emit(ImageFailed(token, partner, ImageFailure.NOT_AN_IMAGE))
            )
            return
        options = self._settings
        settings = ServerSettings(options.image_block_octets, options.image_block_period_s)
        server = OtaServer(settings, lambda _: self._utc())
        server.offers.append(offer)
        until = self._context.now() + (options.image_age_s if age_s is None else age_s)
        delivery = _Delivery(token, partner, offer, server, until)
        self._deliveries[partner] = delivery
        self._remind(delivery)

    def withdraw(self, partner: Eui64, reason: ImageFailure = ImageFailure.REPLACED) -> None:
        """Offer a device nothing any more."""
        delivery = self._deliveries.get(partner)
        if delivery is not None:
            self._failed(delivery, reason)

    def came_back(self, partner: Eui64) -> None:
        """A device is (again) on the network: tell it at once."""
        delivery = self._deliveries.get(partner)
        if delivery is not None and not delivery.asked:
            self._remind(delivery)

    def notify(self, partner: Eui64) -> None:
        """Send Image Notify (to devices that do not sleep)."""
        delivery, address = self._deliveries.get(partner), self._address_of(partner)
        if delivery is not None and address is not None:
            # Without saying which image: so the device asks, and its answer says what it would take.
            values = {"Payload Type": _JITTER_ALONE, "Query Jitter": 100}
            self._zcl.tell(address, OTA, "Image Notify", values, from_server=True)

    def stop(self) -> None:
        """A power cut: who delivers images keeps them."""
        self._deliveries.clear()

    def _remind(self, delivery: _Delivery) -> None:
        """Tell the device of its image; again while it does not come; give up in the end."""
        now, settings = self._context.now(), self._settings
        if delivery.timer is not None:
            delivery.timer.cancel()
        if self._deliveries.get(delivery.partner) is not delivery:
            return
        if delivery.asked:
            due = delivery.heard + settings.image_silence_s
            if now >= due:
                self._failed(delivery, ImageFailure.STALLED)
                return
            quiet = delivery.heard + settings.image_reminder_s
            if now >= quiet:
                # Begun, and then nothing: the device gave up, or a power cut took what it knew of the image.
                self.announce(delivery.partner, True)
                quiet = now + settings.image_reminder_s
            due = min(due, quiet)
        elif now >= delivery.given_up_at:
            self._failed(delivery, ImageFailure.NOT_ASKED)
            return
        else:
            self.announce(delivery.partner, True)
            due = min(now + settings.image_reminder_s, delivery.given_up_at)
        delivery.timer = self._context.timers.at(due, lambda: self._remind(delivery))

    def _take(self, incoming: Incoming) -> Result:
        partner = incoming.partner
        delivery = self._deliveries.get(partner)
        server = delivery.server if delivery is not None else self._nothing
        now = self._context.now()
        if delivery is not None:
            delivery.heard = now
        for output in server.receive(partner, incoming.name, incoming.values, now):
            if isinstance(output, Send):
                self._send(incoming, output)
                if delivery is not None:
                    self._sent(delivery, output)
            elif delivery is not None:
                self._ended(delivery, output)
        return None

    def _send(self, incoming: Incoming, output: Send) -> None:
        # A client asks again by itself, so blocks need no acknowledgement of their own (ZCL 11.13.8).
        general = output.name == "Default Response"
        self._zcl.tell(
            incoming.address, OTA, output.name, output.values, from_server=True, general=general,
            acknowledged=output.name != "Image Block Response", sequence=incoming.message.frame.sequence,
        )  # fmt: skip

    def _sent(self, delivery: _Delivery, output: Send) -> None:
        if output.name == "Query Next Image Response":
            if output.values["Status"] != Status.SUCCESS:
                self._failed(delivery, ImageFailure.NOT_WANTED, output.values["Status"])
        elif output.name != "Image Block Response":
            return
        elif output.values["Status"] == Status.ABORT:
            # It asked for another image, and gives that up now.
            delivery.asked = False
            self._remind(delivery)
        elif not delivery.asked:
            delivery.asked = True
            self.announce(delivery.partner, False)
            self._context.emit(ImageStarted(delivery.token, delivery.partner))
            self._remind(delivery)

    def _ended(self, delivery: _Delivery, ended: Ended) -> None:
        if ended.image != delivery.offer.image or ended.status in _RESUMABLE:
            return
        if ended.status in (Status.SUCCESS, Status.REQUIRE_MORE_IMAGE):
            self._over(delivery)
            self._context.emit(ImageDelivered(delivery.token, delivery.partner))
        else:
            self._failed(delivery, ImageFailure.REFUSED, ended.status)

    def _failed(self, delivery: _Delivery, reason: ImageFailure, status: int | None = None) -> None:
        self._over(delivery)
        self._context.emit(ImageFailed(delivery.token, delivery.partner, reason, status))

    def _over(self, delivery: _Delivery) -> None:
        if delivery.timer is not None:
            delivery.timer.cancel()
        if self._deliveries.get(delivery.partner) is delivery:
            del self._deliveries[delivery.partner]
        self.announce(delivery.partner, False)
