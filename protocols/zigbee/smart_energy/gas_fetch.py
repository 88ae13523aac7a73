"""How a sleepy GSME gets its messages: it fetches them from the hub's queue, and puts its own (GBCS 10.2).

===============  =====================================================================
GET              01
GET-RESPONSE     02, messages still waiting after this one, the message (02 00 if none)
PUT              03, the message
===============  =====================================================================
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import (
    MessageDelivered,
    MessageFrom,
    MessageNotDelivered,
    NotDelivered,
)
from protocols.zigbee.smart_energy.settings import LARGEST_FETCHED, TUNNELLING
from protocols.zigbee.smart_energy.tunnelling import Tunnels
from protocols.zigbee.stack.core import Timer

GET, GET_RESPONSE, PUT = 0x01, 0x02, 0x03
_MOST_COUNTED = 0xFF


@dataclass(slots=True, eq=False)
class _Waiting:
    token: int
    octets: bytes
    until: float


@dataclass(slots=True, eq=False)
class _Queue:
    messages: deque[_Waiting] = field(default_factory=deque)
    handing_over: _Waiting | None = None
    asked: bool = False  # for the next, before the hub knew that this one had arrived


class GasQueues:
    """The hub's side: a queue for each sleeper. ``on_pending`` hears whether anything waits (flag 21)."""

    def __init__(self, context: Context, tunnels: Tunnels, limit: int, age_s: float) -> None:
        self._context = context
        self._tunnels = tunnels
        self._limit = limit
        self._age_s = age_s
        self._queues: dict[Eui64, _Queue] = {}
        self._timer: Timer | None = None
        self.on_pending: Callable[[Eui64, bool], None] = lambda *_: None

    def put(self, partner: Eui64, token: int, octets: bytes) -> NotDelivered | None:
        """Keep a message until it is fetched; why that cannot be, or None."""
        if len(octets) > LARGEST_FETCHED:
            return NotDelivered.TOO_LONG
        queue = self._queues.setdefault(partner, _Queue())
        if len(queue.messages) >= self._limit:
            return NotDelivered.QUEUE_FULL
        queue.messages.append(_Waiting(token, octets, self._context.now() + self._age_s))
        self._changed(partner)
        return None

    def waiting(self, partner: Eui64) -> int:
        """Messages that wait for a sleeper."""
        queue = self._queues.get(partner)
        return len(queue.messages) if queue is not None else 0

    def take(self, partner: Eui64, octets: bytes) -> None:
        """What a sleeper sent through its tunnel; what is neither GET nor PUT is ignored."""
        if octets == bytes((GET,)):
            self._fetch(partner)
        elif octets[:1] == bytes((PUT,)) and len(octets) > 1:
            self._context.emit(MessageFrom(partner, octets[1:]))
        else:
            self._context.refuse("no-get-or-put", partner, TUNNELLING)

    def _fetch(self, partner: Eui64) -> None:
        queue = self._queues.setdefault(partner, _Queue())
        if queue.handing_over is not None:
            queue.asked = True
            return
        if not queue.messages:
            self._tunnels.send(partner, bytes((GET_RESPONSE, 0)), lambda _: None)
            return
        message = queue.handing_over = queue.messages[0]
        still = min(len(queue.messages) - 1, _MOST_COUNTED)
        octets = bytes((GET_RESPONSE, still)) + message.octets
        self._tunnels.send(partner, octets, lambda reason: self._handed_over(partner, queue, message, reason))

    def _handed_over(
        self, partner: Eui64, queue: _Queue, message: _Waiting, reason: NotDelivered | None
    ) -> None:
        if queue.handing_over is not message:
            return
        queue.handing_over = None
        asked, queue.asked = queue.asked, False
        if reason is None and message in queue.messages:
            queue.messages.remove(message)
            self._context.emit(MessageDelivered(message.token, partner))
            self._changed(partner)
            if asked:
                self._fetch(partner)

    def drop(self, partner: Eui64, reason: NotDelivered) -> None:
        """The sleeper is gone."""
        queue = self._queues.pop(partner, None)
        if queue is not None:
            queue.handing_over = None
            for message in queue.messages:
                self._context.emit(MessageNotDelivered(message.token, partner, reason))
            self._changed(partner)

    def stop(self) -> None:
        """A power cut: stop."""
        for queue in self._queues.values():
            queue.handing_over = None

    def _changed(self, partner: Eui64) -> None:
        self.on_pending(partner, self.waiting(partner) > 0)
        self._context.keep()
        self._plan()

    def _plan(self) -> None:
        first = min((each.until for queue in self._queues.values() for each in queue.messages), default=None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if first is None else self._context.timers.at(first, self._expire)

    def _expire(self) -> None:
        now = self._context.now()
        for partner, queue in list(self._queues.items()):
            old = [each for each in queue.messages if each.until <= now and each is not queue.handing_over]
            for message in old:
                queue.messages.remove(message)
                self._context.emit(MessageNotDelivered(message.token, partner, NotDelivered.NOT_RETRIEVED))
            if old:
                self._changed(partner)
        if any(each.until <= now for queue in self._queues.values() for each in queue.messages):
            self._timer = self._context.after(1.0, self._expire)  # one is being handed over just now
        else:
            self._plan()

    def state(self) -> dict[str, list[Any]]:
        """What waits, with how many seconds are left for it."""
        now = self._context.now()
        return {
            partner.hex(): [[each.token, each.octets.hex(), each.until - now] for each in queue.messages]
            for partner, queue in self._queues.items()
            if queue.messages
        }

    def restore(self, state: dict[str, list[Any]]) -> None:
        """Take it back."""
        now = self._context.now()
        for partner, rows in state.items():
            messages = (_Waiting(token, bytes.fromhex(octets), now + left) for token, octets, left in rows)
            self._queues[Eui64(partner)] = _Queue(deque(messages))
        self._plan()


class GasFetcher:
    """The GSME's side. ``on_over`` hears, at the end of fetching, whether anything came."""

    def __init__(self, context: Context, tunnels: Tunnels, wait_s: float) -> None:
        self._context = context
        self._tunnels = tunnels
        self._wait_s = wait_s
        self._timer: Timer | None = None
        self._tries = 0
        self._came = False
        self.busy = False
        self.on_over: Callable[[bool], None] = lambda _: None

    def fetch(self, hub: Eui64) -> None:
        """Fetch until nothing waits."""
        if not self.busy:
            self.busy, self._came, self._tries = True, False, 0
            self._get(hub)

    def _get(self, hub: Eui64) -> None:
        self._tries += 1
        self._tunnels.send(hub, bytes((GET,)), lambda reason: self._asked(hub, reason))
        self._watch(hub, 4 * self._wait_s)

    def _asked(self, hub: Eui64, reason: NotDelivered | None) -> None:
        if self._timer is None:
            return
        if reason is not None:
            self._over()
        else:
            self._context.stay_awake(self._wait_s)
            self._watch(hub, self._wait_s)

    def _watch(self, hub: Eui64, wait_s: float) -> None:
        self._stop_watching()
        self._timer = self._context.after(wait_s, lambda: self._silent(hub))

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _silent(self, hub: Eui64) -> None:
        self._timer = None
        if self._tries < 2:
            self._get(hub)
        else:
            self._over()

    def take(self, hub: Eui64, octets: bytes) -> None:
        """What came through the tunnel."""
        if len(octets) < 2 or octets[0] != GET_RESPONSE:
            self._context.refuse("no-get-response", hub, TUNNELLING)
            return
        self._stop_watching()
        message = octets[2:]
        self._came = self._came or bool(message)
        if message and octets[1]:
            self._tries = 0
            self.busy = True
            self._get(hub)
        elif self.busy:
            self._over()
        if message:
            self._context.emit(MessageFrom(hub, message))

    def _over(self) -> None:
        self._stop_watching()
        self.busy = False
        self.on_over(self._came)

    def stop(self) -> None:
        """A power cut, or the hub is gone."""
        self._stop_watching()
        self.busy = False
