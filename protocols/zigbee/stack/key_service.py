"""The device's side of the key commands, and what a router does for the trust centre (SEC 4.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from protocols.eui64 import Eui64
from protocols.han import JoinKind, KeySource, LinkKeyChanged, LinkKeyRefused
from protocols.zigbee.aps_commands import (
    ConfirmKey,
    RemoveDevice,
    RequestKey,
    RequestKeyType,
    StandardKeyType,
    SwitchKey,
    TransportKey,
    Tunnel,
    UpdateDevice,
    UpdateDeviceStatus,
    VerifyKey,
)
from protocols.zigbee.security import KeyIdentifier, verify_hash
from protocols.zigbee.stack.aps_layer import ApsLayer, Origin
from protocols.zigbee.stack.constants import APS_SECURITY_TIMEOUT_S, TRUST_CENTRE_SHORT
from protocols.zigbee.stack.core import Refusal, Timer
from protocols.zigbee.stack.joining import Joiner
from protocols.zigbee.stack.membership import Membership
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.nwk_tables import Neighbour

_REQUESTS = 3
UPDATE_STATUS = {
    JoinKind.SECURED_REJOIN: UpdateDeviceStatus.STANDARD_SECURED_REJOIN,
    JoinKind.ASSOCIATION: UpdateDeviceStatus.STANDARD_UNSECURED_JOIN,
    JoinKind.TRUST_CENTRE_REJOIN: UpdateDeviceStatus.STANDARD_TRUST_CENTER_REJOIN,
}


class KeyService:
    """Takes keys from the trust centre, asks it for keys, and serves it as a router."""

    def __init__(self, nwk: NwkLayer, aps: ApsLayer, joiner: Joiner, membership: Membership) -> None:
        self._nwk = nwk
        self._aps = aps
        self._core = nwk.core
        self._joiner = joiner
        self._membership = membership
        self._requested: dict[Eui64, Timer] = {}
        self._wants_trust_centre_key = False
        self.on_trust_centre_key: Callable[[bool], None] = lambda _: None
        aps.keys.on_unreadable = self._unreadable
        aps.keys.successor_expected = lambda: joiner.awaiting_key and joiner.rejoining
        aps.commands |= {
            TransportKey: self._transport_key,
            SwitchKey: self._switch_key,
            RemoveDevice: self._remove_device,
            Tunnel: self._tunnel,
            ConfirmKey: self._confirm_key,
        }

    # Keys for us

    def _transport_key(self, command: TransportKey, origin: Origin) -> None:
        if origin.link is None:
            self._core.refuse("aps", Refusal.UNSECURED, origin.short)
        elif command.key_type == StandardKeyType.STANDARD_NETWORK:
            self._network_key(command, origin)
        elif not self._from_trust_centre(origin) or origin.identifier is not KeyIdentifier.KEY_LOAD:
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.eui64 or origin.short)
        elif command.key_type == StandardKeyType.APPLICATION_LINK and self._may_be_partner(command.partner):
            self._partner_key(command.partner, command.key)
        elif (
            command.key_type == StandardKeyType.TRUST_CENTER_LINK
            and command.destination == self._core.eui64
            and self._wants_trust_centre_key
        ):
            self._trust_centre_key(command.key)
        else:
            self._core.refuse("aps", Refusal.UNEXPECTED, origin.short)

    def _partner_key(self, partner: Eui64, key: bytes) -> None:
        asked, before = self._stop_waiting(partner), self._aps.keys.by_partner.get(partner)
        now = self._aps.keys.install(partner, key, KeySource.TRUST_CENTRE)
        if asked and now is before:
            # The key that there was already, which is no news but for whoever asked.
            self._core.emit(LinkKeyChanged(partner, KeySource.TRUST_CENTRE))

    def _may_be_partner(self, partner: Eui64 | None) -> TypeGuard[Eui64]:
        """Not the trust centre: nothing unasked for may take the place of the key that CBKE made with it."""
        return partner not in (None, self._core.eui64, self._aps.keys.trust_centre)

    def _network_key(self, command: TransportKey, origin: Origin) -> None:
        keys = self._aps.keys
        source, sequence = command.source, command.sequence
        if (
            origin.identifier is not KeyIdentifier.KEY_TRANSPORT
            or source is None
            or sequence is None
            or command.destination != self._core.eui64
            or origin.link is None
            or origin.link.partner not in (None, source)  # a partner is no trust centre
            or keys.trust_centre not in (None, source, self._successor(origin))
        ):
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.eui64 or origin.short)
            return
        if self._joiner.awaiting_key:
            if origin.link.source is KeySource.HASHED:
                keys.succeed(source, origin.link)
            else:
                keys.adopt(source)
            self._nwk.addresses.set(source, TRUST_CENTRE_SHORT)
            self._joiner.network_key(command.key, sequence)
        elif origin.arrival.secured and sequence != self._active_sequence():
            self._nwk.keys.add(command.key, sequence, activate=False)

    def _successor(self, origin: Origin) -> Eui64 | None:
        """The trust centre we know, where whoever sends us the network key may take its place."""
        keys = self._aps.keys
        fits = keys.successor_expected() and origin.eui64 not in keys.by_partner
        return keys.trust_centre if fits else None

    def _active_sequence(self) -> int | None:
        active = self._nwk.keys.active
        return active.sequence if active is not None else None

    def _unreadable(self, identifier: KeyIdentifier) -> None:
        if identifier is KeyIdentifier.KEY_TRANSPORT:
            self._joiner.transport_key_unreadable()

    def _switch_key(self, command: SwitchKey, origin: Origin) -> None:
        if origin.short != TRUST_CENTRE_SHORT or not origin.arrival.secured:
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.short)
        else:
            self._nwk.switch_key(command.sequence)

    def _from_trust_centre(self, origin: Origin) -> bool:
        trust_centre = self._aps.keys.trust_centre
        return origin.link is not None and trust_centre is not None and origin.eui64 == trust_centre

    # Keys we ask for

    def request_link_key(self, partner: Eui64) -> None:
        """Ask the trust centre for a key with a partner; LinkKeyChanged or LinkKeyRefused follows."""
        self._stop_waiting(partner)
        self._ask(partner, _REQUESTS)

    def _ask(self, partner: Eui64, tries: int) -> None:
        link = self._aps.keys.with_trust_centre()
        if not tries or link is None or not link.established:
            self._requested.pop(partner, None)
            self._core.after(0, lambda: self._core.emit(LinkKeyRefused(partner)))
            return
        request = RequestKey(RequestKeyType.APPLICATION_LINK, partner)
        self._aps.send_command(request, TRUST_CENTRE_SHORT, link=link)
        self._aps.on_traffic()
        wait = APS_SECURITY_TIMEOUT_S / _REQUESTS
        self._requested[partner] = self._core.after(wait, lambda: self._ask(partner, tries - 1))

    @property
    def waiting(self) -> bool:
        """Whether a key was asked for that has not come."""
        return bool(self._requested)

    def _stop_waiting(self, partner: Eui64) -> bool:
        """Whether a key with this partner was asked for."""
        timer = self._requested.pop(partner, None)
        if timer is not None:
            timer.cancel()
        return timer is not None

    def request_trust_centre_key(self) -> None:
        """Ask the trust centre for another link key with itself (SEC 4.7.3.3); not used by Smart Energy."""
        link = self._aps.keys.with_trust_centre()
        if link is not None:
            self._wants_trust_centre_key = True
            request = RequestKey(RequestKeyType.TRUST_CENTER_LINK)
            self._aps.send_command(request, TRUST_CENTRE_SHORT, link=link)

    def _trust_centre_key(self, key: bytes) -> None:
        trust_centre = self._aps.keys.trust_centre
        if trust_centre is None:
            return
        self._wants_trust_centre_key = False
        self._aps.keys.install(trust_centre, key, KeySource.TRUST_CENTRE)
        verify = VerifyKey(StandardKeyType.TRUST_CENTER_LINK, self._core.eui64, verify_hash(key))
        self._aps.send_command(verify, TRUST_CENTRE_SHORT)

    def _confirm_key(self, command: ConfirmKey, origin: Origin) -> None:
        if self._from_trust_centre(origin) and command.destination == self._core.eui64:
            self.on_trust_centre_key(command.status == 0)
        else:
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.short)

    # A router between trust centre and joiner

    def report(self, device: Eui64, short: int, status: UpdateDeviceStatus) -> None:
        """Tell the trust centre of a device (Update-Device)."""
        link = self._aps.keys.with_trust_centre()
        self._aps.send_command(UpdateDevice(device, short, status), TRUST_CENTRE_SHORT, link=link)

    def child_came(self, child: Neighbour, kind: JoinKind) -> None:
        """A device joined or rejoined at us."""
        self.report(child.eui64, child.short, UPDATE_STATUS[kind])

    def child_left(self, device: Eui64) -> None:
        """A child of ours left."""
        short = self._nwk.addresses.short(device)
        self.report(device, 0xFFFE if short is None else short, UpdateDeviceStatus.DEVICE_LEFT)

    def _remove_device(self, command: RemoveDevice, origin: Origin) -> None:
        if not self._from_trust_centre(origin):
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.eui64 or origin.short)
            return
        child = self._nwk.neighbours.by_eui64.get(command.target)
        if child is not None and child.is_child:
            self._membership.send_away(child)

    def _tunnel(self, command: Tunnel, origin: Origin) -> None:
        if origin.short != TRUST_CENTRE_SHORT or not origin.arrival.secured:
            self._core.refuse("aps", Refusal.NOT_TRUST_CENTRE, origin.short)
            return
        child = self._nwk.neighbours.by_eui64.get(command.destination)
        if child is not None and child.is_child:
            self._aps.hand_over(command.frame, child.short)
