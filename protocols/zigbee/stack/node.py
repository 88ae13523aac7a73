"""One device on the HAN: the layers put together over a radio, and the `HanService` they make."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    DataStatus,
    DeviceState,
    Endpoint,
    HanEvent,
    HanListener,
    HanRole,
    KeySource,
    Network,
)
from protocols.radio import FrameRadio, RadioSettings
from protocols.zigbee.stack import policy
from protocols.zigbee.stack.aps_layer import ApsData, ApsLayer
from protocols.zigbee.stack.constants import (
    BROADCAST_ALL,
    BROADCAST_FIRST,
    BROADCAST_ROUTERS,
    ENDPOINT_BROADCAST,
    ENDPOINT_ZDO,
    PROFILE_ZDP,
)
from protocols.zigbee.stack.core import Core, Refusal
from protocols.zigbee.stack.formation import Formation
from protocols.zigbee.stack.frequency import FrequencyAgility
from protocols.zigbee.stack.joining import Joiner
from protocols.zigbee.stack.key_service import KeyService
from protocols.zigbee.stack.lifecycle import Lifecycle
from protocols.zigbee.stack.link_keys import LinkKey
from protocols.zigbee.stack.mac_service import MacService
from protocols.zigbee.stack.mac_user import Dispatcher
from protocols.zigbee.stack.membership import Membership
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.persistence import State, restore_into, state_of
from protocols.zigbee.stack.polling import Poller
from protocols.zigbee.stack.rejoining import Rejoiner
from protocols.zigbee.stack.scanning import Scanner
from protocols.zigbee.stack.settings import NodeSettings
from protocols.zigbee.stack.trust_centre import TrustCentre
from protocols.zigbee.stack.trust_centre_keys import TrustCentreKeys
from protocols.zigbee.stack.zdp_servers import ZdpServers
from protocols.zigbee.stack.zdp_service import ZdpService
from protocols.zigbee.zdp import ZdpCluster

__all__ = ["Node", "NodeSettings"]


class Node:
    """A device. ``now`` gives monotonic seconds; `run_due` has to be called when `next_due` comes.

    ``on_earlier`` may be set to hear of a timer that is due before all others; whoever waits for `next_due`
    only has to look again when it is called.
    """

    def __init__(
        self,
        role: HanRole,
        radio: FrameRadio,
        now: Callable[[], float],
        random: Random,
        settings: NodeSettings | None = None,
    ) -> None:
        options = settings or NodeSettings()
        self.settings = options
        self._role = role
        self._listener: HanListener | None = None
        self._token = 0
        self.core = core = Core(radio.eui64, now, random, self._emit)
        self.mac = mac = MacService(core, radio, RadioSettings(11, 0xFFFF, 0xFFFF, radio.eui64))
        mac.sleepy = role is HanRole.SLEEPY_END_DEVICE
        mac.frame_wait_s = options.frame_wait_s or mac.frame_wait_s
        self.nwk = nwk = NwkLayer(core, mac, role)
        self.aps = aps = ApsLayer(core, nwk)
        aps.keys.extended_nonce = options.extended_nonce
        nwk.user = aps
        self.scanner = Scanner(core, mac)
        self.membership = Membership(nwk)
        self.joiner = Joiner(nwk, self.scanner)
        self.formation = Formation(nwk, self.scanner)
        self.keys = KeyService(nwk, aps, self.joiner, self.membership)
        self.zdp = ZdpService(core, aps)
        self.zdp_servers = ZdpServers(core, nwk, aps, self.membership, self.zdp)
        self.zdp_servers.manufacturer_code = options.manufacturer_code
        self.frequency = FrequencyAgility(nwk, self.scanner, self.zdp)
        self.poller = self._make_poller(options)
        self.rejoiner = Rejoiner(core, mac, self.joiner)
        self.trust_centre: TrustCentre | None = None
        self.trust_centre_keys: TrustCentreKeys | None = None
        self._connect()

    def _connect(self) -> None:
        """Let the parts hear of each other, and the MAC of the radio."""
        nwk, aps, mac = self.nwk, self.aps, self.mac
        if self._role is HanRole.COORDINATOR:
            self._make_trust_centre(self.settings)
        elif self._role is HanRole.ROUTER:
            self.membership.on_child = self.keys.child_came
            self.membership.on_child_gone = self.keys.child_left
        aps.on_data = self._take_data
        aps.on_traffic = self.poller.traffic
        aps.can_answer = lambda: self.ready
        self.lifecycle = Lifecycle(self)
        mac.user = Dispatcher(nwk, self.membership, self.joiner, self.scanner, self.formation)
        mac.radio.listen(mac)

    def _make_poller(self, options: NodeSettings) -> Poller:
        aps, zdp, keys = self.aps, self.zdp, self.keys
        poller = Poller(self.core, self.mac, self._role, lambda: aps.waiting or zdp.waiting or keys.waiting)
        poller.interval_s = options.poll_interval_s
        poller.fast_interval_s = options.fast_poll_interval_s
        poller.keep_alive_s = options.keep_alive_s
        poller.failures_allowed = options.parent_failures
        return poller

    def _make_trust_centre(self, options: NodeSettings) -> None:
        self.trust_centre = TrustCentre(self.nwk, self.aps, self.membership)
        self.trust_centre.key_establishment_timeout_s = options.key_establishment_timeout_s
        self.trust_centre.on_permit = self._permit_at_routers
        self.zdp_servers.on_announced = self.trust_centre.announced
        self.trust_centre_keys = TrustCentreKeys(self.nwk, self.aps, self.trust_centre)
        self.aps.keys.trust_centre = self.eui64

    # What it is

    @property
    def eui64(self) -> Eui64:
        """This device's identifier."""
        return self.core.eui64

    @property
    def role(self) -> HanRole:
        """What this device is."""
        return self._role

    @property
    def ready(self) -> bool:
        """Whether it is on a network, not on its way to one."""
        return self.nwk.on_network and not self.joiner.active and not self.rejoiner.active

    @property
    def network(self) -> Network | None:
        """Where it is now."""
        nwk, settings = self.nwk, self.mac.settings
        if not self.ready:
            return None
        short = settings.short_address
        return Network(
            settings.channel, settings.pan_id, nwk.extended_pan_id, short, nwk.update_id, nwk.parent
        )

    @property
    def statistics(self) -> Counter[str]:
        """Counts of what was refused, repeated and relayed, by ``layer.reason``."""
        return self.core.statistics

    def listen(self, listener: HanListener | None) -> None:
        """Hand events to this listener from now on."""
        self._listener = listener

    def _emit(self, event: HanEvent) -> None:
        if self._listener is not None:
            self._listener.han_event(event)

    def add_endpoint(self, endpoint: Endpoint) -> None:
        """Register an application endpoint."""
        if not 1 <= endpoint.number <= 240 or endpoint.number in self.zdp_servers.endpoints:
            raise ValueError(f"endpoint {endpoint.number} is taken or not 1 to 240")
        self.zdp_servers.endpoints[endpoint.number] = endpoint

    # Time and persistence

    def next_due(self) -> float | None:
        """When `run_due` has something to do."""
        return self.core.timers.next_due()

    def run_due(self, now: float) -> None:
        """Do what is due."""
        self.core.timers.run_due(now)

    @property
    def on_earlier(self) -> Callable[[float], None] | None:
        """Who hears of a timer due before all others."""
        return self.core.timers.on_earlier

    @on_earlier.setter
    def on_earlier(self, hear: Callable[[float], None] | None) -> None:
        self.core.timers.on_earlier = hear

    def state(self) -> State:
        """What to keep over a power cut, as JSON values; call it at every StateChanged."""
        return state_of(self)

    def restore(self, state: State) -> None:
        """Take kept state into a fresh node; `resume` then goes back on the network."""
        restore_into(self, state)

    def resume(self) -> None:
        """Go on where the kept state was: routers at once, end devices by a secured rejoin."""
        self.lifecycle.resume()

    def close(self) -> None:
        """Stop all timers (a power cut); the radio is not told."""
        self.core.timers.clear()
        self.mac.radio.listen(None)

    # Membership

    def form(self, channels: Sequence[int], extended_pan_id: Eui64 | None = None) -> None:
        """As `HanService`."""
        self.lifecycle.form(channels, extended_pan_id)

    def join(self, link_key: bytes, channels: Sequence[int], extended_pan_id: Eui64 | None = None) -> None:
        """As `HanService`."""
        self.lifecycle.join(link_key, channels, extended_pan_id)

    def rejoin(self) -> None:
        """As `HanService`."""
        self.lifecycle.rejoin()

    def leave(self) -> None:
        """As `HanService`."""
        self.lifecycle.leave(rejoin=False)

    def stay_awake(self, duration_s: float) -> None:
        """A sleepy device polls fast for so long: the layer above expects something."""
        self.poller.stay_awake(duration_s)

    def allow_device(
        self,
        eui64: Eui64,
        link_key: bytes,
        join_time_s: float,
        source: KeySource = KeySource.INSTALL_CODE,
    ) -> None:
        """As `HanService`; ``source`` ESTABLISHED for a key from the historic log, HASHED from a backup."""
        self._as_trust_centre().allow(eui64, link_key, join_time_s, source)

    def permit_joining(self, duration_s: float) -> None:
        """As `HanService`."""
        self.membership.permit(duration_s)
        if self.trust_centre is not None:
            self.trust_centre.tell_routers()

    def _permit_at_routers(self, duration_s: float) -> None:
        if any(neighbour.is_router for neighbour in self.nwk.neighbours):
            values = {
                "duration_s": math.ceil(duration_s),
                "trust_centre_significance": 1,
            }
            self.zdp.tell(BROADCAST_ROUTERS, ZdpCluster.MGMT_PERMIT_JOINING_REQ, values)

    def remove_device(self, eui64: Eui64) -> None:
        """As `HanService`."""
        self._as_trust_centre().remove(eui64)

    def device_state(self, eui64: Eui64) -> DeviceState | None:
        """As `HanService`."""
        device = self._as_trust_centre().devices.get(eui64)
        return device.state if device is not None else None

    def _as_trust_centre(self) -> TrustCentre:
        if self.trust_centre is None:
            raise ValueError(f"a {self._role} is no trust centre")
        return self.trust_centre

    # Keys

    def install_link_key(self, partner: Eui64, key: bytes) -> None:
        """As `HanService`."""
        self.aps.keys.install(partner, key, KeySource.ESTABLISHED)
        if self.trust_centre is not None:
            self.trust_centre.authorise(partner)

    def key_establishment_failed(self, partner: Eui64) -> None:
        """As `HanService`."""
        if self.trust_centre is not None:
            self.trust_centre.establishment_failed(partner)

    def request_link_key(self, partner: Eui64) -> None:
        """As `HanService`."""
        self.keys.request_link_key(partner)

    def refresh_network_key(self) -> None:
        """As `HanService`."""
        self._as_trust_centre()
        if self.trust_centre_keys is not None:
            self.trust_centre_keys.refresh()

    def change_channel(self, channel: int) -> None:
        """Coordinator: move the network to another channel; devices that miss it find it by rejoining."""
        self.frequency.change_channel(channel)

    def short_address_of(self, eui64: Eui64) -> int | None:
        """The short address of a device, as far as known."""
        return self.nwk.short if eui64 == self.eui64 else self.nwk.addresses.short(eui64)

    # Data

    def send(
        self,
        destination: Eui64 | int,
        *,
        profile: int,
        cluster: int,
        source_endpoint: int,
        destination_endpoint: int,
        payload: bytes,
        secured: bool | None = None,
        acknowledged: bool = True,
    ) -> int:
        """As `HanService`."""
        self._token = token = self._token + 1
        if secured is None:
            secured = policy.needs_link_key(profile, cluster)
        data = ApsData(
            BROADCAST_ALL,
            profile,
            cluster,
            source_endpoint,
            destination_endpoint,
            payload,
            None,
            acknowledged,
        )
        if not self.ready:
            self._confirm_later(token, DataStatus.NO_NETWORK)
        elif isinstance(destination, int):
            eui64 = self.nwk.addresses.eui64(destination)
            self._send(token, data, destination, eui64, secured=secured)
        else:
            short = self.nwk.addresses.short(destination)
            if short is not None:
                self._send(token, data, short, destination, secured=secured)
            else:
                self._find_and_send(token, data, destination, secured=secured)
        return token

    def _find_and_send(self, token: int, data: ApsData, destination: Eui64, *, secured: bool) -> None:
        def found(short: int | None) -> None:
            if short is None:
                self._confirm_later(token, DataStatus.UNKNOWN_ADDRESS)
            else:
                self._send(token, data, short, destination, secured=secured)

        self.zdp.resolve(destination, found)

    def _send(self, token: int, data: ApsData, short: int, eui64: Eui64 | None, *, secured: bool) -> None:
        data.destination = short
        if secured and short < BROADCAST_FIRST:
            data.link = self.aps.keys.by_partner.get(eui64) if eui64 is not None else None
            needed = policy.needs_link_key(data.profile, data.cluster)
            if data.link is None or (needed and not data.link.established):
                self._confirm_later(token, DataStatus.NO_KEY)
                return
        self.aps.send(data, lambda status: self._emit(DataConfirmed(token, status)))

    def _confirm_later(self, token: int, status: DataStatus) -> None:
        self.core.after(0, lambda: self._emit(DataConfirmed(token, status)))

    def _take_data(self, data: DataReceived, link: LinkKey | None) -> None:
        endpoint = data.destination_endpoint
        if endpoint == ENDPOINT_ZDO:
            if data.profile == PROFILE_ZDP:
                self.zdp.received(data)
            else:
                self.core.refuse("aps", Refusal.NO_ENDPOINT, data.source, data.cluster)
            return
        refusal = policy.refusal(data, link)
        if (
            self.trust_centre is not None
            and data.source is not None
            and self.trust_centre.stranger(data.source)
        ):
            refusal = Refusal.NOT_AUTHORISED
        if refusal is not None:
            self.core.refuse("aps", refusal, data.source or data.short_address, data.cluster)
        elif endpoint != ENDPOINT_BROADCAST and endpoint not in self.zdp_servers.endpoints:
            self.core.refuse("aps", Refusal.NO_ENDPOINT, data.source, data.cluster)
        else:
            self._emit(data)
