"""What an emulated RCP remembers, all of it lost by a reset."""

from __future__ import annotations

from dataclasses import dataclass, field

from protocols.eui64 import Eui64
from protocols.radio import RadioSettings
from protocols.spinel.properties import Promiscuous


@dataclass(slots=True)
class RcpState:
    """Properties that a host writes."""

    extended_address: Eui64
    phy_enabled: bool = False
    channel: int = 11
    tx_power_dbm: int = 0
    cca_threshold_dbm: int = -75
    short_address: int = 0xFFFE
    pan_id: int = 0xFFFF
    raw_stream: bool = False
    promiscuous: int = Promiscuous.OFF
    on_when_idle: bool = True
    match: bool = False
    match_short: set[int] = field(default_factory=set)
    match_extended: set[Eui64] = field(default_factory=set)
    scan_mask: list[int] = field(default_factory=list)
    scan_period_ms: int = 200

    def settings(self) -> RadioSettings:
        """As the radio takes them."""
        return RadioSettings(
            channel=self.channel,
            pan_id=self.pan_id,
            short_address=self.short_address,
            extended_address=self.extended_address,
            receiver_on_when_idle=self.raw_stream and self.on_when_idle,
            promiscuous=self.promiscuous != Promiscuous.OFF,
            tx_power_dbm=self.tx_power_dbm,
        )
