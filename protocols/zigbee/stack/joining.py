"""How a device comes on a network: association with an install code, rejoining by either way (NWK 3.6.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from protocols.eui64 import Eui64
from protocols.han import HanRole, JoinFailure, StateChanged
from protocols.radio import TransmitResult, TransmitStatus
from protocols.zigbee.mac_commands import AssociationRequest, AssociationResponse
from protocols.zigbee.nwk import NwkFrame, NwkFrameType
from protocols.zigbee.nwk_commands import RejoinRequest, RejoinResponse
from protocols.zigbee.stack.constants import (
    ALL_CHANNELS,
    APS_SECURITY_TIMEOUT_S,
    BROADCAST_FIRST,
    CAPABILITY_ALLOCATE,
    CAPABILITY_MAINS,
    CAPABILITY_ROUTER,
    CAPABILITY_RX_ON,
    MAC_BROADCAST_PAN,
    MAC_NO_SHORT_ADDRESS,
    MAC_RESPONSE_WAIT_S,
    NWK_MAX_DEPTH,
    NWK_REJOIN_WAIT_S,
)
from protocols.zigbee.stack.core import Timer
from protocols.zigbee.stack.mac_service import PollOutcome
from protocols.zigbee.stack.nwk_layer import Arrival, NwkLayer
from protocols.zigbee.stack.nwk_tables import Relationship, link_cost
from protocols.zigbee.stack.scanning import Found, Scanner

_ASSOCIATION_POLLS = 4
_SCANS = 3  # until a beacon fits; beacons are not acknowledged
_POLL_INTERVAL_S = 0.15


def capability_of(role: HanRole) -> int:
    """Capability information of a device of ours."""
    capability = CAPABILITY_ALLOCATE
    if role.routes:
        capability |= CAPABILITY_ROUTER | CAPABILITY_MAINS
    return capability if role is HanRole.SLEEPY_END_DEVICE else capability | CAPABILITY_RX_ON


class JoinPhase(Enum):
    """How far a join is."""

    IDLE = 0
    SCANNING = 1
    ASSOCIATING = 2
    REJOINING = 3
    AWAITING_KEY = 4


class Joiner:
    """Joins and rejoins one device. ``on_up`` hears of success, ``on_failure`` that all candidates failed."""

    def __init__(self, nwk: NwkLayer, scanner: Scanner) -> None:
        self._nwk = nwk
        self._core = nwk.core
        self._scanner = scanner
        self.phase = JoinPhase.IDLE
        self.secured = False
        self.on_up: Callable[[], None] = lambda: None
        self.on_failure: Callable[[JoinFailure, str], None] = lambda *_: None
        self._candidates: list[Found] = []
        self._failure = (JoinFailure.NO_NETWORK, "")
        self._parent: Found | None = None
        self._timer: Timer | None = None
        self._poll_timer: Timer | None = None
        self._unreadable = False
        self._rejoin = False
        self._scans = 0
        nwk.commands[RejoinResponse] = self._rejoin_response

    @property
    def active(self) -> bool:
        """Whether a join or rejoin is going on."""
        return self.phase is not JoinPhase.IDLE

    @property
    def rejoining(self) -> bool:
        """Whether this is (or was) a rejoin."""
        return self._rejoin

    @property
    def awaiting_key(self) -> bool:
        """Whether the parent took us and the network key is to come."""
        return self.phase is JoinPhase.AWAITING_KEY

    def join(self, channels: Sequence[int], extended_pan_id: Eui64 | None) -> None:
        """Scan for networks that permit joining, and try them from the best on."""

        def scanned(found: list[Found]) -> None:
            router = self._nwk.role is HanRole.ROUTER
            fitting = [
                other
                for other in found
                if other.usable and (extended_pan_id is None or other.extended_pan_id == extended_pan_id)
            ]
            self._candidates = self._sorted(
                other
                for other in fitting
                if other.permit and (other.router_capacity if router else other.end_device_capacity)
            )
            detail = f"{len(fitting)} of {len(found)} beacons fit, none permits joining"
            self._failure = (JoinFailure.NO_NETWORK, "no beacon heard" if not found else detail)
            self._scans -= 1
            if self._candidates or not self._scans:
                self._next()
            else:
                self._scanner.active(channels or ALL_CHANNELS, scanned)

        self._begin(rejoin=False, secured=False)
        self._scans = _SCANS
        self._scanner.active(channels or ALL_CHANNELS, scanned)

    def rejoin(self, channels: Sequence[int], *, secured: bool) -> None:
        """Scan for our network and rejoin at the best parent; not ``secured``: get the network key again."""

        def scanned(found: list[Found]) -> None:
            wanted = self._nwk.extended_pan_id
            self._candidates = self._sorted(
                other for other in found if other.usable and other.extended_pan_id == wanted
            )
            self._failure = (JoinFailure.NO_NETWORK, f"none of {len(found)} beacons is of {wanted}")
            self._next()

        self._begin(rejoin=True, secured=secured)
        self._scanner.active(channels, scanned)

    def cancel(self) -> None:
        """Stop where we are."""
        self._stop_timer()
        if self.phase is JoinPhase.SCANNING:
            self._scanner.cancel()
        self.phase = JoinPhase.IDLE
        self._nwk.unsecured_from = None

    def _begin(self, *, rejoin: bool, secured: bool) -> None:
        self.cancel()
        self._rejoin, self.secured = rejoin, secured
        self.phase = JoinPhase.SCANNING

    def _sorted(self, found: Iterable[Found]) -> list[Found]:
        return sorted(found, key=lambda other: (link_cost(other.lqi), other.depth, -other.lqi))

    def _next(self) -> None:
        """Try the next candidate."""
        self._stop_timer()
        nwk = self._nwk
        nwk.unsecured_from = None
        self._unreadable = False
        if not self._candidates:
            self.phase = JoinPhase.IDLE
            self.on_failure(*self._failure)
            return
        found = self._parent = self._candidates.pop(0)
        settings = nwk.mac.settings
        settings.channel, settings.pan_id = found.channel, found.pan_id
        if self._rejoin:
            self._ask_to_rejoin(found)
            return
        self.phase = JoinPhase.ASSOCIATING
        settings.short_address = 0xFFFF
        nwk.mac.apply()
        nwk.mac.send_command(
            AssociationRequest(capability_of(nwk.role)),
            found.source,
            self._request_sent,
            extended_source=True,
            source_pan=MAC_BROADCAST_PAN,
        )

    def _fail(self, failure: JoinFailure, detail: str = "") -> None:
        self._failure = (failure, detail)
        self._next()

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        self._stop_timer()
        self._timer = self._core.after(delay_s, action)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # Association

    def _request_sent(self, result: TransmitResult) -> None:
        if self.phase is not JoinPhase.ASSOCIATING:
            return
        if result.status is TransmitStatus.DONE:
            self._later(MAC_RESPONSE_WAIT_S, lambda: self._fetch_response(_ASSOCIATION_POLLS))
        else:
            self._fail(JoinFailure.NO_RESPONSE, "nobody acknowledged the association request")

    def _fetch_response(self, polls: int) -> None:
        if self.phase is not JoinPhase.ASSOCIATING or self._parent is None:
            return
        if not polls:
            self._fail(JoinFailure.NO_RESPONSE, "no association response")
            return

        def polled(_: PollOutcome) -> None:
            if self.phase is JoinPhase.ASSOCIATING:
                self._later(_POLL_INTERVAL_S, lambda: self._fetch_response(polls - 1))

        self._nwk.mac.poll(self._parent.source, polled)

    def association_response(self, response: AssociationResponse) -> None:
        """The parent's answer."""
        if self.phase is not JoinPhase.ASSOCIATING or self._parent is None:
            return
        if response.status or response.short_address >= BROADCAST_FIRST:
            self._fail(JoinFailure.ASSOCIATION_REFUSED, f"association status {response.status}")
            return
        self._nwk.extended_pan_id = self._parent.extended_pan_id
        self._settle(response.short_address)
        self._await_key()

    def _settle(self, short: int) -> None:
        """Take the address and the place in the network that the parent gave us."""
        nwk, found = self._nwk, self._parent
        if found is None:
            return
        nwk.mac.settings.short_address = short
        nwk.parent = found.source
        nwk.update_id = found.update_id
        nwk.depth = min(found.depth + 1, NWK_MAX_DEPTH)
        nwk.mac.apply()

    # The network key

    def _await_key(self) -> None:
        self.phase = JoinPhase.AWAITING_KEY
        self._nwk.unsecured_from = self._nwk.parent
        self._later(APS_SECURITY_TIMEOUT_S, self._no_key)
        if self._nwk.role is HanRole.SLEEPY_END_DEVICE:
            self._poll_for_key()

    def _poll_for_key(self) -> None:
        if self._poll_timer is not None:
            self._poll_timer.cancel()
        parent = self._nwk.parent
        if self.phase not in (JoinPhase.AWAITING_KEY, JoinPhase.REJOINING):
            return
        if self.phase is JoinPhase.REJOINING and self._parent is not None:
            parent = self._parent.source
        if parent is not None:
            self._nwk.mac.poll(parent, lambda _: None)
        self._poll_timer = self._core.after(_POLL_INTERVAL_S, self._poll_for_key)

    def _no_key(self) -> None:
        if self._unreadable:
            self._fail(JoinFailure.TRANSPORT_KEY_UNREADABLE, "the transport key is not under our link key")
        else:
            self._fail(JoinFailure.NO_TRANSPORT_KEY)

    def transport_key_unreadable(self) -> None:
        """A transport key came that our link key does not open."""
        self._unreadable = True

    def network_key(self, key: bytes, sequence: int) -> bool:
        """The network key came; False when nobody waited for it."""
        if self.phase is not JoinPhase.AWAITING_KEY:
            return False
        if not self._rejoin:
            self._nwk.keys.clear()
        self._nwk.keys.add(key, sequence, activate=True)
        self._succeed()
        return True

    def _succeed(self) -> None:
        nwk = self._nwk
        self._stop_timer()
        self.phase = JoinPhase.IDLE
        self._candidates = []
        nwk.unsecured_from = None
        if nwk.role.routes:
            nwk.routing.start()
        self._core.emit(StateChanged())
        self.on_up()

    # Rejoining

    def _ask_to_rejoin(self, found: Found) -> None:
        nwk = self._nwk
        settings = nwk.mac.settings
        self.phase = JoinPhase.REJOINING
        if not 0 < settings.short_address < MAC_NO_SHORT_ADDRESS:
            settings.short_address = self._core.random.randrange(1, BROADCAST_FIRST)
        nwk.mac.apply()
        request = RejoinRequest(capability_of(nwk.role))
        frame = nwk.frame(NwkFrameType.COMMAND, found.source, request.build(), radius=1)
        frame.source_ieee = self._core.eui64
        nwk.unsecured_from = None if self.secured else found.source
        nwk.mac.send(found.source, nwk.seal(frame, secured=self.secured), self._rejoin_sent)
        self._later(NWK_REJOIN_WAIT_S, lambda: self._fail(JoinFailure.NO_RESPONSE, "no rejoin response"))

    def _rejoin_sent(self, result: TransmitResult) -> None:
        if self.phase is not JoinPhase.REJOINING:
            return
        if result.status is not TransmitStatus.DONE:
            self._fail(JoinFailure.NO_RESPONSE, "nobody acknowledged the rejoin request")
        elif self._nwk.role is HanRole.SLEEPY_END_DEVICE:
            self._poll_for_key()

    def _rejoin_response(self, response: RejoinResponse, frame: NwkFrame, arrival: Arrival) -> None:
        parent = self._parent
        if frame.destination_ieee not in (None, self._core.eui64) or arrival.hop != frame.source:
            return
        if self.phase is not JoinPhase.REJOINING or parent is None:
            # Unsolicited: the parent found our address in use by another device (NWK 3.6.1.9.3).
            idle = self.phase is JoinPhase.IDLE
            if idle and arrival.secured and frame.source == self._nwk.parent and not response.status:
                self._nwk.mac.settings.short_address = response.short_address
                self._nwk.mac.apply()
                self.on_up()
            return
        if arrival.hop != parent.source or (self.secured and not arrival.secured):
            return
        if response.status or not 0 < response.short_address < BROADCAST_FIRST:
            self._fail(JoinFailure.REJOIN_REFUSED, f"rejoin status {response.status}")
            return
        for neighbour in self._nwk.neighbours:
            if neighbour.relationship is Relationship.PARENT:
                self._nwk.neighbours.remove(neighbour)
        self._settle(response.short_address)
        if self.secured:
            if arrival.hop_eui64 is not None:
                self._nwk.know_parent(arrival.hop_eui64, arrival.heard)
            self._succeed()
        else:
            self._await_key()
