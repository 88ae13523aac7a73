"""Times of an 802.15.4 physical layer."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Phy:
    """One band: its channels, and its times in seconds, counted in symbols as the standard does.

    ``header_octets`` are preamble, start of frame and length. A sub-GHz band is another instance.
    """

    name: str
    channels: range
    symbol_s: float
    symbols_per_octet: int
    header_octets: int
    turnaround_symbols: int = 12
    octet_s: float = field(init=False)
    header_s: float = field(init=False)
    turnaround_s: float = field(init=False)
    backoff_s: float = field(init=False)
    assessment_s: float = field(init=False)
    ack_wait_s: float = field(init=False)
    short_spacing_s: float = field(init=False)
    long_spacing_s: float = field(init=False)
    poll_wait_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Derive the times that the MAC needs (802.15.4-2006 7.4)."""
        symbol = self.symbol_s
        self.octet_s = self.symbols_per_octet * symbol
        self.header_s = self.header_octets * self.octet_s
        self.turnaround_s = self.turnaround_symbols * symbol
        self.backoff_s = 20 * symbol  # aUnitBackoffPeriod
        self.assessment_s = 8 * symbol
        # aUnitBackoffPeriod + turnaround + synchronisation header + length and an acknowledgement's 5 octets.
        self.ack_wait_s = self.backoff_s + self.turnaround_s + self.header_s + 5 * self.octet_s
        self.short_spacing_s = 12 * symbol
        self.long_spacing_s = 40 * symbol
        # macMaxFrameTotalWaitTime, default back-off exponents: 8 + 16 + 2 * 31 periods and the longest frame.
        self.poll_wait_s = 86 * self.backoff_s + self.header_s + 127 * self.octet_s

    def airtime(self, psdu_octets: int) -> float:
        """Seconds that a frame (FCS included) is on the air, preamble and length included."""
        return self.header_s + psdu_octets * self.octet_s


# O-QPSK at 2.4 GHz: 62.5 ksymbol/s, 2 symbols an octet (250 kbit/s), header of 4 + 1 + 1 octets.
PHY_2450 = Phy("2.4 GHz O-QPSK", range(11, 27), 16e-6, 2, 6)
