"""A device of ours, stack and all, in real time on the air."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, TypeVar

from protocols.zigbee.stack.node import Node

if TYPE_CHECKING:
    from protocols.han import HanEvent, HanRole
    from protocols.radio import FrameRadio

Event = TypeVar("Event")


class LiveNode:
    """A `Node` whose timers run on the event loop, and what it told."""

    def __init__(self, role: HanRole, radio: FrameRadio) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self.events: list[HanEvent] = []
        self.node = Node(role, radio, self._loop.time, Random(1))
        self.node.listen(self)
        self.node.on_earlier = lambda _due: self.arm()

    def han_event(self, event: HanEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def arm(self) -> None:
        """Wait for what is due next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.node.next_due()
        if due is not None:
            self._timer = self._loop.call_at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        self.node.run_due(self._loop.time())
        self.arm()

    async def event(self, kind: type[Event], seconds: float = 15.0) -> Event:
        """The first event of that kind, now or later; takes it from ``events``."""
        async with asyncio.timeout(seconds):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        self.events.remove(event)
                        return event
                self._changed.clear()
                await self._changed.wait()

    def close(self) -> None:
        """Stop."""
        self.node.close()
        if self._timer is not None:
            self._timer.cancel()
