"""A look at an RCP for ``hil doctor``: what it says of itself, and how loud it is on each channel."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from protocols.ports import Probed

if TYPE_CHECKING:
    from drivers.spinel_start import RcpInfo
    from protocols.radio import FrameRadio, ReceivedFrame, TransmitResult

_CHANNELS = range(11, 27)
_LISTEN_S = 0.03
_PATIENCE_S = 1.0


async def examine(radio: FrameRadio, info: RcpInfo) -> Probed:
    """Look at an open radio that nobody else listens to. A scan that does not finish is left out."""
    lines = [f"{info.version}, RCP API {info.api_version}"]
    levels = await _levels(radio)
    if levels:
        shown = ", ".join(f"{channel}: {level}" for channel, level in levels.items())
        lines.append(f"energy by channel (dBm): {shown}")
    # The RCP filters and acknowledges by the address that its host writes, whatever its own is.
    return Probed(lines, info.eui64, takes_eui64=True)


async def _levels(radio: FrameRadio) -> dict[int, int]:
    ear = _Ear()
    radio.listen(ear)
    for channel in _CHANNELS:
        ear.measured.clear()
        radio.measure_energy(channel, _LISTEN_S)
        try:
            await asyncio.wait_for(ear.measured.wait(), _LISTEN_S + _PATIENCE_S)
        except TimeoutError:
            break
    radio.listen(None)
    return ear.levels


class _Ear:
    """A listener for energy alone."""

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}
        self.measured = asyncio.Event()

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """The scan of a channel is over."""
        self.levels[channel] = rssi_dbm
        self.measured.set()

    def frame_received(self, frame: ReceivedFrame) -> None:
        """Of no concern."""

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """Nothing is sent."""

    def radio_reset(self, cause: str) -> None:
        """The scan then does not finish."""
