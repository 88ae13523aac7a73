"""The NWK layer of one node: sends, secures, receives and passes on frames (NWK 3.6, SEC 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.han import DataStatus, HanRole, NetworkKeyChanged, StateChanged
from protocols.radio import ReceivedFrame, TransmitResult, TransmitStatus
from protocols.zigbee.commands import Command
from protocols.zigbee.mac import MacFrame
from protocols.zigbee.nwk import NwkFrame, NwkFrameType, SourceRoute, build_nwk, open_nwk, parse_nwk
from protocols.zigbee.nwk_commands import RejoinRequest, RejoinResponse, RouteRequest, parse_nwk_command
from protocols.zigbee.security import AuxiliaryHeader, KeyIdentifier, SecurityError
from protocols.zigbee.stack.broadcasts import Broadcasts
from protocols.zigbee.stack.constants import (
    BROADCAST_FIRST,
    MAC_NO_SHORT_ADDRESS,
    NWK_DEFAULT_RADIUS,
    NWK_UNICAST_RETRIES,
    NWK_UNICAST_RETRY_DELAY_S,
)
from protocols.zigbee.stack.core import Core, Refusal
from protocols.zigbee.stack.mac_service import MacService
from protocols.zigbee.stack.nwk_tables import (
    AddressMap,
    DeviceKind,
    Neighbour,
    NeighbourTable,
    NetworkKey,
    NetworkKeys,
    OutgoingCounter,
    Relationship,
)
from protocols.zigbee.stack.routing import Routing

Done = Callable[[DataStatus], None]
Again = Callable[[], bytes | None]
"""Makes the payload of a frame anew, to be sent again; None when nobody needs it any more."""
_NOT_TAKEN = (TransmitStatus.NO_ACK, TransmitStatus.CHANNEL_BUSY)


@dataclass(slots=True)
class Arrival:
    """How a network frame came: the MAC source, who secured the last hop (None: nobody), the radio's view."""

    hop: int
    hop_eui64: Eui64 | None
    heard: ReceivedFrame

    @property
    def secured(self) -> bool:
        """Whether the network key protected it."""
        return self.hop_eui64 is not None


@dataclass(slots=True, eq=False)
class _Unicast:
    """A frame on its way to the next hop, and how often it may still be sent again."""

    frame: NwkFrame
    hop: int
    done: Done | None
    secured: bool
    again: Again | None
    left: int = NWK_UNICAST_RETRIES


CommandHandler = Callable[[Any, NwkFrame, Arrival], None]


class NwkUser(Protocol):
    """Who takes the data: the APS layer."""

    def nwk_data(self, frame: NwkFrame, arrival: Arrival) -> None:
        """Data for us."""


