"""Devices of the hub before, which come back to the one that was given its log (CCS03, GBCS-CCS03-02).

As in ZigBee's trust centre swap-out: the hub knows the hash of the link key that each device had with the
other hub. A device that finds its network under a strange network key asks the trust centre for that; it gets
it under the hash, and makes a link key anew. That the hash is good for nothing else is a choice of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from protocols.han import KeySource
from protocols.zigbee.smart_energy.settings import DEVICE_ENDPOINT, LOAD_CONTROL, DeviceType
from protocols.zigbee.stack.node import Node
from protocols.zigbee.zdp_table import ZdpCluster

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.zigbee.smart_energy.hub import SmartEnergyHub
    from protocols.zigbee.zdp import ZdpMessage
    from rigs.emulated.chf import Chf
    from rigs.emulated.device_log import LogEntry
    from rigs.emulated.han.stick import StickService

_UNKNOWN = DeviceType.ESME  # until it is learned: with a tunnel, and not asleep
_LOG_NAMES = {DeviceType.TYPE_2: "ihd"}


@dataclass(slots=True)
class Place:
    """What a hub that runs consists of."""

    chf: Chf
    service: Node | StickService
    application: SmartEnergyHub


def expect(hub: Place, entry: LogEntry) -> None:
    """Let a device come back, whenever it does; joining is not opened for that."""
    hub.service.allow_device(entry.device_id, entry.restored_hash, 0.0, KeySource.HASHED)
    kind = _UNKNOWN
    hub.application.allow(entry.device_id, entry.restored_hash, 0.0, device_type=kind)


def learn_type(hub: Place, device_id: Eui64) -> None:
    """Find out what a device is, which CCS03 does not say: from its simple descriptor, and whether it sleeps.

    A stick's stack is not asked: its devices stay taken for such as do not sleep.
    """
    node = hub.service
    short = node.nwk.addresses.short(device_id) if isinstance(node, Node) else None
    if not isinstance(node, Node) or short is None:
        return
    values = {"nwk": short, "endpoint": DEVICE_ENDPOINT}
    node.zdp.request(short, ZdpCluster.SIMPLE_DESC_REQ, values, partial(_described, hub, node, device_id))


def _described(hub: Place, node: Node, device_id: Eui64, answer: ZdpMessage | None) -> None:
    descriptor = answer.values.get("descriptor") if answer is not None else None
    entry = hub.chf.log.entries.get(device_id)
    if descriptor is None or entry is None:
        return
    neighbour = node.nwk.neighbours.by_eui64.get(device_id)
    sleeps = neighbour is not None and not neighbour.rx_on
    clusters = {*descriptor.input_clusters, *descriptor.output_clusters}
    kind = _kind(descriptor.device_id, clusters, sleeps=sleeps)
    if kind is not None:
        hub.application.know_type(device_id, kind)
        hub.chf.know_type(device_id, _LOG_NAMES.get(kind, str(kind)))


def _kind(device: int, clusters: set[int], *, sleeps: bool) -> DeviceType | None:
    kinds = [kind for kind in DeviceType if kind.zigbee_device == device]
    if DeviceType.GSME in kinds:
        return DeviceType.GSME if sleeps else DeviceType.ESME
    if DeviceType.HCALCS in kinds:
        return DeviceType.HCALCS if LOAD_CONTROL in clusters else DeviceType.SAPC
    return kinds[0] if kinds else None
