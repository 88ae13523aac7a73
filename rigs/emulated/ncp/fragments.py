"""Fragments as EmberZNet leaves them to the host: each block is a message of its own, both ways.

Outgoing, the NCP repeats a block until it is acknowledged; incoming, the host acknowledges by sendReply.
The high octet of ``group`` is the number of blocks (in the first) or the acknowledgement's bits, the low one
the block's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.ezsp.names import ApsOption
from protocols.han import DataStatus
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode, ExtendedHeader, Fragmentation
from protocols.zigbee.stack.aps_fragments import Transfers
from rigs.emulated.ncp.incoming import aps_values, options_of, tell_incoming

if TYPE_CHECKING:
    from protocols.zigbee.nwk import NwkFrame
    from protocols.zigbee.stack.aps_layer import ApsData, ApsLayer
    from protocols.zigbee.stack.core import Timer
    from protocols.zigbee.stack.link_keys import LinkKey
    from protocols.zigbee.stack.nwk_layer import Arrival
    from rigs.emulated.ncp.ncp import EmulatedNcp

_TRIES = 4
EXTENDED_OCTETS = 2


@dataclass(slots=True, eq=False)
class _Block:
    data: ApsData
    frame: ApsFrame
    number: int
    done: Callable[[DataStatus], None]
    tries: int = 0
    timer: Timer | None = None


class HostFragments(Transfers):
    """Blocks to and from the host, in place of the node's own transfers."""

    def __init__(self, ncp: EmulatedNcp, aps: ApsLayer) -> None:
        super().__init__(aps)
        self._ncp = ncp
        self._layer = aps
        self._blocks: dict[tuple[int, int], _Block] = {}  # by counter and number

    def send_one(
        self, data: ApsData, counter: int, number: int, total: int, done: Callable[[DataStatus], None]
    ) -> None:
        """Send one block until it is acknowledged."""
        kind = Fragmentation.PART if number else Fragmentation.FIRST
        frame = ApsFrame(
            ApsFrameType.DATA,
            DeliveryMode.UNICAST,
            data.destination_endpoint,
            None,
            data.cluster,
            data.profile,
            data.source_endpoint,
            counter,
            data.payload,
            ack_request=True,
            extended=ExtendedHeader(kind, number or total),
        )
        block = _Block(data, frame, number, done)
        self._blocks[counter, number] = block
        self._attempt(block)

    def _attempt(self, block: _Block) -> None:
        if block.tries >= _TRIES:
            self._finish(block, DataStatus.NO_ACK)
            return
        block.tries += 1
        frame = block.frame
        frame.payload = block.data.payload
        self._layer.send_block(block.data, frame)
        wait = self._layer.ack_wait_s(block.data.destination)
        block.timer = self._layer.core.after(wait, lambda: self._attempt(block))

    def _finish(self, block: _Block, status: DataStatus) -> None:
        if block.timer is not None:
            block.timer.cancel()
        if self._blocks.pop((block.frame.counter or 0, block.number), None) is not None:
            block.done(status)

    def acknowledged(self, ack: ApsFrame, source: int) -> None:
        """Blocks of ours arrived."""
        extended = ack.extended
        if extended is None or extended.block_number is None:
            return
        # Windows are of one block. The other bits of an acknowledgement are always set: that of an earlier
        # block, which came again, says nothing about this one.
        ours = [
            block
            for (counter, number), block in self._blocks.items()
            if counter == ack.counter
            and block.data.destination == source
            and number == extended.block_number
            and (extended.ack_bitfield or 0) & 1
        ]
        if not ours:
            super().acknowledged(ack, source)
        for block in ours:
            self._finish(block, DataStatus.DONE)

    def received(self, frame: ApsFrame, link: LinkKey | None, nwk: NwkFrame, arrival: Arrival) -> None:
        """A block for the host."""
        extended = frame.extended
        if extended is None or extended.block_number is None:
            return
        first = extended.fragmentation is Fragmentation.FIRST
        group = extended.block_number << 8 if first else extended.block_number & 0xFF
        aps = aps_values(frame, options_of(frame, link) | ApsOption.FRAGMENT) | {"group": group}
        tell_incoming(self._ncp, aps, frame.payload, (nwk, arrival), link)

    def fail_all(self, status: DataStatus) -> None:
        """There is no network any more."""
        super().fail_all(status)
        for block in list(self._blocks.values()):
            self._finish(block, status)
