"""Properties of an 802.15.4 RCP and the formats of their values, and its capabilities."""

from __future__ import annotations

from enum import IntEnum, IntFlag

# The dialogue that this code knows; firmware says 4.3 since it exists.
PROTOCOL_MAJOR = 4
PROTOCOL_MINOR = 3
INTERFACE_THREAD = 3  # what every OpenThread RCP answers, whatever its host does
# Newest and oldest RCP API whose raw stream is known here.
HOST_API_VERSION = 11
OLDEST_RCP_API_VERSION = 4


class Property(IntEnum):
    """Property identifiers."""

    LAST_STATUS = 0
    PROTOCOL_VERSION = 1
    NCP_VERSION = 2
    INTERFACE_TYPE = 3
    VENDOR_ID = 4
    CAPS = 5
    INTERFACE_COUNT = 6
    HWADDR = 8
    PHY_ENABLED = 0x20
    PHY_CHAN = 0x21
    PHY_CHAN_SUPPORTED = 0x22
    PHY_FREQ = 0x23
    PHY_CCA_THRESHOLD = 0x24
    PHY_TX_POWER = 0x25
    PHY_RSSI = 0x26
    PHY_RX_SENSITIVITY = 0x27
    PHY_PCAP_ENABLED = 0x28
    PHY_CHAN_PREFERRED = 0x29
    PHY_FEM_LNA_GAIN = 0x2A
    PHY_REGION_CODE = 0x2C
    MAC_SCAN_STATE = 0x30
    MAC_SCAN_MASK = 0x31
    MAC_SCAN_PERIOD = 0x32
    MAC_15_4_LADDR = 0x34
    MAC_15_4_SADDR = 0x35
    MAC_15_4_PANID = 0x36
    MAC_RAW_STREAM_ENABLED = 0x37
    MAC_PROMISCUOUS_MODE = 0x38
    MAC_ENERGY_SCAN_RESULT = 0x39
    MAC_RX_ON_WHEN_IDLE_MODE = 0x3B
    STREAM_DEBUG = 0x70
    STREAM_RAW = 0x71
    STREAM_LOG = 0x74
    RCP_API_VERSION = 0xB0
    RCP_MIN_HOST_API_VERSION = 0xB1
    RCP_MAC_KEY = 0x800
    RCP_MAC_FRAME_COUNTER = 0x801
    RCP_TIMESTAMP = 0x802
    RCP_ENH_ACK_PROBING = 0x803
    RADIO_CAPS = 0x120B
    MAC_EXTENDED_ADDR = 0x1302
    MAC_SRC_MATCH_ENABLED = 0x1303
    MAC_SRC_MATCH_SHORT_ADDRESSES = 0x1304
    MAC_SRC_MATCH_EXTENDED_ADDRESSES = 0x1305


# STREAM_RAW and the answer to it have modules of their own (`protocols.spinel.stream`).
FORMATS: dict[Property, str] = {
    Property.LAST_STATUS: "i",
    Property.PROTOCOL_VERSION: "ii",
    Property.NCP_VERSION: "U",
    Property.INTERFACE_TYPE: "i",
    Property.VENDOR_ID: "i",
    Property.CAPS: "A(i)",
    Property.INTERFACE_COUNT: "C",
    Property.HWADDR: "E",
    Property.PHY_ENABLED: "b",
    Property.PHY_CHAN: "C",
    Property.PHY_CHAN_SUPPORTED: "A(C)",
    Property.PHY_FREQ: "L",
    Property.PHY_CCA_THRESHOLD: "c",
    Property.PHY_TX_POWER: "c",
    Property.PHY_RSSI: "c",
    Property.PHY_RX_SENSITIVITY: "c",
    Property.PHY_PCAP_ENABLED: "b",
    Property.PHY_CHAN_PREFERRED: "A(C)",
    Property.PHY_FEM_LNA_GAIN: "c",
    Property.PHY_REGION_CODE: "S",
    Property.MAC_SCAN_STATE: "C",
    Property.MAC_SCAN_MASK: "A(C)",
    Property.MAC_SCAN_PERIOD: "S",
    Property.MAC_15_4_LADDR: "E",
    Property.MAC_15_4_SADDR: "S",
    Property.MAC_15_4_PANID: "S",
    Property.MAC_RAW_STREAM_ENABLED: "b",
    Property.MAC_PROMISCUOUS_MODE: "C",
    Property.MAC_ENERGY_SCAN_RESULT: "Cc",
    Property.MAC_RX_ON_WHEN_IDLE_MODE: "b",
    Property.STREAM_DEBUG: "D",
    Property.RCP_API_VERSION: "i",
    Property.RCP_MIN_HOST_API_VERSION: "i",
    Property.RCP_MAC_FRAME_COUNTER: "L",
    Property.RCP_TIMESTAMP: "X",
    Property.RCP_ENH_ACK_PROBING: "SED",
    Property.RADIO_CAPS: "i",
    Property.MAC_EXTENDED_ADDR: "E",
    Property.MAC_SRC_MATCH_ENABLED: "b",
    Property.MAC_SRC_MATCH_SHORT_ADDRESSES: "A(S)",
    Property.MAC_SRC_MATCH_EXTENDED_ADDRESSES: "A(E)",
}


class ScanState(IntEnum):
    """Values of MAC_SCAN_STATE."""

    IDLE = 0
    BEACON = 1
    ENERGY = 2


class Promiscuous(IntEnum):
    """Values of MAC_PROMISCUOUS_MODE."""

    OFF = 0
    NETWORK = 1
    FULL = 2


class Capability(IntEnum):
    """Members of CAPS that matter here."""

    COUNTERS = 5
    UNSOL_UPDATE_FILTER = 12
    MAC_2450MHZ = 24
    CONFIG_FTD = 32
    CONFIG_MTD = 33
    CONFIG_RADIO = 34
    RCP_API_VERSION = 64
    RCP_MIN_HOST_API_VERSION = 65
    RCP_RESET_TO_BOOTLOADER = 66
    MAC_RAW = 513


class RadioCapability(IntFlag):
    """Bits of RADIO_CAPS: what the radio does by itself."""

    ACK_TIMEOUT = 1 << 0
    ENERGY_SCAN = 1 << 1
    TRANSMIT_RETRIES = 1 << 2
    CSMA_BACKOFF = 1 << 3
    SLEEP_TO_TX = 1 << 4
    TRANSMIT_SEC = 1 << 5
    TRANSMIT_TIMING = 1 << 6
    RECEIVE_TIMING = 1 << 7
    RX_ON_WHEN_IDLE = 1 << 8
