"""A device's side of the HAN: joining, key establishment, time, tunnel, fetching, mirror, firmware."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import HanEvent, HanService
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.ota_cluster import ImageId, ImageStore, MemoryStore
from protocols.zigbee.smart_energy.attachment import Attachment
from protocols.zigbee.smart_energy.commissioning import Step
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.device_endpoint import AttributeSource, add_device_endpoint
from protocols.zigbee.smart_energy.events import (
    KeepState,
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    NotDelivered,
    SmartEnergyEvent,
    SmartEnergyListener,
    TimeRead,
)
from protocols.zigbee.smart_energy.gas_fetch import PUT
from protocols.zigbee.smart_energy.gas_meter import GasMeter
from protocols.zigbee.smart_energy.ota_transfer import ImageFetcher
from protocols.zigbee.smart_energy.settings import (
    DEVICE_ENDPOINT,
    HUB_ENDPOINT,
    LARGEST_TRANSFER,
    TUNNELLING,
    DeviceSettings,
    DeviceType,
)
from protocols.zigbee.smart_energy.time_sync import HubTime
from protocols.zigbee.smart_energy.tunnel_step import TunnelStep
from protocols.zigbee.smart_energy.tunnelling import Tunnels
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address
from protocols.zigbee.stack.core import Timer

VERSION = 1
Done = Callable[[bool], None]


class SmartEnergyDevice:
    """One device on a HAN service (an end device, sleepy or not, or a router).

    ``attributes`` gives server attributes that others read and a GSME reports. ``check_image`` looks at a
    whole OTA file (its signature, say); False refuses it. ``image_store`` keeps a download over power cuts.
    After a power cut make a new device on a new service, give both their kept state, and resume the service.
    """

    def __init__(
        self,
        service: HanService,
        device_type: DeviceType,
        credentials: Iterable[Credentials],
        *,
        now: Callable[[], float],
        random: Random,
        settings: DeviceSettings | None = None,
        attributes: AttributeSource | None = None,
        check_image: Callable[[bytes], bool] | None = None,
        image_store: ImageStore | None = None,
    ) -> None:
        self.device_type = device_type
        self.settings = options = settings or DeviceSettings()
        self._listener: SmartEnergyListener | None = None
        self._token = 0
        self._time_timer: Timer | None = None
        self.context = context = Context(service, now, random, self._emit)
        wait_s = options.sleepy_answer_wait_s if device_type.fetches else options.answer_wait_s
        self.zcl = zcl = ZclLayer(context, wait_s)
        source = attributes or (lambda _cluster, _attribute: None)
        self._attachment = Attachment(context, zcl, credentials, options)
        add_device_endpoint(zcl, device_type, options, source, self._attachment.is_partner)
        self._time = HubTime(context, zcl)
        self._tunnels = self._make_tunnels()
        self._tunnel = TunnelStep(context, self._tunnels, lambda: self.hub, wait_s=6 * zcl.wait_s)
        self._images = ImageFetcher(
            context,
            zcl,
            options,
            image_store or MemoryStore(),
            address=self._attachment.hub_address,
            check=check_image or _any_image,
        )
        self._gas: GasMeter | None = None
        if device_type.fetches:
            self._gas = GasMeter(context, zcl, self._tunnels, options, source=source, wait_s=wait_s)
        self._set_up_attachment()
        service.listen(self)

    def _make_tunnels(self) -> Tunnels:
        tunnels = Tunnels(
            self.context,
            self.zcl,
            DEVICE_ENDPOINT,
            self.settings,
            address_of=self._address_of,
            queue_limit=self.settings.queue_limit,
        )
        tunnels.server.accepts = lambda partner: partner == self.hub
        tunnels.on_data = self._data
        return tunnels

    def _set_up_attachment(self) -> None:
        attachment, gas = self._attachment, self._gas
        attachment.on_ready = self._ready
        attachment.on_lost = self._lost
        actions = attachment.commissioning.actions
        actions[Step.TIME] = self._read_time
        if gas is not None:
            gas.may_report = lambda: self.hub is not None and attachment.is_partner(self.hub)
            gas.on_firmware = self._images.query
            gas.on_key_update = attachment.renew_key
            gas.on_mirror_lost = attachment.commissioning.start
            attachment.on_gas_partner = gas.wake
            actions[Step.MIRROR] = self._set_up_mirror
        if self.device_type.has_tunnel:
            actions[Step.TUNNEL] = self._have_tunnel

    # What it is

    @property
    def eui64(self) -> Eui64:
        """This device's identifier."""
        return self.context.service.eui64

    @property
    def hub(self) -> Eui64 | None:
        """The hub, once there is a link key with it."""
        return self._attachment.hub

    @property
    def statistics(self) -> Counter[str]:
        """What was refused, by ``zcl.reason``."""
        return self.context.statistics

    @property
    def partners(self) -> frozenset[Eui64]:
        """The devices it exchanges data with."""
        return frozenset(self._attachment.partners)

    def listen(self, listener: SmartEnergyListener | None) -> None:
        """Hand events to this listener from now on."""
        self._listener = listener

    def _emit(self, event: SmartEnergyEvent) -> None:
        if self._listener is not None:
            self._listener.smart_energy_event(event)
        self._tunnel.heard(event)

    def han_event(self, event: HanEvent) -> None:
        """As `HanListener`: the device listens to the service by itself."""
        self._attachment.han_event(event)

    # Time and persistence

    def next_due(self) -> float | None:
        """When `run_due` has something to do (the service has its own)."""
        return self.context.timers.next_due()

    def run_due(self, now: float) -> None:
        """Do what is due."""
        self.context.timers.run_due(now)

    @property
    def on_earlier(self) -> Callable[[float], None] | None:
        """Who hears of something due before all else, as ``Node.on_earlier``."""
        return self.context.timers.on_earlier

    @on_earlier.setter
    def on_earlier(self, hear: Callable[[float], None] | None) -> None:
        self.context.timers.on_earlier = hear

    def state(self) -> dict[str, Any]:
        """What to keep, as JSON values; call it at every KeepState (the image store is apart)."""
        mirror = self._gas.mirror.endpoint if self._gas is not None else None
        return {"version": VERSION, "mirror": mirror, **self._attachment.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Take kept state into a fresh device; when its service is resumed, Rejoined and Ready follow.

        ValueError where it is of another version.
        """
        if state.get("version") != VERSION:
            raise ValueError(f"this device state is of version {state.get('version')}, not {VERSION}")
        self._attachment.restore(state)
        if self._gas is not None:
            self._gas.mirror.endpoint = state["mirror"]

    def close(self) -> None:
        """A power cut: stop all timers, say and hear nothing. What was being sent is lost."""
        self._listener = None
        self.zcl.stop()
        self._tunnels.stop()
        self._images.stop()
        self.context.timers.clear()
        self.context.service.listen(None)

    # The HAN

    def join(
        self, install_code_key: bytes, channels: tuple[int, ...] = (), *, historic: bool = False
    ) -> None:
        """Join with the link key of the install code; Joined or NotJoined follows, later Ready.

        ``historic``: the key is one that was established with this hub before, and goes on being used.
        """
        self._attachment.join(install_code_key, channels, historic=historic)

    def leave(self) -> None:
        """Leave the HAN; Left follows."""
        self.context.service.leave()

    def hub_time(self) -> datetime | None:
        """The hub's time now, as read last and counted on; None where it never had one."""
        return self._time.now()

    def read_hub_time(self) -> None:
        """Ask for the hub's time again; TimeRead follows if the hub answers."""
        self._read_time(lambda _: None)

    def _read_time(self, done: Done) -> None:
        address = self._attachment.hub_address()

        def read(answered: bool) -> None:
            if answered:
                self._emit(TimeRead(self._time.now()))
            done(answered)

        if address is None:
            done(False)
        else:
            self._time.read(address, read)

    def _set_up_mirror(self, done: Done) -> None:
        gas, hub = self._gas, self.hub
        if gas is None or hub is None:
            return

        def stands(worked: bool) -> None:
            if worked:
                self._emit(KeepState())
            done(worked)

        if gas.mirror.endpoint is not None:
            done(True)
        else:
            gas.mirror.set_up(hub, self.settings.wake_period_s, stands)

    def _have_tunnel(self, done: Done) -> None:
        self._tunnel.have(self.hub, done, open_at_once=self._gas is not None)

    def _ready(self) -> None:
        """All steps are done: begin the daily routine."""
        hub = self.hub
        if hub is None:
            return
        self._plan_time()
        self._images.resume()
        if self._gas is not None:
            self._gas.start(hub)

    def _plan_time(self) -> None:
        if self._time_timer is not None:
            self._time_timer.cancel()
        self._time_timer = self.context.after(self.settings.time_period_s, self._time_again)

    def _time_again(self) -> None:
        if self._attachment.commissioning.step is Step.READY:
            self._read_time(lambda _: None)
            self._plan_time()

    def _lost(self, *, for_good: bool) -> None:
        """No network now; ``for_good``: this hub is no longer ours."""
        self._tunnel.give_up()
        self.zcl.give_up()
        if self._gas is not None:
            self._gas.stop()
        if for_good:
            self._time.forget()
            if self._gas is not None:
                self._gas.mirror.endpoint = None
            if self._attachment.last_hub is not None:
                self._tunnels.drop(self._attachment.last_hub, NotDelivered.NOT_ON_NETWORK)

    # Messages

    def send_message(self, octets: bytes) -> int:
        """Send a message (or GBT block) to the hub; MessageDelivered or MessageNotDelivered follows.

        At most LARGEST_TRANSFER octets (GSME: LARGEST_PUT); larger ones have to be split before, by
        ``protocols.gbcs.gbt_endpoint.BlockTransfer``.
        """
        self._token = token = self._token + 1
        hub = self.hub
        sent = bytes((PUT,)) + octets if self._gas is not None else octets
        if hub is None or len(sent) > LARGEST_TRANSFER:
            reason = NotDelivered.NOT_ON_NETWORK if hub is None else NotDelivered.TOO_LONG
            self.context.after(0, lambda: self._emit(MessageNotDelivered(token, hub or self.eui64, reason)))
        else:
            self._tunnels.send(hub, sent, lambda why: self._delivered(token, hub, why))
        return token

    def _delivered(self, token: int, hub: Eui64, reason: NotDelivered | None) -> None:
        if reason is None:
            self._emit(MessageDelivered(token, hub))
        else:
            self._emit(MessageNotDelivered(token, hub, reason))

    def _address_of(self, partner: Eui64) -> Address | None:
        return Address(partner, HUB_ENDPOINT, DEVICE_ENDPOINT) if partner == self.hub else None

    def close_tunnel(self) -> None:
        """Close the tunnel with the hub; the next message opens another."""
        if self.hub is not None:
            self._tunnels.close(self.hub)

    def _data(self, partner: Eui64, octets: bytes) -> None:
        if partner != self.hub:
            self.context.refuse("not-the-hub", partner, TUNNELLING)
        elif self._gas is not None:
            self._gas.take(partner, octets)
        else:
            self._emit(MessageFrom(partner, octets))

    def wake(self) -> None:
        """A GSME wakes before its time: looks at its flags, fetches, reports. Nothing for others."""
        if self._gas is not None:
            self._gas.wake()

    def publish(self, commands: Iterable[tuple[int, bytes]], done: Done) -> None:
        """Send whole ZCL commands (cluster, frame) to a GSME's mirror; ``done`` hears whether all arrived."""
        if self._gas is not None and self.hub is not None:
            self._gas.mirror.publish(self.hub, commands, done)

    def doze(self, period_s: float | None) -> None:
        """A GSME wakes only so often until told None, then at once. Nothing for others."""
        if self._gas is not None:
            self._gas.doze(period_s)

    # Partners

    def add_partner(self, eui64: Eui64) -> None:
        """Get a link key with another device through the trust centre; PartnerReady or PartnerFailed follows.

        A GSME that is told the hub (the GPF) starts reporting to its mirror: until then it gives no data.
        """
        self._attachment.add_partner(eui64)

    def remove_partner(self, eui64: Eui64) -> None:
        """Exchange nothing more with it."""
        self._attachment.remove_partner(eui64)

    # Firmware

    def query_image(self) -> None:
        """Ask the hub for an image without having been told of one."""
        self._images.query()

    def set_image(self, image: ImageId) -> None:
        """What runs now, after activation; the store is emptied."""
        self._images.client.activated()
        self._images.client.current = image


def _any_image(_: bytes) -> bool:
    return True
