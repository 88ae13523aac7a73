"""What data from a stick means: accepted, refused by the clusters' security, or a device's announcement."""

from __future__ import annotations

from drivers.zigpy_members import Members
from drivers.zigpy_stick import Heard
from protocols.errors import CodecError
from protocols.eui64 import Eui64
from protocols.han import DataReceived, DeviceAnnounced, FrameRefused, FrameSecurity
from protocols.zigbee.stack.core import Refusal
from protocols.zigbee.stack.policy import needs_link_key
from protocols.zigbee.zdp import ZdpCluster, parse_zdp


def received(data: Heard, members: Members) -> DataReceived | FrameRefused:
    """Application data, or why it is not accepted (as `protocols.zigbee.stack.policy` has it)."""
    source = members.eui64(data.short)
    refusal = _refusal(data, source, members)
    if refusal is not None:
        return FrameRefused("aps", refusal, source or data.short, data.cluster)
    return DataReceived(
        source,
        data.short,
        data.profile,
        data.cluster,
        data.source_endpoint,
        data.destination_endpoint,
        data.payload,
        FrameSecurity.LINK if data.encrypted else FrameSecurity.NETWORK,
        data.broadcast,
        data.lqi,
        data.rssi_dbm,
    )


def _refusal(data: Heard, source: Eui64 | None, members: Members) -> Refusal | None:
    if not needs_link_key(data.profile, data.cluster):
        return None
    if not data.encrypted:
        return Refusal.NEEDS_LINK_KEY
    member = members.get(source) if source is not None else None
    return None if member is not None and member.established else Refusal.NOT_AUTHORISED


def announcement(data: Heard) -> DeviceAnnounced | None:
    """What a Device_annce tells; None for any other message of the device profile."""
    if data.cluster != ZdpCluster.DEVICE_ANNCE:
        return None
    try:
        values = parse_zdp(data.cluster, data.payload).values
    except CodecError:
        return None
    return DeviceAnnounced(values["ieee"], values["nwk"], int(values["capability"]))
