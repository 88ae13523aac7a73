"""The trust centre of a SMETS HAN: a whitelist with install code keys, and nobody else (SEC 4.6, 4.7).

A device that joined is only trusted with key establishment until a key made by it is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocols.eui64 import Eui64
from protocols.han import (
    DeviceAuthorised,
    DeviceJoined,
    DeviceLeft,
    DeviceState,
    JoinKind,
    JoinRefusal,
    JoinRefused,
    KeySource,
    StateChanged,
)
from protocols.zigbee.aps_commands import (
    RemoveDevice,
    StandardKeyType,
    TransportKey,
    Tunnel,
    UpdateDevice,
    UpdateDeviceStatus,
)
from protocols.zigbee.nwk_commands import Leave
from protocols.zigbee.security import KeyIdentifier
from protocols.zigbee.stack.aps_layer import ApsLayer, Origin
from protocols.zigbee.stack.constants import APS_SECURITY_TIMEOUT_S, CAPABILITY_ROUTER
from protocols.zigbee.stack.core import Refusal, Timer
from protocols.zigbee.stack.membership import Membership
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.nwk_tables import Neighbour

_KEY_SENDINGS = 4
_CHILD_SETTLES_S = 0.05  # a child's host takes its new address before it can hear frames to it
_ON_NETWORK = (DeviceState.JOINED, DeviceState.AUTHORISED)
_PERMIT_LONGEST_S = 254.0  # 255, for ever, is not allowed any more (APS 2.4.3.3.7)
_KINDS = {
    UpdateDeviceStatus.STANDARD_SECURED_REJOIN: JoinKind.SECURED_REJOIN,
    UpdateDeviceStatus.STANDARD_UNSECURED_JOIN: JoinKind.ASSOCIATION,
    UpdateDeviceStatus.STANDARD_TRUST_CENTER_REJOIN: JoinKind.TRUST_CENTRE_REJOIN,
}


@dataclass(slots=True, eq=False)
class Device:
    """A device of the whitelist. ``parent`` None: it is our own child, or not here."""

    eui64: Eui64
    state: DeviceState = DeviceState.LISTED
    window_until: float = 0.0
    short: int | None = None
    parent: int | None = None
    kind: JoinKind = JoinKind.ASSOCIATION
    before: tuple[DeviceState, int | None, int | None] | None = None  # state, short and parent before it came
    timer: Timer | None = None  # until it is heard, then until its key is established
    window: Timer | None = None

    def stop(self) -> None:
        """Cancel what was to come."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class TrustCentre:
    """Who may join, and how far each device is trusted."""

    def __init__(self, nwk: NwkLayer, aps: ApsLayer, membership: Membership) -> None:
        self._nwk = nwk
        self._aps = aps
        self._core = nwk.core
        self._membership = membership
        self.devices: dict[Eui64, Device] = {}
        self.key_establishment_timeout_s = 1200.0
        self.on_permit: Callable[[float], None] = lambda _: None  # routers are to open their windows too
        self._unheard: dict[int, Device] = {}
        self._telling: Timer | None = None
        membership.admit = self.admit
        membership.on_child = lambda child, kind: self._appeared(child.eui64, child.short, None, kind)
        membership.on_child_gone = self._gone
        aps.on_sender = self.heard
        nwk.on_authenticated = self.heard
        aps.commands[UpdateDevice] = self._update_device

    # Whitelist

    def allow(self, eui64: Eui64, link_key: bytes, join_time_s: float, source: KeySource) -> None:
        """Let a device join for so long (0: only come back); one that is listed keeps its key."""
        device = self.devices.get(eui64)
        if device is None:
            device = self.devices[eui64] = Device(eui64)
            self._aps.keys.install(eui64, link_key, source)
        if join_time_s > 0:
            self._open_window(device, join_time_s)
            self.tell_routers()
        self._core.emit(StateChanged())

    def _open_window(self, device: Device, join_time_s: float) -> None:
        device.window_until = self._core.now() + join_time_s
        if device.window is not None:
            device.window.cancel()
        device.window = self._core.timers.at(device.window_until, lambda: self._window_over(device))
        self._membership.permit(join_time_s, shorten=False)

    def tell_routers(self) -> None:
        """Have all routers permit joining as long as we do; again where that is longer than they can."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        permitted_s = self._membership.permitted_s
        self.on_permit(min(permitted_s, _PERMIT_LONGEST_S))
        if permitted_s > _PERMIT_LONGEST_S:
            self._telling = self._core.after(_PERMIT_LONGEST_S - 10, self.tell_routers)

    def resume(self, device: Device, window_s: float) -> None:
        """After a restart: go on with what time was left for a device."""
        if window_s > 0:
            self._open_window(device, window_s)
        if device.state is DeviceState.JOINED:
            self._await_establishment(device)
        elif device.state is DeviceState.KEY_SENT:
            device.state = DeviceState.LISTED

    def _window_over(self, device: Device) -> None:
        device.window = None
        if device.state is DeviceState.LISTED:
            self._core.emit(JoinRefused(device.eui64, JoinRefusal.WINDOW_EXPIRED))

    def remove(self, eui64: Eui64) -> None:
        """Strike a device off, and send it away."""
        device = self.devices.pop(eui64, None)
        if device is None:
            return
        if device.window is not None:
            device.window.cancel()
        self._expel(device)
        self._aps.keys.remove(eui64)
        self._core.emit(DeviceLeft(eui64))
        self._core.emit(StateChanged())

    def admit(self, eui64: Eui64, kind: JoinKind) -> JoinRefusal | None:
        """Why a device may not come in this way; None: it may."""
        device = self.devices.get(eui64)
        if device is None:
            return JoinRefusal.UNKNOWN_EUI64
        if kind is JoinKind.ASSOCIATION:
            expired = self._core.now() >= device.window_until
            return JoinRefusal.WINDOW_EXPIRED if expired else None
        if kind is JoinKind.SECURED_REJOIN:
            return None if device.state is not DeviceState.LISTED else JoinRefusal.NO_LINK_KEY
        link = self._aps.keys.by_partner.get(eui64)
        return None if link is not None and link.lets_rejoin else JoinRefusal.NO_LINK_KEY

    # Coming

    def _update_device(self, command: UpdateDevice, origin: Origin) -> None:
        router = self.devices.get(origin.eui64) if origin.eui64 is not None else None
        if origin.link is None or router is None or router.state not in _ON_NETWORK:
            self._core.refuse("aps", Refusal.NOT_AUTHORISED, origin.eui64 or origin.short)
            return
        if command.status == UpdateDeviceStatus.DEVICE_LEFT:
            device = self.devices.get(command.device)
            if device is not None and device.parent == origin.short:
                self._gone(command.device)
            return
        kind = _KINDS.get(UpdateDeviceStatus(command.status)) if command.status <= 3 else None
        if kind is None:
            self._core.refuse("aps", Refusal.UNEXPECTED, origin.short)
            return
        refusal = self.admit(command.device, kind)
        if refusal is not None:
            self._core.emit(JoinRefused(command.device, refusal))
            self._aps.send_command(RemoveDevice(command.device), origin.short, link=origin.link)
            return
        self._appeared(command.device, command.short_address, origin.short, kind)

    def _appeared(self, eui64: Eui64, short: int, parent: int | None, kind: JoinKind) -> None:
        device = self.devices.get(eui64)
        if device is None:
            return
        if device.short is not None:
            self._unheard.pop(device.short, None)
        if device.state in _ON_NETWORK:
            device.before = (device.state, device.short, device.parent)
        device.short, device.parent, device.kind = short, parent, kind
        self._nwk.addresses.set(eui64, short)
        self._aps.forget_duplicates(short)
        if kind is JoinKind.SECURED_REJOIN:
            self._joined(device)
            return
        device.stop()
        device.state = DeviceState.KEY_SENT
        self._unheard[short] = device
        device.timer = self._core.after(
            _CHILD_SETTLES_S, lambda: self._send_network_key(device, _KEY_SENDINGS)
        )

    def _send_network_key(self, device: Device, sendings: int) -> None:
        short = device.short
        if not sendings or short is None:
            self._not_announced(device)
            return
        child = self._nwk.neighbours.by_short.get(short)
        waits = child is not None and not child.rx_on and self._nwk.mac.indirect.holds(short)
        octets = None if waits else self.network_key_for(device)
        if octets is not None and device.parent is None:
            self._aps.hand_over(octets, short)
        elif octets is not None and device.parent is not None:
            self._aps.send_command(Tunnel(device.eui64, octets), device.parent)
        interval = APS_SECURITY_TIMEOUT_S / _KEY_SENDINGS
        device.timer = self._core.after(interval, lambda: self._send_network_key(device, sendings - 1))

    def network_key_for(self, device: Device, sequence: int | None = None) -> bytes | None:
        """The active (or another) network key in a Transport-Key frame for one device."""
        link = self._aps.keys.by_partner.get(device.eui64)
        active = self._nwk.keys.active
        key = active if sequence is None else self._nwk.keys.by_sequence.get(sequence)
        if link is None or key is None:
            return None
        command = TransportKey(
            StandardKeyType.STANDARD_NETWORK,
            key.key,
            sequence=key.sequence,
            destination=device.eui64,
            source=self._core.eui64,
        )
        return self._aps.command_octets(command, link, KeyIdentifier.KEY_TRANSPORT)

    def heard(self, short: int) -> None:
        """A frame under the network key came from this address."""
        device = self._unheard.pop(short, None) if self._unheard else None
        if device is not None:
            self._joined(device)

    def _joined(self, device: Device) -> None:
        device.stop()
        device.before = None
        link = self._aps.keys.by_partner.get(device.eui64)
        established = link is not None and link.established
        device.state = DeviceState.AUTHORISED if established else DeviceState.JOINED
        parent = self._nwk.short if device.parent is None else device.parent
        self._core.emit(DeviceJoined(device.eui64, device.short or 0, parent, device.kind))
        self._core.emit(StateChanged())
        if not established:
            self._await_establishment(device)

    def _await_establishment(self, device: Device) -> None:
        device.timer = self._core.after(
            self.key_establishment_timeout_s,
            lambda: self._fail(device, JoinRefusal.KEY_ESTABLISHMENT_TIMEOUT),
        )

    def _not_announced(self, device: Device) -> None:
        if device.before is None:
            self._fail(device, JoinRefusal.NOT_ANNOUNCED)
            return
        # Somebody asked in the name of a device that is on the network: that one loses nothing.
        if device.short is not None:
            self._unheard.pop(device.short, None)
        (device.state, device.short, device.parent), device.before = device.before, None
        self._core.emit(JoinRefused(device.eui64, JoinRefusal.NOT_ANNOUNCED))
        if device.state is DeviceState.JOINED:
            self._await_establishment(device)

    # Trust

    def authorise(self, eui64: Eui64) -> None:
        """A device's own link key is installed."""
        device = self.devices.get(eui64)
        if device is not None:
            device.stop()
            device.state = DeviceState.AUTHORISED
            self._core.emit(DeviceAuthorised(eui64))
            self._core.emit(StateChanged())

    def establishment_failed(self, eui64: Eui64) -> None:
        """Key establishment failed: the device goes, and may try again while its window is open."""
        device = self.devices.get(eui64)
        if device is not None:
            self._fail(device, JoinRefusal.KEY_ESTABLISHMENT_FAILED)

    def stranger(self, eui64: Eui64) -> bool:
        """Whether a device that holds the network key has no right to; it is told to leave."""
        if eui64 in self.devices:
            return False
        short = self._nwk.addresses.short(eui64)
        if short is not None:
            self._nwk.send_command(Leave.of(request=True), short, to=eui64)
        return True

    def announced(self, eui64: Eui64, capability: int) -> None:
        """A device announced itself; a router has to know that joining is permitted."""
        if capability & CAPABILITY_ROUTER and eui64 in self.devices and self._membership.permitting:
            self.tell_routers()

    def _fail(self, device: Device, reason: JoinRefusal) -> None:
        self._core.emit(JoinRefused(device.eui64, reason))
        self._expel(device)
        device.state = DeviceState.LISTED
        self._core.emit(StateChanged())

    # Going

    def _gone(self, eui64: Eui64) -> None:
        """A device left by itself."""
        device = self.devices.get(eui64)
        if device is not None:
            device.stop()
            device.short = None
            self._core.emit(DeviceLeft(eui64))

    def _expel(self, device: Device) -> None:
        """Send a device off the network, by its parent where that is not us."""
        device.stop()
        device.before = None
        short, device.short = device.short, None
        if short is None:
            return
        self._unheard.pop(short, None)
        child: Neighbour | None = self._nwk.neighbours.by_eui64.get(device.eui64)
        if child is not None and child.is_child:
            self._membership.send_away(child)
            return
        parent = self._nwk.addresses.eui64(device.parent) if device.parent is not None else None
        link = self._aps.keys.by_partner.get(parent) if parent is not None else None
        if link is not None and device.parent is not None:
            self._aps.send_command(RemoveDevice(device.eui64), device.parent, link=link)
        elif device.state in _ON_NETWORK:
            self._nwk.send_command(Leave.of(request=True), short, to=device.eui64)
