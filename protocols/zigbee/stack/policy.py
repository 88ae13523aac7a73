"""Which clusters Smart Energy wants under a link key, and what is done with data that has none."""

from __future__ import annotations

from protocols.han import DataReceived
from protocols.zigbee.stack.constants import CLUSTER_KEY_ESTABLISHMENT, PROFILE_ZDP
from protocols.zigbee.stack.core import Refusal
from protocols.zigbee.stack.link_keys import LinkKey

# Basic, power configuration, identify, alarms, key establishment: secured with the network key alone.
NETWORK_KEY_CLUSTERS = frozenset({0x0000, 0x0001, 0x0003, 0x0009, CLUSTER_KEY_ESTABLISHMENT})


def needs_link_key(profile: int, cluster: int) -> bool:
    """Whether data of this cluster has to be under an application link key."""
    return profile != PROFILE_ZDP and cluster not in NETWORK_KEY_CLUSTERS


def refusal(data: DataReceived, link: LinkKey | None) -> Refusal | None:
    """Why data is not accepted; None: it is."""
    if not needs_link_key(data.profile, data.cluster):
        return None
    if link is None:
        return Refusal.NEEDS_LINK_KEY
    # Under the install code key anybody who read the label could speak: key establishment comes first.
    return None if link.established else Refusal.NOT_AUTHORISED
