"""Whom the hub lets in and how far they are: its list of devices, joining, key establishment, leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from protocols.eui64 import Eui64
from protocols.han import DeviceJoined, DeviceLeft, DeviceState, HanEvent, JoinRefusal, JoinRefused, KeySource
from protocols.zigbee.cbke.credentials import Credentials
from protocols.zigbee.cbke.machine import Established, Failed
from protocols.zigbee.smart_energy.context import Context
from protocols.zigbee.smart_energy.events import (
    DeviceCommissioned,
    DeviceGone,
    DeviceJoinedHan,
    DeviceReady,
    JoinFailed,
    NotDelivered,
)
from protocols.zigbee.smart_energy.key_establishment import KeyRunner
from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, HUB_ENDPOINT, DeviceType, HubSettings
from protocols.zigbee.smart_energy.zcl_endpoint import ZclLayer
from protocols.zigbee.smart_energy.zcl_exchange import Address

_LAST_MESSAGE_S = 60.0  # within which a partner may still refuse the key that we think is established
_KEY_REFUSALS = (JoinRefusal.KEY_ESTABLISHMENT_FAILED, JoinRefusal.KEY_ESTABLISHMENT_TIMEOUT)


@dataclass(slots=True, eq=False)
class Device:
    """A device of the list. ``present``: on the network, as far as known."""

    eui64: Eui64
    device_type: DeviceType
    commissioned: bool = False
    present: bool = False
    ready: bool = False
    endpoint: int = DEVICE_ENDPOINT
    established_at: float = -inf


class Admission:
    """The list. ``on_commissioned``, ``on_back`` and ``on_gone`` (unreachable) hear of devices."""

    def __init__(
        self, context: Context, zcl: ZclLayer, credentials: Iterable[Credentials], settings: HubSettings
    ) -> None:
        self._context = context
        self.devices: dict[Eui64, Device] = {}
        self._reasons: dict[Eui64, str] = {}
        self._keys = KeyRunner(context, zcl, credentials, HUB_ENDPOINT, settings.key_times)
        self._keys.on_established = self._established
        self._keys.on_failed = self._failed
        self.on_commissioned: Callable[[Device], None] = lambda _: None
        self.on_back: Callable[[Device], None] = lambda _: None
        self.on_gone: Callable[[Eui64, NotDelivered], None] = lambda *_: None

    # The list

    def allow(
        self, eui64: Eui64, key: bytes, join_time_s: float, device_type: DeviceType, *, historic: bool
    ) -> None:
        """Put a device on the list, or open its window again."""
        if eui64 not in self.devices:
            self.devices[eui64] = Device(eui64, device_type)
        source = KeySource.ESTABLISHED if historic else KeySource.INSTALL_CODE
        self._context.service.allow_device(eui64, key, join_time_s, source)
        self._context.keep()

    def remove(self, eui64: Eui64) -> bool:
        """Strike a device off; whether it was there."""
        device = self.devices.pop(eui64, None)
        if device is None:
            return False
        self._keys.forget(eui64)
        self._context.service.remove_device(eui64)
        self._context.keep()
        if device.present or device.commissioned:
            self._context.emit(DeviceGone(eui64))
        return True

    def commissioned(self, eui64: Eui64) -> Device | None:
        """A device that holds a link key of its own."""
        device = self.devices.get(eui64)
        return device if device is not None and device.commissioned else None

    def fetches(self, eui64: Eui64) -> bool:
        """Whether this is a sleeper that fetches its messages."""
        device = self.commissioned(eui64)
        return device is not None and device.device_type.fetches

    def may_tunnel(self, eui64: Eui64) -> bool:
        """Whether there may be a tunnel with this device."""
        device = self.commissioned(eui64)
        return device is not None and device.device_type.has_tunnel

    def address_of(self, eui64: Eui64) -> Address | None:
        """Where a device's endpoint is."""
        device = self.commissioned(eui64)
        return None if device is None else Address(eui64, device.endpoint, HUB_ENDPOINT)

    def ready(self, eui64: Eui64) -> None:
        """Messages can be sent to this device."""
        device = self.devices.get(eui64)
        if device is not None and not device.ready:
            device.ready = True
            self._context.keep()
            self._context.emit(DeviceReady(eui64))

    # What happens

    def han_event(self, event: HanEvent) -> None:
        """What the service tells of devices."""
        if isinstance(event, DeviceJoined):
            self._joined(event)
        elif isinstance(event, DeviceLeft):
            self._left(event)
        elif isinstance(event, JoinRefused):
            self._refused(event)

    def _joined(self, event: DeviceJoined) -> None:
        device = self.devices.get(event.eui64)
        if device is None:
            return
        device.present = True
        self._context.emit(DeviceJoinedHan(event.eui64, event.kind))
        authorised = self._context.service.device_state(event.eui64) is DeviceState.AUTHORISED
        if authorised and not device.commissioned:
            self._commissioned(device, b"")
        elif authorised:
            self.on_back(device)
        elif device.commissioned:
            # It came anew, with its install code: its key and its tunnel are gone.
            device.commissioned = device.ready = False
            self.on_gone(event.eui64, NotDelivered.NOT_ON_NETWORK)

    def _left(self, event: DeviceLeft) -> None:
        device = self.devices.get(event.eui64)
        if device is None or not device.present:
            return  # told already: the HAN says it when it sends a device away, and when that one goes
        device.present = False
        if not event.aged:
            self.on_gone(event.eui64, NotDelivered.NOT_ON_NETWORK)
        self._context.emit(DeviceGone(event.eui64, event.aged))

    def _refused(self, event: JoinRefused) -> None:
        device = self.devices.get(event.eui64)
        if device is not None and event.reason in _KEY_REFUSALS:
            device.present = False
        self._context.emit(JoinFailed(event.eui64, event.reason, self._reasons.get(event.eui64, "")))

    def _established(self, event: Established, address: Address) -> None:
        device = self.devices.get(event.partner)
        if device is not None:
            if not event.initiator:
                device.endpoint = address.endpoint
            device.established_at = self._context.now()
            self._commissioned(device, event.link_key)

    def _commissioned(self, device: Device, link_key: bytes) -> None:
        device.commissioned = device.present = True
        self._context.keep()
        self._context.emit(DeviceCommissioned(device.eui64, link_key))
        self.on_commissioned(device)

    def _failed(self, failed: Failed) -> None:
        """Expel who cannot be trusted; who only was slow may try until the trust centre's time is over."""
        device = self.devices.get(failed.partner)
        self._context.statistics["keys.failed"] += 1
        if device is None or not failed.is_final:
            return
        if device.commissioned and self._context.now() > device.established_at + _LAST_MESSAGE_S:
            return  # a new key was not agreed on; the one there is still holds
        device.commissioned = device.ready = False
        self._context.keep()
        self.on_gone(failed.partner, NotDelivered.NOT_ON_NETWORK)
        self._reasons[failed.partner] = failed.reason
        self._context.service.key_establishment_failed(failed.partner)
        del self._reasons[failed.partner]

    # Persistence

    def state(self) -> list[dict[str, Any]]:
        """What to keep."""
        return [
            {
                "eui64": device.eui64.hex(),
                "type": device.device_type.value,
                "commissioned": device.commissioned,
                "ready": device.ready,
                "endpoint": device.endpoint,
            }
            for device in self.devices.values()
        ]

    def restore(self, state: Iterable[dict[str, Any]]) -> None:
        """Take it back."""
        for row in state:
            eui64, commissioned = Eui64(row["eui64"]), row["commissioned"]
            self.devices[eui64] = Device(
                eui64, DeviceType(row["type"]), commissioned, commissioned, row["ready"], row["endpoint"]
            )
