"""The sending side of one general block transfer, without I/O and clock: blocks and times in, blocks out."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from protocols.gbcs.gbt import Block, GbtParameters, RoutingHeader, segment
from protocols.gbcs.gbt_events import Event, Failed, FailureReason

if TYPE_CHECKING:
    from collections.abc import Iterator


class SenderState(StrEnum):
    """How far a sender is."""

    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class BlockSender:
    """Sends one message in windows of blocks, and again what the other side does not acknowledge.

    ``now`` is in seconds, from any start, and never goes back. Every method returns the blocks to send, in
    order; ``deadline`` is when ``advance`` has to be called next, None once the transfer has ended.
    """

    def __init__(
        self, message: bytes, parameters: GbtParameters | None = None, header: RoutingHeader | None = None
    ) -> None:
        self._parameters = parameters or GbtParameters()
        self._blocks = segment(message, self._parameters, header)
        self._acknowledged = 0
        # Until the other side says what it takes, our own window is the best guess.
        self._peer_window = self._parameters.window
        self._tries = 0
        self.state = SenderState.SENDING
        self.deadline: float | None = None

    @property
    def header(self) -> RoutingHeader:
        """Routing header of every block."""
        return self._blocks[0].header

    @property
    def missing(self) -> list[int]:
        """Block numbers not acknowledged yet."""
        return [block.number for block in self._blocks[self._acknowledged :]]

    def start(self, now: float) -> list[Block]:
        """The first window."""
        self.deadline = now + self._parameters.retry_s
        return list(self._window())

    def acknowledge(self, acknowledgement: Block, now: float) -> list[Block]:
        """What follows on an acknowledgement: the next window, or again what the other side misses.

        One that is older than another already here, or that acknowledges what was never sent, changes
        nothing. Only progress resets the timer and the tries, so a peer that asks for the same block for ever
        cannot keep a transfer alive.
        """
        number = acknowledgement.acknowledged
        if self.state is not SenderState.SENDING or not self._acknowledged <= number <= len(self._blocks):
            return []
        self._peer_window = max(1, acknowledgement.window)
        if number > self._acknowledged:
            self._acknowledged, self._tries = number, 0
            self.deadline = now + self._parameters.retry_s
        if number == len(self._blocks):
            self.state, self.deadline = SenderState.DELIVERED, None
            return []
        return list(self._window())

    def advance(self, now: float) -> list[Block]:
        """Let time pass: once ``deadline`` is over, send again, or give up when that was tried enough."""
        if self.deadline is None or now < self.deadline:
            return []
        if self._tries == self._parameters.tries:
            self.state, self.deadline = SenderState.FAILED, None
            return []
        self._tries += 1
        self.deadline = now + self._parameters.retry_s
        return list(self._window())

    def failure(self) -> Event:
        """Why the transfer was given up."""
        missing = self.missing
        problem = (
            f"block {missing[0]} of {len(self._blocks)} was not acknowledged after "
            f"{self._parameters.tries + 1} tries, {self._parameters.retry_s:g} s apart"
        )
        return Failed(self.header, FailureReason.NOT_ACKNOWLEDGED, problem, missing)

    def _window(self) -> Iterator[Block]:
        """The next blocks that both sides can take; after the last one of them we wait."""
        end = min(self._acknowledged + min(self._parameters.window, self._peer_window), len(self._blocks))
        for block in self._blocks[self._acknowledged : end]:
            yield replace(block, streaming=block.number != end)
