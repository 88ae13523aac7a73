"""What a node keeps over a power cut, as JSON values; frame counters as reserved, so they never go back."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.han import DeviceState, KeySource
from protocols.zigbee.stack.link_keys import LinkKey
from protocols.zigbee.stack.nwk_tables import DeviceKind, Neighbour, NetworkKey, Relationship
from protocols.zigbee.stack.trust_centre import Device
from protocols.zigbee.zdp_table import Binding

if TYPE_CHECKING:
    from protocols.zigbee.stack.node import Node

VERSION = 1
State = dict[str, Any]


def state_of(node: Node) -> State:
    """Everything worth keeping."""
    nwk, keys = node.nwk, node.aps.keys
    settings = node.mac.settings
    active = nwk.keys.active
    return {
        "version": VERSION,
        "eui64": node.eui64.hex(),
        "role": node.role.value,
        "channel": settings.channel,
        "pan_id": settings.pan_id,
        "short_address": settings.short_address,
        "extended_pan_id": nwk.extended_pan_id.hex(),
        "update_id": nwk.update_id,
        "depth": nwk.depth,
        "parent": nwk.parent,
        "nwk_counter": nwk.counter.reserved,
        "aps_counter": keys.counter.reserved,
        "network_keys": [_network_key(key) for key in nwk.keys.by_sequence.values()],
        "active_key": active.sequence if active is not None else None,
        "trust_centre": keys.trust_centre.hex() if keys.trust_centre is not None else None,
        "preconfigured": _link_key(keys.preconfigured) if keys.preconfigured is not None else None,
        "link_keys": [_link_key(link) for link in keys.by_partner.values()],
        "neighbours": [_neighbour(known) for known in nwk.neighbours],
        "addresses": [[eui64.hex(), short] for eui64, short in nwk.addresses.pairs()],
        "sleepers": sorted(node.aps.sleepers),
        "bindings": [_hexed(asdict(binding)) for binding in node.zdp_servers.bindings],
        "devices": [] if node.trust_centre is None else _devices(node),
    }


def restore_into(node: Node, state: State) -> None:
    """Put kept state into a fresh node; ValueError where it belongs to another device or version."""
    if state.get("version") != VERSION or state.get("eui64") != node.eui64.hex():
        raise ValueError(f"this state is of {state.get('eui64')}, version {state.get('version')}")
    nwk, keys = node.nwk, node.aps.keys
    settings = node.mac.settings
    settings.channel, settings.pan_id = state["channel"], state["pan_id"]
    settings.short_address = state["short_address"]
    nwk.extended_pan_id = Eui64(state["extended_pan_id"])
    nwk.update_id, nwk.depth, nwk.parent = state["update_id"], state["depth"], state["parent"]
    nwk.counter.restart(state["nwk_counter"])
    keys.counter.restart(state["aps_counter"])
    for entry in state["network_keys"]:
        incoming = {Eui64(eui64): counter for eui64, counter in entry["incoming"].items()}
        key = NetworkKey(bytes.fromhex(entry["key"]), entry["sequence"], incoming)
        nwk.keys.by_sequence[key.sequence] = key
    nwk.keys.active = nwk.keys.by_sequence.get(state["active_key"])
    keys.trust_centre = Eui64(state["trust_centre"]) if state["trust_centre"] else None
    keys.preconfigured = _restored_key(state["preconfigured"]) if state["preconfigured"] else None
    for entry in state["link_keys"]:
        link = _restored_key(entry)
        if link.partner is not None:
            keys.by_partner[link.partner] = link
    for entry in state["neighbours"]:
        nwk.neighbours.add(_restored_neighbour(entry))
    for eui64, short in state["addresses"]:
        nwk.addresses.set(Eui64(eui64), short)
    node.aps.sleepers |= set(state["sleepers"])
    node.zdp_servers.bindings += [_restored_binding(entry) for entry in state["bindings"]]
    if node.trust_centre is not None:
        for entry in state["devices"]:
            _restore_device(node, entry)


def _network_key(key: NetworkKey) -> State:
    incoming = {eui64.hex(): counter for eui64, counter in key.incoming.items()}
    return {"key": key.key.hex(), "sequence": key.sequence, "incoming": incoming}


def _link_key(link: LinkKey) -> State:
    partner = link.partner.hex() if link.partner is not None else None
    return {
        "partner": partner,
        "key": link.key.hex(),
        "source": link.source.value,
        "incoming": link.incoming,
    }


def _restored_key(entry: State) -> LinkKey:
    partner = Eui64(entry["partner"]) if entry["partner"] else None
    return LinkKey(partner, bytes.fromhex(entry["key"]), KeySource(entry["source"]), entry["incoming"])


def _neighbour(known: Neighbour) -> State:
    return {
        "short": known.short,
        "eui64": known.eui64.hex(),
        "kind": int(known.kind),
        "relationship": int(known.relationship),
        "rx_on": known.rx_on,
        "timeout_s": known.timeout_s,
        "capability": known.capability,
    }


def _restored_neighbour(entry: State) -> Neighbour:
    return Neighbour(
        entry["short"],
        Eui64(entry["eui64"]),
        DeviceKind(entry["kind"]),
        Relationship(entry["relationship"]),
        entry["rx_on"],
        timeout_s=entry["timeout_s"],
        capability=entry["capability"],
    )


def _hexed(values: State) -> State:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()}


def _restored_binding(entry: State) -> Binding:
    named = ("source", "destination")
    values: State = {
        name: Eui64(value) if name in named and value else value for name, value in entry.items()
    }
    return Binding(**values)


def _devices(node: Node) -> list[State]:
    assert node.trust_centre is not None
    now = node.core.now()
    return [
        {
            "eui64": device.eui64.hex(),
            "state": device.state.value,
            "window_s": max(0.0, device.window_until - now),
            "short": device.short,
            "parent": device.parent,
        }
        for device in node.trust_centre.devices.values()
    ]


def _restore_device(node: Node, entry: State) -> None:
    assert node.trust_centre is not None
    device = Device(Eui64(entry["eui64"]), DeviceState(entry["state"]))
    device.short, device.parent = entry["short"], entry["parent"]
    node.trust_centre.devices[device.eui64] = device
    node.trust_centre.resume(device, entry["window_s"])
