"""What may differ from hub to hub and device to device, and the numbers of a GB HAN."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from protocols.zigbee.cbke.session import Times
from protocols.zigbee.ota_cluster import ImageId

PROFILE = 0x0109
BASIC, TIME, OTA, KEEP_ALIVE = 0x0000, 0x000A, 0x0019, 0x0025
PRICE, METERING, MESSAGING, TUNNELLING, PREPAYMENT = 0x0700, 0x0702, 0x0703, 0x0704, 0x0705
LOAD_CONTROL, CALENDAR = 0x0701, 0x0707
DEVICE_MANAGEMENT, EVENTS, KEY_ESTABLISHMENT = 0x0708, 0x0709, 0x0800

HUB_ENDPOINT = 1  # the CHF: tunnels, time, firmware, keep-alive, key establishment
GAS_ENDPOINT = 2  # the GPF's gas ESI: takes the request for a mirror
FIRST_MIRROR_ENDPOINT = 3
DEVICE_ENDPOINT = 1

PROTOCOL_GB_HGRP = 6  # GBCS 10.2.2, with the three below
NO_MANUFACTURER = 0xFFFF
LARGEST_TRANSFER = 1500
LARGEST_FETCHED = LARGEST_TRANSFER - 2  # after GET-RESPONSE and the count of messages waiting
LARGEST_PUT = LARGEST_TRANSFER - 1


class DeviceType(StrEnum):
    """What a device is, as far as the HAN treats it differently."""

    ESME = "esme"
    GSME = "gsme"
    PPMID = "ppmid"
    HCALCS = "hcalcs"
    SAPC = "sapc"
    TYPE_2 = "type-2"

    @property
    def fetches(self) -> bool:
        """Whether it sleeps and fetches its messages (GET, GET-RESPONSE, PUT)."""
        return self is DeviceType.GSME

    @property
    def has_tunnel(self) -> bool:
        """Whether remote parties talk to it."""
        return self is not DeviceType.TYPE_2

    @property
    def activates_itself(self) -> bool:
        """Whether it runs an image when the hub says so, not by CS06."""
        return self in (DeviceType.PPMID, DeviceType.HCALCS)

    @property
    def zigbee_device(self) -> int:
        """Device identifier of its endpoint (ZSE 1.4 table 5-14)."""
        return _ZIGBEE_DEVICES[self]


_ZIGBEE_DEVICES = {
    DeviceType.ESME: 0x0501,
    DeviceType.GSME: 0x0501,
    DeviceType.PPMID: 0x0506,
    DeviceType.HCALCS: 0x0504,
    DeviceType.SAPC: 0x0504,
    DeviceType.TYPE_2: 0x0502,
}
ENERGY_SERVICE_INTERFACE, METERING_DEVICE = 0x0500, 0x0501
GAS_INFORMATION = (PRICE, MESSAGING, CALENDAR, DEVICE_MANAGEMENT)
"""Server clusters of the gas interface, beside those of the mirror."""


# Of the metering cluster: consumption, status, unit, multiplier, divisor, formatting, device type, MPRN.
_REPORTED = {METERING: (0x0000, 0x0200, 0x0300, 0x0301, 0x0302, 0x0303, 0x0306, 0x0307)}


@dataclass(slots=True)
class CommonSettings:
    """Times in seconds. ``answer_wait_s`` is for a ZCL answer after the HAN has taken the request."""

    answer_wait_s: float = 10.0
    sleepy_answer_wait_s: float = 20.0
    tunnel_idle_s: float = 0xFFFF  # CloseTunnelTimeout; the attribute's largest value
    tunnel_retry_s: float = 30.0
    tunnel_tries: int = 3
    key_times: Times = field(default_factory=Times)


@dataclass(slots=True)
class HubSettings(CommonSettings):
    """The hub's. ``queue_limit`` and ``queue_age_s`` bound what waits for one sleeper."""

    queue_limit: int = 32
    queue_age_s: float = 7 * 24 * 3600.0
    keep_alive_base_min: int = 10
    keep_alive_jitter_s: int = 300
    mirrors: int = 4
    image_age_s: float = 7 * 24 * 3600.0  # after which an image nobody comes for has failed
    image_silence_s: float = 12 * 3600.0  # after which one that was begun has
    image_block_period_s: float = 0.0
    image_block_octets: int = 48  # fits one frame under link and network key
    image_reminder_s: float = 3600.0  # until a device comes for its image


@dataclass(slots=True)
class DeviceSettings(CommonSettings):
    """A device's.

    ``wake_period_s``: how often a GSME looks at its flags and reports; after something was fetched, or while
    asked to stay awake, it looks again every ``awake_period_s`` for ``awake_s``. ``reported`` are the
    attributes of its mirror, by cluster; those it has not are left out.
    ``manufacturer_name`` and ``model`` stand in the basic cluster.
    """

    wake_period_s: float = 1800.0
    awake_period_s: float = 5.0
    awake_s: float = 30.0
    stay_awake_s: float = 900.0
    time_period_s: float = 24 * 3600.0
    keep_alive_failures: int = 3
    keep_alive_retry_s: float = 60.0
    key_tries: int = 4
    key_retry_s: float = 5.0
    queue_limit: int = 64
    channels: tuple[int, ...] = tuple(range(11, 27))
    image: ImageId = field(default_factory=lambda: ImageId(0xFFFF, 0xFFFF, 0))
    hardware_version: int | None = None
    image_block_octets: int = 48
    image_block_period_s: float = 0.0
    reported: dict[int, tuple[int, ...]] = field(default_factory=lambda: dict(_REPORTED))
    manufacturer_name: str = ""
    model: str = ""
