"""Data that needs several frames: `protocols.zigbee.fragments` with the APS layer's frames and timers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocols.errors import EncodeError
from protocols.han import DataStatus
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode
from protocols.zigbee.fragments import (
    Block,
    FragmentParameters,
    FragmentReassembler,
    FragmentSender,
    TransferState,
)
from protocols.zigbee.nwk import NwkFrame
from protocols.zigbee.stack.constants import APS_SLEEPY_ACK_WAIT_S
from protocols.zigbee.stack.core import Refusal, Timer

if TYPE_CHECKING:
    from protocols.zigbee.stack.aps_layer import ApsData, ApsLayer
    from protocols.zigbee.stack.link_keys import LinkKey
    from protocols.zigbee.stack.nwk_layer import Arrival

_EXTENDED_HEADER_OCTETS = 2
_RECEIVING = 16  # transfers put together at once


@dataclass(slots=True, eq=False)
class _Transfer:
    data: ApsData
    counter: int
    sender: FragmentSender
    done: Callable[[DataStatus], None]
    timer: Timer | None = None


class Transfers:
    """Fragmented transfers, both ways."""

    def __init__(self, aps: ApsLayer) -> None:
        self._aps = aps
        self.parameters = FragmentParameters()
        self._sending: dict[int, _Transfer] = {}
        # Whoever sends to a sleeper waits long between tries: so long a transfer has to be kept.
        patient = FragmentParameters(ack_wait_s=APS_SLEEPY_ACK_WAIT_S, max_transfers=_RECEIVING)
        # Apart, so that whoever holds no link key cannot take up the room of those who do.
        self._receiving = {linked: FragmentReassembler(patient) for linked in (False, True)}

    @property
    def sending(self) -> bool:
        """Whether a transfer of ours is under way."""
        return bool(self._sending)

    def uses(self, counter: int) -> bool:
        """Whether a transfer of ours under way has this counter."""
        return counter in self._sending

    def send(self, data: ApsData, done: Callable[[DataStatus], None]) -> None:
        """Send data in blocks; each is acknowledged."""
        aps = self._aps
        size = aps.room(data) - _EXTENDED_HEADER_OCTETS
        wait = aps.ack_wait_s(data.destination)
        try:
            sender = FragmentSender(
                data.payload, replace(self.parameters, block_octets=size, ack_wait_s=wait)
            )
        except EncodeError:
            aps.core.after(0, lambda: done(DataStatus.TOO_LONG))
            return
        counter = aps.next_counter(data.destination)
        transfer = _Transfer(data, counter, sender, done)
        self._sending[counter] = transfer
        self._go_on(transfer, sender.start(aps.core.now()))
        aps.on_traffic()

    def acknowledged(self, ack: ApsFrame, source: int) -> None:
        """An acknowledgement of blocks came."""
        transfer = self._sending.get(ack.counter if ack.counter is not None else -1)
        if transfer is None or transfer.data.destination != source:
            self._aps.core.statistics["aps.late-ack"] += 1
            return
        if transfer.data.link is not None and ack.security is None:
            self._aps.core.refuse("aps", Refusal.NEEDS_LINK_KEY, source, ack.cluster)
            return
        self._go_on(transfer, transfer.sender.acknowledge(ack.extended, self._aps.core.now()))

    def received(self, frame: ApsFrame, link: LinkKey | None, nwk: NwkFrame, arrival: Arrival) -> None:
        """A block came."""
        extended = frame.extended
        if extended is None:
            return
        key = (nwk.source, frame.counter, frame.source_endpoint, frame.destination_endpoint)
        receiving = self._receiving[link is not None]
        ack, asdu = receiving.receive(key, extended, frame.payload, self._aps.core.now())
        if ack is not None:
            self._aps.acknowledge(frame, link, nwk.source, extended=ack)
        if asdu is not None:
            self._aps.deliver(frame, asdu, link, nwk, arrival)

    def fail_all(self, status: DataStatus) -> None:
        """Give up."""
        for transfer in list(self._sending.values()):
            self._over(transfer, status)

    def fail_to(self, destination: int) -> None:
        """Give up those to one device."""
        for transfer in [one for one in self._sending.values() if one.data.destination == destination]:
            self._over(transfer, DataStatus.NOT_DELIVERED)

    def _go_on(self, transfer: _Transfer, blocks: list[Block]) -> None:
        aps, data, sender = self._aps, transfer.data, transfer.sender
        for block in blocks:
            frame = ApsFrame(
                ApsFrameType.DATA,
                DeliveryMode.UNICAST,
                data.destination_endpoint,
                None,
                data.cluster,
                data.profile,
                data.source_endpoint,
                transfer.counter,
                block.payload,
                ack_request=True,
                extended=block.extended,
            )
            aps.send_block(data, frame)
        if transfer.timer is not None:
            transfer.timer.cancel()
            transfer.timer = None
        if sender.state is TransferState.DONE:
            self._over(transfer, DataStatus.DONE)
        elif sender.state is TransferState.FAILED:
            self._over(transfer, DataStatus.NO_ACK)
        elif sender.deadline is not None:
            transfer.timer = aps.core.timers.at(sender.deadline, lambda: self._advance(transfer))

    def _advance(self, transfer: _Transfer) -> None:
        transfer.timer = None
        self._go_on(transfer, transfer.sender.advance(self._aps.core.now()))

    def _over(self, transfer: _Transfer, status: DataStatus) -> None:
        if transfer.timer is not None:
            transfer.timer.cancel()
        if self._sending.pop(transfer.counter, None) is not None:
            transfer.done(status)
