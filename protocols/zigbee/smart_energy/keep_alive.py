"""The keep-alive cluster (0x0025): devices see now and then whether the trust centre is there."""

from __future__ import annotations

from collections.abc import Callable

from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.settings import KEEP_ALIVE, DeviceSettings, HubSettings
from protocols.zigbee.smart_energy.zcl_attributes import Attributes
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address, Reply
from protocols.zigbee.stack.core import Timer

_BASE, _JITTER = 0x0000, 0x0001
_BASE_MIN, _JITTER_S = 10, 300  # before the hub has told its own


def keep_alive_attributes(settings: HubSettings) -> Attributes:
    """What the hub serves."""
    values = {_BASE: settings.keep_alive_base_min, _JITTER: settings.keep_alive_jitter_s}
    return Attributes(values.get, names=lambda: values)


class KeepAlive:
    """The client. ``on_lost`` hears that the hub did not answer so many times."""

    def __init__(
        self, context: Context, zcl: ZclLayer, settings: DeviceSettings, address: Callable[[], Address | None]
    ) -> None:
        self._context = context
        self._zcl = zcl
        self._settings = settings
        self._address = address
        self._base_s = 60.0 * _BASE_MIN
        self._jitter_s = float(_JITTER_S)
        self._failures = 0
        self._timer: Timer | None = None
        self.on_lost: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin, or begin again after a rejoin."""
        self._failures = 0
        self._plan()

    def stop(self) -> None:
        """No hub to ask."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _plan(self) -> None:
        self.stop()
        if self._failures:
            delay = self._settings.keep_alive_retry_s
        else:
            delay = self._base_s + self._context.random.uniform(0, self._jitter_s)
        self._timer = self._context.after(delay, self._ask)

    def _ask(self) -> None:
        self._timer = None
        address = self._address()
        if address is not None:
            self._zcl.read(address, KEEP_ALIVE, (_BASE, _JITTER), self._answered)

    def _answered(self, reply: Reply) -> None:
        if self._timer is not None or self._address() is None:
            return  # begun anew meanwhile
        values = reply.attributes() if reply.is_answer else {}
        base, jitter = values.get(_BASE), values.get(_JITTER)
        if isinstance(base, int) and isinstance(jitter, int):
            # A hub that says 0 would have us ask without pause.
            self._base_s, self._jitter_s = max(60.0, 60.0 * base), float(jitter)
            self._failures = 0
        else:
            self._failures += 1
        if self._failures < self._settings.keep_alive_failures:
            self._plan()
        else:
            self.on_lost()
