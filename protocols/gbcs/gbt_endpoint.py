"""Both sides of general block transfer at one end of a wire: messages on one side, octets on the other."""

from __future__ import annotations

from protocols.errors import EncodeError
from protocols.gbcs.gbt import (
    Block,
    GbtParameters,
    RoutingHeader,
    TransferKey,
    encode_block,
    is_block,
    parse_block,
)
from protocols.gbcs.gbt_events import Delivered, Event, Ignored, IgnoredReason, Received, Transmit
from protocols.gbcs.gbt_receive import Reassembler
from protocols.gbcs.gbt_send import BlockSender, SenderState


class BlockTransfer:
    """Sends and receives messages of any size, several at a time, without I/O and clock.

    ``now`` is in seconds, from any start, and never goes back. Every method returns what follows, in order.
    ``deadline`` is when ``advance`` has to be called next, None when nothing is under way. Messages up to
    ``parameters.message_limit`` octets go, and are received, as they are.
    """

    def __init__(self, parameters: GbtParameters | None = None) -> None:
        self._parameters = parameters or GbtParameters()
        self._senders: dict[TransferKey, BlockSender] = {}
        self.reassembler = Reassembler(self._parameters)

    @property
    def sending(self) -> list[RoutingHeader]:
        """The messages that are not acknowledged yet."""
        return [sender.header for sender in self._senders.values()]

    @property
    def deadline(self) -> float | None:
        """When time alone will change something."""
        times = [sender.deadline for sender in self._senders.values()] + [self.reassembler.deadline]
        return min((time for time in times if time is not None), default=None)

    def send(self, message: bytes, now: float, header: RoutingHeader | None = None) -> list[Event]:
        """Send an encoded message, in blocks where it is too large.

        ``header`` is for messages too broken to take one from. EncodeError when the message needs more than
        255 blocks, or when one with the same parties, counter and CRA flag is still under way.
        """
        if len(message) <= self._parameters.message_limit:
            return [Transmit(message)]
        sender = BlockSender(message, self._parameters, header)
        if sender.header.transfer in self._senders:
            raise EncodeError("a message with these parties and this counter is under way", element="message")
        self._senders[sender.header.transfer] = sender
        return _transmit(sender.start(now))

    def cancel(self, header: RoutingHeader) -> bool:
        """Stop sending a message, for example because its answer is here; False when that had ended."""
        return self._senders.pop(header.transfer, None) is not None

    def receive(self, octets: bytes, now: float) -> list[Event]:
        """Take octets from the wire, a block or a whole message; DecodeError for a block that is none."""
        if not is_block(octets):
            return [Received(octets)]
        block = parse_block(octets)
        return self._acknowledge(block, now) if block.is_acknowledgement else self._take(block, now)

    def advance(self, now: float) -> list[Event]:
        """Let time pass: send or ask again, or give up."""
        events: list[Event] = []
        for key, sender in list(self._senders.items()):
            events += _transmit(sender.advance(now))
            if sender.state is SenderState.FAILED:
                del self._senders[key]
                events.append(sender.failure())
        return events + self.reassembler.advance(now)

    def _take(self, block: Block, now: float) -> list[Event]:
        return self.reassembler.receive(block, now)

    def _acknowledge(self, block: Block, now: float) -> list[Event]:
        """Acknowledgements name the parties as the message does or, as ours do, the other way round."""
        for key in (block.header.swapped().transfer, block.header.transfer):
            sender = self._senders.get(key)
            if sender is None:
                continue
            events = _transmit(sender.acknowledge(block, now))
            if sender.state is SenderState.DELIVERED:
                del self._senders[key]
                events.append(Delivered(sender.header))
            return events
        return [Ignored(block.header, block.number, IgnoredReason.NOTHING_TO_ACKNOWLEDGE)]


def _transmit(blocks: list[Block]) -> list[Event]:
    return [Transmit(encode_block(block)) for block in blocks]
