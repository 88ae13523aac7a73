"""The stack behind the NCP: a coordinator node on the radio, its timers, and what it reports to the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.names import (
    Counter,
    DeviceUpdate,
    InitialSecurity,
    JoinDecision,
    JoinPolicy,
    NodeType,
    PolicyId,
)
from protocols.ezsp.status import SlStatus
from protocols.han import (
    AddressConflict,
    DeviceLeft,
    DeviceState,
    FrameRefused,
    HanEvent,
    HanRole,
    JoinKind,
    JoinRefusal,
    JoinRefused,
    KeySource,
    NetworkDown,
    NetworkKeyChanged,
    NetworkUp,
    PanIdConflict,
    StateChanged,
)
from protocols.zigbee.aps_commands import UpdateDevice
from protocols.zigbee.stack.node import Node, NodeSettings
from rigs.emulated.ncp.fragments import HostFragments
from rigs.emulated.ncp.incoming import IncomingMessages
from rigs.emulated.ncp.security import watch_key_requests
from rigs.emulated.ncp.state import WELL_KNOWN_KEY, WILDCARD, ViolationKind

if TYPE_CHECKING:
    from protocols.zigbee.stack.aps_layer import Origin
    from protocols.zigbee.stack.nwk_tables import Neighbour
    from rigs.emulated.air.scheduler import Cancellable
    from rigs.emulated.ncp.ncp import EmulatedNcp

_FOREVER_S = 1e9  # that a device establishes a key in time is the host's affair
_NETWORK_UP_S = 0.02
_UPDATES = {
    JoinKind.ASSOCIATION: DeviceUpdate.UNSECURED_JOIN,
    JoinKind.SECURED_REJOIN: DeviceUpdate.SECURED_REJOIN,
    JoinKind.TRUST_CENTRE_REJOIN: DeviceUpdate.UNSECURED_REJOIN,
}
_REFUSALS = {
    ("nwk", "replay"): Counter.NWK_FRAME_COUNTER_FAILURE,
    ("aps", "replay"): Counter.APS_FRAME_COUNTER_FAILURE,
    ("nwk", "bad-mic"): Counter.NWK_DECRYPTION_FAILURE,
    ("aps", "bad-mic"): Counter.APS_DECRYPTION_FAILURE,
}


class NcpStack:
    """The node, made anew at each reset."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self._timer: Cancellable | None = None
        self.node = self._fresh()

    def _fresh(self) -> Node:
        ncp = self._ncp
        settings = NodeSettings(key_establishment_timeout_s=_FOREVER_S)
        node = Node(HanRole.COORDINATOR, ncp.radio, ncp.now, ncp.random, settings)
        node.listen(self)
        node.on_earlier = self._plan
        node.aps.deliver = IncomingMessages(ncp, node).deliver  # type: ignore[method-assign]  # a host's policy counts, not the node's
        node.aps.transfers = HostFragments(ncp, node.aps)
        self._watch_joins(node)
        watch_key_requests(ncp, node)
        return node

    def _watch_joins(self, node: Node) -> None:
        trust_centre, membership = node.trust_centre, node.membership
        assert trust_centre is not None
        came, admit = membership.on_child, trust_centre.admit
        updated = node.aps.commands[UpdateDevice]

        def child(neighbour: Neighbour, kind: JoinKind) -> None:
            came(neighbour, kind)
            self._came(neighbour.eui64, neighbour.short, 0x0000, kind)
            self._child_told(neighbour, joining=True)

        def update(command: UpdateDevice, origin: Origin) -> None:
            updated(command, origin)
            device = trust_centre.devices.get(command.device)
            if device is not None and device.parent == origin.short and command.status in (0, 1, 3):
                self._came(command.device, command.short_address, origin.short, device.kind)

        def admitted(eui64: Eui64, kind: JoinKind) -> JoinRefusal | None:
            refusal = self._policy(eui64, kind)
            return admit(eui64, kind) if refusal is None else refusal

        membership.on_child = child
        node.aps.commands[UpdateDevice] = update
        membership.admit = admitted
        trust_centre.admit = admitted  # type: ignore[method-assign]  # of devices that come by a router, too

    # Time

    def _plan(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._ncp.radio.medium.scheduler.call_at(due, self._run)

    def _run(self) -> None:
        self._timer = None
        self.node.run_due(self._ncp.now())
        due = self.node.next_due()
        if due is not None:
            self._plan(due)

    # Networks

    @property
    def joined(self) -> bool:
        """Whether there is a network."""
        return self.node.network is not None

    def _keep(self) -> None:
        tokens = self._ncp.tokens
        if self.joined and not tokens.erased:
            tokens.network = self.node.state()
            self._ncp.on_tokens()

    def restart(self) -> None:
        """A reset: only tokens are left."""
        self._keep()
        self._ncp.tokens.erased = False
        self.close()
        self.node = self._fresh()

    def close(self) -> None:
        """Stop all timers: the stick lost power."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.node.close()
        self._ncp.radio.stop()

    def form(self, parameters: Values) -> SlStatus:
        """Form a network with these parameters and the security state given before."""
        ncp, node = self._ncp, self.node
        security = ncp.memory.security
        if self.joined:
            return SlStatus.INVALID_STATE
        if security is None:
            return SlStatus.SECURITY_STATE_NOT_SET
        if not 11 <= parameters["channel"] <= 26:
            return SlStatus.INVALID_PARAMETER
        nwk, settings = node.nwk, node.mac.settings
        if parameters["pan_id"] == 0xFFFF:
            parameters = parameters | {"pan_id": ncp.random.randrange(1, 0xFFF0)}
        if parameters["extended_pan_id"] == bytes(8):
            parameters = parameters | {"extended_pan_id": Eui64(ncp.random.randbytes(8))}
        settings.channel, settings.pan_id = parameters["channel"], parameters["pan_id"]
        settings.short_address = 0x0000
        nwk.extended_pan_id, nwk.update_id = parameters["extended_pan_id"], parameters["update_id"]
        nwk.depth, nwk.parent = 0, None
        given = security["bitmask"] & InitialSecurity.HAVE_NETWORK_KEY
        key = security["network_key"] if given else ncp.random.randbytes(16)
        nwk.keys.clear()
        nwk.keys.add(key, security["sequence"] if given else 0, activate=True)
        nwk.mac.apply()
        nwk.routing.start()
        tokens = ncp.tokens
        tokens.parameters, tokens.network, tokens.erased = parameters, None, False
        tokens.link_key = security["preconfigured_key"]
        tokens.security_bits = security["bitmask"]
        ncp.after(_NETWORK_UP_S, self._up)
        return SlStatus.OK

    def _up(self) -> None:
        if self.joined:
            self._ncp.tell("stackStatusHandler", status=SlStatus.NETWORK_UP)

    def resume(self) -> SlStatus:
        """Go on with the network in the tokens."""
        kept = self._ncp.tokens.network
        if self.joined:
            return SlStatus.INVALID_STATE
        if kept is None:
            return SlStatus.NOT_JOINED
        self.node.restore(kept)
        self._ncp.after(_NETWORK_UP_S, self.node.resume)
        return SlStatus.OK

    def leave(self) -> SlStatus:
        """Leave; the host hears when it is done."""
        if not self.joined:
            return SlStatus.NOT_JOINED
        self.node.leave()
        return SlStatus.OK

    def parameters(self) -> Values:
        """The network, as getNetworkParameters tells it."""
        formed: dict[str, Any] = dict(self._ncp.tokens.parameters or {})
        nwk, settings = self.node.nwk, self.node.mac.settings
        return formed | {
            "extended_pan_id": nwk.extended_pan_id,
            "pan_id": settings.pan_id,
            "channel": settings.channel,
            "update_id": nwk.update_id,
        }

    # Who may join

    def _policy(self, eui64: Eui64, kind: JoinKind) -> JoinRefusal | None:
        """What policies and transient keys say, before the node's own list."""
        ncp, node = self._ncp, self.node
        policy = ncp.memory.policies[PolicyId.TRUST_CENTER]
        if kind is JoinKind.TRUST_CENTRE_REJOIN:
            self._know(eui64)
            return None if policy & JoinPolicy.ALLOW_UNSECURED_REJOINS else JoinRefusal.NO_LINK_KEY
        if kind is not JoinKind.ASSOCIATION:
            return None
        now = ncp.now()
        if not policy & JoinPolicy.ALLOW_JOINS or ncp.memory.joining_until <= now:
            return JoinRefusal.JOINING_CLOSED
        keys = {known: entry for known, entry in ncp.memory.transient_keys.items() if entry.until > now}
        entry = keys.get(eui64)
        if entry is None and WILDCARD in keys:
            # Nothing says that JOINS_USE_INSTALL_CODE_KEY keeps firmware from this: the worst is assumed.
            entry = keys[WILDCARD]
            ncp.violated(ViolationKind.JOINED_BY_WILDCARD, eui64)
        assert node.trust_centre is not None
        if entry is None:
            return JoinRefusal.UNKNOWN_EUI64
        known_device = node.trust_centre.devices.get(eui64)
        if known_device is not None:
            known_device.state = DeviceState.LISTED
            node.aps.keys.install(eui64, entry.key, KeySource.INSTALL_CODE)
        node.allow_device(eui64, entry.key, ncp.memory.joining_until - now)
        return None

    def _know(self, eui64: Eui64) -> None:
        """Firmware keeps no list of devices: whoever has a key in the table may come back."""
        trust_centre = self.node.trust_centre
        assert trust_centre is not None
        for entry in self._ncp.tokens.keys.values():
            if entry.eui64 == eui64 and eui64 not in trust_centre.devices:
                self.node.allow_device(eui64, entry.key, 0.0, KeySource.ESTABLISHED)

    def check_keys(self) -> None:
        """Note whether anybody could join with the well-known key now."""
        ncp, memory = self._ncp, self._ncp.memory
        now = ncp.now()
        if memory.joining_until <= now or not memory.policies[PolicyId.TRUST_CENTER] & JoinPolicy.ALLOW_JOINS:
            return
        for eui64, entry in memory.transient_keys.items():
            if entry.key == WELL_KNOWN_KEY and entry.until > now:
                ncp.violated(ViolationKind.WELL_KNOWN_KEY_USABLE, eui64)

    def _came(self, eui64: Eui64, short: int, parent: int, kind: JoinKind) -> None:
        self._ncp.count(Counter.JOIN_INDICATION)
        decision = (
            JoinDecision.NO_ACTION if kind is JoinKind.SECURED_REJOIN else JoinDecision.USE_PRECONFIGURED_KEY
        )
        self._ncp.tell(
            "trustCenterJoinHandler",
            node=short,
            eui64=eui64,
            update=_UPDATES[kind],
            decision=decision,
            parent=parent,
        )

    def _child_told(self, child: Neighbour, *, joining: bool) -> None:
        children = [known.eui64 for known in self.node.nwk.neighbours.children()]
        self._ncp.tell(
            "childJoinHandler",
            index=children.index(child.eui64) if child.eui64 in children else 0xFF,
            joining=joining,
            node=child.short,
            eui64=child.eui64,
            type=NodeType.ROUTER
            if child.is_router
            else NodeType.END_DEVICE
            if child.rx_on
            else NodeType.SLEEPY_END_DEVICE,
        )

    # What the node tells

    def han_event(self, event: HanEvent) -> None:
        """An event of the node."""
        ncp = self._ncp
        if isinstance(event, NetworkUp):
            ncp.tell("stackStatusHandler", status=SlStatus.NETWORK_UP)
        elif isinstance(event, StateChanged):
            self._keep()
        elif isinstance(event, NetworkDown):
            ncp.tokens.network = None
            ncp.on_tokens()
            ncp.tell("stackStatusHandler", status=SlStatus.NETWORK_DOWN)
        elif isinstance(event, NetworkKeyChanged):
            ncp.tell("switchNetworkKeyHandler", sequence=event.sequence)
        elif isinstance(event, AddressConflict):
            ncp.tell("idConflictHandler", node=event.short_address)
        elif isinstance(event, PanIdConflict):
            ncp.tell("stackStatusHandler", status=SlStatus.PAN_ID_CHANGED)
        elif isinstance(event, DeviceLeft):
            self._left(event.eui64)
        elif isinstance(event, JoinRefused):
            self._refused(event)
        elif isinstance(event, FrameRefused) and (event.layer, event.reason) in _REFUSALS:
            ncp.count(_REFUSALS[event.layer, event.reason])

    def _left(self, eui64: Eui64) -> None:
        self._ncp.count(Counter.CHILD_REMOVED)
        short = self.node.short_address_of(eui64)
        self._ncp.tell(
            "trustCenterJoinHandler",
            node=0xFFFF if short is None else short,
            eui64=eui64,
            update=DeviceUpdate.DEVICE_LEFT,
            decision=JoinDecision.NO_ACTION,
            parent=0xFFFF,
        )

    def _refused(self, event: JoinRefused) -> None:
        if event.reason in (JoinRefusal.UNKNOWN_EUI64, JoinRefusal.NO_LINK_KEY):
            rejoin = event.reason is JoinRefusal.NO_LINK_KEY
            self._ncp.tell(
                "trustCenterJoinHandler",
                node=0xFFFE,
                eui64=event.eui64,
                update=DeviceUpdate.UNSECURED_REJOIN if rejoin else DeviceUpdate.UNSECURED_JOIN,
                decision=JoinDecision.DENY_JOIN,
                parent=0x0000,
            )
