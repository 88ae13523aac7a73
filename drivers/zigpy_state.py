"""What a hub with a stack in its stick keeps over a power cut: whitelist and keys.

In the form of `protocols.zigbee.stack.Node.state`, as far as the stick tells it: those who record or attack
the HAN read both alike. Network and frame counters are kept by the stick itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.han import DeviceState, HanRole, JoinKind, KeySource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drivers.zigpy_members import Member, Members
    from protocols.han import Network

VERSION = "zigpy-1"
_NOWHERE = bytes(8).hex()


def state_of(
    eui64: Eui64, network: Network | None, network_keys: Mapping[int, bytes], members: Members
) -> dict[str, Any]:
    """Everything worth keeping, as JSON values."""
    return {
        "version": VERSION,
        "eui64": eui64.hex(),
        "role": HanRole.COORDINATOR.value,
        "channel": 11 if network is None else network.channel,
        "pan_id": 0xFFFF if network is None else network.pan_id,
        "short_address": 0x0000,
        "extended_pan_id": _NOWHERE if network is None else network.extended_pan_id.hex(),
        "parent": None,
        "nwk_counter": 0,
        "aps_counter": 0,
        "network_keys": [
            {"key": key.hex(), "sequence": sequence, "incoming": {}} for sequence, key in network_keys.items()
        ],
        "active_key": max(network_keys, default=None),
        "preconfigured": None,
        "link_keys": [entry for member in members.all() for entry in _link_keys(member)],
        "devices": [_device(member) for member in members.all()],
    }


def _link_keys(member: Member) -> list[dict[str, Any]]:
    partner = {"partner": member.eui64.hex(), "incoming": 0}
    found = [partner | {"key": member.link_key.hex(), "source": KeySource.INSTALL_CODE.value}]
    if member.own_key:
        found.append(partner | {"key": member.own_key.hex(), "source": KeySource.ESTABLISHED.value})
    return found


def _device(member: Member) -> dict[str, Any]:
    return {
        "eui64": member.eui64.hex(),
        "link_key": member.link_key.hex(),
        "own_key": member.own_key.hex(),
        "historic": member.historic,
        "state": member.state.value,
        "short": member.short,
        "parent": member.parent,
        "kind": member.kind.value,
        "established": member.established,
    }


def restore_into(members: Members, eui64: Eui64, state: Mapping[str, Any]) -> None:
    """Put the whitelist back, all windows closed; ValueError where it is another stick's."""
    if state.get("version") != VERSION or state.get("eui64") != eui64.hex():
        raise ValueError(f"this state is of {state.get('eui64')}, version {state.get('version')}")
    for row in state["devices"]:
        member = members.add(Eui64(row["eui64"]), bytes.fromhex(row["link_key"]), historic=row["historic"])
        member.own_key = bytes.fromhex(row["own_key"])
        member.established = row["established"]
        member.parent, member.kind = row["parent"], JoinKind(row["kind"])
        member.state = DeviceState(row["state"])
        if member.state is DeviceState.KEY_SENT:
            member.state = DeviceState.LISTED
        if row["short"] is not None:
            member.short = row["short"]
            members.learn(member.eui64, row["short"])
