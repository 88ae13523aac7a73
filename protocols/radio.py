"""An 802.15.4 radio as a port: whole MAC frames out and in, with what radio firmware does by itself.

By itself a radio adds and checks the FCS, waits for a clear channel, repeats unacknowledged frames,
acknowledges what is addressed to it, and sets the frame pending bit of the acknowledgement of a data request
from its source match tables. Everything above that is the stack's (`protocols.zigbee.stack`). Drivers
(Spinel) and the emulated air implement `FrameRadio`; all calls return at once and answers come to the
listener, in order.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from protocols.eui64 import Eui64


@dataclass(slots=True)
class RadioSettings:
    """What a radio is told about its place in a PAN (802.15.4 PIB attributes).

    ``short_address`` 0xFFFF: not associated; 0xFFFE: associated without a short address.
    """

    channel: int
    pan_id: int
    short_address: int
    extended_address: Eui64
    receiver_on_when_idle: bool = True
    promiscuous: bool = False
    tx_power_dbm: int = 0


class TransmitStatus(StrEnum):
    """How a transmission ended."""

    DONE = "done"  # acknowledged, or sent without asking for an acknowledgement
    NO_ACK = "no-ack"
    CHANNEL_BUSY = "channel-busy"
    FAILED = "failed"  # the radio was reset or refused the frame


@dataclass(slots=True)
class TransmitResult:
    """Outcome of one transmission, with the moment (monotonic seconds) the radio was done with it."""

    status: TransmitStatus
    time_s: float
    frame_pending: bool = False  # the acknowledgement's frame pending bit
    attempts: int = 1


@dataclass(slots=True)
class ReceivedFrame:
    """One frame as heard: MAC header and payload without FCS, and the moment of its last octet."""

    octets: bytes
    channel: int
    time_s: float
    rssi_dbm: int = 0
    lqi: int = 255
    acknowledged_pending: bool = False  # we acknowledged it with the frame pending bit set


class RadioListener(Protocol):
    """Who hears what a radio has to say."""

    def frame_received(self, frame: ReceivedFrame) -> None:
        """A frame with a right FCS that passed the radio's address filter (all of them when promiscuous)."""

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """The transmission with this token is over."""

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """The energy scan of a channel is over; the strongest level."""

    def radio_reset(self, cause: str) -> None:
        """The radio lost its settings and tables; transmissions under way came back as FAILED before this."""


@runtime_checkable
class FrameRadio(Protocol):
    """A radio that carries raw 802.15.4 frames."""

    @property
    def eui64(self) -> Eui64:
        """The radio's own identifier, as its firmware gives it."""

    def listen(self, listener: RadioListener | None) -> None:
        """Hand what comes to this listener from now on."""

    def configure(self, settings: RadioSettings) -> None:
        """Take over settings; they hold for frames sent and received after this call."""

    def transmit(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        """Send a frame (no FCS); ``frame_transmitted`` tells the outcome. Frames go out in order of calls."""

    def match_sources(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """Whose data requests are acknowledged with the frame pending bit; not enabled: everybody's."""

    def measure_energy(self, channel: int, duration_s: float) -> None:
        """Start an energy scan of one channel."""

    async def close(self) -> None:
        """Stop; calling it twice is harmless."""
