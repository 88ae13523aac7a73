"""The step of commissioning at whose end a device has a tunnel with its hub, whoever opens it."""

from __future__ import annotations

from collections.abc import Callable

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import SmartEnergyEvent, TunnelOpened, TunnelRefused
from protocols.zigbee.smart_energy.tunnelling import Tunnels

_HUB_OPENS_WITHIN_S = 10.0
Done = Callable[[bool], None]


class TunnelStep:
    """One device's. ``hub`` gives its hub now; ``wait_s`` is how long the step may take."""

    def __init__(
        self, context: Context, tunnels: Tunnels, hub: Callable[[], Eui64 | None], *, wait_s: float
    ) -> None:
        self._context, self._tunnels, self._hub, self._wait_s = context, tunnels, hub, wait_s
        self._wanted: Done | None = None

    def have(self, hub: Eui64 | None, done: Done, *, open_at_once: bool) -> None:
        """Have one; ``done`` hears whether there is. Unless ``open_at_once`` the hub may open it first."""
        if hub is None:
            return
        if self._tunnels.is_open(hub):
            done(True)
            return
        self._wanted = done
        if open_at_once:
            self._tunnels.open(hub)
        else:
            self._context.after(_HUB_OPENS_WITHIN_S, lambda: self._open(done))
        self._context.after(self._wait_s, lambda: self._late(done))

    def heard(self, event: SmartEnergyEvent) -> None:
        """Something happened: perhaps what is waited for."""
        wanted = self._wanted
        refused = isinstance(event, TunnelRefused) and event.by_partner
        if wanted is not None and (refused or isinstance(event, TunnelOpened)):
            self._wanted = None
            wanted(not refused)

    def give_up(self) -> None:
        """There is no network now."""
        self._wanted = None

    def _open(self, done: Done) -> None:
        hub = self._hub()
        if self._wanted is done and hub is not None:
            self._tunnels.open(hub)

    def _late(self, done: Done) -> None:
        if self._wanted is done:
            self._wanted = None
            done(False)
