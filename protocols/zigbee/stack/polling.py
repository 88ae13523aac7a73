"""When an end device talks to its parent unasked: polls, keep-alive, and what shows that it is gone."""

from __future__ import annotations

from collections.abc import Callable

from protocols.han import HanRole
from protocols.radio import TransmitStatus
from protocols.zigbee.stack.core import Core, Timer
from protocols.zigbee.stack.mac_service import MacService, PollOutcome


class Poller:
    """Polls the parent: seldom, and fast while something is expected. ``on_lost`` hears that it is gone.

    ``wanted`` says whether an answer is awaited; traffic keeps polling fast for ``hold_s``.
    """

    def __init__(self, core: Core, mac: MacService, role: HanRole, wanted: Callable[[], bool]) -> None:
        self._core = core
        self._mac = mac
        self._sleepy = role is HanRole.SLEEPY_END_DEVICE
        self._wanted = wanted
        self.interval_s = 5.0
        self.fast_interval_s = 0.1
        self.keep_alive_s = 60.0
        self.hold_s = 0.5
        self.failures_allowed = 4
        self.on_lost: Callable[[], None] = lambda: None
        self.polls = 0
        self.answered = 0
        self._parent: int | None = None
        self._fast_until = 0.0
        self._timer: Timer | None = None
        self._failures = 0

    def start(self, parent: int) -> None:
        """Begin with this parent."""
        self._parent = parent
        self._failures = 0
        self._plan()

    def stop(self) -> None:
        """Cease."""
        self._parent = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def stay_awake(self, duration_s: float) -> None:
        """Poll fast for so long, because something is expected."""
        self._fast_until = max(self._fast_until, self._core.now() + duration_s)
        if self._sleepy and self._parent is not None:
            timer = self._timer
            if timer is None or timer.action is None or timer.due > self._core.now() + self.fast_interval_s:
                self._plan()

    def traffic(self) -> None:
        """Something was sent or received."""
        if self._sleepy:
            self.stay_awake(self.hold_s)

    def parent_took(self, taken: bool) -> None:
        """A frame to the parent was acknowledged, or was not."""
        if self._parent is None:
            return
        self._failures = 0 if taken else self._failures + 1
        if self._failures >= self.failures_allowed:
            self._core.after(0, self._lost)
        elif not taken:
            self._plan()

    def _lost(self) -> None:
        if self._parent is not None and self._failures >= self.failures_allowed:
            self.stop()
            self.on_lost()

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._failures:
            delay = 1.0
        elif not self._sleepy:
            delay = self.keep_alive_s
        elif self._wanted() or self._core.now() < self._fast_until:
            delay = self.fast_interval_s
        else:
            delay = self.interval_s
        self._timer = self._core.after(delay, self._poll)

    def _poll(self) -> None:
        if self._parent is None:
            return
        self.polls += 1
        if not self._mac.poll(self._parent, self._polled):
            self._plan()

    def _polled(self, outcome: PollOutcome) -> None:
        if self._parent is None:
            return
        if outcome.status is not TransmitStatus.DONE:
            self.parent_took(False)
            return
        self._failures = 0
        if outcome.received:
            self.answered += 1
            self._core.after(0, self._poll)
        else:
            self._plan()
