"""The Communications Hub as a box: where messages go, and what stands in for the HAN until there is one.

Commands come in at the WAN port alone. The hub's own functions (CHF, GPF) take theirs; everybody else is
reached only while the CHF's device log lists it and it has joined. What devices send leaves by the WAN port.

Joining, without radio: an attached device with power tries once, a little after it is entered in the log or
its power comes on. It joins when the install code given to the CHF is its own or, in the first half of the
join period, when the historic log still holds its link key (devices.md 2, register GBCS-CCS01-04 to -07).
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.message import parse_message
from protocols.ports import Frame, FrameKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from protocols.gbcs.message import Message
    from protocols.ports import Clock
    from rigs.emulated.chf import Chf
    from rigs.emulated.device import Device
    from rigs.emulated.device_log import LogEntry
    from rigs.emulated.gpf import Gpf

# Devices whose images the hub reports on with CCS08 (devices.md 6).
_REPORTED_IMAGES = frozenset({"ppmid", "hcalcs"})


class Hub:
    """Routes messages between the WAN port, the hub's own functions and the devices on the HAN.

    ``send`` gets every message that leaves by the WAN port.
    """

    def __init__(
        self, chf: Chf, gpf: Gpf | None, clock: Clock, send: Callable[[bytes], None], *, join_delay_s: float
    ) -> None:
        self.chf = chf
        self.gpf = gpf
        self._clock = clock
        self._send = send
        self._join_delay = timedelta(seconds=join_delay_s)
        self._devices: dict[Eui64, Device] = {}
        self._held: list[bytes] | None = None
        self._attempts: dict[Eui64, datetime] = {}
        chf.on_log_change = self._log_changed
        if gpf is not None:
            # The GPF's identifier is the address of the hub's HAN radio, and that is the extended PAN id.
            chf.han_id = bytes(gpf.eui64)
            gpf.reachable = self.answers

    def attach(self, device: Device) -> None:
        """Put a device within reach of the hub's HAN, with whatever it remembers of it."""
        self._devices[device.eui64] = device
        device.reachable = self.answers
        device.hub_time = partial(self._hub_time, device.eui64)
        self._reconcile(device)
        self._schedule(device)

    # Messages ---------------------------------------------------------------------------------------------

    def from_wan(self, frame: Frame) -> None:
        """Take one frame from the WAN port; nothing is raised for what a frame holds."""
        if not self.chf.powered:
            return
        if frame.kind is FrameKind.BENCH_ONLY_IMAGE:
            self._deliver_image(frame.data)
            return
        try:
            message = parse_message(frame.data)
        except DecodeError:
            # Nobody can say whom it was for; the CHF keeps the record of it.
            self.chf.handle(frame.data)
            return
        target = message.header.business_target_id
        if target == self.chf.eui64:
            self.chf.handle(frame.data)
        elif self.gpf is not None and target == self.gpf.eui64:
            self._refresh_mirror()
            self.gpf.handle(frame.data)
        else:
            self._forward(target, message, frame.data)

    def from_device(self, device: Device, octets: bytes) -> None:
        """Take one message from a device on the HAN; one that has not joined talks to nobody."""
        entry = self._reachable(device.eui64)
        if entry is None:
            return
        entry.last_communication = self._clock.now()
        if self._held is not None:
            self._held.append(octets)
        else:
            self._send(octets)

    def from_function(self, octets: bytes) -> None:
        """Take one message from the CHF or the GPF."""
        if self.chf.powered:
            self._send(octets)

    def _forward(self, target: Eui64, message: Message, octets: bytes) -> None:
        entry = self.chf.log.entries.get(target)
        if entry is None:
            self.chf.note_unknown_target(target)
            return
        if not self.answers(target):
            entry.transmission_failures += 1
            if entry.device_type == "esme":
                self.chf.report_undelivered(message.header)
            return
        entry.transmission_successes += 1
        self._devices[target].handle(octets)
        if entry.device_type == "gsme":
            self._refresh_mirror()

    def _reachable(self, device_id: Eui64) -> LogEntry | None:
        entry = self.chf.log.entries.get(device_id)
        return entry if entry is not None and entry.joined and self.chf.powered else None

    def _deliver_image(self, data: bytes) -> None:
        """Deliver a bench-only image frame: 8-octet target, then the OTA file."""
        if len(data) < 8:
            return
        target, image = Eui64(data[:8]), data[8:]
        entry = self.chf.log.entries.get(target)
        if entry is None:
            self.chf.note_unknown_target(target)
            return
        if not self.answers(target):
            if entry.device_type in _REPORTED_IMAGES:
                self.chf.report_transfer(target, image, None)
            return
        # What the device says of the image leaves after what the hub says of the transfer.
        held: list[bytes] = []
        self._held = held
        try:
            outcome = self._devices[target].receive_image(image)
        finally:
            self._held = None
        if entry.device_type in _REPORTED_IMAGES:
            self.chf.report_transfer(target, image, outcome)
        for octets in held:
            self._send(octets)

    # Gas proxy --------------------------------------------------------------------------------------------

    def _refresh_mirror(self) -> None:
        """Let the GPF's mirror have what the gas meter would push, once meter and proxy are paired."""
        if self.gpf is None:
            return
        for device in self._devices.values():
            if device.description.device_type == "gsme" and self.answers(device.eui64):
                self.gpf.update_mirror(device)

    # HAN stand-in -----------------------------------------------------------------------------------------

    def answers(self, device_id: Eui64) -> bool:
        """Whether a device would answer another one on the HAN now."""
        if self.gpf is not None and device_id == self.gpf.eui64:
            return self.gpf.powered
        device = self._devices.get(device_id)
        return device is not None and device.powered and self._reachable(device_id) is not None

    def _hub_time(self, device_id: Eui64) -> datetime | None:
        """The time that a device on the HAN reads from the hub; None for one that is not there."""
        return self._clock.now() if self._reachable(device_id) else None

    def power(self, on: bool) -> None:
        """Supply of the box: both functions, and with them the HAN."""
        self.chf.power(on)
        if self.gpf is not None:
            self.gpf.power(on)
        for device in self._devices.values():
            self._schedule(device)

    def device_powered(self, device: Device) -> None:
        """A device's supply changed: one that is not on the HAN yet tries again."""
        self._schedule(device)

    def next_due(self) -> datetime | None:
        """When the next device tries to join."""
        return min(self._attempts.values(), default=None)

    def run_due(self) -> None:
        """Let devices whose time has come try to join."""
        now = self._clock.now()
        for device_id, at in list(self._attempts.items()):
            if at <= now:
                del self._attempts[device_id]
                self._try_to_join(self._devices[device_id], now)

    def _log_changed(self, device_id: Eui64) -> None:
        device = self._devices.get(device_id)
        if device is not None:
            self._reconcile(device)
            self._schedule(device)
            self._refresh_mirror()

    def _reconcile(self, device: Device) -> None:
        """Make device and device log agree, after a change and after a stop between the two memories."""
        entry = self.chf.log.entries.get(device.eui64)
        if entry is not None and entry.joined:
            device.joined(self.chf.eui64)
        else:
            device.left()

    def _schedule(self, device: Device) -> None:
        device_id = device.eui64
        entry = self.chf.log.entries.get(device_id)
        self._attempts.pop(device_id, None)
        if entry is not None and not entry.joined and device.powered and self.chf.powered:
            self._attempts[device_id] = self._clock.now() + self._join_delay

    def _try_to_join(self, device: Device, now: datetime) -> None:
        entry = self.chf.log.entries.get(device.eui64)
        if entry is None or entry.joined or now > entry.window_ends:
            return
        historic = self.chf.log.historic.get(entry.device_id)
        if historic is not None and now <= entry.historic_window_ends:
            # No emulated device forgets its key, so one in the historic log still has it.
            self.chf.record_join(entry.device_id, historic)
        elif entry.install_code == device.description.install_code:
            self.chf.record_join(entry.device_id, None)
        else:
            self.chf.note_failed_join(entry.device_id)
