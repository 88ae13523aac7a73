"""What a device does once it is on the HAN, in order: link key, time, mirror (GSME), tunnel (GBCS 10.3)."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.stack.core import Timer


class Step(Enum):
    """What is to be done next."""

    KEY = auto()
    TIME = auto()
    MIRROR = auto()
    TUNNEL = auto()
    READY = auto()


Action = Callable[[Callable[[bool], None]], None]
"""Does a step and tells, later, whether that worked."""
_LONGEST_PAUSE = 32


class Commissioning:
    """Takes steps until all are done, each again after a while where it failed; all but ``KEY``."""

    def __init__(self, context: Context, retry_s: float, on_ready: Callable[[], None]) -> None:
        self._context = context
        self._retry_s = retry_s
        self._on_ready = on_ready
        self._timer: Timer | None = None
        self._turn = 0
        self._failures = 0
        self.actions: dict[Step, Action] = {}
        self.step = Step.KEY

    def start(self) -> None:
        """The link key is there: do all the rest, anew."""
        self.stop()
        self._advance()

    def stop(self) -> None:
        """The network is gone."""
        self.step = Step.KEY
        self._turn += 1
        self._failures = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _advance(self) -> None:
        steps = list(Step)
        following = steps[steps.index(self.step) + 1 :]
        self.step = next((each for each in following if each in self.actions), Step.READY)
        self._failures = 0
        if self.step is Step.READY:
            self._on_ready()
        else:
            self._do()

    def _do(self) -> None:
        self._timer = None
        turn = self._turn

        def done(worked: bool) -> None:
            if turn != self._turn:
                return
            self._turn += 1
            if worked:
                self._advance()
                return
            self._failures += 1
            pause = self._retry_s * min(2 ** (self._failures - 1), _LONGEST_PAUSE)
            self._timer = self._context.after(pause, self._do)

        self.actions[self.step](done)
