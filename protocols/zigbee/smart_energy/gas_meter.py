"""What makes a GSME a sleeper: it wakes now and then, looks at its flags, fetches, reports (GBCS 10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import FlagsRaised, MirrorReported
from protocols.zigbee.smart_energy.gas_fetch import GasFetcher
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, PUSH_FLAGS, Flag
from protocols.zigbee.smart_energy.mirror_client import Flags, MirrorClient
from protocols.zigbee.smart_energy.settings import DeviceSettings
from protocols.zigbee.smart_energy.tunnelling import Tunnels
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.stack.core import Timer


class GasMeter:
    """The routine. ``may_report``: whether data may be given; the other hooks are what flags bring about."""

    def __init__(
        self,
        context: Context,
        zcl: ZclLayer,
        tunnels: Tunnels,
        settings: DeviceSettings,
        *,
        source: Callable[[int, int], Any],
        wait_s: float,
    ) -> None:
        self._context = context
        self._settings = settings
        self._timer: Timer | None = None
        self._hub: Eui64 | None = None
        self._awake_until = 0.0
        self._waking = False
        self._dozing_s: float | None = None
        self.mirror = MirrorClient(context, zcl, source, settings.reported)
        self.mirror.on_flags = self._flags
        self._fetcher = GasFetcher(context, tunnels, wait_s)
        self._fetcher.on_over = self._fetched
        self.may_report: Callable[[], bool] = lambda: False
        self.on_firmware: Callable[[], None] = lambda: None
        self.on_key_update: Callable[[], None] = lambda: None
        self.on_mirror_lost: Callable[[], None] = lambda: None

    def start(self, hub: Eui64) -> None:
        """Commissioned: wake at once, then on schedule."""
        self._hub = hub
        self._waking = False
        self.mirror.forget()
        self._awake(self._settings.awake_s)
        self.wake()

    def stop(self) -> None:
        """Off the network."""
        self._hub = None
        self._waking = False
        self._fetcher.stop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wake(self) -> None:
        """Look at the flags, report, plan the next time."""
        hub = self._hub
        if hub is None or self._waking:
            return
        self._waking = True

        def looked(seen: bool) -> None:
            if not seen and self.mirror.endpoint is None:
                self.on_mirror_lost()
            if seen and self.may_report():
                self.mirror.report(hub, reported)
            else:
                reported(False)

        def reported(done: bool) -> None:
            self._waking = False
            self._plan()
            if done:
                self._context.emit(MirrorReported())

        self._plan()
        self.mirror.read_flags(hub, looked)

    def doze(self, period_s: float | None) -> None:
        """Wake only so often for now, where that is less often; None: as set, and at once."""
        self._dozing_s = period_s
        if period_s is None:
            self.wake()

    def take(self, hub: Eui64, octets: bytes) -> None:
        """What came through the tunnel."""
        self._fetcher.take(hub, octets)

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._hub is not None:
            soon = self._context.now() < self._awake_until
            usual = max(self._settings.wake_period_s, self._dozing_s or 0.0)
            period = self._settings.awake_period_s if soon else usual
            self._timer = self._context.after(period, self.wake)

    def _awake(self, duration_s: float) -> None:
        self._awake_until = max(self._awake_until, self._context.now() + duration_s)

    def _fetched(self, came: bool) -> None:
        if came:
            self._awake(self._settings.awake_s)
            self._plan()

    def _flags(self, flags: Flags) -> None:
        functional = Flag(flags.get(FUNCTIONAL, 0))
        if functional & Flag.TUNNEL_MESSAGE_PENDING and self._hub is not None:
            self._fetcher.fetch(self._hub)
        if functional & (Flag.STAY_AWAKE_HAN | Flag.STAY_AWAKE_WAN):
            self._awake(self._settings.stay_awake_s)
        if functional & PUSH_FLAGS:
            self.mirror.forget()
        if functional & Flag.NEW_FIRMWARE:
            self.on_firmware()
        if functional & Flag.KEY_UPDATE:
            self.on_key_update()
        for attribute, bits in flags.items():
            if bits:
                self._context.emit(FlagsRaised(attribute, bits))
