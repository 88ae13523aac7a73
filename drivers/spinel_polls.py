"""A sleeper's own polls: its receiver is on from the poll to the frame, or to the end of the wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from drivers.spinel_statistics import RadioStatistics

# macMaxFrameTotalWaitTime at 2.4 GHz, and time for the line.
_WAIT_S = 0.032 + 0.02


class OwnPolls:
    """``switch(on)`` switches the receiver."""

    def __init__(self, switch: Callable[[bool], None], statistics: RadioStatistics, longest_s: float) -> None:
        self._switch = switch
        self._statistics = statistics
        self._longest_s = longest_s
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._pending = False

    def begin(self) -> None:
        """A poll is about to be sent."""
        self.cancel()
        self._statistics.own_polls += 1
        self._switch(True)
        self._timer = self._loop.call_later(self._longest_s, self._end)

    def sent(self, *, frame_pending: bool) -> None:
        """It has been sent; ``frame_pending`` as acknowledged."""
        if self._timer is None:
            return
        if not frame_pending:
            self._end()
            return
        self._timer.cancel()
        self._statistics.own_polls_pending += 1
        self._pending = True
        self._timer = self._loop.call_later(_WAIT_S, self._end)

    def heard(self) -> None:
        """A frame came."""
        if self._pending:
            self._statistics.own_polls_served += 1
            self._end()

    def _end(self) -> None:
        self.cancel()
        self._switch(False)

    def cancel(self) -> None:
        """Forget the poll."""
        self._pending = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
