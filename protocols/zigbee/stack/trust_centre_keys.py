"""Keys the trust centre makes: partner link keys, network keys, link keys with itself (SEC 4.4)."""

from __future__ import annotations

from protocols.eui64 import Eui64
from protocols.han import DataStatus, DeviceState, KeySource
from protocols.zigbee.aps_commands import (
    ConfirmKey,
    RequestKey,
    RequestKeyType,
    StandardKeyType,
    SwitchKey,
    TransportKey,
    VerifyKey,
)
from protocols.zigbee.nwk import BROADCAST_ALL
from protocols.zigbee.security import KeyIdentifier, verify_hash
from protocols.zigbee.stack.aps_layer import ApsLayer, Origin
from protocols.zigbee.stack.core import Refusal, Timer
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.trust_centre import Device, TrustCentre

_SENDINGS = 3
_REFRESH_LIMIT_S = 40.0  # longest time that devices get to fetch a new network key
_SETTLE_S = 8.0  # sleepers behind routers fetch the new key (macTransactionPersistenceTime)
_SWITCH_AFTER_S = 0.5  # nwkPassiveAckTimeout: the broadcast is on its way
_SAME_KEY_S = 30.0  # a request repeated within this time is answered with the same key


class TrustCentreKeys:
    """Answers key requests, and refreshes the network key."""

    def __init__(self, nwk: NwkLayer, aps: ApsLayer, trust_centre: TrustCentre) -> None:
        self._nwk = nwk
        self._aps = aps
        self._core = nwk.core
        self._trust_centre = trust_centre
        self._partner_keys: dict[frozenset[Eui64], tuple[float, bytes]] = {}
        self._refreshing: set[Eui64] = set()
        self._refresh_timer: Timer | None = None
        self.gives_trust_centre_keys = False  # Smart Energy has key establishment for that
        aps.commands[RequestKey] = self._request_key
        aps.commands[VerifyKey] = self._verify_key

    def _request_key(self, command: RequestKey, origin: Origin) -> None:
        device = self._authorised(origin.eui64)
        if origin.link is None or device is None:
            self._core.refuse("aps", Refusal.NOT_AUTHORISED, origin.eui64 or origin.short)
        elif command.key_type == RequestKeyType.APPLICATION_LINK and command.partner is not None:
            self._give_partner_key(device, command.partner)
        elif command.key_type == RequestKeyType.TRUST_CENTER_LINK and self.gives_trust_centre_keys:
            self._give_trust_centre_key(device)
        else:
            self._core.refuse("aps", Refusal.UNEXPECTED, origin.eui64 or origin.short)

    def _authorised(self, eui64: Eui64 | None) -> Device | None:
        device = self._trust_centre.devices.get(eui64) if eui64 is not None else None
        return device if device is not None and device.state is DeviceState.AUTHORISED else None

    # Partner link keys

    def _give_partner_key(self, device: Device, partner: Eui64) -> None:
        other = self._authorised(partner)
        if other is None or other is device:
            self._core.refuse("aps", Refusal.NOT_AUTHORISED, partner)
            return
        now = self._core.now()
        pair = frozenset((device.eui64, partner))
        since, key = self._partner_keys.get(pair, (now - _SAME_KEY_S, b""))
        if now - since >= _SAME_KEY_S:
            since, key = now, self._core.random.randbytes(16)
        self._partner_keys = {
            known: value for known, value in self._partner_keys.items() if now - value[0] < _SAME_KEY_S
        } | {pair: (since, key)}
        # The partner first: whoever asked begins to use the key as soon as it has it.
        self._send_partner_key(other, device.eui64, key, 0, _SENDINGS)
        self._send_partner_key(device, partner, key, 1, _SENDINGS)

    def _send_partner_key(
        self, device: Device, partner: Eui64, key: bytes, initiator: int, sendings: int
    ) -> None:
        link = self._aps.keys.by_partner.get(device.eui64)
        if link is None or device.short is None or not sendings:
            return
        command = TransportKey(StandardKeyType.APPLICATION_LINK, key, partner=partner, initiator=initiator)

        def sent(status: DataStatus) -> None:
            if status is not DataStatus.DONE:
                self._core.after(
                    1.0, lambda: self._send_partner_key(device, partner, key, initiator, sendings - 1)
                )

        self._aps.send_command(command, device.short, sent, link=link, identifier=KeyIdentifier.KEY_LOAD)

    # Trust centre link keys without key establishment

    def _give_trust_centre_key(self, device: Device) -> None:
        link = self._aps.keys.by_partner.get(device.eui64)
        if link is None or device.short is None:
            return
        key = self._core.random.randbytes(16)
        command = TransportKey(
            StandardKeyType.TRUST_CENTER_LINK, key, destination=device.eui64, source=self._core.eui64
        )
        self._aps.send_command(command, device.short, link=link, identifier=KeyIdentifier.KEY_LOAD)
        self._aps.keys.install(device.eui64, key, KeySource.TRUST_CENTRE)

    def _verify_key(self, command: VerifyKey, origin: Origin) -> None:
        link = self._aps.keys.by_partner.get(command.source)
        device = self._trust_centre.devices.get(command.source)
        if link is None or device is None or device.short != origin.short:
            self._core.refuse("aps", Refusal.UNKNOWN_KEY, command.source)
            return
        right = command.hash == verify_hash(link.key)
        if not right:
            self._core.refuse("aps", Refusal.BAD_MIC, command.source)
        status = 0x00 if right else 0xAD  # SECURITY_FAIL
        confirm = ConfirmKey(status, command.key_type, command.source)
        self._aps.send_command(confirm, origin.short, link=link)

    # Network key

    def refresh(self) -> None:
        """Give all devices a new network key, then have everybody switch."""
        active = self._nwk.keys.active
        if active is None or self._refresh_timer is not None:
            return
        sequence = (active.sequence + 1) & 0xFF
        self._nwk.keys.add(self._core.random.randbytes(16), sequence, activate=False)
        devices = [
            device
            for device in self._trust_centre.devices.values()
            if device.short is not None and device.state in (DeviceState.JOINED, DeviceState.AUTHORISED)
        ]
        self._refreshing = {device.eui64 for device in devices}
        self._refresh_timer = self._core.after(_REFRESH_LIMIT_S, lambda: self._switch(sequence))
        for device in devices:
            self._refresh(device, sequence, _SENDINGS)
        self._refreshed(None, sequence)

    def _refresh(self, device: Device, sequence: int, sendings: int) -> None:
        octets = self._trust_centre.network_key_for(device, sequence) if sendings else None
        if octets is None or device.short is None or device.eui64 not in self._refreshing:
            self._refreshed(device.eui64, sequence)
            return

        def sent(status: DataStatus) -> None:
            if status is DataStatus.DONE:
                self._refreshed(device.eui64, sequence)
            else:
                self._core.after(1.0, lambda: self._refresh(device, sequence, sendings - 1))

        self._nwk.send_data(device.short, octets, sent)

    def _refreshed(self, eui64: Eui64 | None, sequence: int) -> None:
        if eui64 is not None:
            if eui64 not in self._refreshing:
                return
            self._refreshing.discard(eui64)
        if not self._refreshing and self._refresh_timer is not None:
            self._refresh_timer.cancel()
            self._refresh_timer = self._core.after(_SETTLE_S, lambda: self._switch(sequence))

    def _switch(self, sequence: int) -> None:
        self._refreshing.clear()
        octets = self._aps.command_octets(SwitchKey(sequence), None, KeyIdentifier.LINK)
        self._nwk.send_data(BROADCAST_ALL, octets)
        self._refresh_timer = self._core.after(_SWITCH_AFTER_S, lambda: self._switched(sequence))

    def _switched(self, sequence: int) -> None:
        self._refresh_timer = None
        self._nwk.switch_key(sequence)
