"""Routes: next hops, discovery by route request and reply, link status (NWK 3.6.3, 3.6.1.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from protocols.han import DataStatus
from protocols.zigbee.commands import Command
from protocols.zigbee.nwk import NwkFrame, NwkFrameType
from protocols.zigbee.nwk_commands import (
    Link,
    LinkStatus,
    ManyToOne,
    NetworkStatus,
    NetworkStatusCode,
    RouteRecord,
    RouteReply,
    RouteRequest,
)
from protocols.zigbee.stack.constants import (
    BROADCAST_ROUTERS,
    MAC_BROADCAST,
    NWK_INITIAL_RREQ_RETRIES,
    NWK_LINK_STATUS_PERIOD_S,
    NWK_MAX_BROADCAST_JITTER_S,
    NWK_MAX_PENDING,
    NWK_MAX_ROUTER_NEIGHBOURS,
    NWK_MAX_ROUTES,
    NWK_ROUTE_DISCOVERY_TIME_S,
    NWK_ROUTER_AGE_LIMIT,
    NWK_RREQ_RETRY_INTERVAL_S,
)
from protocols.zigbee.stack.core import Refusal, Timer
from protocols.zigbee.stack.nwk_tables import DeviceKind, Neighbour, Relationship, link_cost

if TYPE_CHECKING:
    from protocols.zigbee.stack.nwk_layer import Arrival, Done, NwkLayer

_LINKS_PER_FRAME = 20
_OPTION_MANY_TO_ONE = 0x18


@dataclass(slots=True)
class _Waiting:
    """Frames that wait for a route we are looking for."""

    frames: list[tuple[NwkFrame, Done | None]] = field(default_factory=list)
    tries: int = 0
    timer: Timer | None = None


@dataclass(slots=True)
class _Discovery:
    """A route request seen: the best way back to its originator (NWK table 3-57)."""

    expires: float
    back: int
    cost: int
    reply_cost: int = 0xFF


class Routing:
    """Routing table, route discovery and link status of a coordinator or router."""

    def __init__(self, nwk: NwkLayer) -> None:
        self._nwk = nwk
        self.routes: dict[int, int] = {}  # destination -> next hop
        self._waiting: dict[int, _Waiting] = {}
        self._discoveries: dict[tuple[int, int], _Discovery] = {}
        self._request_id = 0
        self._link_timer: Timer | None = None
        self.on_conflict: Callable[[int], None] | None = None  # hears a short address used twice
        self.commands: dict[type[Command], Callable[[Any, NwkFrame, Arrival], None]] = {
            RouteRequest: self._route_request,
            RouteReply: self._route_reply,
            RouteRecord: lambda *_: None,
            NetworkStatus: self._network_status,
            LinkStatus: self._link_status,
        }

    def next_hop(self, destination: int) -> int | None:
        """Who is next on the way to a short address; None: a route has to be found."""
        neighbour = self._nwk.neighbours.by_short.get(destination)
        if neighbour is not None and (neighbour.usable if neighbour.is_router else neighbour.is_child):
            return destination
        return self.routes.get(destination)

    def wait_for_route(self, frame: NwkFrame, done: Done | None) -> None:
        """Keep a frame until a route is found, and look for one."""
        waiting = self._waiting.get(frame.destination)
        if waiting is None:
            if len(self._waiting) >= NWK_MAX_PENDING:
                self._fail([(frame, done)])
                return
            waiting = self._waiting[frame.destination] = _Waiting()
            self._discover(frame.destination, waiting)
        if len(waiting.frames) >= NWK_MAX_PENDING:
            self._fail([(frame, done)])
        else:
            waiting.frames.append((frame, done))

    def hop_failed(self, frame: NwkFrame, hop: int) -> None:
        """The next hop did not take a frame: forget routes through it, and tell the originator."""
        nwk = self._nwk
        if not nwk.role.routes:
            return
        neighbour = nwk.neighbours.by_short.get(hop)
        if neighbour is not None and neighbour.usable:
            return
        for destination in [key for key, value in self.routes.items() if value == hop]:
            del self.routes[destination]
        if frame.source != nwk.short and frame.frame_type is NwkFrameType.DATA:
            code = NetworkStatusCode.NON_TREE_LINK_FAILURE
            nwk.send_command(NetworkStatus(code, frame.destination), frame.source)

    def start(self) -> None:
        """Begin to tell neighbours about links."""
        self.stop()
        period = NWK_LINK_STATUS_PERIOD_S * self._nwk.core.random.uniform(0.9, 1.1)
        self._link_timer = self._nwk.core.after(period, self._tell_links)

    def stop(self) -> None:
        """Cease."""
        if self._link_timer is not None:
            self._link_timer.cancel()
            self._link_timer = None

    def clear(self) -> None:
        """Forget routes, discoveries and what waits for them."""
        self.stop()
        self.routes.clear()
        self._discoveries.clear()
        waiting, self._waiting = self._waiting, {}
        for entry in waiting.values():
            self._fail(entry.frames)

    # Discovery

    def _discover(self, destination: int, waiting: _Waiting) -> None:
        nwk = self._nwk
        waiting.tries += 1
        self._request_id = (self._request_id + 1) & 0xFF
        request = RouteRequest(self._request_id, destination)
        frame = nwk.frame(NwkFrameType.COMMAND, BROADCAST_ROUTERS, request.build())
        frame.source_ieee = nwk.core.eui64
        self._note(nwk.short, self._request_id, nwk.short, 0)
        nwk.mac.send(MAC_BROADCAST, nwk.seal(frame))
        last = waiting.tries > NWK_INITIAL_RREQ_RETRIES
        wait = NWK_RREQ_RETRY_INTERVAL_S * (4 if last else 1)
        waiting.timer = nwk.core.after(wait, lambda: self._retry(destination, waiting, last=last))

    def _retry(self, destination: int, waiting: _Waiting, *, last: bool) -> None:
        if self._waiting.get(destination) is not waiting:
            return
        if not last:
            self._discover(destination, waiting)
            return
        del self._waiting[destination]
        self._nwk.core.statistics["nwk.no-route"] += 1
        self._fail(waiting.frames)

    def _fail(self, frames: list[tuple[NwkFrame, Done | None]]) -> None:
        for _, done in frames:
            if done is not None:
                done(DataStatus.NO_ROUTE)

    def _note(self, originator: int, request_id: int, back: int, cost: int) -> bool:
        """Remember a route request; False when one as good was here before."""
        now = self._nwk.core.now()
        known = self._discoveries.get((originator, request_id))
        if known is not None and known.expires > now and known.cost <= cost:
            return False
        if len(self._discoveries) >= NWK_MAX_ROUTES:
            self._discoveries = {
                key: found for key, found in self._discoveries.items() if found.expires > now
            }
            if len(self._discoveries) >= NWK_MAX_ROUTES:
                self._nwk.core.refuse("nwk", Refusal.TABLE_FULL)
                return False
        self._discoveries[originator, request_id] = _Discovery(now + NWK_ROUTE_DISCOVERY_TIME_S, back, cost)
        return True

    def _learn(self, destination: int, hop: int) -> None:
        if destination == self._nwk.short:
            return
        if destination not in self.routes and len(self.routes) >= NWK_MAX_ROUTES:
            del self.routes[next(iter(self.routes))]
        neighbour = self._nwk.neighbours.by_short.get(hop)
        if destination != hop or neighbour is None or not neighbour.usable:
            self.routes[destination] = hop
        waiting = self._waiting.pop(destination, None)
        if waiting is not None:
            if waiting.timer is not None:
                waiting.timer.cancel()
            for frame, done in waiting.frames:
                self._nwk.transmit(frame, hop, done)

    def _cost_of(self, hop: int, lqi: int) -> int:
        neighbour = self._nwk.neighbours.by_short.get(hop)
        if neighbour is None:
            return link_cost(lqi)
        return max(neighbour.incoming_cost, neighbour.outgoing_cost)

    def _route_request(self, request: RouteRequest, frame: NwkFrame, arrival: Arrival) -> None:
        nwk = self._nwk
        if not nwk.role.routes or frame.source == nwk.short or not arrival.secured:
            return
        cost = request.path_cost + self._cost_of(arrival.hop, arrival.heard.lqi)
        if not self._note(frame.source, request.request_id, arrival.hop, cost):
            return
        self._learn(frame.source, arrival.hop)
        many_to_one = request.options & _OPTION_MANY_TO_ONE != ManyToOne.NO
        child = nwk.neighbours.by_short.get(request.destination)
        if not many_to_one and (request.destination == nwk.short or (child is not None and child.is_child)):
            self._reply(request, frame.source, arrival.hop)
        elif frame.radius > 1 and cost < 0xFF:
            passed = replace(request, path_cost=cost)
            copy = replace(frame, radius=frame.radius - 1, security=None, payload=passed.build())
            jitter = nwk.core.random.random() * NWK_MAX_BROADCAST_JITTER_S
            nwk.core.after(jitter, lambda: self._pass_on(copy))

    def _pass_on(self, frame: NwkFrame) -> None:
        if self._nwk.on_network:
            self._nwk.mac.send(MAC_BROADCAST, self._nwk.seal(frame))

    def _reply(self, request: RouteRequest, originator: int, hop: int) -> None:
        reply = RouteReply(request.request_id, originator, request.destination)
        reply.responder_ieee = self._nwk.addresses.eui64(request.destination)
        if request.destination == self._nwk.short:
            reply.responder_ieee = self._nwk.core.eui64
        self._send_reply(reply, hop)

    def _send_reply(self, reply: RouteReply, hop: int) -> None:
        frame = self._nwk.frame(NwkFrameType.COMMAND, hop, reply.build())
        frame.source_ieee = self._nwk.core.eui64
        self._nwk.transmit(frame, hop)

    def _route_reply(self, reply: RouteReply, _: NwkFrame, arrival: Arrival) -> None:
        nwk = self._nwk
        found = self._discoveries.get((reply.originator, reply.request_id))
        if not nwk.role.routes or found is None or not arrival.secured:
            return
        cost = reply.path_cost + self._cost_of(arrival.hop, arrival.heard.lqi)
        if cost >= found.reply_cost:
            return
        found.reply_cost = cost
        if reply.responder_ieee is not None:
            nwk.addresses.set(reply.responder_ieee, reply.responder)
        self._learn(reply.responder, arrival.hop)
        if reply.originator != nwk.short:
            self._send_reply(replace(reply, path_cost=min(cost, 0xFF)), found.back)

    def _network_status(self, status: NetworkStatus, frame: NwkFrame, arrival: Arrival) -> None:
        if not arrival.secured:
            return
        self._nwk.core.statistics[f"nwk.status-{status.status:#04x}"] += 1
        if status.status == NetworkStatusCode.ADDRESS_CONFLICT:
            if self.on_conflict is not None:
                self.on_conflict(status.destination)
        elif frame.source != status.destination:
            self.routes.pop(status.destination, None)

    # Link status

    def _tell_links(self) -> None:
        nwk = self._nwk
        self.start()
        if not nwk.on_network:
            return
        routers = []
        for neighbour in nwk.neighbours:
            if neighbour.is_router and neighbour.relationship is not Relationship.UNAUTHENTICATED_CHILD:
                neighbour.age += 1
                if neighbour.age > NWK_ROUTER_AGE_LIMIT:
                    neighbour.outgoing_cost = 0
                else:
                    routers.append(neighbour)
        routers.sort(key=lambda neighbour: neighbour.short)
        links = [Link(router.short, router.incoming_cost, router.outgoing_cost) for router in routers]
        command = LinkStatus(links[:_LINKS_PER_FRAME])
        nwk.send_command(command, BROADCAST_ROUTERS, radius=1)

    def _link_status(self, status: LinkStatus, frame: NwkFrame, arrival: Arrival) -> None:
        nwk = self._nwk
        source = arrival.hop_eui64
        if not nwk.role.routes or source is None or frame.source != arrival.hop:
            return
        neighbour = nwk.neighbours.by_eui64.get(source)
        if neighbour is None:
            routers = sum(1 for known in nwk.neighbours if known.is_router)
            if routers >= NWK_MAX_ROUTER_NEIGHBOURS:
                return
            kind = DeviceKind.ROUTER if frame.source else DeviceKind.COORDINATOR
            neighbour = nwk.neighbours.add(Neighbour(frame.source, source, kind, Relationship.SIBLING))
            neighbour.lqi = arrival.heard.lqi
        if not neighbour.is_router:
            return
        nwk.neighbours.readdress(neighbour, frame.source)
        neighbour.age = 0
        ours = next((link for link in status.links if link.address == nwk.short), None)
        neighbour.outgoing_cost = ours.incoming_cost if ours is not None else 0
