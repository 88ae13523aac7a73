"""What the bench and zigpy say of one thing: identifiers, policies, networks and their keys.

Imports zigpy, as `drivers.zigpy_app` does.
"""

from __future__ import annotations

from typing import Any

import zigpy.config as conf
import zigpy.types as t

from protocols.eui64 import Eui64
from protocols.ezsp.names import Decision, JoinPolicy
from protocols.han import Network

# Devices that hold a key of their own may always come back; joining is allowed while somebody is to join.
POLICIES = {
    "TRUST_CENTER_POLICY": int(JoinPolicy.ALLOW_UNSECURED_REJOINS),
    "TC_KEY_REQUEST_POLICY": int(Decision.DENY_TC_KEY_REQUESTS),
    "APP_KEY_REQUEST_POLICY": int(Decision.ALLOW_APP_KEY_REQUESTS),
}


def to_eui64(eui64: Eui64) -> Any:
    """Our identifier as zigpy's."""
    return t.EUI64.deserialize(bytes(eui64)[::-1])[0]


def from_eui64(eui64: Any) -> Eui64:
    """Take over an identifier of zigpy."""
    return Eui64(eui64.serialize()[::-1])


def tell_network(app: Any, channels: tuple[int, ...], extended_pan_id: Eui64 | None) -> None:
    """Put what is wanted of a new network into the application's configuration."""
    wanted = app.config[conf.CONF_NWK]
    one = len(channels) == 1
    wanted[conf.CONF_NWK_CHANNEL] = t.uint8_t(channels[0]) if one else None
    wanted[conf.CONF_NWK_CHANNELS] = t.Channels.from_channel_list(list(channels))
    if extended_pan_id is not None:
        octets = bytes(extended_pan_id)[::-1]
        wanted[conf.CONF_NWK_EXTENDED_PAN_ID] = t.ExtendedPanId.deserialize(octets)[0]


def network_of(app: Any) -> Network:
    """The network the application is on."""
    info = app.state.network_info
    extended = Eui64(info.extended_pan_id.serialize()[::-1])
    return Network(int(info.channel), int(info.pan_id), extended, 0x0000, int(info.nwk_update_id))


def network_keys_of(app: Any) -> dict[int, bytes]:
    """The network key by its sequence number; empty where the radio does not tell it."""
    kept = app.state.network_info.network_key
    octets = bytes(kept.key.serialize())
    return {int(kept.seq): octets} if any(octets) and octets != b"\xff" * 16 else {}
