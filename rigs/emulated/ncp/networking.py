"""Forming, leaving, scanning, permitting, and the tables of the network layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.names import ConfigId, NetworkState, NodeType
from protocols.ezsp.status import SlStatus
from protocols.zigbee.stack.constants import SUPERFRAME_S
from protocols.zigbee.stack.nwk_tables import Neighbour
from protocols.zigbee.stack.scanning import Found

if TYPE_CHECKING:
    from rigs.emulated.ncp.ncp import EmulatedNcp

_FOREVER = 0xFF
_FOREVER_S = 1e9
_ENERGY, _ACTIVE = 0, 1
_UNKNOWN = 0xFFFF


class Networking:
    """Commands of the network layer."""

    def __init__(self, ncp: EmulatedNcp) -> None:
        self._ncp = ncp
        self.handlers: dict[str, Callable[[Values], Values]] = {
            "networkInit": lambda _: {"status": ncp.stack.resume()},
            "networkState": lambda _: {"state": self._state()},
            "formNetwork": lambda values: {"status": ncp.stack.form(values["parameters"])},
            "leaveNetwork": lambda _: {"status": ncp.stack.leave()},
            "permitJoining": self._permit,
            "getEui64": lambda _: {"eui64": ncp.radio.eui64},
            "getNodeId": lambda _: {"node": ncp.stack.node.nwk.short if ncp.stack.joined else 0xFFFE},
            "getNetworkParameters": self._parameters,
            "getParentChildParameters": self._parent_child,
            "getRadioParameters": self._radio_parameters,
            "setConcentrator": lambda _: {"status": SlStatus.OK},
            "setSourceRouteDiscoveryMode": lambda _: {},
            "setRadioPower": lambda _: {"status": SlStatus.OK},
            "setRadioChannel": lambda _: {"status": SlStatus.INVALID_STATE},
            "getRadioChannel": lambda _: {"channel": ncp.stack.node.mac.settings.channel},
            "startScan": self._scan,
            "stopScan": lambda _: {"status": SlStatus.OK},
            "getChildData": self._child,
            "getNeighbor": self._neighbor,
            "neighborCount": lambda _: {"value": len(list(ncp.stack.node.nwk.neighbours))},
            "getRouteTableEntry": self._route,
            "getMulticastTableEntry": self._get_multicast,
            "setMulticastTableEntry": self._set_multicast,
            "lookupNodeIdByEui64": self._lookup_node,
            "lookupEui64ByNodeId": self._lookup_eui64,
            "setExtendedTimeout": self._set_timeout,
            "getExtendedTimeout": self._get_timeout,
            "addressTableEntryIsActive": lambda _: {"active": False},
            "setAddressTableRemoteEui64": lambda values: self._set_address(values, eui64=values["eui64"]),
            "setAddressTableRemoteNodeId": lambda values: self._set_address(values, node=values["node"]),
            "setAddressTableInfo": lambda values: self._set_address(
                values, eui64=values["eui64"], node=values["node"]
            ),
            "getAddressTableRemoteEui64": lambda values: {"eui64": self._address(values)[0]},
            "getAddressTableRemoteNodeId": lambda values: {"node": self._address(values)[1]},
            "getAddressTableInfo": self._get_address,
        }

    def _state(self) -> NetworkState:
        return NetworkState.JOINED_NETWORK if self._ncp.stack.joined else NetworkState.NO_NETWORK

    def _permit(self, values: Values) -> Values:
        ncp = self._ncp
        if not ncp.stack.joined:
            return {"status": SlStatus.NETWORK_DOWN}
        seconds = values["duration_s"]
        duration = _FOREVER_S if seconds == _FOREVER else float(seconds)
        was_open = ncp.memory.joining_until > ncp.now()
        ncp.memory.joining_until = ncp.now() + duration
        ncp.stack.node.membership.permit(duration)
        ncp.stack.check_keys()
        if bool(seconds) != was_open:
            status = SlStatus.NETWORK_OPENED if seconds else SlStatus.NETWORK_CLOSED
            ncp.after(0, lambda: ncp.tell("stackStatusHandler", status=status))
        return {"status": SlStatus.OK}

    def _parameters(self, _: Values) -> Values:
        if not self._ncp.stack.joined:
            return {"status": SlStatus.NOT_JOINED}
        parameters = self._ncp.stack.parameters()
        return {"status": SlStatus.OK, "node_type": NodeType.COORDINATOR, "parameters": parameters}

    def _parent_child(self, _: Values) -> Values:
        return {"child_count": len(self._children()), "parent": _UNKNOWN}

    def _radio_parameters(self, _: Values) -> Values:
        return {"status": SlStatus.OK, "channel": self._ncp.stack.node.mac.settings.channel}

    # Scans

    def _scan(self, values: Values) -> Values:
        channels = [channel for channel in range(11, 27) if values["channels"] >> channel & 1]
        if not channels or values["type"] not in (_ENERGY, _ACTIVE) or values["duration"] > 14:
            return {"status": SlStatus.INVALID_PARAMETER}
        scanner = self._ncp.stack.node.scanner
        scanner.duration_s = (2 ** values["duration"] + 1) * SUPERFRAME_S
        if values["type"] == _ENERGY:
            scanner.energy(channels, self._measured)
        else:
            scanner.active(channels, self._found)
        return {"status": SlStatus.OK}

    def _measured(self, levels: dict[int, int]) -> None:
        for channel, rssi in levels.items():
            self._ncp.tell("energyScanResultHandler", channel=channel, rssi=max(-128, rssi))
        self._complete()

    def _found(self, found: list[Found]) -> None:
        for other in found:
            network = {
                "channel": other.channel,
                "pan_id": other.pan_id,
                "extended_pan_id": other.extended_pan_id,
                "allowing_join": other.permit,
                "stack_profile": 2,
                "update_id": other.update_id,
            }
            self._ncp.tell("networkFoundHandler", network=network, lqi=other.lqi, rssi=-60)
        self._complete()

    def _complete(self) -> None:
        self._ncp.tell("scanCompleteHandler", channel=0, status=SlStatus.OK)

    # Tables

    def _children(self) -> list[Neighbour]:
        return [child for child in self._ncp.stack.node.nwk.neighbours.children() if not child.is_router]

    def _child(self, values: Values) -> Values:
        children = self._children()
        if values["index"] >= len(children):
            return {"status": SlStatus.NOT_JOINED}
        child = children[values["index"]]
        fields = (self._ncp.tables.commands["getChildData"].response or ())[1]
        entry = {
            "eui64": child.eui64,
            "type": NodeType.END_DEVICE if child.rx_on else NodeType.SLEEPY_END_DEVICE,
            "node": child.short,
            "phy": 0,
            "power": 0,
            "timeout": 8,
            "remaining_timeout": int(child.timeout_s),
        }
        known = {field.name for field in fields.entries}
        return {
            "status": SlStatus.OK,
            "child": {key: value for key, value in entry.items() if key in known},
        }

    def _neighbor(self, values: Values) -> Values:
        neighbours = [known for known in self._ncp.stack.node.nwk.neighbours if known.is_router]
        if values["index"] >= len(neighbours):
            return {"status": SlStatus.INVALID_INDEX}
        known = neighbours[values["index"]]
        value = {
            "node": known.short,
            "average_lqi": known.lqi,
            "in_cost": known.incoming_cost,
            "out_cost": known.outgoing_cost,
            "age": known.age,
            "eui64": known.eui64,
        }
        return {"status": SlStatus.OK, "value": value}

    def _route(self, values: Values) -> Values:
        if values["index"] >= self._ncp.memory.configuration[ConfigId.ROUTE_TABLE_SIZE]:
            return {"status": SlStatus.INVALID_INDEX}
        routes = list(self._ncp.stack.node.nwk.routing.routes.items())
        unused = {"destination": _UNKNOWN, "next_hop": _UNKNOWN, "status": 3, "age": 0}
        if values["index"] < len(routes):
            destination, hop = routes[values["index"]]
            unused |= {"destination": destination, "next_hop": hop, "status": 0}
        return {"status": SlStatus.OK, "value": unused | {"concentrator_type": 0, "record_state": 0}}

    def _get_multicast(self, values: Values) -> Values:
        if values["index"] >= self._ncp.memory.configuration[ConfigId.MULTICAST_TABLE_SIZE]:
            return {"status": SlStatus.INVALID_INDEX}
        empty = {"group": 0, "endpoint": 0, "network_index": 0}
        return {"status": SlStatus.OK, "value": self._ncp.memory.multicasts.get(values["index"], empty)}

    def _set_multicast(self, values: Values) -> Values:
        if values["index"] >= self._ncp.memory.configuration[ConfigId.MULTICAST_TABLE_SIZE]:
            return {"status": SlStatus.INVALID_INDEX}
        self._ncp.memory.multicasts[values["index"]] = values["value"]
        return {"status": SlStatus.OK}

    # Addresses

    def _lookup_node(self, values: Values) -> Values:
        short = self._ncp.stack.node.short_address_of(values["eui64"])
        if short is None:
            return {"status": SlStatus.NOT_FOUND, "node": _UNKNOWN}
        return {"status": SlStatus.OK, "node": short}

    def _lookup_eui64(self, values: Values) -> Values:
        node = self._ncp.stack.node
        own = values["node"] == node.nwk.short
        eui64 = node.eui64 if own else node.nwk.addresses.eui64(values["node"])
        return {"status": SlStatus.NOT_FOUND} if eui64 is None else {"status": SlStatus.OK, "eui64": eui64}

    def _set_timeout(self, values: Values) -> Values:
        timeouts = self._ncp.memory.extended_timeouts
        (timeouts.add if values["extended"] else timeouts.discard)(values["eui64"])
        return {"status": SlStatus.OK}

    def _get_timeout(self, values: Values) -> Values:
        extended = values["eui64"] in self._ncp.memory.extended_timeouts
        return {"status": SlStatus.OK if extended else SlStatus.FAIL, "extended": extended}

    def _address(self, values: Values) -> tuple[Eui64, int]:
        return self._ncp.memory.addresses.get(values["index"], (Eui64(b"\xff" * 8), _UNKNOWN))

    def _set_address(self, values: Values, *, eui64: Eui64 | None = None, node: int | None = None) -> Values:
        if values["index"] >= self._ncp.memory.configuration[ConfigId.ADDRESS_TABLE_SIZE]:
            return {"status": SlStatus.INVALID_INDEX}
        old = self._address(values)
        new = (old[0] if eui64 is None else eui64, old[1] if node is None else node)
        self._ncp.memory.addresses[values["index"]] = new
        return {"status": SlStatus.OK}

    def _get_address(self, values: Values) -> Values:
        if values["index"] not in self._ncp.memory.addresses:
            return {"status": SlStatus.NOT_FOUND, "node": _UNKNOWN}
        eui64, node = self._address(values)
        return {"status": SlStatus.OK, "node": node, "eui64": eui64}
