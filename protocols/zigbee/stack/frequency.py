"""Changing channel together, and energy reports (ZDP Mgmt_NWK_Update, APS 2.4.3.3.9; NWK annex E)."""

from __future__ import annotations

from protocols.han import DataReceived, StateChanged
from protocols.zigbee.stack.constants import (
    ALL_CHANNELS,
    BROADCAST_RX_ON,
    NWK_BROADCAST_DELIVERY_TIME_S,
    TRUST_CENTRE_SHORT,
)
from protocols.zigbee.stack.nwk_layer import NwkLayer
from protocols.zigbee.stack.scanning import Scanner
from protocols.zigbee.stack.zdp_service import Values, ZdpService
from protocols.zigbee.zdp import ZdpCluster
from protocols.zigbee.zdp_table import ZdpStatus

_LONGEST_SCAN = 5
_CHANGE_CHANNEL = 0xFE
_CHANGE_MANAGER = 0xFF


class FrequencyAgility:
    """Serves Mgmt_NWK_Update; the coordinator, as network manager, moves the network by `change_channel`."""

    def __init__(self, nwk: NwkLayer, scanner: Scanner, zdp: ZdpService) -> None:
        self._nwk = nwk
        self._core = nwk.core
        self._scanner = scanner
        self._zdp = zdp
        zdp.servers[ZdpCluster.MGMT_NWK_UPDATE_REQ] = self._serve

    def change_channel(self, channel: int) -> None:
        """Coordinator: have all change, and change with them. Sleepers find the network by rejoining."""
        nwk = self._nwk
        if nwk.short != TRUST_CENTRE_SHORT or not nwk.on_network:
            raise ValueError("only a coordinator moves its network")
        values = {
            "channels": 1 << channel,
            "scan_duration": _CHANGE_CHANNEL,
            "scan_count": None,
            "update_id": (nwk.update_id + 1) & 0xFF,
            "manager": None,
        }
        self._zdp.tell(BROADCAST_RX_ON, ZdpCluster.MGMT_NWK_UPDATE_REQ, values)
        self._change_later(channel, values["update_id"] or 0)

    def _serve(self, values: Values, data: DataReceived) -> Values | None:
        duration = values["scan_duration"]
        channels = [channel for channel in ALL_CHANNELS if values["channels"] >> channel & 1]
        manager = data.short_address == TRUST_CENTRE_SHORT
        if duration <= _LONGEST_SCAN and not data.broadcast and channels and not self._scanner.measuring:
            self._report(channels, data.short_address, self._zdp.sequence_served)
        elif duration == _CHANGE_CHANNEL and manager and len(channels) == 1:
            self._change_later(channels[0], values["update_id"] or 0)
        elif not (duration == _CHANGE_MANAGER and manager):
            return None if data.broadcast else {"status": ZdpStatus.INV_REQUESTTYPE}
        return None

    def _report(self, channels: list[int], asker: int, sequence: int) -> None:
        def measured(levels: dict[int, int]) -> None:
            answer = {
                "status": ZdpStatus.SUCCESS,
                "scanned_channels": sum(1 << channel for channel in levels),
                "transmissions": 0,
                "failures": min(self._core.statistics["aps.retries"], 0xFFFF),
                "energy": [_energy_of(level) for level in levels.values()],
            }
            self._zdp.answer_later(asker, ZdpCluster.MGMT_NWK_UPDATE_REQ, sequence, answer)

        self._scanner.energy(channels, measured)

    def _change_later(self, channel: int, update_id: int) -> None:
        def change() -> None:
            settings = self._nwk.mac.settings
            if self._nwk.on_network and settings.channel != channel:
                settings.channel = channel
                self._nwk.update_id = update_id
                self._nwk.mac.apply()
                self._core.emit(StateChanged())

        self._core.after(NWK_BROADCAST_DELIVERY_TIME_S, change)


def _energy_of(rssi_dbm: int) -> int:
    """Level on the scale of 802.15.4 6.9.7: 0 at -105 dBm, 255 at -20 dBm."""
    return max(0, min(255, (rssi_dbm + 105) * 3))
