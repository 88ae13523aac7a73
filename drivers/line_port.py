"""The message port over any transport: frames as lines, faults kept, one end for every kind of trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from drivers.line_inbox import KeepsFaults, LineInbox
from protocols.gfi_line import encode_line

if TYPE_CHECKING:
    from protocols.ports import Frame


class Transport(Protocol):
    """What carries the octets."""

    async def write(self, octets: bytes) -> None:
        """Write all octets; PortClosedError when the far end is gone."""

    async def close(self) -> None:
        """Close; twice is harmless."""


class LinePort(KeepsFaults):
    """A MessagePort. Bad lines and a lost far end are in ``faults`` and go to ``on_fault``."""

    def __init__(self, inbox: LineInbox, transport: Transport) -> None:
        self._inbox = inbox
        self._log = inbox.log
        self._transport = transport

    async def send(self, frame: Frame) -> None:
        """Send one frame; PortClosedError when the far end is gone."""
        await self.send_octets(encode_line(frame))

    async def send_octets(self, octets: bytes) -> None:
        """Send octets as they are; nothing is added, also not a missing line end."""
        ended = self._inbox.ended
        if ended is not None:
            raise ended
        await self._transport.write(octets)

    async def receive(self) -> Frame:
        """The next frame in order; PortClosedError when no more can come."""
        return await self._inbox.receive()

    async def close(self) -> None:
        """Close; twice is harmless. Frames that had arrived can still be received."""
        await self._transport.close()
