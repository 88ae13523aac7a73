"""What an attacker knows: the network, who is on it, its keys, and what was heard."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protocols.eui64 import Eui64
from protocols.radio_frames import DATA, read_header


@dataclass(slots=True)
class Party:
    """Somebody on the network."""

    name: str
    eui64: Eui64
    short: int


@dataclass(slots=True)
class Situation:
    """An attack on ``target``, which speaks with ``hub``.

    The attacker holds the network key (as every device on the HAN does) but no link key, and has a frame
    counter of its own. ``heard`` are frames without FCS, the last one last.
    """

    pan_id: int
    hub: Party
    target: Party
    attacker: Party
    network_key: bytes
    key_sequence: int
    counter: int
    random: random.Random
    heard: Sequence[bytes] = field(default_factory=list)

    def next_counter(self) -> int:
        """A frame counter that was not used before."""
        self.counter += 1
        return self.counter

    def octets(self, count: int) -> bytes:
        """Noise."""
        return self.random.randbytes(count)

    @property
    def peer(self) -> Party:
        """Who the target believes to hear: the hub, and the hub a device that is not there."""
        if self.target.short != self.hub.short:
            return self.hub
        return Party("nobody", Eui64("00DB1234567899FF"), 0x5A5A)

    def replays(self) -> list[bytes]:
        """Data frames heard on their way to the target."""
        found = []
        for octets in self.heard:
            header = read_header(octets)
            if header.frame_type == DATA and header.destination == self.target.short:
                found.append(octets)
        return found


def situation_of(
    state: Mapping[str, Any], target: str, counter: int, heard: Sequence[bytes], seed: object
) -> Situation:
    """From what the emulated air tells (``air-state``); KeyError for a node that is not on it."""
    nodes: Mapping[str, Mapping[str, Any]] = state["nodes"]
    hub = next(name for name, node in nodes.items() if node["role"] == "coordinator")
    keys = {entry["sequence"]: bytes.fromhex(entry["key"]) for entry in nodes[hub]["network_keys"]}
    sequence = nodes[hub]["active_key"]
    return Situation(
        pan_id=nodes[hub]["pan_id"],
        hub=_party(hub, nodes[hub]),
        target=_party(target, nodes[target]),
        attacker=Party("attacker", Eui64(state["attacker"]), 0xBAD0),
        network_key=keys[sequence],
        key_sequence=sequence,
        counter=counter,
        random=random.Random(str(seed)),  # noqa: S311 - repeatable on purpose
        heard=heard,
    )


def _party(name: str, node: Mapping[str, Any]) -> Party:
    return Party(name, Eui64(node["eui64"]), node["short_address"])
