"""The table of ZDP messages: names, clusters and elements (05-3474-22 2.4.3 and 2.4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from protocols.eui64 import Eui64
from protocols.zigbee.elements import (
    IEEE,
    U8,
    U16,
    U32,
    Bits,
    Count,
    Element,
    Layout,
    Record,
    Repeat,
    Sized,
    When,
)

RESPONSE = 0x8000


class ZdpCluster(IntEnum):
    """Requests; the answer to each has the same number with bit 15 (`RESPONSE`) set."""

    NWK_ADDR_REQ = 0x0000
    IEEE_ADDR_REQ = 0x0001
    NODE_DESC_REQ = 0x0002
    POWER_DESC_REQ = 0x0003
    SIMPLE_DESC_REQ = 0x0004
    ACTIVE_EP_REQ = 0x0005
    MATCH_DESC_REQ = 0x0006
    DEVICE_ANNCE = 0x0013
    SYSTEM_SERVER_DISCOVERY_REQ = 0x0015
    PARENT_ANNCE = 0x001F
    BIND_REQ = 0x0021
    UNBIND_REQ = 0x0022
    MGMT_LQI_REQ = 0x0031
    MGMT_RTG_REQ = 0x0032
    MGMT_BIND_REQ = 0x0033
    MGMT_LEAVE_REQ = 0x0034
    MGMT_PERMIT_JOINING_REQ = 0x0036
    MGMT_NWK_UPDATE_REQ = 0x0038
    MGMT_NWK_IEEE_JOINING_LIST_REQ = 0x003A


class ZdpStatus(IntEnum):
    """Status values (2.4.5)."""

    SUCCESS = 0x00
    INV_REQUESTTYPE = 0x80
    DEVICE_NOT_FOUND = 0x81
    INVALID_EP = 0x82
    NOT_ACTIVE = 0x83
    NOT_SUPPORTED = 0x84
    TIMEOUT = 0x85
    NO_MATCH = 0x86
    NO_ENTRY = 0x88
    NO_DESCRIPTOR = 0x89
    INSUFFICIENT_SPACE = 0x8A
    NOT_PERMITTED = 0x8B
    TABLE_FULL = 0x8C
    NOT_AUTHORIZED = 0x8D
    DEVICE_BINDING_TABLE_FULL = 0x8E
    INVALID_INDEX = 0x8F


@dataclass(slots=True)
class NodeDescriptor:
    """Node descriptor (2.3.2.3).

    ``logical_type``: 0 coordinator, 1 router, 2 end device. ``frequency_band``: bit 3 is 2.4 GHz, bit 4 the
    European sub-GHz bands. ``mac_capability`` as `mac_commands.Capability`. ``server_mask``: bit 0 primary
    trust centre, 6 network manager; from bit 9 on the revision the stack complies with.
    """

    logical_type: int
    mac_capability: int
    manufacturer_code: int
    max_buffer: int = 82
    max_incoming_transfer: int = 1600
    server_mask: int = 0
    max_outgoing_transfer: int = 1600
    descriptor_capability: int = 0
    frequency_band: int = 0x08
    complex_available: int = 0
    user_available: int = 0
    reserved: int = 0
    aps_flags: int = 0


@dataclass(slots=True)
class SimpleDescriptor:
    """Simple descriptor (2.3.2.5)."""

    endpoint: int
    profile: int
    device_id: int
    input_clusters: list[int]
    output_clusters: list[int]
    device_version: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Neighbour:
    """A neighbour table entry (2.4.4.3.2).

    ``device_type`` as the logical type, 3 unknown; ``relationship``: 0 parent, 1 child, 2 sibling, 3 none, 4
    previous child; ``rx_on_when_idle`` and ``permit_joining``: 0 no, 1 yes, 2 unknown.
    """

    extended_pan_id: Eui64
    ieee: Eui64
    nwk: int
    device_type: int
    rx_on_when_idle: int
    relationship: int
    permit_joining: int
    depth: int
    lqi: int
    reserved: int = 0
    permit_reserved: int = 0


@dataclass(slots=True)
class Route:
    """A routing table entry (2.4.4.3.3); status: 0 active, 1 discovery under way, 2 failed, 3 inactive."""

    destination: int
    status: int
    next_hop: int
    memory_constrained: int = 0
    many_to_one: int = 0
    route_record_required: int = 0
    reserved: int = 0


@dataclass(slots=True)
class Binding:
    """A binding; mode 1: ``group``, mode 3: ``destination`` and ``destination_endpoint``."""

    source: Eui64
    source_endpoint: int
    cluster: int
    mode: int = 3
    group: int | None = None
    destination: Eui64 | None = None
    destination_endpoint: int | None = None


def _is(name: str, *wanted: int) -> Callable[[Mapping[str, Any]], bool]:
    return lambda values: values[name] in wanted


def _counted(name: str, element: Element) -> dict[str, Element]:
    return {"#" + name: Count(name), name: Repeat(element, name)}


_NODE = Record(
    NodeDescriptor,
    Layout(
        {
            "*kind": Bits(logical_type=3, complex_available=1, user_available=1, reserved=3),
            "*radio": Bits(aps_flags=3, frequency_band=5),
            "mac_capability": U8,
            "manufacturer_code": U16,
            "max_buffer": U8,
            "max_incoming_transfer": U16,
            "server_mask": U16,
            "max_outgoing_transfer": U16,
            "descriptor_capability": U8,
        }
    ),
)
_SIMPLE = Record(
    SimpleDescriptor,
    Layout(
        {
            "endpoint": U8,
            "profile": U16,
            "device_id": U16,
            "*version": Bits(device_version=4, reserved=4),
            **_counted("input_clusters", U16),
            **_counted("output_clusters", U16),
        }
    ),
)
_NEIGHBOUR = Record(
    Neighbour,
    Layout(
        {
            "extended_pan_id": IEEE,
            "ieee": IEEE,
            "nwk": U16,
            "*kind": Bits(device_type=2, rx_on_when_idle=2, relationship=3, reserved=1),
            "*joining": Bits(permit_joining=2, permit_reserved=6),
            "depth": U8,
            "lqi": U8,
        }
    ),
)
_ROUTE = Record(
    Route,
    Layout(
        {
            "destination": U16,
            "*flags": Bits(
                status=3, memory_constrained=1, many_to_one=1, route_record_required=1, reserved=2
            ),
            "next_hop": U16,
        }
    ),
)
_BINDING = Layout(
    {
        "source": IEEE,
        "source_endpoint": U8,
        "cluster": U16,
        "mode": U8,
        "group": When(_is("mode", 1), U16),
        "destination": When(_is("mode", 3), IEEE),
        "destination_endpoint": When(_is("mode", 3), U8),
    }
)


def _response(elements: Mapping[str, Element] | None = None) -> Layout:
    return Layout({"status": U8, **(elements or {})}, short_failures=True)


def _page(element: Element) -> Layout:
    return _response({"total": U8, "start_index": U8, **_counted("entries", element)})


def _associated(values: Mapping[str, Any]) -> Any:
    """The count that was read, or the list to be written; None where the answer is not extended."""
    return values.get("#associated", values.get("associated"))


_ADDRESSES = _response(
    {
        "ieee": IEEE,
        "nwk": U16,
        # Only an extended answer goes on; one without associated devices has no start index.
        "#associated": Count("associated", optional=True),
        "start_index": When(lambda values: bool(_associated(values)), U8),
        "associated": When(lambda values: _associated(values) is not None, Repeat(U16, "associated")),
    }
)
_OF_NODE = Layout({"nwk": U16})
_STATUS = _response()
_INDEX = Layout({"start_index": U8})
_CLUSTERS = {**_counted("input_clusters", U16), **_counted("output_clusters", U16)}

MESSAGES: dict[int, Layout] = {
    ZdpCluster.NWK_ADDR_REQ: Layout({"ieee": IEEE, "request_type": U8, "start_index": U8}),
    ZdpCluster.NWK_ADDR_REQ | RESPONSE: _ADDRESSES,
    ZdpCluster.IEEE_ADDR_REQ: Layout({"nwk": U16, "request_type": U8, "start_index": U8}),
    ZdpCluster.IEEE_ADDR_REQ | RESPONSE: _ADDRESSES,
    ZdpCluster.NODE_DESC_REQ: _OF_NODE,
    ZdpCluster.NODE_DESC_REQ | RESPONSE: _response({"nwk": U16, "descriptor": _NODE}),
    ZdpCluster.POWER_DESC_REQ: _OF_NODE,
    ZdpCluster.POWER_DESC_REQ | RESPONSE: _response({"nwk": U16, "descriptor": U16}),
    ZdpCluster.SIMPLE_DESC_REQ: Layout({"nwk": U16, "endpoint": U8}),
    ZdpCluster.SIMPLE_DESC_REQ | RESPONSE: _response({"nwk": U16, "descriptor": Sized(_SIMPLE)}),
    ZdpCluster.ACTIVE_EP_REQ: _OF_NODE,
    ZdpCluster.ACTIVE_EP_REQ | RESPONSE: _response({"nwk": U16, **_counted("endpoints", U8)}),
    ZdpCluster.MATCH_DESC_REQ: Layout({"nwk": U16, "profile": U16, **_CLUSTERS}),
    ZdpCluster.MATCH_DESC_REQ | RESPONSE: _response({"nwk": U16, **_counted("endpoints", U8)}),
    ZdpCluster.DEVICE_ANNCE: Layout({"nwk": U16, "ieee": IEEE, "capability": U8}),
    ZdpCluster.SYSTEM_SERVER_DISCOVERY_REQ: Layout({"server_mask": U16}),
    ZdpCluster.SYSTEM_SERVER_DISCOVERY_REQ | RESPONSE: _response({"server_mask": U16}),
    ZdpCluster.PARENT_ANNCE: Layout(_counted("children", IEEE)),
    ZdpCluster.PARENT_ANNCE | RESPONSE: _response(_counted("children", IEEE)),
    ZdpCluster.BIND_REQ: _BINDING,
    ZdpCluster.BIND_REQ | RESPONSE: _STATUS,
    ZdpCluster.UNBIND_REQ: _BINDING,
    ZdpCluster.UNBIND_REQ | RESPONSE: _STATUS,
    ZdpCluster.MGMT_LQI_REQ: _INDEX,
    ZdpCluster.MGMT_LQI_REQ | RESPONSE: _page(_NEIGHBOUR),
    ZdpCluster.MGMT_RTG_REQ: _INDEX,
    ZdpCluster.MGMT_RTG_REQ | RESPONSE: _page(_ROUTE),
    ZdpCluster.MGMT_BIND_REQ: _INDEX,
    ZdpCluster.MGMT_BIND_REQ | RESPONSE: _page(Record(Binding, _BINDING)),
    ZdpCluster.MGMT_LEAVE_REQ: Layout(
        {"ieee": IEEE, "*flags": Bits(reserved=6, remove_children=1, rejoin=1)}
    ),
    ZdpCluster.MGMT_LEAVE_REQ | RESPONSE: _STATUS,
    ZdpCluster.MGMT_PERMIT_JOINING_REQ: Layout({"duration_s": U8, "trust_centre_significance": U8}),
    ZdpCluster.MGMT_PERMIT_JOINING_REQ | RESPONSE: _STATUS,
    ZdpCluster.MGMT_NWK_UPDATE_REQ: Layout(
        {
            "channels": U32,
            "scan_duration": U8,
            "scan_count": When(_is("scan_duration", 0, 1, 2, 3, 4, 5), U8),
            "update_id": When(_is("scan_duration", 0xFE, 0xFF), U8),
            "manager": When(_is("scan_duration", 0xFF), U16),
        }
    ),
    ZdpCluster.MGMT_NWK_UPDATE_REQ | RESPONSE: _response(
        {
            "scanned_channels": U32,
            "transmissions": U16,
            "failures": U16,
            **_counted("energy", U8),
        }
    ),
    ZdpCluster.MGMT_NWK_IEEE_JOINING_LIST_REQ: _INDEX,
    ZdpCluster.MGMT_NWK_IEEE_JOINING_LIST_REQ | RESPONSE: _response(
        {
            "update_id": U8,
            "policy": U8,
            "total": U8,
            "start_index": U8,
            **_counted("devices", IEEE),
        }
    ),
}
