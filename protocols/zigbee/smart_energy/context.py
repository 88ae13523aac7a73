"""What the parts of one hub or device share: the HAN, time, timers, randomness, the listener, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, runtime_checkable

from protocols.eui64 import Eui64
from protocols.han import HanService
from protocols.zigbee.smart_energy.events import KeepState, Malformed, SmartEnergyEvent
from protocols.zigbee.stack.core import Timer, Timers

_TOLD_LIMIT = 256


@runtime_checkable
class StaysAwake(Protocol):
    """A service of a sleepy device that can be told to poll fast for a while."""

    def stay_awake(self, duration_s: float) -> None:
        """Something is expected within so long."""


@dataclass(slots=True)
class Context:
    """``emit`` tells the listener; ``now`` gives monotonic seconds."""

    service: HanService
    now: Callable[[], float]
    random: Random
    emit: Callable[[SmartEnergyEvent], None]
    timers: Timers = field(default_factory=Timers)
    statistics: Counter[str] = field(default_factory=Counter)
    told: set[tuple[Eui64 | None, int, str]] = field(default_factory=set)
    _sleeper: StaysAwake | None = None

    def __post_init__(self) -> None:
        self._sleeper = self.service if isinstance(self.service, StaysAwake) else None

    def after(self, delay_s: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` in ``delay_s`` seconds."""
        return self.timers.at(self.now() + delay_s, action)

    def keep(self) -> None:
        """Something worth keeping changed."""
        self.emit(KeepState())

    def refuse(self, reason: str, partner: Eui64 | None, cluster: int) -> None:
        """Count something that was not accepted; tell the first of its kind."""
        self.statistics[f"zcl.{reason}"] += 1
        kind = (partner, cluster, reason)
        if kind not in self.told and len(self.told) < _TOLD_LIMIT:
            self.told.add(kind)
            self.emit(Malformed(partner, cluster, reason))

    def stay_awake(self, duration_s: float) -> None:
        """An answer is expected that the service does not know of."""
        if self._sleeper is not None:
            self._sleeper.stay_awake(duration_s)
