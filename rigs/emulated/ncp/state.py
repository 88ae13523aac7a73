"""What an NCP knows: its firmware, its RAM and its tokens, and what a host did that it should not have."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from protocols.eui64 import Eui64
from protocols.ezsp.fields import Values
from protocols.ezsp.names import COUNTERS, ConfigId, Decision, PolicyId

WELL_KNOWN_KEY = b"ZigBeeAlliance09"
WILDCARD = Eui64(b"\xff" * 8)


class ViolationKind(StrEnum):
    """What a trust centre of a GB HAN never does."""

    WELL_KNOWN_KEY_IMPORTED = "well-known-key-imported"  # any device could join with it, once joining is open
    WELL_KNOWN_KEY_USABLE = "well-known-key-usable"  # joining is open, and the key is there
    JOINED_BY_WILDCARD = "joined-by-wildcard"  # a device joined that is on no list
    KEY_IN_CLEAR = "key-in-clear"  # policy allows sending the network key in the clear


@dataclass(slots=True)
class Violation:
    """One violation, and when (seconds on the air's clock)."""

    kind: ViolationKind
    eui64: Eui64
    at: float


@dataclass(slots=True)
class NcpFirmware:
    """What the firmware says of itself. ``version``: EZSP; ``release``: major, minor, patch, special."""

    version: int = 13
    release: tuple[int, int, int, int] = (7, 4, 4, 0)
    build: int = 0
    manufacturer: bytes = b"smets-hil"
    board: bytes = b"emulated NCP"

    @property
    def stack_version(self) -> int:
        """The release as the version command gives it."""
        major, minor, patch, special = self.release
        return major << 12 | minor << 8 | patch << 4 | special


@dataclass(slots=True)
class TransientKey:
    """A key with which a device may join, until a moment."""

    key: bytes
    until: float


@dataclass(slots=True)
class KeyEntry:
    """A link key in the key table."""

    eui64: Eui64
    key: bytes


def _configuration() -> dict[int, int]:
    return {
        ConfigId.PACKET_BUFFER_COUNT: 255,
        ConfigId.NEIGHBOR_TABLE_SIZE: 26,
        ConfigId.APS_UNICAST_MESSAGE_COUNT: 10,
        ConfigId.BINDING_TABLE_SIZE: 0,
        ConfigId.ADDRESS_TABLE_SIZE: 8,
        ConfigId.MULTICAST_TABLE_SIZE: 8,
        ConfigId.ROUTE_TABLE_SIZE: 16,
        0x08: 8,  # DISCOVERY_TABLE_SIZE
        ConfigId.STACK_PROFILE: 0,
        ConfigId.SECURITY_LEVEL: 5,
        ConfigId.MAX_HOPS: 30,
        ConfigId.MAX_END_DEVICE_CHILDREN: 6,
        ConfigId.INDIRECT_TRANSMISSION_TIMEOUT: 3000,
        ConfigId.END_DEVICE_POLL_TIMEOUT: 8,
        ConfigId.TX_POWER_MODE: 0,
        0x18: 0,  # DISABLE_RELAY
        ConfigId.TRUST_CENTER_ADDRESS_CACHE_SIZE: 0,
        ConfigId.SOURCE_ROUTE_TABLE_SIZE: 0,
        ConfigId.FRAGMENT_WINDOW_SIZE: 1,
        ConfigId.FRAGMENT_DELAY_MS: 0,
        ConfigId.KEY_TABLE_SIZE: 4,
        ConfigId.APS_ACK_TIMEOUT: 1600,
        0x20: 3,  # BEACON_JITTER_DURATION
        0x22: 2,  # PAN_ID_CONFLICT_REPORT_THRESHOLD
        0x24: 0,  # REQUEST_KEY_TIMEOUT
        0x29: 0,  # CERTIFICATE_TABLE_SIZE
        ConfigId.APPLICATION_ZDO_FLAGS: 0,
        0x2B: 15,  # BROADCAST_TABLE_SIZE
        0x2C: 0,  # MAC_FILTER_TABLE_SIZE
        ConfigId.SUPPORTED_NETWORKS: 1,
        ConfigId.RETRY_QUEUE_SIZE: 16,
        0x35: 0,  # NEW_BROADCAST_ENTRY_THRESHOLD
        ConfigId.TRANSIENT_KEY_TIMEOUT_S: 300,
        0x37: 3,  # BROADCAST_MIN_ACKS_NEEDED
        0x38: 0,  # TC_REJOINS_USING_WELL_KNOWN_KEY_TIMEOUT_S
        0x39: 0,  # CTUNE_VALUE
        0x40: 0,  # ASSUME_TC_CONCENTRATOR_TYPE
        0x41: 5,  # GP_PROXY_TABLE_SIZE
        0x42: 0,  # GP_SINK_TABLE_SIZE
    }


def _policies() -> dict[int, int]:
    return {
        PolicyId.TRUST_CENTER: 0x00,
        PolicyId.BINDING_MODIFICATION: 0x10,
        PolicyId.UNICAST_REPLIES: 0x20,
        PolicyId.POLL_HANDLER: 0x30,
        PolicyId.MESSAGE_CONTENTS_IN_CALLBACK: Decision.MESSAGE_TAG_ONLY_IN_CALLBACK,
        PolicyId.TC_KEY_REQUEST: Decision.ALLOW_TC_KEY_REQUESTS_AND_GENERATE_NEW_KEY,
        PolicyId.APP_KEY_REQUEST: Decision.DENY_APP_KEY_REQUESTS,
        PolicyId.PACKET_VALIDATE_LIBRARY: 0x62,
        PolicyId.ZLL: 0x00,
        PolicyId.TC_REJOINS_USING_WELL_KNOWN_KEY: 0x00,
    }


@dataclass(slots=True)
class Memory:
    """What a reset forgets."""

    configuration: dict[int, int] = field(default_factory=_configuration)
    policies: dict[int, int] = field(default_factory=_policies)
    values: dict[int, bytes] = field(default_factory=dict)
    transient_keys: dict[Eui64, TransientKey] = field(default_factory=dict)
    security: Values | None = None  # the initial security state
    multicasts: dict[int, Values] = field(default_factory=dict)
    addresses: dict[int, tuple[Eui64, int]] = field(default_factory=dict)
    extended_timeouts: set[Eui64] = field(default_factory=set)
    counters: list[int] = field(default_factory=lambda: [0] * COUNTERS)
    joining_until: float = 0.0


@dataclass(slots=True)
class Tokens:
    """What a reset leaves: the network (state of the node), the key table and what the host wrote."""

    network: dict[str, Any] | None = None
    erased: bool = False  # since the last reset
    parameters: Values | None = None  # of the network, as formed
    link_key: bytes = bytes(16)  # the trust centre's own, preconfigured
    security_bits: int = 0
    keys: dict[int, KeyEntry] = field(default_factory=dict)
    written: dict[int, bytes] = field(default_factory=dict)
    manufacturing: dict[int, bytes] = field(default_factory=dict)
