"""Coming back to a network: secured, then through the trust centre, then again after a while, for ever."""

from __future__ import annotations

from collections.abc import Callable

from protocols.han import JoinFailure
from protocols.zigbee.stack.constants import ALL_CHANNELS
from protocols.zigbee.stack.core import Core, Timer
from protocols.zigbee.stack.joining import Joiner
from protocols.zigbee.stack.mac_service import MacService

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 900.0


class Rejoiner:
    """Plans rejoin attempts. ``on_failure`` hears once that a whole round failed; trying goes on."""

    def __init__(self, core: Core, mac: MacService, joiner: Joiner) -> None:
        self._core = core
        self._mac = mac
        self._joiner = joiner
        self.on_failure: Callable[[JoinFailure, str], None] = lambda *_: None
        self.channels: tuple[int, ...] = ALL_CHANNELS
        self.active = False
        self._round = 0
        self._plan: list[tuple[bool, tuple[int, ...]]] = []
        self._timer: Timer | None = None

    def start(self, *, secured: bool = True) -> None:
        """Begin; not ``secured``: the network key changed without us, so only the trust centre can help."""
        self.stop()
        self.active = True
        self._round = 0
        self._attempt_all(secured=secured)

    def stop(self) -> None:
        """Give up or be done."""
        self.active = False
        self._joiner.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _attempt_all(self, *, secured: bool) -> None:
        here = (self._mac.settings.channel,)
        ways = (True, False) if secured else (False,)
        # The network may have moved to a channel that it was not looked for on before.
        wider = dict.fromkeys((here, self.channels, ALL_CHANNELS))
        self._plan = [(way, channels) for channels in wider for way in ways]
        self._next()

    def _next(self) -> None:
        secured, channels = self._plan.pop(0)
        self._joiner.rejoin(channels, secured=secured)

    def failed(self, failure: JoinFailure, detail: str) -> None:
        """One attempt failed."""
        if self._plan:
            self._next()
            return
        if self._round == 0:
            self.on_failure(failure, detail)
        pause = min(_FIRST_PAUSE_S * 2**self._round, _LONGEST_PAUSE_S)
        self._round += 1
        pause *= self._core.random.uniform(0.8, 1.2)
        self._timer = self._core.after(pause, lambda: self._attempt_all(secured=True))
