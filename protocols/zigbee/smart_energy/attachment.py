"""How a device comes to belong to a hub and stays with it: join, link key, keep-alive, rejoin, partners."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from protocols.eui64 import Eui64
from protocols.han import (
    DataConfirmed,
    DataReceived,
    HanEvent,
    JoinFailure,
    KeySource,
    LinkKeyChanged,
    LinkKeyRefused,
    NetworkDown,
    NetworkUp,
    ParentLost,
)
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.machine import Established, Failed
from protocols.zigbee.smart_energy.commissioning import Commissioning
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import (
    HanSaid,
    HubLost,
    Joined,
    KeyFailure,
    Left,
    NotJoined,
    PartnerFailed,
    PartnerReady,
    Ready,
    Rejoined,
)
from protocols.zigbee.smart_energy.keep_alive import KeepAlive
from protocols.zigbee.smart_energy.key_establishment import KeyRunner
from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, HUB_ENDPOINT, DeviceSettings
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address
from protocols.zigbee.stack.core import Timer


class Lost(Protocol):
    """Hears that the network is gone; ``for_good``: and the hub is not ours any more."""

    def __call__(self, *, for_good: bool) -> None:
        """Take it."""


class Attachment:
    """``hub`` is set while there is a link key with it; ``last_hub`` is the one there was before."""

    def __init__(
        self, context: Context, zcl: ZclLayer, credentials: Iterable[Credentials], settings: DeviceSettings
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._settings = settings
        self._trust_centre: Eui64 | None = None
        self._tries = 0
        self._joining = False
        self._historic: bytes | None = None
        self._timer: Timer | None = None
        self._keyed: set[Eui64] = set()
        self.hub: Eui64 | None = None
        self.last_hub: Eui64 | None = None
        self.partners: set[Eui64] = set()
        self.keys = KeyRunner(context, zcl, credentials, DEVICE_ENDPOINT, settings.key_times)
        self.keys.on_established = self._established
        self.keys.on_failed = self._failed
        self.keep_alive = KeepAlive(context, zcl, settings, self.hub_address)
        self.keep_alive.on_lost = self._hub_lost
        self.commissioning = Commissioning(context, settings.key_retry_s, self._ready)
        self.on_ready: Callable[[], None] = lambda: None
        self.on_lost: Lost = _nothing_lost
        self.on_gas_partner: Callable[[], None] = lambda: None

    def hub_address(self) -> Address | None:
        """Where the hub's main endpoint is; None without a hub."""
        return None if self.hub is None else Address(self.hub, HUB_ENDPOINT, DEVICE_ENDPOINT)

    # Joining

    def join(self, key: bytes, channels: tuple[int, ...], *, historic: bool) -> None:
        """Join anew; a hub there was is forgotten."""
        if self.hub is not None:
            self._forget_hub()
        self._stop_trying()
        self.keys.machine.forget(self._trust_centre or self._context.service.eui64)
        self._trust_centre = None
        self._joining = True
        self._historic = key if historic else None
        self._context.service.join(key, channels or self._settings.channels)

    def renew_key(self) -> None:
        """Establish a new link key with the hub."""
        if self.hub is not None and not self.keys.machine.is_busy(self.hub):
            self.keys.start(self.hub, HUB_ENDPOINT)

    def han_event(self, event: HanEvent) -> None:
        """What the service tells."""
        if isinstance(event, DataReceived):
            self._zcl.receive(event)
            return
        if isinstance(event, DataConfirmed):
            self._zcl.confirmed(event)
            return
        if isinstance(event, NetworkUp):
            self._up(event)
        elif isinstance(event, NetworkDown):
            self._down(event)
        elif isinstance(event, ParentLost):
            self.keep_alive.stop()
        elif isinstance(event, LinkKeyChanged):
            self._key_changed(event)
        elif isinstance(event, LinkKeyRefused) and event.partner in self.partners:
            self._context.emit(PartnerFailed(event.partner))
        self._context.emit(HanSaid(event))

    def _up(self, event: NetworkUp) -> None:
        if self.hub is not None:
            self._context.emit(Rejoined(self.hub))
            self.keep_alive.start()
            self.commissioning.start()
            return
        if self._trust_centre is None:
            # In a GB HAN the extended PAN identifier is the EUI-64 of the hub's radio.
            self._trust_centre = event.network.extended_pan_id
        self._tries = 0
        historic, self._historic = self._historic, None
        if historic is None:
            self._establish()
        else:
            self._context.service.install_link_key(self._trust_centre, historic)
            self._belongs_to(self._trust_centre, historic)

    def _down(self, event: NetworkDown) -> None:
        self._stop_trying()
        self.keep_alive.stop()
        if self.hub is None:
            if self._trust_centre is not None:
                self.keys.forget(self._trust_centre)
            self._not_joined(event.reason, event.detail)
        elif event.reason is JoinFailure.LEFT:
            self._forget_hub()
            self._context.emit(Left())
        else:
            # The service goes on looking for its network.
            self.commissioning.stop()
            self.on_lost(for_good=False)

    def _forget_hub(self) -> None:
        self.last_hub, self.hub = self.hub, None
        self.partners.clear()
        self._keyed.clear()
        if self.last_hub is not None:
            self.keys.forget(self.last_hub)
        self.keep_alive.stop()
        self.commissioning.stop()
        self.on_lost(for_good=True)
        self._context.keep()

    # The link key

    def _establish(self) -> None:
        self._timer = None
        partner = self._trust_centre
        if partner is None or self._context.service.network is None:
            return
        self._tries += 1
        problem = self.keys.start(partner, HUB_ENDPOINT)
        if problem is not None:
            self._give_up(KeyFailure.REFUSED, problem)

    def _established(self, event: Established, _: Address) -> None:
        if event.partner == (self.hub or self._trust_centre):
            self._belongs_to(event.partner, event.link_key)

    def _belongs_to(self, hub: Eui64, key: bytes) -> None:
        self._stop_trying()
        self._joining = False
        first, self.hub = self.hub is None, hub
        self._context.keep()
        self._context.emit(Joined(hub, key))
        if first:
            self.keep_alive.start()
            self.commissioning.start()

    def _failed(self, failed: Failed) -> None:
        self._context.statistics["keys.failed"] += 1
        if self.hub is not None or failed.partner != self._trust_centre or not failed.initiator:
            return
        if failed.is_final:
            self._give_up(KeyFailure.REFUSED, failed.reason)
        elif self._tries >= self._settings.key_tries:
            self._give_up(KeyFailure.NO_ANSWER, failed.reason)
        else:
            delay = max(self._settings.key_retry_s, float(failed.wait_time))
            self._timer = self._context.after(delay, self._establish)

    def _give_up(self, reason: KeyFailure, detail: str) -> None:
        self._stop_trying()
        self._not_joined(reason, detail)
        self._context.service.leave()

    def _not_joined(self, reason: JoinFailure | KeyFailure, detail: str) -> None:
        """Tell once: leaving because of it is no news."""
        if self._joining:
            self._joining = False
            self._context.emit(NotJoined(reason, detail))

    def _stop_trying(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ready(self) -> None:
        if self.hub is not None:
            self._context.emit(Ready(self.hub))
            self.on_ready()

    def _hub_lost(self) -> None:
        self._context.emit(HubLost())
        self.commissioning.stop()
        self.on_lost(for_good=False)
        self._context.service.rejoin()

    # Partners

    def is_partner(self, eui64: Eui64) -> bool:
        """Whether data is exchanged with it."""
        return eui64 in self.partners

    def add_partner(self, eui64: Eui64) -> None:
        """Have a link key with another device."""
        self.partners.add(eui64)
        self._context.keep()
        if eui64 == self.hub or eui64 in self._keyed:
            self._context.after(0, lambda: self._partner_ready(eui64))
        else:
            self._context.service.request_link_key(eui64)

    def _partner_ready(self, eui64: Eui64) -> None:
        if eui64 in self.partners:
            self._context.emit(PartnerReady(eui64))
            if eui64 == self.hub:
                self.on_gas_partner()

    def remove_partner(self, eui64: Eui64) -> None:
        """Exchange nothing more with it."""
        if eui64 in self.partners:
            self.partners.discard(eui64)
            self._context.keep()

    def _key_changed(self, event: LinkKeyChanged) -> None:
        if event.source is KeySource.INSTALL_CODE:
            self._trust_centre = event.partner
        elif event.source is KeySource.HASHED:
            self._succeeded_by(event.partner)
        elif event.source is KeySource.TRUST_CENTRE:
            self._keyed.add(event.partner)
            self._context.keep()
            if event.partner in self.partners:
                self._partner_ready(event.partner)

    def _succeeded_by(self, hub: Eui64) -> None:
        """Another hub took the place of ours (trust centre swap-out): a key of its own is needed first."""
        if self.hub is not None:
            self._forget_hub()
        self._trust_centre = hub
        self._joining = True
        self._context.keep()

    # Persistence

    def state(self) -> dict[str, Any]:
        """What to keep."""
        return {
            "hub": None if self.hub is None else self.hub.hex(),
            "trust_centre": None if self._trust_centre is None else self._trust_centre.hex(),
            "partners": sorted(each.hex() for each in self.partners),
            "keyed": sorted(each.hex() for each in self._keyed),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take it back."""
        self.hub = None if state["hub"] is None else Eui64(state["hub"])
        trust_centre = state.get("trust_centre")  # not in states of earlier versions
        self._trust_centre = None if trust_centre is None else Eui64(trust_centre)
        self.partners = {Eui64(each) for each in state["partners"]}
        self._keyed = {Eui64(each) for each in state["keyed"]}


def _nothing_lost(*, for_good: bool) -> None:
    del for_good
