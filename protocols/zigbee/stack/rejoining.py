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
    """Plans rejoin attempts; trying goes on until it works.

    ``on_failure`` hears that the first round failed, and once that the network refused us. A refusal by the
    trust centre ends a round: other channels have no other answer. A refusal is told whatever comes after it:
    a beacon that gets lost says nothing about us.
    """

    def __init__(self, core: Core, mac: MacService, joiner: Joiner) -> None:
        self._core = core
        self._mac = mac
        self._joiner = joiner
        self.on_failure: Callable[[JoinFailure, str], None] = lambda *_: None
        self.channels: tuple[int, ...] = ALL_CHANNELS
        self.active = False
        self._round = 0
        self._refusal: str | None = None
        self._told = False  # of a refusal
        self._plan: list[tuple[bool, tuple[int, ...]]] = []
        self._secured = True  # the attempt under way
        self._timer: Timer | None = None

    def start(self, *, secured: bool = True) -> None:
        """Begin; not ``secured``: the network key changed without us, so only the trust centre can help."""
        self.stop()
        self.active = True
        self._round = 0
        self._told = False
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
        self._refusal = None
        self._next()

    def _next(self) -> None:
        self._secured, channels = self._plan.pop(0)
        self._joiner.rejoin(channels, secured=self._secured)

    def failed(self, failure: JoinFailure, detail: str) -> None:
        """One attempt failed."""
        refused = failure is JoinFailure.REJOIN_REFUSED
        if refused:
            self._refusal = detail
        if self._plan and not (refused and not self._secured):
            self._next()
            return
        if self._refusal is not None:
            failure, detail = JoinFailure.REJOIN_REFUSED, self._refusal
        news = self._refusal is not None and not self._told
        self._told = self._told or news
        first = self._round == 0
        self._pause()
        if first or news:
            self.on_failure(failure, detail)

    def _pause(self) -> None:
        pause = min(_FIRST_PAUSE_S * 2**self._round, _LONGEST_PAUSE_S)
        self._round += 1
        pause *= self._core.random.uniform(0.8, 1.2)
        self._timer = self._core.after(pause, lambda: self._attempt_all(secured=True))
