"""The hub's side of the HAN: joining, key establishment, tunnels, the sleeper's queue, mirrors, firmware."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from random import Random
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    HanEvent,
    HanService,
    NetworkUp,
)
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.smart_energy.admission import Admission, Device
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import (
    HanSaid,
    HubUp,
    ImageFailed,
    ImageFailure,
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    MirrorCreated,
    NotDelivered,
    SmartEnergyEvent,
    SmartEnergyListener,
    TunnelOpened,
)
from protocols.zigbee.smart_energy.gas_fetch import GasQueues
from protocols.zigbee.smart_energy.image_host import ImageHost
from protocols.zigbee.smart_energy.keep_alive import keep_alive_attributes
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, Flag, MirrorHost
from protocols.zigbee.smart_energy.settings import (
    BASIC,
    ENERGY_SERVICE_INTERFACE,
    EVENTS,
    GAS_ENDPOINT,
    GAS_INFORMATION,
    HUB_ENDPOINT,
    KEEP_ALIVE,
    KEY_ESTABLISHMENT,
    LARGEST_TRANSFER,
    METERING,
    OTA,
    PREPAYMENT,
    TIME,
    TUNNELLING,
    DeviceType,
    HubSettings,
)
from protocols.zigbee.smart_energy.time_sync import INVALID, time_attributes, zigbee_time
from protocols.zigbee.smart_energy.tunnelling import Tunnels
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer

VERSION = 1
_TUNNEL_DELAY_S = 1.0  # a device that asks for the tunnel itself comes first
_MAINS, _ZCL_VERSION = 0x01, 0x03


class SmartEnergyHub:
    """A communications hub on a HAN service that is its coordinator and trust centre.

    ``clock`` gives UTC, or None while the hub has no time. After ``listen`` and, where there is kept state,
    ``restore``, call ``start``, or restore and resume the service.
    """

    def __init__(
        self,
        service: HanService,
        credentials: Iterable[Credentials],
        *,
        now: Callable[[], float],
        random: Random,
        clock: Callable[[], datetime | None],
        settings: HubSettings | None = None,
    ) -> None:
        self.settings = options = settings or HubSettings()
        self._listener: SmartEnergyListener | None = None
        self._token = 0
        self.context = context = Context(service, now, random, self._emit)
        self.zcl = zcl = ZclLayer(context, options.answer_wait_s)
        self._add_endpoints(clock)
        self._admission = admission = Admission(context, zcl, credentials, options)
        admission.on_commissioned = self._commissioned
        admission.on_back = lambda device: self._images.came_back(device.eui64)
        address_of = admission.address_of
        self._tunnels = Tunnels(
            context, zcl, HUB_ENDPOINT, options, address_of=address_of, queue_limit=options.queue_limit
        )
        admission.on_gone = self._tunnels.drop
        self._tunnels.server.accepts = admission.may_tunnel
        self._tunnels.on_data = self._data
        self._mirrors = MirrorHost(context, zcl, options.mirrors)
        self._mirrors.may_have = admission.fetches
        self._queues = GasQueues(context, self._tunnels, options.queue_limit, options.queue_age_s)
        self._queues.on_pending = lambda eui64, waits: self._flag(
            eui64, Flag.TUNNEL_MESSAGE_PENDING, raised=waits
        )
        self._images = ImageHost(context, zcl, options, address_of, lambda: _utc(clock))
        self._images.announce = self._announce_image
        service.listen(self)

    def _add_endpoints(self, clock: Callable[[], datetime | None]) -> None:
        zcl = self.zcl
        servers = (BASIC, TIME, OTA, KEEP_ALIVE, TUNNELLING, KEY_ESTABLISHMENT)
        clients = (METERING, TUNNELLING, EVENTS, KEY_ESTABLISHMENT)
        zcl.add_endpoint(HUB_ENDPOINT, ENERGY_SERVICE_INTERFACE, servers, clients)
        gas_servers, gas_clients = (BASIC, *GAS_INFORMATION), (METERING, PREPAYMENT, EVENTS)
        zcl.add_endpoint(GAS_ENDPOINT, ENERGY_SERVICE_INTERFACE, gas_servers, gas_clients)
        zcl.side(HUB_ENDPOINT, TIME).attributes = time_attributes(clock)
        zcl.side(HUB_ENDPOINT, KEEP_ALIVE).attributes = keep_alive_attributes(self.settings)
        basic = {0x0000: _ZCL_VERSION, 0x0007: _MAINS}
        for endpoint in (HUB_ENDPOINT, GAS_ENDPOINT):
            zcl.side(endpoint, BASIC).attributes = Attributes(basic.get, names=lambda: basic)

    @property
    def eui64(self) -> Eui64:
        """The HAN radio's identifier, which is the GPF's."""
        return self.context.service.eui64

    @property
    def statistics(self) -> Counter[str]:
        """What was refused, by ``zcl.reason``."""
        return self.context.statistics

    def listen(self, listener: SmartEnergyListener | None) -> None:
        """Hand events to this listener from now on."""
        self._listener = listener

    def _emit(self, event: SmartEnergyEvent) -> None:
        if isinstance(event, (TunnelOpened, MirrorCreated)):
            eui64 = event.partner if isinstance(event, TunnelOpened) else event.eui64
            self._tell(event)
            self._see_whether_ready(eui64)
        else:
            self._tell(event)

    def _tell(self, event: SmartEnergyEvent) -> None:
        if self._listener is not None:
            self._listener.smart_energy_event(event)

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
        """What to keep over a power cut, as JSON values; call it at every KeepState.

        Images are no part of it: whoever delivered one keeps it, and delivers it again.
        """
        return {
            "version": VERSION,
            "token": self._token,
            "devices": self._admission.state(),
            "queues": self._queues.state(),
            "mirrors": self._mirrors.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take kept state into a fresh hub; ValueError where it is of another version."""
        if state.get("version") != VERSION:
            raise ValueError(f"this hub state is of version {state.get('version')}, not {VERSION}")
        self._token = state["token"]
        self._admission.restore(state["devices"])
        self._mirrors.restore(state["mirrors"])
        self._queues.restore(state["queues"])

    def start(
        self, channels: tuple[int, ...] = tuple(range(11, 27)), extended_pan_id: Eui64 | None = None
    ) -> None:
        """Form the HAN: HubUp, or HanSaid with NetworkDown. The extended PAN id is by default our EUI-64."""
        self.context.service.form(channels, extended_pan_id or self.eui64)

    def close(self) -> None:
        """A power cut: stop all timers, say nothing."""
        self._listener = None
        for part in (self.zcl, self._tunnels, self._queues, self._images):
            part.stop()
        self.context.timers.clear()
        self.context.service.listen(None)

    # Devices

    def allow(
        self,
        eui64: Eui64,
        install_code_key: bytes,
        join_time_s: float,
        *,
        device_type: DeviceType,
        historic: bool = False,
    ) -> None:
        """Let a device join for so long with the link key of its install code (16 octets).

        ``historic``: the key is one that it established here before (historic device log); it is commissioned
        as soon as it is back. To change over to the install code, ``remove`` and ``allow`` it.
        """
        self._admission.allow(eui64, install_code_key, join_time_s, device_type, historic=historic)

    def remove(self, eui64: Eui64) -> None:
        """Strike a device off and send it away; what waits for it is not delivered (REMOVED)."""
        if not self._admission.remove(eui64):
            return
        self.zcl.give_up(eui64)
        self._tunnels.drop(eui64, NotDelivered.REMOVED)
        self._queues.drop(eui64, NotDelivered.REMOVED)
        self._images.withdraw(eui64, ImageFailure.NOT_ON_NETWORK)
        self._mirrors.remove(eui64)
        self.context.keep()

    def know_type(self, eui64: Eui64, device_type: DeviceType) -> None:
        """A device whose type was not known when it was allowed turned out to be one of these."""
        device = self._admission.devices.get(eui64)
        if device is not None:
            device.device_type = device_type
            self.context.keep()

    def is_commissioned(self, eui64: Eui64) -> bool:
        """Whether the device holds a link key of its own."""
        return self._admission.commissioned(eui64) is not None

    def is_present(self, eui64: Eui64) -> bool:
        """Whether the device is on the network, as far as known."""
        device = self._admission.devices.get(eui64)
        return device is not None and device.present

    # Messages

    def send_message(self, eui64: Eui64, octets: bytes) -> int:
        """Send a message (or GBT block); MessageDelivered or MessageNotDelivered follows with this token.

        A GSME fetches it. At most LARGEST_TRANSFER octets (GSME: LARGEST_FETCHED); larger ones have to be
        split before, by ``protocols.gbcs.gbt_endpoint.BlockTransfer``.
        """
        token = self._next_token()
        device = self._admission.devices.get(eui64)
        reason: NotDelivered | None = None
        if device is None or not device.commissioned or not device.device_type.has_tunnel:
            reason = NotDelivered.NOT_ON_NETWORK
        elif device.device_type.fetches:
            reason = self._queues.put(eui64, token, octets)
        elif len(octets) > LARGEST_TRANSFER:
            reason = NotDelivered.TOO_LONG
        else:
            self._tunnels.send(eui64, octets, lambda why: self._delivered(token, eui64, why))
        if reason is not None:
            failure = MessageNotDelivered(token, eui64, reason)
            self.context.after(0, lambda: self._tell(failure))
        return token

    def _delivered(self, token: int, eui64: Eui64, reason: NotDelivered | None) -> None:
        if reason is None:
            self._tell(MessageDelivered(token, eui64))
        else:
            self._tell(MessageNotDelivered(token, eui64, reason))

    def _next_token(self) -> int:
        self._token += 1
        return self._token

    def waiting(self, eui64: Eui64) -> int:
        """Messages that wait for a device."""
        return self._queues.waiting(eui64) if self._admission.fetches(eui64) else self._tunnels.waiting(eui64)

    def close_tunnel(self, eui64: Eui64) -> None:
        """Close the tunnel with a device; the next message opens another."""
        self._tunnels.close(eui64)

    def _data(self, partner: Eui64, octets: bytes) -> None:
        device = self._admission.devices.get(partner)
        if device is None:
            self.context.refuse("not-on-the-list", partner, TUNNELLING)
        elif device.device_type.fetches:
            self._queues.take(partner, octets)
        else:
            self._tell(MessageFrom(partner, octets))

    # Gas

    def set_flags(self, eui64: Eui64, attribute: int, mask: int) -> None:
        """Set notification flags for a GSME (attribute 0 to 4 of the mirror's client side)."""
        self._mirrors.change_flags(eui64, attribute, set_bits=mask)

    def clear_flags(self, eui64: Eui64, attribute: int, mask: int) -> None:
        """Clear notification flags."""
        self._mirrors.change_flags(eui64, attribute, clear_bits=mask)

    def flags(self, eui64: Eui64) -> list[int]:
        """The five flag attributes of a GSME's mirror."""
        return list(self._mirrors.flags(eui64))

    def mirror(self, eui64: Eui64) -> dict[tuple[int, int], Any]:
        """What a GSME reported: values by (cluster, attribute)."""
        mirror = self._mirrors.mirrors.get(eui64)
        return dict(mirror.values) if mirror is not None else {}

    def permit_readers(self, may_read: Callable[[Eui64], bool]) -> None:
        """Say who may read the mirrors on the HAN (the GPF's device log); without it every device may."""
        self._mirrors.readers = may_read

    def answer_history(self, answer: Callable[[int, int, bytes], tuple[int, bytes] | int]) -> None:
        """Who answers readers of a mirror that ask for snapshots or samples (``MirrorHost.history``).

        Gets cluster, command and payload; gives the answering command and its payload, or a status.
        """
        self._mirrors.answer_history(answer)

    def _flag(self, eui64: Eui64, flag: Flag, *, raised: bool) -> None:
        if eui64 in self._admission.devices:
            bits = int(flag)
            self._mirrors.change_flags(
                eui64, FUNCTIONAL, set_bits=bits if raised else 0, clear_bits=0 if raised else bits
            )

    # Firmware

    def deliver_image(self, eui64: Eui64, ota_file: bytes, *, age_s: float | None = None) -> int:
        """Offer a whole OTA file to a device; ImageDelivered or ImageFailed follows with this token.

        ``age_s``: how long it may wait for the device to ask, where that is not the settings' time.
        """
        token = self._next_token()
        device = self._admission.devices.get(eui64)
        if device is None or not device.commissioned:
            failure = ImageFailed(token, eui64, ImageFailure.NOT_ON_NETWORK)
            self.context.after(0, lambda: self._tell(failure))
            return token
        upgrade_after = 0 if device.device_type.activates_itself else None
        self._images.deliver(eui64, token, ota_file, upgrade_after=upgrade_after, age_s=age_s)
        return token

    def _announce_image(self, eui64: Eui64, offered: bool) -> None:
        if self._admission.fetches(eui64):
            self._flag(eui64, Flag.NEW_FIRMWARE, raised=offered)
        elif offered:
            self._images.notify(eui64)

    # What the HAN says

    def han_event(self, event: HanEvent) -> None:
        """As `HanListener`: the hub listens to the service by itself."""
        if isinstance(event, DataReceived):
            self.zcl.receive(event)
            return
        if isinstance(event, DataConfirmed):
            self.zcl.confirmed(event)
            return
        if isinstance(event, NetworkUp):
            self._tell(HubUp(event.rejoined))
        self._admission.han_event(event)
        self._tell(HanSaid(event))

    def _commissioned(self, device: Device) -> None:
        eui64 = device.eui64
        self._flag(eui64, Flag.KEY_UPDATE, raised=False)
        if device.device_type.has_tunnel and not device.device_type.fetches:
            self.context.after(_TUNNEL_DELAY_S, lambda: self._open_tunnel(eui64))
        self._images.came_back(eui64)

    def _open_tunnel(self, eui64: Eui64) -> None:
        if self._admission.may_tunnel(eui64):
            self._tunnels.open(eui64)

    def _see_whether_ready(self, eui64: Eui64) -> None:
        has_mirror = eui64 in self._mirrors.mirrors or not self._admission.fetches(eui64)
        if has_mirror and self._tunnels.is_open(eui64):
            self._admission.ready(eui64)


def _utc(clock: Callable[[], datetime | None]) -> int:
    """Seconds since 2000 for the OTA server; 0 (times are offsets) without time."""
    seconds = zigbee_time(clock)
    return 0 if seconds == INVALID else seconds
