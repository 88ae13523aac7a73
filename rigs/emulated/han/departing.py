"""A device's messages on their way to the hub: some wait for the HAN, alerts until the hub has them.

A response waits as long as the device has supply. An alert is noted in the device's outbox until the hub has
acknowledged it; one that did not arrive goes again when the HAN is there again, or when the device restarts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rigs.emulated.han.large import LargeMessages
    from rigs.emulated.outbox import Outbox

# Messages in the tunnel's own queue, which holds more: a storm of alerts waits here, behind what was asked.
_AT_ONCE = 8


class Departing:
    """``put`` hands octets to the tunnel and gives a token, None when there is no application.

    ``way`` is what large messages go by, None while the HAN is not there.
    """

    def __init__(
        self, outbox: Outbox, put: Callable[[bytes], int | None], way: Callable[[], LargeMessages | None]
    ) -> None:
        self._outbox = outbox
        self._put = put
        self._way = way
        self._held: list[bytes] = []  # of these, whatever is no alert goes first
        self._alerts: list[bytes] = []
        self._failed: list[bytes] = []  # alerts too
        self._under_way: dict[int, bytes] = {}

    def send(self, message: bytes) -> None:
        """Send a message, behind those of its kind that wait already."""
        self._outbox.hold(message)
        waiting = self._alerts if message in self._outbox.waiting() else self._held
        # What the device says again because it restarts may wait here already.
        if message not in waiting:
            waiting.append(message)
        self._go_on()

    def _go_on(self) -> None:
        while (self._held or self._alerts) and len(self._under_way) < _AT_ONCE:
            large = self._way()
            if large is None:
                return
            self._go((self._held or self._alerts).pop(0), large)

    def _go(self, message: bytes, large: LargeMessages) -> None:
        if not large.fits(message):
            large.send(message, lambda done: self._over(message, done=done))
            return
        token = self._put(message)
        if token is not None:
            self._under_way[token] = message

    def let_out(self) -> None:
        """The HAN is there again: send what waits, and what did not arrive."""
        self._alerts, self._failed = [*self._failed, *self._alerts], []
        self._go_on()

    def heard(self, token: int, *, done: bool) -> None:
        """The way of what was put under this token is over."""
        message = self._under_way.pop(token, None)
        if message is not None:
            self._over(message, done=done)
        self._go_on()

    def _over(self, message: bytes, *, done: bool) -> None:
        if done:
            self._outbox.arrived(message)
        elif message in self._outbox.waiting():
            self._failed.append(message)

    def interrupted(self) -> None:
        """The stack begins anew; it will not say what became of these."""
        under_way, self._under_way = self._under_way, {}
        for message in under_way.values():
            self._over(message, done=False)

    def lost(self) -> None:
        """A power cut: the device says again what it remembers."""
        for each in (self._held, self._alerts, self._failed, self._under_way):
            each.clear()

    def removed(self) -> None:
        """The device is no longer of this HAN: nobody is to hear of what it had to say there."""
        self.lost()
        self._outbox.clear()
