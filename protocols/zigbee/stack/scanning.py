"""Active and energy scans (MAC 7.5.2.1), and what a beacon tells of a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.radio import ReceivedFrame
from protocols.zigbee.mac import MacFrame
from protocols.zigbee.mac_commands import parse_beacon, parse_zigbee_beacon
from protocols.zigbee.stack.constants import (
    MAC_BROADCAST_PAN,
    NWK_STACK_PROFILE,
    SCAN_DURATION_EXPONENT,
    SUPERFRAME_S,
)
from protocols.zigbee.stack.core import Core, Refusal, Timer
from protocols.zigbee.stack.mac_service import MacService

_MAX_FOUND = 64
_ENERGY_GRACE_S = 2.0


@dataclass(slots=True)
class Found:
    """A coordinator or router heard in a scan."""

    channel: int
    pan_id: int
    source: int
    lqi: int
    extended_pan_id: Eui64
    update_id: int
    depth: int
    permit: bool
    router_capacity: bool
    end_device_capacity: bool
    usable: bool  # ZigBee PRO: a stack profile and protocol version we speak


def found_in(frame: MacFrame, heard: ReceivedFrame) -> Found | None:
    """What a beacon frame tells; None for one of another kind of network. DecodeError: it is malformed."""
    if not isinstance(frame.source, int) or frame.source_pan is None:
        return None
    beacon = parse_beacon(frame.payload)
    network = parse_zigbee_beacon(beacon.payload)
    return Found(
        heard.channel,
        frame.source_pan,
        frame.source,
        heard.lqi,
        network.extended_pan_id,
        network.update_id,
        network.device_depth,
        beacon.association_permit,
        network.router_capacity,
        network.end_device_capacity,
        network.stack_profile == NWK_STACK_PROFILE and network.protocol_version == NWK_STACK_PROFILE,
    )


class Scanner:
    """One scan at a time over some channels; the radio's settings come back when it is over."""

    def __init__(self, core: Core, mac: MacService) -> None:
        self._core = core
        self._mac = mac
        self._found: list[Found] | None = None
        self._generation = 0
        self.duration_s = (2**SCAN_DURATION_EXPONENT + 1) * SUPERFRAME_S

    @property
    def busy(self) -> bool:
        """Whether an active scan is going on."""
        return self._found is not None

    @property
    def measuring(self) -> bool:
        """Whether an energy scan is going on."""
        return self._mac.energy is not None

    def active(self, channels: Sequence[int], done: Callable[[list[Found]], None]) -> None:
        """Collect beacons on these channels."""
        self._generation += 1
        settings = self._mac.settings
        if not self.busy:
            self._mac.wake()
        self._found = []
        home = (settings.channel, settings.pan_id)
        self._next(list(channels), home, done, self._generation)

    def cancel(self) -> None:
        """Give up; nobody hears of it."""
        self._generation += 1
        if self.busy:
            self._found = None
            self._mac.doze()

    def beacon(self, frame: MacFrame, heard: ReceivedFrame) -> Found | None:
        """Take a beacon, also outside scans."""
        try:
            found = found_in(frame, heard)
        except CodecError:
            self._core.refuse("mac", Refusal.MALFORMED)
            return None
        if found is not None and self._found is not None and len(self._found) < _MAX_FOUND:
            same = (found.channel, found.pan_id, found.source)
            if all((other.channel, other.pan_id, other.source) != same for other in self._found):
                self._found.append(found)
        return found

    def _next(
        self,
        channels: list[int],
        home: tuple[int, int],
        done: Callable[[list[Found]], None],
        generation: int,
    ) -> None:
        if generation != self._generation:
            return
        settings = self._mac.settings
        if not channels:
            found, self._found = self._found or [], None
            settings.channel, settings.pan_id = home
            self._mac.doze()
            self._mac.apply()
            done(found)
            return
        settings.channel, settings.pan_id = channels[0], MAC_BROADCAST_PAN
        self._mac.apply()
        self._mac.request_beacons()
        self._core.after(self.duration_s, lambda: self._next(channels[1:], home, done, generation))

    def energy(self, channels: Sequence[int], done: Callable[[dict[int, int]], None]) -> None:
        """Measure the strongest level on each of these channels."""
        waiting = list(channels)
        levels: dict[int, int] = {}

        guard: Timer | None = None

        def measured(channel: int, rssi_dbm: int) -> None:
            if waiting and channel == waiting[0]:
                levels[waiting.pop(0)] = rssi_dbm
                measure()

        def silent() -> None:
            self._core.statistics["mac.energy-scan-silent"] += 1
            waiting.pop(0)
            measure()

        def measure() -> None:
            nonlocal guard
            if guard is not None:
                guard.cancel()
            if waiting:
                # A radio that was reset meanwhile says nothing.
                guard = self._core.after(self.duration_s + _ENERGY_GRACE_S, silent)
                self._mac.radio.measure_energy(waiting[0], self.duration_s)
            else:
                self._mac.energy = None
                done(levels)

        self._mac.energy = measured
        measure()
