"""Constants of the stack. Clauses: MAC is IEEE 802.15.4-2006; NWK, APS, SEC are ZigBee 05-3474-22."""

from __future__ import annotations

SYMBOL_S = 16e-6  # O-QPSK at 2.4 GHz, MAC 6.1.1
SUPERFRAME_S = 960 * SYMBOL_S  # aBaseSuperframeDuration, MAC 7.4.1
ALL_CHANNELS = tuple(range(11, 27))  # channel page 0, MAC 6.1.2

# MAC
MAC_RESPONSE_WAIT_S = 32 * SUPERFRAME_S  # macResponseWaitTime, MAC 7.4.2
MAC_TRANSACTION_PERSISTENCE_S = 7.68  # macTransactionPersistenceTime as NWK annex D.9 sets it
MAC_MAX_FRAME_TOTAL_WAIT_S = 1220 * SYMBOL_S  # macMaxFrameTotalWaitTime, MAC 7.4.2
MAC_DUPLICATE_WINDOW_S = 0.15  # all repeats of one frame (macMaxFrameRetries) fall into this, MAC 7.5.6.4.3
MAC_BROADCAST_PAN = 0xFFFF
MAC_BROADCAST = 0xFFFF
MAC_NO_SHORT_ADDRESS = 0xFFFE
MAC_MAX_TRANSMITS = 128  # frames that wait for the air; ours, bounds memory
SCAN_DURATION_EXPONENT = 3  # nwkcScanDuration is the application's, NWK 3.2.2.3
INDIRECT_LIMIT = 32  # frames kept for sleepers; ours, bounds memory
INDIRECT_LIMIT_PER_CHILD = 12

# NWK
NWK_MAX_DEPTH = 15  # nwkMaxDepth, NWK 3.5.2
NWK_DEFAULT_RADIUS = 2 * NWK_MAX_DEPTH  # NWK 3.6.3.3
NWK_MAX_BROADCAST_RETRIES = 2  # nwkMaxBroadcastRetries, NWK 3.5.2
NWK_PASSIVE_ACK_TIMEOUT_S = 0.5  # nwkPassiveAckTimeout, NWK 3.5.2
NWK_BROADCAST_DELIVERY_TIME_S = 9.0  # nwkNetworkBroadcastDeliveryTime, NWK 3.5.2
NWK_MAX_BROADCAST_JITTER_S = 0.064  # nwkcMaxBroadcastJitter, NWK 3.5.1
NWK_ROUTE_DISCOVERY_TIME_S = 10.0  # nwkcRouteDiscoveryTime, NWK 3.5.1
NWK_INITIAL_RREQ_RETRIES = 3  # nwkcInitialRREQRetries, NWK 3.5.1
NWK_RREQ_RETRY_INTERVAL_S = 0.254  # nwkcRREQRetryInterval, NWK 3.5.1
NWK_LINK_STATUS_PERIOD_S = 15.0  # nwkLinkStatusPeriod, NWK 3.5.2
NWK_ROUTER_AGE_LIMIT = 3  # nwkRouterAgeLimit, NWK 3.5.2
NWK_MAX_CHILDREN = 24  # ours: entries for end devices in the neighbour table
NWK_MAX_ROUTER_NEIGHBOURS = 24
NWK_MAX_ROUTES = 64
NWK_MAX_BROADCAST_RECORDS = 64
NWK_MAX_PENDING = 16  # frames that wait for one route
NWK_MAX_ADDRESSES = 128  # EUI-64 to short address pairs remembered
NWK_UNICAST_RETRIES = 3  # nwkcUnicastRetries, NWK 3.5.1
NWK_UNICAST_RETRY_DELAY_S = 0.05  # nwkcUnicastRetryDelay, NWK 3.5.1
NWK_REJOIN_WAIT_S = 3.0  # to hear a rejoin response; ours, several polls of a sleeper
NWK_END_DEVICE_TIMEOUTS_S = (10.0, *(60.0 * 2**n for n in range(1, 15)))  # NWK table 3-44
NWK_END_DEVICE_TIMEOUT_DEFAULT = 8  # nwkEndDeviceTimeoutDefault: 256 minutes, NWK 3.5.2
NWK_STACK_PROFILE = 2  # ZigBee PRO, NWK 3.6.7
NWK_COUNTER_LIMIT = 0xFFFFFFFF  # a counter this high sends nothing more, NWK 4.3.1.1

# APS and security
APS_ACK_WAIT_S = 1.6  # apscAckWaitDuration at nwkcMaxDepth, APS 2.2.7.1
APS_SLEEPY_ACK_WAIT_S = MAC_TRANSACTION_PERSISTENCE_S  # to or from a sleeper
APS_FIRST_RETRY_S = 0.1  # where our own radio already told that nobody took the frame; ours
APS_MAX_FRAME_RETRIES = 3  # apscMaxFrameRetries, APS 2.2.7.1
# A repetition for a sleeper comes when the acknowledgement stayed out, and then waits for its poll.
APS_DUPLICATE_LIFE_S = APS_SLEEPY_ACK_WAIT_S + MAC_TRANSACTION_PERSISTENCE_S
# Frames from a source that are remembered, and frames to a destination before one has the same counter: half
# the counters, of which apscMinDuplicateRejectionTableSize asks for one (APS 2.2.7.1).
APS_DUPLICATES_PER_ADDRESS = 128
APS_MAX_PENDING = 200  # unacknowledged frames: below the 256 counters
APS_SECURITY_TIMEOUT_S = 10.0  # apsSecurityTimeOutPeriod, SEC 4.7.3 (seconds for a HAN with sleepers)
COUNTER_RESERVE = 4096  # frame counters reserved ahead of use in kept state; ours

# Addresses and profiles
TRUST_CENTRE_SHORT = 0x0000
BROADCAST_ALL = 0xFFFF  # NWK table 3-59
BROADCAST_RX_ON = 0xFFFD
BROADCAST_ROUTERS = 0xFFFC
BROADCAST_FIRST = 0xFFF8
PROFILE_ZDP = 0x0000
PROFILE_SMART_ENERGY = 0x0109
PROFILE_WILDCARD = 0xFFFF
ENDPOINT_ZDO = 0
ENDPOINT_BROADCAST = 0xFF
CLUSTER_KEY_ESTABLISHMENT = 0x0800

# Capability information, NWK 3.2.2.11 (the MAC's, 7.3.1.2)
CAPABILITY_ROUTER = 0x02
CAPABILITY_MAINS = 0x04
CAPABILITY_RX_ON = 0x08
CAPABILITY_ALLOCATE = 0x80
