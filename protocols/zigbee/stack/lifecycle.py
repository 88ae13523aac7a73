"""The life of a node on a network: up, announced, parent lost, back again, left (NWK 3.6.1, 3.2.2.18)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.han import (
    AddressConflict,
    DataStatus,
    DeviceLeft,
    HanRole,
    JoinFailure,
    KeySource,
    NetworkDown,
    NetworkUp,
    ParentLost,
    StateChanged,
)
from protocols.zigbee.nwk import NwkFrame
from protocols.zigbee.nwk_commands import (
    EndDeviceTimeoutRequest,
    EndDeviceTimeoutResponse,
    Leave,
    NetworkStatus,
    NetworkStatusCode,
    RejoinResponse,
)
from protocols.zigbee.stack.constants import (
    BROADCAST_FIRST,
    BROADCAST_ROUTERS,
    BROADCAST_RX_ON,
    MAC_BROADCAST_PAN,
)
from protocols.zigbee.stack.joining import capability_of
from protocols.zigbee.stack.link_keys import LinkKey
from protocols.zigbee.stack.nwk_layer import Arrival
from protocols.zigbee.zdp import ZdpCluster

if TYPE_CHECKING:
    from protocols.zigbee.stack.node import Node

_LEAVE_SETTLES_S = 0.1
_UNKNOWN_KEYS_ALLOWED = 2


class Lifecycle:
    """What happens when; the parts of the node report here."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._core = node.core
        self._unknown_keys = 0
        self._coming_back = False
        self.parent_information = 0
        nwk = node.nwk
        nwk.commands[Leave] = self._leave_command
        nwk.commands[EndDeviceTimeoutResponse] = self._timeout_response
        nwk.on_parent = node.poller.parent_took
        nwk.on_unknown_key = self._unknown_key
        nwk.on_conflict = self.conflict
        nwk.routing.on_conflict = self._resolve_conflict
        node.joiner.on_up = self._up
        node.joiner.on_failure = self._join_failed
        node.rejoiner.on_failure = self._rejoin_failed
        node.poller.on_lost = self._parent_lost
        node.zdp_servers.on_leave = lambda rejoin: self.leave(rejoin=rejoin)
        node.zdp_servers.on_conflict = self.conflict

    # Coming

    def form(self, channels: Sequence[int], extended_pan_id: Eui64 | None) -> None:
        """Coordinator: form a network."""
        node = self._node
        if node.role is not HanRole.COORDINATOR:
            raise ValueError(f"a {node.role} forms no network")

        def formed(done: bool) -> None:
            if not done:
                self._core.emit(NetworkDown(JoinFailure.FORMATION_FAILED, "no channel could be measured"))
                return
            self._core.emit(StateChanged())
            self._tell_up(rejoined=False)

        node.mac.apply()
        node.formation.form(channels, extended_pan_id, formed)

    def join(self, link_key: bytes, channels: Sequence[int], extended_pan_id: Eui64 | None) -> None:
        """Join with an install code's key."""
        node = self._node
        if node.role is HanRole.COORDINATOR:
            raise ValueError("a coordinator joins no network")
        self._clear()
        keys = node.aps.keys
        keys.forget_all()
        keys.preconfigured = LinkKey(None, link_key, KeySource.INSTALL_CODE)
        node.rejoiner.channels = tuple(channels) or node.rejoiner.channels
        self._coming_back = False
        node.joiner.join(channels, extended_pan_id)

    def rejoin(self, *, secured: bool = True) -> None:
        """Come back to our network."""
        node = self._node
        if node.role is HanRole.COORDINATOR or node.nwk.extended_pan_id == bytes(8):
            raise ValueError("there is no network to rejoin")
        self._coming_back = True
        node.poller.stop()
        node.aps.fail_all(DataStatus.NO_NETWORK)
        node.rejoiner.start(secured=secured)

    def resume(self) -> None:
        """Go on from kept state."""
        node = self._node
        nwk = node.nwk
        if not nwk.on_network:
            return
        node.mac.apply()
        if not node.role.routes:
            self.rejoin()
            return
        node.membership.resume()
        nwk.routing.start()
        self._tell_up(rejoined=True)
        if node.trust_centre is not None and node.membership.permitting:
            node.trust_centre.tell_routers()
        children = [child.eui64 for child in nwk.neighbours.children() if not child.is_router]
        if children:
            node.zdp.tell(BROADCAST_ROUTERS, ZdpCluster.PARENT_ANNCE, {"children": children[:10]})

    def _up(self) -> None:
        node = self._node
        self._unknown_keys = 0
        rejoined, self._coming_back = self._coming_back, False
        if node.rejoiner.active:
            node.rejoiner.active = False
        self._announce()
        if not node.role.routes and node.nwk.parent is not None:
            request = EndDeviceTimeoutRequest(node.settings.end_device_timeout)
            node.nwk.send_command(request, node.nwk.parent, radius=1)
            node.poller.start(node.nwk.parent)
            node.poller.stay_awake(2.0)
        self._tell_up(rejoined=rejoined)

    def _announce(self) -> None:
        node = self._node
        values = {
            "nwk": node.nwk.short,
            "ieee": node.eui64,
            "capability": capability_of(node.role),
        }
        node.zdp.tell(BROADCAST_RX_ON, ZdpCluster.DEVICE_ANNCE, values)

    def _tell_up(self, *, rejoined: bool) -> None:
        network = self._node.network
        if network is not None:
            self._core.emit(NetworkUp(network, rejoined))

    def _timeout_response(
        self, response: EndDeviceTimeoutResponse, frame: NwkFrame, arrival: Arrival
    ) -> None:
        if arrival.secured and frame.source == self._node.nwk.parent:
            self.parent_information = response.parent_information

    # Trouble

    def _join_failed(self, failure: JoinFailure, detail: str) -> None:
        if self._node.rejoiner.active:
            self._node.rejoiner.failed(failure, detail)
        else:
            self.down(failure, detail)

    def _rejoin_failed(self, failure: JoinFailure, detail: str) -> None:
        self._core.emit(NetworkDown(failure, detail))

    def _parent_lost(self) -> None:
        self._core.emit(ParentLost(self._node.nwk.parent or 0))
        self.rejoin()

    def _unknown_key(self, _: int) -> None:
        """The parent uses a network key that we missed: only the trust centre can give it to us."""
        self._unknown_keys += 1
        if self._unknown_keys >= _UNKNOWN_KEYS_ALLOWED and not self._node.joiner.active:
            self._unknown_keys = 0
            self._core.after(0, lambda: self.rejoin(secured=False))

    def conflict(self, short: int) -> None:
        """A short address is used twice: tell all, and see to our part."""
        node = self._node
        if node.role.routes and node.nwk.on_network:
            status = NetworkStatus(NetworkStatusCode.ADDRESS_CONFLICT, short)
            node.nwk.send_command(status, BROADCAST_RX_ON)
        self._resolve_conflict(short)

    def _resolve_conflict(self, short: int) -> None:
        """Choose another address, for us or for a child (NWK 3.6.1.9.3)."""
        node = self._node
        nwk = node.nwk
        self._core.emit(AddressConflict(short))
        child = nwk.neighbours.by_short.get(short)
        if short == nwk.short and node.role is HanRole.ROUTER:
            nwk.mac.settings.short_address = node.membership.allocate(node.eui64)
            nwk.mac.apply()
            self._core.emit(StateChanged())
            self._announce()
        elif child is not None and child.is_child and not child.is_router:
            self._readdress(child.eui64, short)

    def _readdress(self, eui64: Eui64, old: int) -> None:
        node = self._node
        nwk = node.nwk
        child = nwk.neighbours.by_eui64[eui64]
        nwk.addresses.forget(eui64)
        new = self._core.random.randrange(1, BROADCAST_FIRST)
        while new in nwk.neighbours.by_short or nwk.addresses.eui64(new) is not None:
            new = self._core.random.randrange(1, BROADCAST_FIRST)

        def told(_: DataStatus) -> None:
            if nwk.neighbours.by_short.get(old) is child:
                nwk.neighbours.readdress(child, new)
                self._core.emit(StateChanged())

        nwk.send_command(RejoinResponse(new), old, told, radius=1, to=eui64)

    # Going

    def _leave_command(self, leave: Leave, frame: NwkFrame, arrival: Arrival) -> None:
        node = self._node
        nwk = node.nwk
        if not arrival.secured:
            return
        if leave.request:
            from_parent = arrival.hop == nwk.parent
            # Whoever sent it may be wrong about whose short address ours is.
            for_another = frame.destination_ieee not in (None, node.eui64)
            if for_another or node.role is HanRole.COORDINATOR or not (node.role.routes or from_parent):
                self._core.statistics["nwk.leave-refused"] += 1
            elif frame.destination == nwk.short:
                self.leave(rejoin=leave.rejoin)
            return
        eui64 = frame.source_ieee or nwk.addresses.eui64(frame.source)
        neighbour = nwk.neighbours.by_eui64.get(eui64) if eui64 is not None else None
        if not leave.rejoin:
            node.aps.fail_to(frame.source)
        if neighbour is not None and eui64 is not None:
            child = neighbour.is_child
            node.membership.drop(neighbour)
            if child and not leave.rejoin:
                node.membership.on_child_gone(eui64)
        elif eui64 is not None and node.trust_centre is not None and not leave.rejoin:
            self._core.emit(DeviceLeft(eui64))
        if frame.source == nwk.parent and not node.role.routes:
            self._core.after(0, self._parent_lost)

    def leave(self, *, rejoin: bool) -> None:
        """Tell the neighbours that we leave, then do."""
        node = self._node
        nwk = node.nwk
        if node.ready:
            command = Leave.of(request=False, rejoin=rejoin)
            destination = BROADCAST_RX_ON if node.role.routes else nwk.parent
            if destination is not None:
                nwk.send_command(command, destination, radius=1)
        if rejoin:
            self._core.after(_LEAVE_SETTLES_S, self.rejoin)
        else:
            node.poller.stop()
            self._core.after(_LEAVE_SETTLES_S, lambda: self.down(JoinFailure.LEFT))

    def down(self, reason: JoinFailure, detail: str = "") -> None:
        """On no network any more."""
        self._clear()
        self._core.emit(StateChanged())
        self._core.emit(NetworkDown(reason, detail))

    def _clear(self) -> None:
        """Forget the network, but not our counters."""
        node = self._node
        nwk = node.nwk
        node.rejoiner.stop()
        node.poller.stop()
        node.aps.fail_all(DataStatus.NO_NETWORK)
        node.membership.close()
        nwk.mac.indirect.clear()
        nwk.routing.clear()
        nwk.broadcasts.clear()
        nwk.neighbours.clear()
        nwk.addresses.clear()
        nwk.keys.clear()
        nwk.parent = None
        nwk.unsecured_from = None
        nwk.extended_pan_id = Eui64(bytes(8))
        settings = nwk.mac.settings
        settings.pan_id, settings.short_address = MAC_BROADCAST_PAN, 0xFFFF
        nwk.mac.apply()
