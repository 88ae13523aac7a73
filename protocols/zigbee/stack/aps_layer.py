"""The APS layer of one node: data with acknowledgement, duplicates, fragments, commands (APS 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.han import DataReceived, DataStatus, FrameSecurity
from protocols.zigbee.aps import ApsFrame, ApsFrameType, DeliveryMode, parse_aps
from protocols.zigbee.aps_commands import parse_aps_command
from protocols.zigbee.commands import Command
from protocols.zigbee.nwk import NwkFrame, NwkFrameType
from protocols.zigbee.security import KeyIdentifier
from protocols.zigbee.stack.aps_counters import HeardFrames, UsedCounters
from protocols.zigbee.stack.aps_fragments import Transfers
from protocols.zigbee.stack.constants import (
    APS_ACK_WAIT_S,
    APS_FIRST_RETRY_S,
    APS_MAX_FRAME_RETRIES,
    APS_MAX_PENDING,
    APS_SLEEPY_ACK_WAIT_S,
    BROADCAST_ALL,
    BROADCAST_FIRST,
    NWK_DEFAULT_RADIUS,
)
from protocols.zigbee.stack.core import Core, Refusal, Timer
from protocols.zigbee.stack.link_keys import LinkKey, LinkKeys
from protocols.zigbee.stack.nwk_layer import Arrival, NwkLayer

Done = Callable[[DataStatus], None]
_PLAIN_OCTETS = 82  # APS payload of one frame without link key: 125 - MAC 9 - NWK 26 - APS 8
_SECURITY_OCTETS = 9  # auxiliary header without source, and MIC
_COUNTERS = 256


@dataclass(slots=True)
class ApsData:
    """Data to send to a short address, under a link key where one is given."""

    destination: int
    profile: int
    cluster: int
    source_endpoint: int
    destination_endpoint: int
    payload: bytes
    link: LinkKey | None = None
    acknowledged: bool = True


@dataclass(slots=True)
class Origin:
    """Where an APS command came from, and the link key it was under."""

    short: int
    eui64: Eui64 | None
    link: LinkKey | None
    identifier: KeyIdentifier | None
    arrival: Arrival


@dataclass(slots=True, eq=False)
class _Pending:
    data: ApsData
    counter: int
    done: Done
    tries: int = 0
    timer: Timer | None = None
    finished: bool = False


CommandHandler = Callable[[Any, Origin], None]


class ApsLayer:
    """Data and commands over the NWK layer. ``on_data`` takes what is received."""

    def __init__(self, core: Core, nwk: NwkLayer) -> None:
        self.core = core
        self.nwk = nwk
        self.keys = LinkKeys(core, nwk.addresses)
        self.commands: dict[type[Command], CommandHandler] = {}
        self.on_data: Callable[[DataReceived, LinkKey | None], None] = lambda *_: None
        self.on_traffic: Callable[[], None] = lambda: None
        self.can_answer: Callable[[], bool] = lambda: True
        self.on_sender: Callable[[int], None] = lambda _: None
        self.sleepers: set[int] = set()  # short addresses of devices that poll
        self.transfers = Transfers(self)
        self._counter = core.random.randrange(256)
        self._pending: dict[int, _Pending] = {}
        self._used = UsedCounters()
        self._heard = HeardFrames()

    @property
    def waiting(self) -> bool:
        """Whether something was sent that is not acknowledged yet."""
        return bool(self._pending) or self.transfers.sending

    # Sending

    def room(self, data: ApsData) -> int:
        """Octets of payload that go in one frame."""
        if data.link is None:
            return _PLAIN_OCTETS
        return _PLAIN_OCTETS - _SECURITY_OCTETS - (8 if self.keys.extended_nonce else 0)

    def ack_wait_s(self, destination: int) -> float:
        """How long an acknowledgement may take (apscAckWaitDuration)."""
        neighbour = self.nwk.neighbours.by_short.get(destination)
        sleeps = not neighbour.rx_on if neighbour is not None else destination in self.sleepers
        return APS_SLEEPY_ACK_WAIT_S if sleeps else APS_ACK_WAIT_S

    def send(self, data: ApsData, done: Done) -> None:
        """Send data; ``done`` hears, later, what became of it."""
        if data.destination >= BROADCAST_FIRST:
            self._broadcast(data)
            self.core.after(0, lambda: done(DataStatus.DONE))
        elif len(data.payload) > self.room(data):
            self.transfers.send(data, done)
        elif not data.acknowledged:
            self._send(
                data.destination, self._frame(data, self.next_counter(data.destination)), data.link, done
            )
        elif len(self._pending) >= APS_MAX_PENDING:
            self.core.statistics["aps.pending-full"] += 1
            self.core.after(0, lambda: done(DataStatus.NOT_DELIVERED))
        else:
            pending = _Pending(data, self.next_counter(data.destination), done)
            self._pending[pending.counter] = pending
            self._attempt(pending)
            self.on_traffic()

    def next_counter(self, destination: int = BROADCAST_ALL) -> int:
        """A counter that waits for no acknowledgement, and that means no earlier frame to its destination."""
        now, spare = self.core.now(), None
        for step in range(1, _COUNTERS + 1):
            counter = (self._counter + step) % _COUNTERS
            if counter in self._pending or self.transfers.uses(counter):
                continue
            if not self._used.remembered(destination, counter, now):
                break
            spare = counter if spare is None else spare
        else:
            counter = (self._counter + 1) % _COUNTERS if spare is None else spare
        self._counter = counter
        self._used.note(destination, counter, now)
        return counter

    def send_command(
        self,
        command: Command,
        destination: int,
        done: Done | None = None,
        *,
        link: LinkKey | None = None,
        identifier: KeyIdentifier = KeyIdentifier.LINK,
    ) -> None:
        """Send an APS command; the outcome is that of the next hop."""
        self._send(destination, self._command(command), link, done, identifier)

    def command_octets(self, command: Command, link: LinkKey | None, identifier: KeyIdentifier) -> bytes:
        """An APS command as a frame."""
        return self.keys.seal(self._command(command), link, identifier)

    def _command(self, command: Command) -> ApsFrame:
        return ApsFrame(ApsFrameType.COMMAND, counter=self.next_counter(), payload=command.build())

    def _send(
        self,
        destination: int,
        frame: ApsFrame,
        link: LinkKey | None,
        done: Done | None = None,
        identifier: KeyIdentifier = KeyIdentifier.LINK,
    ) -> None:
        """Send a frame, again where no channel was free or nobody took it, with another frame counter."""

        def seal() -> bytes:
            return self.keys.seal(frame, link, identifier)

        self.nwk.send_data(destination, seal(), done, again=seal)

    def hand_over(self, octets: bytes, child: int, done: Done | None = None) -> None:
        """Give a child that has no network key yet an APS frame, without NWK security."""
        frame = self.nwk.frame(NwkFrameType.DATA, child, octets, radius=NWK_DEFAULT_RADIUS)
        self.nwk.transmit(frame, child, done, secured=False)

    def _broadcast(self, data: ApsData) -> None:
        frame = self._frame(data, self.next_counter(data.destination))
        frame.delivery_mode, frame.ack_request = DeliveryMode.BROADCAST, False
        self.nwk.send_data(data.destination, self.keys.seal(frame, None))

    def _frame(self, data: ApsData, counter: int) -> ApsFrame:
        return ApsFrame(
            ApsFrameType.DATA,
            DeliveryMode.UNICAST,
            data.destination_endpoint,
            None,
            data.cluster,
            data.profile,
            data.source_endpoint,
            counter,
            data.payload,
            data.acknowledged,
        )

    def send_block(self, data: ApsData, frame: ApsFrame) -> None:
        """Send one block of a fragmented transfer."""
        assert frame.counter is not None
        self._used.note(data.destination, frame.counter, self.core.now())
        self._send(data.destination, frame, self.keys.present(data.link))

    def _attempt(self, pending: _Pending) -> None:
        pending.tries += 1
        data = pending.data

        def again() -> bytes | None:
            return None if pending.finished else self.keys.seal(frame, self.keys.present(data.link))

        frame = self._frame(data, pending.counter)
        octets = self.keys.seal(frame, self.keys.present(data.link))
        self.nwk.send_data(data.destination, octets, lambda status: self._sent(pending, status), again=again)

    def _sent(self, pending: _Pending, status: DataStatus) -> None:
        if pending.finished:
            return
        # A sleeper may have got it only now.
        self._used.note(pending.data.destination, pending.counter, self.core.now())
        if status is DataStatus.NO_NETWORK:
            self._finish(pending, status)
            return
        last = pending.tries > APS_MAX_FRAME_RETRIES
        if last and status is not DataStatus.DONE:
            self._finish(pending, status)
            return
        wait = APS_ACK_WAIT_S
        if status is DataStatus.DONE:
            wait = self.ack_wait_s(pending.data.destination)
        elif pending.tries == 1 and status is DataStatus.NOT_DELIVERED:
            wait = APS_FIRST_RETRY_S
        pending.timer = self.core.after(wait, lambda: self._unacknowledged(pending))

    def _unacknowledged(self, pending: _Pending) -> None:
        if pending.tries > APS_MAX_FRAME_RETRIES:
            self._finish(pending, DataStatus.NO_ACK)
            return
        self.core.statistics["aps.retries"] += 1
        self._attempt(pending)

    def _finish(self, pending: _Pending, status: DataStatus) -> None:
        pending.finished = True
        if pending.timer is not None:
            pending.timer.cancel()
        if self._pending.pop(pending.counter, None) is not None:
            pending.done(status)

    def fail_all(self, status: DataStatus) -> None:
        """Give up everything that waits: there is no network any more."""
        for pending in list(self._pending.values()):
            self._finish(pending, status)
        self.transfers.fail_all(status)
        self._heard.clear()

    def fail_to(self, destination: int) -> None:
        """Give up what waits for a device that left: should it come back, it knows nothing of it."""
        for pending in [one for one in self._pending.values() if one.data.destination == destination]:
            self._finish(pending, DataStatus.NOT_DELIVERED)
        self.transfers.fail_to(destination)

    # Receiving

    def nwk_data(self, nwk: NwkFrame, arrival: Arrival) -> None:
        """Take NWK data."""
        try:
            frame = parse_aps(nwk.payload)
        except CodecError:
            self.core.refuse("aps", Refusal.MALFORMED)
            return
        link: LinkKey | None = None
        security = frame.security
        if security is not None:
            opened = self.keys.open(frame, nwk.source, nwk.source_ieee)
            if opened is None:
                return
            frame, link = opened
        kind = frame.frame_type
        if kind is ApsFrameType.COMMAND:
            identifier = security.key_identifier if security is not None else None
            self._take_command(frame, link, identifier, nwk, arrival)
        elif not arrival.secured or kind is ApsFrameType.INTERPAN:
            self.core.refuse("aps", Refusal.UNSECURED, nwk.source)
        elif kind is ApsFrameType.ACK:
            self._take_ack(frame, link, nwk.source)
        else:
            self._take_data(frame, link, nwk, arrival)

    def _take_ack(self, frame: ApsFrame, link: LinkKey | None, source: int) -> None:
        if frame.extended is not None and frame.counter is not None:
            self.transfers.acknowledged(frame, source)
            return
        pending = self._pending.get(frame.counter if frame.counter is not None else -1)
        if pending is None or pending.data.destination != source:
            self.core.statistics["aps.late-ack"] += 1
        elif pending.data.link is not None and link is None:
            self.core.refuse("aps", Refusal.NEEDS_LINK_KEY, source, frame.cluster)
        elif frame.ack_format or frame.cluster == pending.data.cluster:
            self._finish(pending, DataStatus.DONE)

    def _take_data(self, frame: ApsFrame, link: LinkKey | None, nwk: NwkFrame, arrival: Arrival) -> None:
        source = nwk.source
        if not self.can_answer():
            # On the way back to a network: whoever sent this repeats it, as nobody acknowledges it.
            self.core.statistics["aps.not-ready"] += 1
            return
        self.on_sender(source)
        self.on_traffic()
        broadcast = nwk.destination >= BROADCAST_FIRST
        if frame.extended is not None and frame.extended.block_number is not None:
            if not broadcast:
                self.transfers.received(frame, link, nwk, arrival)
            return
        if frame.ack_request and not broadcast:
            self.acknowledge(frame, link, source)
        if self._repeated(source, frame):
            self.core.statistics["aps.duplicates"] += 1
            return
        self.deliver(frame, frame.payload, link, nwk, arrival)

    def acknowledge(self, frame: ApsFrame, link: LinkKey | None, source: int, **extended: Any) -> None:
        """Answer data that asks for it, secured as it was itself."""
        ack = ApsFrame(
            ApsFrameType.ACK,
            DeliveryMode.UNICAST,
            frame.source_endpoint,
            None,
            frame.cluster,
            frame.profile,
            frame.destination_endpoint or 0,
            frame.counter,
            **extended,
        )
        self._send(source, ack, link)

    def deliver(
        self, frame: ApsFrame, asdu: bytes, link: LinkKey | None, nwk: NwkFrame, arrival: Arrival
    ) -> None:
        """Hand whole data up."""
        source = link.partner if link is not None else self.nwk.addresses.eui64(nwk.source)
        endpoint = frame.destination_endpoint
        received = DataReceived(
            source,
            nwk.source,
            frame.profile or 0,
            frame.cluster or 0,
            frame.source_endpoint or 0,
            0xFF if endpoint is None else endpoint,
            asdu,
            FrameSecurity.LINK if link is not None else FrameSecurity.NETWORK,
            nwk.destination >= BROADCAST_FIRST,
            arrival.heard.lqi,
            arrival.heard.rssi_dbm,
        )
        self.on_data(received, link)

    def _repeated(self, source: int, frame: ApsFrame) -> bool:
        if frame.counter is None:
            return False
        contents = (frame.cluster, frame.source_endpoint, frame.destination_endpoint, frame.payload)
        return self._heard.repeated(source, frame.counter, contents, self.core.now())

    def forget_duplicates(self, source: int) -> None:
        """A device came anew: its counters start anywhere."""
        self._heard.forget(source)

    def _take_command(
        self,
        frame: ApsFrame,
        link: LinkKey | None,
        identifier: KeyIdentifier | None,
        nwk: NwkFrame,
        arrival: Arrival,
    ) -> None:
        if not arrival.secured and link is None:
            self.core.refuse("aps", Refusal.UNSECURED, nwk.source)
            return
        try:
            command = parse_aps_command(frame.payload)
        except CodecError:
            self.core.refuse("aps", Refusal.MALFORMED)
            return
        handler = self.commands.get(type(command))
        if handler is None:
            self.core.refuse("aps", Refusal.UNEXPECTED, nwk.source)
            return
        source = link.partner if link is not None else self.nwk.addresses.eui64(nwk.source)
        handler(command, Origin(nwk.source, source, link, identifier, arrival))