class NwkLayer:
    """Data service, security and tables; membership and joining are modules that register here."""

    def __init__(self, core: Core, mac: MacService, role: HanRole) -> None:
        self.core = core
        self.mac = mac
        self.role = role
        self.user: NwkUser | None = None
        self.neighbours = NeighbourTable()
        self.addresses = AddressMap()
        self.keys = NetworkKeys()
        self.counter = OutgoingCounter(lambda: core.emit(StateChanged()))
        self.routing = Routing(self)
        self.broadcasts = Broadcasts(self)
        self.commands: dict[type[Command], CommandHandler] = dict(self.routing.commands)
        self.extended_pan_id = Eui64(bytes(8))
        self.update_id = 0
        self.depth = 0
        self.parent: int | None = None
        self.unsecured_from: int | None = None  # the parent, while it hands us the network key
        self.on_parent: Callable[[bool], None] | None = None  # hears whether the parent took a frame
        self.on_unknown_key: Callable[[int], None] | None = None  # hears the key sequence
        self.on_conflict: Callable[[int], None] | None = None  # hears a short address used twice
        self.on_authenticated: Callable[[int], None] = lambda _: None  # hears of a child with the key
        self._sequence = core.random.randrange(256)

    @property
    def short(self) -> int:
        """Our short address (nwkNetworkAddress)."""
        return self.mac.settings.short_address

    @property
    def on_network(self) -> bool:
        """Whether there is a network to send on."""
        return self.short < MAC_NO_SHORT_ADDRESS and self.keys.active is not None

    # Sending

    def next_sequence(self) -> int:
        """The next NWK sequence number."""
        self._sequence = (self._sequence + 1) & 0xFF
        return self._sequence

    def frame(
        self, kind: NwkFrameType, destination: int, payload: bytes, *, radius: int = NWK_DEFAULT_RADIUS
    ) -> NwkFrame:
        """A frame of ours."""
        return NwkFrame(
            kind,
            destination,
            self.short,
            radius,
            self.next_sequence(),
            payload,
            end_device_initiator=not self.role.routes,
        )

    def send_data(
        self, destination: int, payload: bytes, done: Done | None = None, *, again: Again | None = None
    ) -> None:
        """Send APS octets to a short address or a broadcast address.

        With ``again`` a frame that the next hop did not take is sent again (nwkcUnicastRetries).
        """
        frame = self.frame(NwkFrameType.DATA, destination, payload)
        frame.discover_route = 1 if destination < BROADCAST_FIRST else 0
        self.dispatch(frame, done, again)

    def send_command(
        self,
        command: Command,
        destination: int,
        done: Done | None = None,
        *,
        radius: int = NWK_DEFAULT_RADIUS,
        to: Eui64 | None = None,
    ) -> None:
        """Send a NWK command, with both EUI-64 where known, over a route that exists already."""
        frame = self.frame(NwkFrameType.COMMAND, destination, command.build(), radius=radius)
        frame.source_ieee = self.core.eui64
        frame.destination_ieee = to
        self.dispatch(frame, done)

    def dispatch(self, frame: NwkFrame, done: Done | None = None, again: Again | None = None) -> None:
        """Send a frame towards its destination."""
        if frame.destination >= BROADCAST_FIRST:
            self.broadcasts.originate(frame)
            if done is not None:
                done(DataStatus.DONE)
            return
        hop = self.parent if not self.role.routes else self.routing.next_hop(frame.destination)
        if hop is not None:
            self.transmit(frame, hop, done, again=again)
        elif self.role.routes:
            self.routing.wait_for_route(frame, done)
        elif done is not None:
            done(DataStatus.NO_NETWORK)

    def transmit(
        self,
        frame: NwkFrame,
        hop: int,
        done: Done | None = None,
        *,
        secured: bool = True,
        again: Again | None = None,
    ) -> None:
        """Send a frame to this next hop, now or when it polls."""
        neighbour = self.neighbours.by_short.get(hop)
        if neighbour is not None and not neighbour.rx_on and neighbour.is_child:
            self.mac.send_indirect(
                hop,
                lambda: self.seal(frame, secured=secured),
                lambda delivered: self._indirect_over(done, delivered=delivered),
            )
            return
        self._transmit(_Unicast(frame, hop, done, secured, again))

    def _transmit(self, unicast: _Unicast) -> None:
        octets = self.seal(unicast.frame, secured=unicast.secured)
        self.mac.send(unicast.hop, octets, lambda result: self._sent(unicast, result))

    def seal(self, frame: NwkFrame, *, secured: bool = True) -> bytes:
        """The octets of a frame under the active network key, with the next frame counter."""
        active = self.keys.active
        if not secured or active is None:
            frame.security = None
            return build_nwk(frame)
        frame.security = AuxiliaryHeader(
            KeyIdentifier.NETWORK, self.counter.take(), self.core.eui64, active.sequence
        )
        return build_nwk(frame, active.key)

    def _indirect_over(self, done: Done | None, *, delivered: bool) -> None:
        if done is not None:
            done(DataStatus.DONE if delivered else DataStatus.NOT_DELIVERED)

    def _sent(self, unicast: _Unicast, result: TransmitResult) -> None:
        if result.status in _NOT_TAKEN and unicast.again is not None and unicast.left:
            unicast.left -= 1
            self.core.after(NWK_UNICAST_RETRY_DELAY_S, lambda: self._repeat(unicast))
            return
        delivered, hop = result.status is TransmitStatus.DONE, unicast.hop
        neighbour = self.neighbours.by_short.get(hop)
        if neighbour is not None:
            neighbour.failures = 0 if delivered else neighbour.failures + 1
        if hop == self.parent and self.on_parent is not None:
            self.on_parent(delivered)
        if not delivered:
            self.routing.hop_failed(unicast.frame, hop)
        if unicast.done is not None:
            unicast.done(DataStatus.DONE if delivered else DataStatus.NOT_DELIVERED)

    def _repeat(self, unicast: _Unicast) -> None:
        """Send again what the next hop did not take, with later frame counters: others have overtaken it."""
        status, payload = DataStatus.NO_NETWORK, None
        if self.on_network and (self.role.routes or unicast.hop == self.parent):
            status, payload = DataStatus.DONE, unicast.again() if unicast.again is not None else None
        if payload is not None:
            self.core.statistics["nwk.retries"] += 1
            unicast.frame.payload = payload
            self._transmit(unicast)
        elif unicast.done is not None:
            unicast.done(status)

    # Receiving

    def receive(self, mac: MacFrame, heard: ReceivedFrame) -> None:
        """Take MAC data."""
        try:
            frame = parse_nwk(mac.payload)
        except CodecError:
            self.core.refuse("nwk", Refusal.MALFORMED)
            return
        hop = mac.source
        if frame.frame_type is NwkFrameType.INTER_PAN or not isinstance(hop, int):
            self.core.refuse("nwk", Refusal.UNEXPECTED)
            return
        arrival = Arrival(hop, None, heard)
        if frame.security is not None:
            opened = self._open(frame, frame.security, arrival)
            if opened is None:
                return
            frame = opened
        elif not self._may_be_unsecured(frame, hop):
            self.core.refuse("nwk", Refusal.UNSECURED, hop)
            return
        self._route(frame, arrival)

    def _open(self, frame: NwkFrame, security: AuxiliaryHeader, arrival: Arrival) -> NwkFrame | None:
        """The frame in plain; notes and refuses what is wrong with its security."""
        source, sequence = security.source, security.key_sequence
        if source is None or sequence is None or source == self.core.eui64:
            self.core.refuse("nwk", Refusal.UNKNOWN_SOURCE)
            return None
        key = self.keys.by_sequence.get(sequence)
        if key is None:
            if self.keys.active is not None:
                self.core.refuse("nwk", Refusal.UNKNOWN_KEY, source)
                if self.on_unknown_key is not None and arrival.hop == self.parent:
                    self.on_unknown_key(sequence)
            return None
        try:
            opened = open_nwk(frame, key.key)
        except SecurityError:
            self.core.refuse("nwk", Refusal.BAD_MIC, source)
            return None
        if not key.accept(source, security.frame_counter):
            self.core.refuse("nwk", Refusal.REPLAY, source)
            return None
        self._authentic(opened, key, source, arrival)
        return opened

    def _authentic(self, frame: NwkFrame, key: NetworkKey, source: Eui64, arrival: Arrival) -> None:
        """Learn from a frame whose last hop proved to hold the network key."""
        arrival.hop_eui64 = source
        if key is not self.keys.active and self.keys.newer(key.sequence):
            self.switch_key(key.sequence)
        neighbour = self.neighbours.by_eui64.get(source)
        if neighbour is not None:
            neighbour.heard_at = arrival.heard.time_s
            neighbour.lqi = arrival.heard.lqi
            neighbour.failures = 0
            if neighbour.relationship is Relationship.UNAUTHENTICATED_CHILD:
                neighbour.relationship = Relationship.CHILD
                self.on_authenticated(neighbour.short)
        elif arrival.hop == self.parent:
            self.know_parent(source, arrival.heard)
        if frame.source == arrival.hop:
            self.learn(source, frame.source)
        elif frame.source_ieee is not None:
            self.learn(frame.source_ieee, frame.source)

    def learn(self, eui64: Eui64, short: int) -> None:
        """Remember a device's short address; if another device had it, there is a conflict (NWK 3.6.1.9)."""
        other = self.addresses.set(eui64, short)
        if other is not None and self.role.routes and self.on_conflict is not None:
            self.on_conflict(short)

    def know_parent(self, eui64: Eui64, heard: ReceivedFrame) -> None:
        """The parent's EUI-64 shows in the first frame it secures."""
        if self.parent is not None:
            kind = DeviceKind.ROUTER if self.parent else DeviceKind.COORDINATOR
            parent = Neighbour(self.parent, eui64, kind, Relationship.PARENT, lqi=heard.lqi)
            parent.heard_at = heard.time_s
            self.neighbours.add(parent)

    def _may_be_unsecured(self, frame: NwkFrame, hop: int) -> bool:
        """Only rejoining, and the network key for a device that has none, go without the network key."""
        if frame.frame_type is NwkFrameType.COMMAND:
            kind = frame.payload[:1]
            return (kind == bytes((RejoinRequest.IDENTIFIER,)) and self.role.routes) or (
                kind == bytes((RejoinResponse.IDENTIFIER,)) and hop == self.unsecured_from
            )
        return hop == self.unsecured_from and frame.destination == self.short

    def _route(self, frame: NwkFrame, arrival: Arrival) -> None:
        destination = frame.destination
        stolen = frame.source == self.short and frame.source_ieee not in (None, self.core.eui64)
        if stolen and self.on_conflict is not None and arrival.secured:
            self.on_conflict(self.short)
        if destination == self.short:
            self._deliver(frame, arrival)
        elif destination >= BROADCAST_FIRST:
            # Route requests spread by rules of their own (3.6.3.5.2).
            if arrival.secured and (_is_route_request(frame) or self.broadcasts.receive(frame, arrival)):
                self._deliver(frame, arrival)
        elif self.role.routes and arrival.secured:
            self._relay(frame)
        else:
            self.core.refuse("nwk", Refusal.NOT_OURS)

    def _relay(self, frame: NwkFrame) -> None:
        if frame.radius <= 1:
            self.core.statistics["nwk.radius-spent"] += 1
            return
        frame.radius -= 1
        self.core.statistics["nwk.relayed"] += 1
        route = frame.source_route
        if route is not None:
            index = route.relay_index
            hop = frame.destination if index == 0 else route.relays[index - 1]
            frame.source_route = SourceRoute(max(0, index - 1), route.relays)
            self.transmit(frame, hop)
            return
        self.dispatch(frame)

    def _deliver(self, frame: NwkFrame, arrival: Arrival) -> None:
        if frame.frame_type is NwkFrameType.DATA:
            if self.user is not None:
                self.user.nwk_data(frame, arrival)
            return
        try:
            command = parse_nwk_command(frame.payload)
        except CodecError:
            self.core.refuse("nwk", Refusal.MALFORMED)
            return
        handler = self.commands.get(type(command))
        if handler is None:
            self.core.refuse("nwk", Refusal.UNEXPECTED, frame.source)
        else:
            handler(command, frame, arrival)

    def switch_key(self, sequence: int) -> None:
        """Secure with another of the network keys held from now on."""
        if self.keys.switch(sequence):
            self.core.emit(NetworkKeyChanged(sequence))
            self.core.emit(StateChanged())


def _is_route_request(frame: NwkFrame) -> bool:
    return frame.frame_type is NwkFrameType.COMMAND and frame.payload[:1] == bytes((RouteRequest.IDENTIFIER,))
