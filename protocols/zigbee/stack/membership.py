"""What a parent does for others: beacons, association, rejoining, end device timeouts (NWK 3.6.1)."""

from __future__ import annotations

from collections.abc import Callable

from protocols.eui64 import Eui64
from protocols.han import DeviceLeft, JoinKind, JoinRefusal, JoinRefused, StateChanged
from protocols.zigbee.mac_commands import (
    AssociationRequest,
    AssociationResponse,
    AssociationStatus,
    Beacon,
    ZigbeeBeacon,
)
from protocols.zigbee.nwk import NwkFrame, NwkFrameType
from protocols.zigbee.nwk_commands import (
    EndDeviceTimeoutRequest,
    EndDeviceTimeoutResponse,
    Leave,
    RejoinRequest,
    RejoinResponse,
)
from protocols.zigbee.stack.constants import (
    APS_SECURITY_TIMEOUT_S,
    BROADCAST_FIRST,
    CAPABILITY_ROUTER,
    CAPABILITY_RX_ON,
    MAC_NO_SHORT_ADDRESS,
    NWK_END_DEVICE_TIMEOUT_DEFAULT,
    NWK_END_DEVICE_TIMEOUTS_S,
    NWK_MAX_CHILDREN,
    NWK_MAX_DEPTH,
)
from protocols.zigbee.stack.core import Refusal, Timer
from protocols.zigbee.stack.mac_service import Address
from protocols.zigbee.stack.nwk_layer import Arrival, NwkLayer
from protocols.zigbee.stack.nwk_tables import DeviceKind, Neighbour, Relationship

_BEACON_JITTER_S = 0.01
_ANSWER_SETTLES_S = 0.5
_PARENT_INFORMATION = 0x03  # keep-alive by MAC data poll and by end device timeout request (NWK 3.4.12.3.3)


