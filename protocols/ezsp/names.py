"""Numbers of EZSP that have names (UG100 section 4)."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class ConfigId(IntEnum):
    """Configuration values."""

    PACKET_BUFFER_COUNT = 0x01
    NEIGHBOR_TABLE_SIZE = 0x02
    APS_UNICAST_MESSAGE_COUNT = 0x03
    BINDING_TABLE_SIZE = 0x04
    ADDRESS_TABLE_SIZE = 0x05
    MULTICAST_TABLE_SIZE = 0x06
    ROUTE_TABLE_SIZE = 0x07
    STACK_PROFILE = 0x0C
    SECURITY_LEVEL = 0x0D
    MAX_HOPS = 0x10
    MAX_END_DEVICE_CHILDREN = 0x11
    INDIRECT_TRANSMISSION_TIMEOUT = 0x12
    END_DEVICE_POLL_TIMEOUT = 0x13
    TX_POWER_MODE = 0x17
    TRUST_CENTER_ADDRESS_CACHE_SIZE = 0x19
    SOURCE_ROUTE_TABLE_SIZE = 0x1A
    FRAGMENT_WINDOW_SIZE = 0x1C
    FRAGMENT_DELAY_MS = 0x1D
    KEY_TABLE_SIZE = 0x1E
    APS_ACK_TIMEOUT = 0x1F
    APPLICATION_ZDO_FLAGS = 0x2A
    SUPPORTED_NETWORKS = 0x2D
    RETRY_QUEUE_SIZE = 0x34
    TRANSIENT_KEY_TIMEOUT_S = 0x36


class ZdoFlag(IntFlag):
    """What of ZDO traffic the host hears (configuration APPLICATION_ZDO_FLAGS)."""

    RECEIVES_SUPPORTED_REQUESTS = 0x01
    HANDLES_UNSUPPORTED_REQUESTS = 0x02
    HANDLES_ENDPOINT_REQUESTS = 0x04
    HANDLES_BINDING_REQUESTS = 0x08


class ValueId(IntEnum):
    """Values."""

    FREE_BUFFERS = 0x03
    MAXIMUM_INCOMING_TRANSFER_SIZE = 0x05
    MAXIMUM_OUTGOING_TRANSFER_SIZE = 0x06
    EXTENDED_SECURITY_BITMASK = 0x0A
    VERSION_INFO = 0x11
    NWK_FRAME_COUNTER = 0x23
    APS_FRAME_COUNTER = 0x24
    TRANSIENT_KEY_TIMEOUT_S = 0x3B


class PolicyId(IntEnum):
    """Policies."""

    TRUST_CENTER = 0x00
    BINDING_MODIFICATION = 0x01
    UNICAST_REPLIES = 0x02
    POLL_HANDLER = 0x03
    MESSAGE_CONTENTS_IN_CALLBACK = 0x04
    TC_KEY_REQUEST = 0x05
    APP_KEY_REQUEST = 0x06
    PACKET_VALIDATE_LIBRARY = 0x07
    ZLL = 0x08
    TC_REJOINS_USING_WELL_KNOWN_KEY = 0x09


class JoinPolicy(IntFlag):
    """Decisions of the trust centre policy."""

    ALLOW_JOINS = 0x01
    ALLOW_UNSECURED_REJOINS = 0x02
    SEND_KEY_IN_CLEAR = 0x04
    IGNORE_UNSECURED_REJOINS = 0x08
    JOINS_USE_INSTALL_CODE_KEY = 0x10
    DEFER_JOINS = 0x20


class Decision(IntEnum):
    """Decisions of the other policies."""

    MESSAGE_TAG_ONLY_IN_CALLBACK = 0x40
    MESSAGE_TAG_AND_CONTENTS_IN_CALLBACK = 0x41
    DENY_TC_KEY_REQUESTS = 0x50
    ALLOW_TC_KEY_REQUESTS_AND_SEND_CURRENT_KEY = 0x51
    ALLOW_TC_KEY_REQUESTS_AND_GENERATE_NEW_KEY = 0x52
    DENY_APP_KEY_REQUESTS = 0x60
    ALLOW_APP_KEY_REQUESTS = 0x61


class ApsOption(IntFlag):
    """Options of an APS frame."""

    ENCRYPTION = 0x0020
    RETRY = 0x0040
    ENABLE_ROUTE_DISCOVERY = 0x0100
    FORCE_ROUTE_DISCOVERY = 0x0200
    SOURCE_EUI64 = 0x0400
    DESTINATION_EUI64 = 0x0800
    ENABLE_ADDRESS_DISCOVERY = 0x1000
    FRAGMENT = 0x8000


class Outgoing(IntEnum):
    """Types of outgoing message."""

    DIRECT = 0
    VIA_ADDRESS_TABLE = 1
    VIA_BINDING = 2
    MULTICAST = 3
    BROADCAST = 6


class Incoming(IntEnum):
    """Types of incoming message."""

    UNICAST = 0
    UNICAST_REPLY = 1
    MULTICAST = 2
    BROADCAST = 4


class DeviceUpdate(IntEnum):
    """What the trust centre hears of a device."""

    SECURED_REJOIN = 0
    UNSECURED_JOIN = 1
    DEVICE_LEFT = 2
    UNSECURED_REJOIN = 3


class JoinDecision(IntEnum):
    """What the trust centre did about it."""

    USE_PRECONFIGURED_KEY = 0
    SEND_KEY_IN_CLEAR = 1
    DENY_JOIN = 2
    NO_ACTION = 3


class NetworkState(IntEnum):
    """How far the NCP is on a network."""

    NO_NETWORK = 0
    JOINING_NETWORK = 1
    JOINED_NETWORK = 2


class NodeType(IntEnum):
    """What a node is."""

    UNKNOWN = 0
    COORDINATOR = 1
    ROUTER = 2
    END_DEVICE = 3
    SLEEPY_END_DEVICE = 4


class CoreKey(IntEnum):
    """Keys by their use (security manager, version 13 on)."""

    NETWORK = 1
    TC_LINK = 2
    TC_LINK_WITH_TIMEOUT = 3
    APP_LINK = 4


class InitialSecurity(IntFlag):
    """Bits of the initial security state."""

    TRUST_CENTER_GLOBAL_LINK_KEY = 0x0004
    TRUST_CENTER_USES_HASHED_LINK_KEY = 0x0084
    HAVE_PRECONFIGURED_KEY = 0x0100
    HAVE_NETWORK_KEY = 0x0200
    REQUIRE_ENCRYPTED_KEY = 0x0800
    NO_FRAME_COUNTER_RESET = 0x1000


class KeyStatus(IntEnum):
    """What zigbeeKeyEstablishmentHandler tells."""

    TC_APP_KEY_SENT_TO_REQUESTER = 0x07
    TC_REJECTED_APP_KEY_REQUEST = 0x11


class Counter(IntEnum):
    """Places of counters in readCounters."""

    APS_RX_BROADCAST = 6
    APS_TX_BROADCAST = 7
    APS_RX_UNICAST = 8
    APS_TX_UNICAST_SUCCESS = 9
    APS_TX_UNICAST_FAILED = 11
    JOIN_INDICATION = 16
    CHILD_REMOVED = 17
    NWK_FRAME_COUNTER_FAILURE = 21
    APS_FRAME_COUNTER_FAILURE = 22
    NWK_DECRYPTION_FAILURE = 25
    APS_DECRYPTION_FAILURE = 26


COUNTERS = 40
