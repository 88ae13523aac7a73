"""Messages that are too large for one transfer on the HAN go in blocks (GBCS 7.2.11), between hub and device.

In the field the remote party splits and joins them. Here the hub does, because its WAN port carries whole
messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.errors import CodecError
from protocols.gbcs.gbt_endpoint import BlockTransfer
from protocols.gbcs.gbt_events import Delivered, Event, Failed, Received, Transmit
from protocols.gbcs.message import parse_message

if TYPE_CHECKING:
    from protocols.gbcs.gbt import GbtParameters
    from rigs.emulated.air import Scheduler
    from rigs.emulated.air.scheduler import Cancellable

_Outcome = Callable[[bool], None]


class LargeMessages:
    """One end of a wire: ``put`` gets octets that fit a transfer, ``take`` whole messages."""

    def __init__(
        self,
        scheduler: Scheduler,
        parameters: GbtParameters,
        put: Callable[[bytes], object],
        take: Callable[[bytes], None],
    ) -> None:
        self._scheduler = scheduler
        self._transfer = BlockTransfer(parameters)
        self._limit = parameters.message_limit
        self._put = put
        self._take = take
        self._outcomes: dict[object, _Outcome] = {}
        self._timer: Cancellable | None = None

    def fits(self, message: bytes) -> bool:
        """Whether a message goes as it is."""
        return len(message) <= self._limit

    def send(self, message: bytes, outcome: _Outcome | None = None) -> None:
        """Send a message in blocks; ``outcome`` hears whether all of them were acknowledged."""
        try:
            header = parse_message(message).header
            events = self._transfer.send(message, self._scheduler.time())
        except CodecError:  # nothing that could be split by its header
            if outcome is not None:
                outcome(False)
            return
        key = (
            header.business_originator_id,
            header.business_target_id,
            header.originator_counter,
            header.cra_flag,
        )
        if outcome is not None:
            self._outcomes[key] = outcome
        self._act(events)

    def receive(self, octets: bytes) -> None:
        """Take what came in one transfer; a block that is none is dropped."""
        try:
            events = self._transfer.receive(octets, self._scheduler.time())
        except CodecError:
            self._take(octets)
            return
        self._act(events)

    def _act(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Transmit):
                self._put(event.octets)
            elif isinstance(event, Received):
                self._take(event.message)
            elif isinstance(event, Delivered | Failed):
                outcome = self._outcomes.pop(event.header.transfer, None)
                if outcome is not None:
                    outcome(isinstance(event, Delivered))
        self._plan()

    def _plan(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._transfer.deadline
        self._timer = None if due is None else self._scheduler.call_at(due, self._advance)

    def _advance(self) -> None:
        self._timer = None
        self._act(self._transfer.advance(self._scheduler.time()))

    def stop(self) -> None:
        """A power cut."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
