"""Forming a network: the quietest channel, a PAN identifier nobody uses (NWK 3.6.1.1), kept unique."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from protocols.eui64 import Eui64
from protocols.han import PanIdConflict, StateChanged
from protocols.zigbee.nwk import NwkFrame
from protocols.zigbee.nwk_commands import NetworkReport, NetworkUpdate
from protocols.zigbee.stack.constants import (
    BROADCAST_ALL,
    NWK_BROADCAST_DELIVERY_TIME_S,
    TRUST_CENTRE_SHORT,
)
from protocols.zigbee.stack.nwk_layer import Arrival, NwkLayer
from protocols.zigbee.stack.scanning import Found, Scanner

_PAN_IDS = range(1, 0xFFF0)
_ENERGY_STEP_DBM = 5  # levels closer than this are as good as each other: then fewer networks count


def best_channel(levels: dict[int, int], found: Sequence[Found]) -> int:
    """The channel with the least energy; among those about as quiet, the one with the fewest PANs."""
    pans = {channel: len({other.pan_id for other in found if other.channel == channel}) for channel in levels}
    return min(levels, key=lambda channel: (levels[channel] // _ENERGY_STEP_DBM, pans[channel], channel))


class Formation:
    """Formation, and the PAN identifier conflicts that come later (NWK 3.6.1.13)."""

    def __init__(self, nwk: NwkLayer, scanner: Scanner) -> None:
        self._nwk = nwk
        self._core = nwk.core
        self._scanner = scanner
        self._moving = False
        nwk.commands[NetworkReport] = self._report
        nwk.commands[NetworkUpdate] = self._update

    def form(
        self, channels: Sequence[int], extended_pan_id: Eui64 | None, done: Callable[[bool], None]
    ) -> None:
        """Scan, choose and start; the settings of the network are in place when ``done`` hears True."""

        def measured(levels: dict[int, int]) -> None:
            self._scanner.active(channels, lambda found: heard(levels, found))

        def heard(levels: dict[int, int], found: list[Found]) -> None:
            if not levels:
                done(False)
                return
            self._start(best_channel(levels, found), self._free_pan_id(found), extended_pan_id)
            done(True)

        self._scanner.energy(channels, measured)

    def _free_pan_id(self, found: Sequence[Found]) -> int:
        used = {other.pan_id for other in found} | {self._nwk.mac.settings.pan_id}
        while True:
            pan_id = self._core.random.choice(_PAN_IDS)
            if pan_id not in used:
                return pan_id

    def _start(self, channel: int, pan_id: int, extended_pan_id: Eui64 | None) -> None:
        nwk = self._nwk
        settings = nwk.mac.settings
        settings.channel, settings.pan_id, settings.short_address = channel, pan_id, TRUST_CENTRE_SHORT
        nwk.extended_pan_id = extended_pan_id or self._core.eui64
        nwk.update_id = 0
        nwk.depth = 0
        nwk.parent = None
        nwk.keys.clear()
        nwk.keys.add(self._core.random.randbytes(16), 0, activate=True)
        nwk.mac.apply()
        nwk.routing.start()

    # Conflicts

    def beacon(self, found: Found) -> None:
        """Look at a beacon heard at any time."""
        nwk = self._nwk
        settings = nwk.mac.settings
        same = found.pan_id == settings.pan_id and found.channel == settings.channel
        if not nwk.on_network or not same or found.extended_pan_id == nwk.extended_pan_id:
            return
        if nwk.short == TRUST_CENTRE_SHORT:
            self._move()
        elif nwk.role.routes:
            report = NetworkReport(nwk.extended_pan_id, [found.pan_id])
            nwk.send_command(report, TRUST_CENTRE_SHORT)

    def _report(self, report: NetworkReport, _: NwkFrame, arrival: Arrival) -> None:
        nwk = self._nwk
        ours = report.extended_pan_id == nwk.extended_pan_id and nwk.mac.settings.pan_id in report.pan_ids
        if arrival.secured and ours and nwk.short == TRUST_CENTRE_SHORT:
            self._move()

    def _move(self) -> None:
        """Coordinator: choose another PAN identifier and tell all."""
        if self._moving:
            return
        nwk = self._nwk
        pan_id = self._free_pan_id([])
        nwk.update_id = (nwk.update_id + 1) & 0xFF
        nwk.send_command(NetworkUpdate(nwk.extended_pan_id, nwk.update_id, [pan_id]), BROADCAST_ALL)
        self._change_later(pan_id, nwk.update_id)

    def _update(self, update: NetworkUpdate, frame: NwkFrame, arrival: Arrival) -> None:
        nwk = self._nwk
        from_coordinator = frame.source == TRUST_CENTRE_SHORT and nwk.short != TRUST_CENTRE_SHORT
        ours = update.extended_pan_id == nwk.extended_pan_id and len(update.pan_ids) == 1
        if arrival.secured and from_coordinator and ours and not self._moving:
            self._change_later(update.pan_ids[0], update.update_id)

    def _change_later(self, pan_id: int, update_id: int) -> None:
        """All change once the broadcast has reached everybody."""
        self._moving = True

        def change() -> None:
            self._moving = False
            nwk = self._nwk
            if not nwk.on_network:
                return
            nwk.mac.settings.pan_id = pan_id
            nwk.update_id = update_id
            nwk.mac.apply()
            self._core.emit(PanIdConflict(pan_id))
            self._core.emit(StateChanged())

        self._core.after(NWK_BROADCAST_DELIVERY_TIME_S, change)
