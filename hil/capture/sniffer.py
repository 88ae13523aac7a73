"""Hears one channel with any radio and writes a capture, to a file or a pipe."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from protocols.capture import captured, tap_packet
from protocols.pcapng import Interface, LinkType, Packet, PcapngWriter, Section
from protocols.radio import RadioSettings, ReceivedFrame, TransmitResult
from protocols.radio_frames import read_header

if TYPE_CHECKING:
    from protocols.ports import BenchError, Clock
    from protocols.radio import FrameRadio

CHANNELS = range(11, 27)
HOP_S = 0.6  # on one channel, while nothing was heard anywhere
_LOOK_S = 0.1
_NANOSECONDS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = ("beacon", "data", "acknowledgement", "command")


class Output:
    """A descriptor that takes whole blocks without a buffer, so that a reader sees each frame at once."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.problem: OSError | None = None

    def write(self, block: bytes) -> None:
        """Write a block, unless writing has failed before."""
        left = memoryview(block)
        try:
            while left and self.problem is None:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self.problem = error


class Sniffer:
    """A `RadioListener` that writes what it hears."""

    def __init__(self, radio: FrameRadio, clock: Clock, output: Output, section: Section) -> None:
        self.counts: Counter[str] = Counter()
        self.frames = 0
        self.channel = 0
        self.resets: list[str] = []
        self._radio = radio
        self._output = output
        since = clock.now() - _EPOCH
        now_ns = (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1_000
        self._zero_ns = now_ns - round(clock.monotonic() * _NANOSECONDS)
        self._clock = clock
        self._writer = PcapngWriter(output.write, section)
        self._interface = self._writer.add_interface(
            Interface(LinkType.IEEE802_15_4_TAP, "radio", f"radio {radio.eui64}")
        )
        radio.listen(self)

    def tune(self, channel: int) -> None:
        """Hear everything on a channel, and acknowledge nothing."""
        self.channel = channel
        self._radio.configure(RadioSettings(channel, 0xFFFF, 0xFFFF, self._radio.eui64, promiscuous=True))

    async def run(
        self,
        channel: int | None,
        stop: asyncio.Event,
        *,
        seconds: float | None = None,
        on_look: Callable[[Sniffer], None] | None = None,
    ) -> None:
        """Sniff until ``stop``, for so many seconds, or until writing fails.

        Without ``channel``: on each of them in turn, and from the first frame on that frame's. BenchError
        when the radio cannot be used any more.
        """
        loop = asyncio.get_running_loop()
        end = None if seconds is None else loop.time() + seconds
        hops: Iterator[int] = iter(()) if channel is not None else _forever(CHANNELS)
        hop_at = loop.time()
        if channel is not None:
            self.tune(channel)
        while not stop.is_set() and self._output.problem is None and (end is None or loop.time() < end):
            if not self.frames and loop.time() >= hop_at and (following := next(hops, None)) is not None:
                self.tune(following)
                hop_at = loop.time() + HOP_S
            failed: BenchError | None = getattr(self._radio, "failed", None)
            if failed is not None:
                raise failed
            if on_look is not None:
                on_look(self)
            try:
                await asyncio.wait_for(stop.wait(), _LOOK_S)
            except TimeoutError:
                continue

    def finish(self) -> None:
        """Write the counts."""
        self._radio.listen(None)
        self._writer.finish(self._zero_ns + round(self._clock.monotonic() * _NANOSECONDS))

    def summary(self) -> str:
        """What was heard, in one line."""
        kinds = ", ".join(f"{number} {name}" for name, number in sorted(self.counts.items()))
        return f"{self.frames} frames on channel {self.channel}" + (f": {kinds}" if kinds else "")

    # From the radio

    def frame_received(self, frame: ReceivedFrame) -> None:
        """Write a frame."""
        if frame.channel != self.channel:
            if self.frames:
                return  # heard before the radio had left that channel
            self.tune(frame.channel)
        kind = read_header(frame.octets).frame_type
        self.counts[_NAMES[kind] if 0 <= kind < len(_NAMES) else "other"] += 1
        self.frames += 1
        time_ns = self._zero_ns + round(frame.time_s * _NANOSECONDS)
        self._writer.packet(Packet(self._interface, time_ns, tap_packet(captured(frame))))

    def frame_transmitted(self, token: int, result: TransmitResult) -> None:
        """Nothing is sent."""

    def energy_measured(self, channel: int, rssi_dbm: int) -> None:
        """Nothing is measured."""

    def radio_reset(self, cause: str) -> None:
        """The radio goes on by itself; frames may be missing."""
        self.resets.append(cause)


def _forever(channels: range) -> Iterator[int]:
    while True:
        yield from channels
