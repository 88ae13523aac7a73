"""The properties of an emulated RCP: how each is read, and what writing it does.

A writer returns whether the radio has to be told. ValueError: the firmware refuses the value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from protocols.spinel.properties import Property, RadioCapability
from rigs.emulated.rcp_state import RcpState

RADIO_CAPABILITIES = (
    RadioCapability.ACK_TIMEOUT
    | RadioCapability.ENERGY_SCAN
    | RadioCapability.TRANSMIT_RETRIES
    | RadioCapability.CSMA_BACKOFF
    | RadioCapability.RX_ON_WHEN_IDLE
)
RX_SENSITIVITY_DBM = -100

# Property: attribute of RcpState, for those whose value is one item.
PLAIN: dict[int, str] = {
    Property.PHY_ENABLED: "phy_enabled",
    Property.PHY_CHAN: "channel",
    Property.PHY_CCA_THRESHOLD: "cca_threshold_dbm",
    Property.PHY_TX_POWER: "tx_power_dbm",
    Property.MAC_SCAN_MASK: "scan_mask",
    Property.MAC_SCAN_PERIOD: "scan_period_ms",
    Property.MAC_15_4_LADDR: "extended_address",
    Property.MAC_15_4_SADDR: "short_address",
    Property.MAC_15_4_PANID: "pan_id",
    Property.MAC_RAW_STREAM_ENABLED: "raw_stream",
    Property.MAC_PROMISCUOUS_MODE: "promiscuous",
    Property.MAC_RX_ON_WHEN_IDLE_MODE: "on_when_idle",
    Property.MAC_SRC_MATCH_ENABLED: "match",
}
# Accepted and without effect: no MAC security and no link metrics on this air.
IGNORED = frozenset(
    {
        Property.RCP_MAC_KEY,
        Property.RCP_MAC_FRAME_COUNTER,
        Property.RCP_ENH_ACK_PROBING,
        Property.PHY_FEM_LNA_GAIN,
        Property.PHY_REGION_CODE,
    }
)
TABLES: dict[int, tuple[str, str]] = {
    Property.MAC_SRC_MATCH_SHORT_ADDRESSES: ("match_short", "S"),
    Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: ("match_extended", "E"),
}
_LIMITS: dict[int, Callable[[Any], bool]] = {
    Property.PHY_CHAN: lambda channel: 11 <= channel <= 26,
    Property.MAC_PROMISCUOUS_MODE: lambda mode: mode <= 2,
    Property.MAC_SCAN_MASK: lambda mask: all(11 <= channel <= 26 for channel in mask),
}


def write_plain(state: RcpState, key: int, value: Any) -> None:
    """Set a property of one item; ValueError where the firmware refuses it."""
    if key in _LIMITS and not _LIMITS[key](value):
        raise ValueError(f"{Property(key).name} cannot be {value}")
    setattr(state, PLAIN[key], value)
