"""APS data on its way to the host: whole messages, and ZDO as far as the host wants to hear it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.names import ApsOption, ConfigId, Counter, Incoming, ZdoFlag
from protocols.zigbee.aps import ApsFrame
from protocols.zigbee.stack.aps_layer import ApsLayer
from protocols.zigbee.stack.constants import BROADCAST_FIRST, PROFILE_ZDP

if TYPE_CHECKING:
    from protocols.zigbee.nwk import NwkFrame
    from protocols.zigbee.stack.link_keys import LinkKey
    from protocols.zigbee.stack.node import Node
    from protocols.zigbee.stack.nwk_layer import Arrival
    from rigs.emulated.ncp.ncp import EmulatedNcp

_NO_INDEX = 0xFF
_RESPONSE = 0x8000
UNKNOWN_EUI64 = Eui64(b"\xff" * 8)


def aps_values(frame: ApsFrame, options: int) -> Values:
    """An APS frame as EZSP has it."""
    endpoint = frame.destination_endpoint
    return {
        "profile": frame.profile or 0,
        "cluster": frame.cluster or 0,
        "source_endpoint": frame.source_endpoint or 0,
        "destination_endpoint": 0xFF if endpoint is None else endpoint,
        "options": options,
        "group": frame.group or 0,
        "sequence": frame.counter or 0,
    }


def options_of(frame: ApsFrame, link: LinkKey | None) -> int:
    """What a received frame was: encrypted, acknowledged."""
    options = ApsOption.ENABLE_ROUTE_DISCOVERY
    if link is not None:
        options |= ApsOption.ENCRYPTION
    if frame.ack_request:
        options |= ApsOption.RETRY
    return int(options)


@dataclass(slots=True)
class Sender:
    """Where a message came from, and how well it was heard."""

    short: int
    eui64: Eui64 | None
    lqi: int = 255
    rssi_dbm: int = 0


def tell_incoming(
    ncp: EmulatedNcp, aps: Values, payload: bytes, heard: tuple[NwkFrame, Arrival], link: LinkKey | None
) -> None:
    """Tell the host of a frame heard."""
    nwk, arrival = heard
    broadcast = nwk.destination >= BROADCAST_FIRST
    kind = Incoming.UNICAST
    if broadcast:
        kind = Incoming.MULTICAST if aps["group"] else Incoming.BROADCAST
    ncp.count(Counter.APS_RX_BROADCAST if broadcast else Counter.APS_RX_UNICAST)
    eui64 = link.partner if link is not None else ncp.stack.node.nwk.addresses.eui64(nwk.source)
    tell_message(
        ncp, kind, aps, payload, Sender(nwk.source, eui64, arrival.heard.lqi, arrival.heard.rssi_dbm)
    )


def tell_message(ncp: EmulatedNcp, kind: Incoming, aps: Values, payload: bytes, sender: Sender) -> None:
    """Tell the host of data from anywhere, ourselves too (incomingMessageHandler)."""
    rssi = max(-128, min(127, sender.rssi_dbm))
    info = {
        "sender": sender.short,
        "sender_eui64": sender.eui64 or UNKNOWN_EUI64,
        "binding_index": _NO_INDEX,
        "address_index": _NO_INDEX,
        "lqi": sender.lqi,
        "rssi": rssi,
        "timestamp": int(ncp.now() * 1000) & 0xFFFFFFFF,
    }
    ncp.tell(
        "incomingMessageHandler",
        type=kind,
        aps_frame=aps,
        lqi=sender.lqi,
        rssi=rssi,
        sender=sender.short,
        binding_index=_NO_INDEX,
        address_index=_NO_INDEX,
        info=info,
        message=payload,
    )


class IncomingMessages:
    """Takes the place of the APS layer's delivery to the node."""

    def __init__(self, ncp: EmulatedNcp, node: Node) -> None:
        self._ncp = ncp
        self._node = node

    def deliver(
        self, frame: ApsFrame, asdu: bytes, link: LinkKey | None, nwk: NwkFrame, arrival: Arrival
    ) -> None:
        """Whole data."""
        zdo = frame.destination_endpoint == 0 and frame.profile == PROFILE_ZDP
        if zdo:
            # The stack answers by itself, whatever the host hears of it.
            ApsLayer.deliver(self._node.aps, frame, asdu, link, nwk, arrival)
            if not self._told_of_zdo(frame.cluster or 0):
                return
        aps = aps_values(frame, options_of(frame, link))
        tell_incoming(self._ncp, aps, asdu, (nwk, arrival), link)

    def _told_of_zdo(self, cluster: int) -> bool:
        flags = self._ncp.memory.configuration[ConfigId.APPLICATION_ZDO_FLAGS]
        if cluster & _RESPONSE:
            return True
        known = cluster in self._node.zdp.servers
        wanted = ZdoFlag.RECEIVES_SUPPORTED_REQUESTS if known else ZdoFlag.HANDLES_UNSUPPORTED_REQUESTS
        return bool(flags & wanted)