class Membership:
    """The children of a coordinator or router, and who may become one.

    ``admit`` says why a device may not come (None: it may), ``on_child`` hears of one that came.
    """

    def __init__(self, nwk: NwkLayer) -> None:
        self._nwk = nwk
        self._core = nwk.core
        self.admit: Callable[[Eui64, JoinKind], JoinRefusal | None] = lambda *_: None
        self.on_child: Callable[[Neighbour, JoinKind], None] = lambda *_: None
        self.on_child_gone: Callable[[Eui64], None] = lambda *_: None
        self.max_children = NWK_MAX_CHILDREN
        self._permit_until = 0.0
        self._answering: dict[Eui64, Neighbour] = {}  # polled for its association response, or will
        self._ageing: Timer | None = None
        nwk.commands[RejoinRequest] = self._rejoin_request
        nwk.commands[EndDeviceTimeoutRequest] = self._timeout_request

    @property
    def permitting(self) -> bool:
        """Whether the join window is open (macAssociationPermit)."""
        return self._core.now() < self._permit_until

    @property
    def permitted_s(self) -> float:
        """How long the window stays open."""
        return max(0.0, self._permit_until - self._core.now())

    def permit(self, duration_s: float, *, shorten: bool = True) -> None:
        """Open the window, or close it with 0; not ``shorten``: never earlier than it closes already."""
        until = self._core.now() + duration_s
        self._permit_until = until if shorten else max(until, self._permit_until)

    def close(self) -> None:
        """Permit nobody and forget the timers."""
        self._permit_until = 0.0
        if self._ageing is not None:
            self._ageing.cancel()
            self._ageing = None

    # Beacons

    def beacon_wanted(self) -> None:
        """Answer a beacon request."""
        if self._nwk.role.routes and self._nwk.on_network:
            self._core.after(self._core.random.random() * _BEACON_JITTER_S, self._send_beacon)

    def _send_beacon(self) -> None:
        nwk = self._nwk
        if not nwk.on_network:
            return
        room = self._has_room()
        network = ZigbeeBeacon(
            nwk.extended_pan_id,
            router_capacity=room and nwk.depth < NWK_MAX_DEPTH,
            end_device_capacity=room,
            device_depth=min(nwk.depth, NWK_MAX_DEPTH),
            update_id=nwk.update_id,
        )
        beacon = Beacon(
            pan_coordinator=nwk.short == 0, association_permit=self.permitting, payload=network.build()
        )
        nwk.mac.send_beacon(beacon.build())

    def _has_room(self) -> bool:
        return len(self._nwk.neighbours.children()) < self.max_children

    # Association

    def association(self, device: Eui64, request: AssociationRequest) -> None:
        """Decide on an association request and keep the answer for the device.

        Nothing proves who asks, so a child that is one already stays as it is.
        """
        nwk = self._nwk
        if not nwk.role.routes or not nwk.on_network:
            return
        refusal = self.admit(device, JoinKind.ASSOCIATION)
        if refusal is None and not self.permitting:
            refusal = JoinRefusal.JOINING_CLOSED
        known = nwk.neighbours.by_eui64.get(device)
        if refusal is None and known is None and not self._has_room():
            refusal = JoinRefusal.NO_CAPACITY
        nwk.mac.indirect.drop(device)
        if refusal is not None:
            self._core.emit(JoinRefused(device, refusal))
            full = refusal is JoinRefusal.NO_CAPACITY
            status = AssociationStatus.PAN_AT_CAPACITY if full else AssociationStatus.ACCESS_DENIED
            nwk.mac.respond(device, AssociationResponse(0xFFFF, status), lambda _: None)
            return
        child = known if known is not None and known.relationship is Relationship.CHILD else None
        if child is None:
            short = known.short if known is not None and known.is_child else self.allocate(device)
            child = self._new_child(device, short, request.capability, Relationship.UNAUTHENTICATED_CHILD)
        response = AssociationResponse(child.short)
        self._answering[device] = child
        nwk.mac.respond(device, response, lambda delivered: self._associated(child, delivered=delivered))

    def allocate(self, device: Eui64) -> int:
        """A short address nobody is known to have (stochastic addressing, NWK 3.6.1.7)."""
        nwk = self._nwk
        known = nwk.addresses.short(device)
        if known is not None and 0 < known < BROADCAST_FIRST and known not in nwk.neighbours.by_short:
            return known
        while True:
            short = self._core.random.randrange(1, BROADCAST_FIRST)
            if (
                short not in nwk.neighbours.by_short
                and nwk.addresses.eui64(short) is None
                and short != nwk.short
            ):
                return short

    def _new_child(self, device: Eui64, short: int, capability: int, relationship: Relationship) -> Neighbour:
        nwk = self._nwk
        child = Neighbour(
            short,
            device,
            DeviceKind.ROUTER if capability & CAPABILITY_ROUTER else DeviceKind.END_DEVICE,
            relationship,
            rx_on=bool(capability & CAPABILITY_RX_ON),
            heard_at=self._core.now(),
            timeout_s=NWK_END_DEVICE_TIMEOUTS_S[NWK_END_DEVICE_TIMEOUT_DEFAULT],
            capability=capability,
        )
        nwk.neighbours.add(child)
        nwk.addresses.set(device, short)
        self._core.after(APS_SECURITY_TIMEOUT_S * 2, lambda: self._check_authenticated(child))
        self._plan_ageing()
        self._core.emit(StateChanged())
        return child

    def _associated(self, child: Neighbour, *, delivered: bool) -> None:
        if self._answering.get(child.eui64) is not child:
            return
        del self._answering[child.eui64]
        if self._nwk.neighbours.by_eui64.get(child.eui64) is not child:
            return
        if delivered:
            self.on_child(child, JoinKind.ASSOCIATION)
        else:
            self.drop(child)

    def _check_authenticated(self, child: Neighbour) -> None:
        if child.relationship is Relationship.UNAUTHENTICATED_CHILD:
            self.drop(child)

    def drop(self, child: Neighbour) -> None:
        """A neighbour is no child any more."""
        nwk = self._nwk
        if nwk.neighbours.by_eui64.get(child.eui64) is child:
            nwk.neighbours.remove(child)
            nwk.mac.indirect.drop(child.short)
            nwk.routing.routes.pop(child.short, None)
            self._core.emit(StateChanged())

    # Rejoining

    def _rejoin_request(self, request: RejoinRequest, frame: NwkFrame, arrival: Arrival) -> None:
        nwk, device = self._nwk, frame.source_ieee
        if not nwk.role.routes or not nwk.on_network or device is None or frame.source != arrival.hop:
            self._core.refuse("nwk", Refusal.UNEXPECTED, frame.source)
            return
        if arrival.secured and arrival.hop_eui64 != device:
            self._core.refuse("nwk", Refusal.UNKNOWN_SOURCE, device)
            return
        kind = JoinKind.SECURED_REJOIN if arrival.secured else JoinKind.TRUST_CENTRE_REJOIN
        refusal = self.admit(device, kind)
        known = nwk.neighbours.by_eui64.get(device)
        if refusal is None and known is None and not self._has_room():
            refusal = JoinRefusal.NO_CAPACITY
        rx_on = bool(request.capability & CAPABILITY_RX_ON)
        if refusal is not None:
            self._core.emit(JoinRefused(device, refusal))
            full = refusal is JoinRefusal.NO_CAPACITY
            status = AssociationStatus.PAN_AT_CAPACITY if full else AssociationStatus.ACCESS_DENIED
            self._respond(frame, RejoinResponse(0xFFFF, status), rx_on=rx_on, secured=arrival.secured)
            return
        if known is not None and known.relationship is Relationship.CHILD and not arrival.secured:
            # Nothing proves who asks: it stays as it is until it holds the network key again.
            self._respond(frame, RejoinResponse(known.short), rx_on=rx_on, secured=False)
            self.on_child(known, kind)
            return
        nwk.mac.indirect.drop(frame.source)
        short = frame.source
        other = nwk.neighbours.by_short.get(short)
        taken = other is not None and other.eui64 != device
        if taken or short == nwk.short or not 0 < short < BROADCAST_FIRST:
            short = self.allocate(device)
        unauthenticated = Relationship.UNAUTHENTICATED_CHILD
        relationship = Relationship.CHILD if arrival.secured else unauthenticated
        self._respond(frame, RejoinResponse(short), rx_on=rx_on, secured=arrival.secured)
        child = self._new_child(device, short, request.capability, relationship)
        self.on_child(child, kind)

    def _respond(self, request: NwkFrame, response: RejoinResponse, *, rx_on: bool, secured: bool) -> None:
        nwk = self._nwk
        answer = nwk.frame(NwkFrameType.COMMAND, request.source, response.build(), radius=1)
        answer.source_ieee, answer.destination_ieee = self._core.eui64, request.source_ieee
        if rx_on:
            nwk.mac.send(request.source, nwk.seal(answer, secured=secured))
        else:
            nwk.mac.send_indirect(request.source, lambda: nwk.seal(answer, secured=secured), lambda _: None)

    # Polls, timeouts, leaving

    def polled(self, source: Address) -> bool:
        """Note that a child polled; a stranger who takes us for its parent is told to rejoin."""
        nwk = self._nwk
        if isinstance(source, Eui64):
            answered = self._answering.get(source)
            if answered is not None:
                # Its acknowledgement of our answer may get lost: it is on the network all the same then.
                self._core.after(_ANSWER_SETTLES_S, lambda: self._associated(answered, delivered=True))
            return source in nwk.neighbours.by_eui64
        child = nwk.neighbours.by_short.get(source)
        if child is not None:
            child.heard_at = self._core.now()
            return True
        if nwk.role.routes and nwk.on_network and source < MAC_NO_SHORT_ADDRESS:
            self._core.statistics["nwk.stranger-polled"] += 1
            if not nwk.mac.indirect.holds(source):
                leave = nwk.frame(
                    NwkFrameType.COMMAND, source, Leave.of(request=True, rejoin=True).build(), radius=1
                )
                nwk.mac.send_indirect(source, lambda: nwk.seal(leave), lambda _: None)
        return False

    def _timeout_request(self, request: EndDeviceTimeoutRequest, frame: NwkFrame, arrival: Arrival) -> None:
        child = self._nwk.neighbours.by_short.get(frame.source)
        if child is None or not child.is_child or child.is_router or not arrival.secured:
            return
        right = request.timeout < len(NWK_END_DEVICE_TIMEOUTS_S) and request.configuration == 0
        if right:
            child.timeout_s = NWK_END_DEVICE_TIMEOUTS_S[request.timeout]
            self._plan_ageing()
        response = EndDeviceTimeoutResponse(0 if right else 1, _PARENT_INFORMATION)
        self._nwk.send_command(response, child.short, radius=1, to=child.eui64)

    def _plan_ageing(self) -> None:
        """One timer, for the child that is due first."""
        if self._ageing is not None:
            self._ageing.cancel()
            self._ageing = None
        due = [
            child.heard_at + child.timeout_s
            for child in self._nwk.neighbours.children()
            if not child.is_router
        ]
        if due:
            self._ageing = self._core.timers.at(min(due) + 1e-3, self._age)

    def _age(self) -> None:
        now = self._core.now()
        for child in self._nwk.neighbours.children():
            if not child.is_router and child.heard_at + child.timeout_s <= now:
                self._core.statistics["nwk.child-aged"] += 1
                self.drop(child)
                self._core.emit(DeviceLeft(child.eui64, aged=True))
        self._plan_ageing()

    def resume(self) -> None:
        """After a restart: children were heard just now, as far as we can know."""
        for child in self._nwk.neighbours.children():
            child.heard_at = self._core.now()
        self._plan_ageing()

    def send_away(self, child: Neighbour, *, rejoin: bool = False) -> None:
        """Tell a child to leave, and drop it when it heard that, or could have."""
        nwk = self._nwk
        leave = Leave.of(request=True, rejoin=rejoin)
        secured = child.relationship is not Relationship.UNAUTHENTICATED_CHILD
        if not secured:
            self.drop(child)
            return
        nwk.send_command(leave, child.short, lambda _: self.drop(child), radius=1, to=child.eui64)
