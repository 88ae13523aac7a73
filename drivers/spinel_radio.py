"""An 802.15.4 radio behind OpenThread RCP firmware (Spinel): a stick, a pseudo-terminal or a socket.

The host side keeps settings and source match tables and writes them again after a reset of the RCP. One frame
is under way at a time; the firmware backs off, repeats and waits for acknowledgements itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field

from drivers.endpoints import resolve
from drivers.line_inbox import FaultLog, KeepsFaults, LineFault
from drivers.serial_pump import SerialPump
from drivers.serial_url import SerialSettings
from drivers.spinel_link import SpinelLink
from drivers.spinel_polls import OwnPolls
from drivers.spinel_probe import examine
from drivers.spinel_settings import RECEIVER_OFF, RECEIVER_ON, MatchTables, settings_writes
from drivers.spinel_start import Dialogue, RcpInfo
from drivers.spinel_statistics import PollWatch, RadioStatistics
from drivers.spinel_writer import PropertyWriter
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.ports import BenchError, Driver, Probed
from protocols.radio import RadioListener, RadioSettings, ReceivedFrame, TransmitResult, TransmitStatus
from protocols.radio_frames import read_header
from protocols.spinel.datatypes import pack, unpack
from protocols.spinel.frame import Command, SpinelFrame
from protocols.spinel.properties import Property, ScanState
from protocols.spinel.status import Status, is_reset, status_name
from protocols.spinel.stream import (
    ACKED_PENDING,
    BAD_FCS,
    TransmitRequest,
    parse_heard_frame,
    parse_transmit_done,
)

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from protocols.ports import DriverContext

_OUTCOMES = {
    Status.OK: TransmitStatus.DONE,
    Status.NO_ACK: TransmitStatus.NO_ACK,
    Status.CCA_FAILURE: TransmitStatus.CHANNEL_BUSY,
}
_LARGEST_FRAME = 125


class SpinelConfig(SerialSettings):
    """Keys of a ``spinel`` port."""

    baud: int = Field(default=460_800, ge=50, le=4_000_000)
    timeout_s: float = Field(default=2.0, gt=0, le=60)


@dataclass(slots=True)
class _Transmit:
    token: int
    frame: bytes
    clear_channel: bool
    retries: int


@dataclass(slots=True)
class _Energy:
    channel: int
    duration_s: float


_Order = RadioSettings | _Transmit | _Energy


class SpinelRadio(KeepsFaults):
    """A FrameRadio. ``faults`` and ``on_fault`` as with other ports; once it has failed, all frames fail."""

    def __init__(self, address: str, context: DriverContext, timeout_s: float) -> None:
        self.statistics = RadioStatistics()
        self.info: RcpInfo | None = None
        self._address, self._table = address, f"[nodes.{context.node}.ports.{context.port}]"
        self._where = f"{address} ({self._table})"
        self._context = context
        self._timeout_s = timeout_s
        self._log = FaultLog()
        self._loop = asyncio.get_running_loop()
        self._pump = SerialPump(address, self._feed, self._fail)
        self._link = SpinelLink(self._pump.write, self._unasked, self._answered)
        self._writer = PropertyWriter(
            self._link,
            self._where,
            timeout_s,
            self.statistics,
            note=self._note,
            rearm=self._rearm,
            on_dead=self._fail,
        )
        self._watch = PollWatch(self.statistics)
        self._listener: RadioListener | None = None
        self._settings: RadioSettings | None = None  # as written last
        self._tables = MatchTables()
        self._orders: deque[_Order] = deque()
        self._sending: _Transmit | None = None
        self._scan: _Energy | None = None
        self._scan_timer: asyncio.TimerHandle | None = None
        self._polls = OwnPolls(self._switch_receiver, self.statistics, timeout_s)
        self._starting = True
        self._reset_seen = asyncio.Event()
        self._failed: BenchError | None = None

    @property
    def eui64(self) -> Eui64:
        """As the firmware gives it."""
        assert self.info is not None
        return self.info.eui64

    @property
    def failed(self) -> BenchError | None:
        """Why the radio cannot be used any more."""
        return self._failed

    async def open(self, config: SpinelConfig) -> None:
        """Open the line, check the firmware, reset it; BenchError on failure, and then nothing stays open."""
        await self._pump.open(config, self._table)
        dialogue = Dialogue(self._link, self._address, self._table, self._pump.write, self._timeout_s)
        try:
            self.info = await dialogue.run(self._reset_seen)
        except BaseException:
            await self.close()
            raise
        self._starting = self._writer.idle = False

    def listen(self, listener: RadioListener | None) -> None:
        """Hand what comes to this listener from now on."""
        self._listener = listener

    def configure(self, settings: RadioSettings) -> None:
        """Take over settings, after the frames handed over before."""
        self._order(replace(settings))

    def sniff(self, channel: int) -> None:
        """Hear every frame of a channel, and acknowledge none."""
        self.configure(RadioSettings(channel, 0xFFFF, 0xFFFF, self.eui64, promiscuous=True))

    def transmit(self, token: int, frame: bytes, *, clear_channel: bool = True, retries: int = 3) -> None:
        """Send a frame (no FCS), after those before it."""
        self._watch.handed_over(token, read_header(frame), self._loop.time())
        self._order(_Transmit(token, bytes(frame), clear_channel, retries))

    def match_sources(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """Whose polls are answered with frame pending. Does not wait for frames under way."""
        self._writer.write(self._tables.change(enabled=enabled, short=short, extended=extended))

    def measure_energy(self, channel: int, duration_s: float) -> None:
        """Start an energy scan, after the frames handed over before."""
        self._order(_Energy(channel, duration_s))

    async def close(self) -> None:
        """Switch the radio off, then free the line; twice is harmless."""
        if not self._starting and self._failed is None:
            self._starting = self._writer.idle = True
            with contextlib.suppress(TimeoutError):
                await self._link.ask(
                    Command.SET, Property.PHY_ENABLED, b"\x00", limit_s=min(0.5, self._timeout_s)
                )
        self._listener = None
        self._cancel_timers()
        self._link.forget()
        await self._pump.close()

    # Orders, one after the other

    def _order(self, order: _Order) -> None:
        self._orders.append(order)
        if len(self._orders) == 1:
            # Not at once: what is asked for within a call is answered after it.
            self._loop.call_soon(self._advance)

    def _advance(self) -> None:
        while self._orders and self._sending is None and self._scan is None:
            order = self._orders.popleft()
            if isinstance(order, RadioSettings):
                self._writer.write(settings_writes(order, self._settings))
                self._settings = order
            elif isinstance(order, _Transmit):
                self._begin_transmit(order)
            else:
                self._begin_scan(order)

    def _begin_transmit(self, order: _Transmit) -> None:
        self._sending = order
        settings = self._settings
        if self._failed is not None or settings is None or not 3 <= len(order.frame) <= _LARGEST_FRAME:
            self._end_transmit(TransmitStatus.FAILED, attempts=0)
            return
        if not settings.receiver_on_when_idle and read_header(order.frame).data_request:
            self._polls.begin()
        request = TransmitRequest(
            order.frame + b"\x00\x00",
            settings.channel,
            retries=order.retries,
            csma=order.clear_channel,
        )

        def done(answer: SpinelFrame | None) -> None:
            if self._sending is order:
                self._transmitted(answer)

        self._link.request(Command.SET, Property.STREAM_RAW, request.build(), done, self._timeout_s)

    def _transmitted(self, answer: SpinelFrame | None) -> None:
        if answer is None or answer.property != Property.LAST_STATUS:
            self._end_transmit(TransmitStatus.FAILED)
            self._writer.silent()
            return
        self._writer.answered()
        try:
            outcome = parse_transmit_done(answer.value)
        except DecodeError:
            self._end_transmit(TransmitStatus.FAILED)
            return
        status = _OUTCOMES.get(Status(outcome.status) if outcome.status < 27 else Status.FAILURE)
        self._end_transmit(status or TransmitStatus.FAILED, frame_pending=outcome.frame_pending)

    def _end_transmit(
        self, status: TransmitStatus, *, frame_pending: bool = False, attempts: int = 1
    ) -> None:
        order = self._sending
        assert order is not None
        self._sending = None
        result = TransmitResult(status, self._context.clock.monotonic(), frame_pending, attempts)
        self._watch.transmitted(order.token, result)
        self._polls.sent(frame_pending=frame_pending)
        self._loop.call_soon(self._advance)
        if self._listener is not None:
            self._listener.frame_transmitted(order.token, result)

    def _begin_scan(self, order: _Energy) -> None:
        self._scan = order
        self._writer.write([
            (Command.SET, Property.PHY_ENABLED, b"\x01"),
            (Command.SET, Property.MAC_SCAN_MASK, bytes((order.channel,))),
            (Command.SET, Property.MAC_SCAN_PERIOD, pack("S", round(order.duration_s * 1000))),
            (Command.SET, Property.MAC_SCAN_STATE, bytes((ScanState.ENERGY,))),
        ])  # fmt: skip
        self._scan_timer = self._loop.call_later(order.duration_s + self._timeout_s, self._end_scan, None)

    def _end_scan(self, level_dbm: int | None) -> None:
        order, self._scan = self._scan, None
        if self._scan_timer is not None:
            self._scan_timer.cancel()
            self._scan_timer = None
        if order is None:
            return
        self._loop.call_soon(self._advance)
        if level_dbm is None:
            self._note(
                f"the radio of {self._where} did not finish its energy scan of channel {order.channel}"
            )
        elif self._listener is not None:
            self._listener.energy_measured(order.channel, level_dbm)

    def _switch_receiver(self, on: bool) -> None:
        if self._settings is not None and not self._settings.receiver_on_when_idle:
            self._writer.write([RECEIVER_ON if on else RECEIVER_OFF])

    # What comes from the RCP

    def _feed(self, octets: bytes) -> None:
        self._link.feed(octets)
        self.statistics.line_errors = self._link.errors

    def _answered(self, _request: SpinelFrame, seconds: float) -> None:
        if _request.property != Property.STREAM_RAW:
            self.statistics.round_trip.add(seconds)

    def _unasked(self, frame: SpinelFrame) -> None:
        try:
            if frame.property == Property.STREAM_RAW:
                self._heard(frame.value)
            elif frame.property == Property.LAST_STATUS:
                (code,) = unpack("i", frame.value)
                if is_reset(code):
                    self._was_reset(code)
            elif frame.property == Property.MAC_ENERGY_SCAN_RESULT:
                channel, level = unpack("Cc", frame.value)
                if self._scan is not None and self._scan.channel == channel:
                    self._end_scan(level)
        except DecodeError:
            self.statistics.bad_frames += 1

    def _heard(self, value: bytes) -> None:
        heard = parse_heard_frame(value)
        if heard.error or heard.flags & BAD_FCS or len(heard.psdu) < 2 or self._starting:
            self.statistics.bad_frames += 1
            return
        frame = ReceivedFrame(
            heard.psdu[:-2],
            heard.channel,
            self._context.clock.monotonic(),
            heard.rssi_dbm,
            heard.lqi,
            heard.flags & ACKED_PENDING != 0,
        )
        self._watch.received(frame, self._loop.time())
        self._polls.heard()
        if self._listener is not None:
            self._listener.frame_received(frame)

    def _was_reset(self, code: int) -> None:
        self._reset_seen.set()
        if self._starting:
            return
        self.statistics.resets += 1
        self._writer.answered()
        self._drop_everything()
        self._rearm()
        if self._listener is not None:
            self._listener.radio_reset(status_name(code))

    def _drop_everything(self) -> None:
        """Frames under way and waiting have failed; settings among them still hold."""
        orders, self._orders = list(self._orders), deque()
        self._cancel_timers()
        self._scan = None
        self._writer.idle = True
        self._link.forget()  # ends what is being sent, too
        self._writer.idle = self._failed is not None
        for order in orders:
            if isinstance(order, _Transmit):
                self._sending = order
                self._end_transmit(TransmitStatus.FAILED, attempts=0)
            elif isinstance(order, RadioSettings):
                self._settings = order

    def _rearm(self) -> None:
        if self._settings is not None:
            self._writer.write(self._tables.all() + settings_writes(self._settings, None))

    def _fail(self, error: BenchError) -> None:
        if self._failed is not None:
            return
        self._failed = error
        self._writer.idle = True
        self._note(f"{error.cause}; {error.next_step}")
        self._drop_everything()

    def _note(self, problem: str) -> None:
        self._log.add(LineFault(problem, at=self._context.clock.now()))

    def _cancel_timers(self) -> None:
        self._polls.cancel()
        if self._scan_timer is not None:
            self._scan_timer.cancel()
            self._scan_timer = None


async def open_spinel_radio(config: SpinelConfig, context: DriverContext) -> SpinelRadio:
    """Open a radio; BenchError that says what is there instead when it is no OpenThread RCP."""
    radio = SpinelRadio(resolve(config.url, context), context, config.timeout_s)
    await radio.open(config)
    return radio


async def probe_spinel_radio(config: SpinelConfig, context: DriverContext) -> Probed:
    """What is there, and how loud the channels are; the errors of `open_spinel_radio`."""
    radio = await open_spinel_radio(config, context)
    try:
        assert radio.info is not None
        return await examine(radio, radio.info)
    finally:
        await radio.close()


DRIVER = Driver(
    name="spinel",
    config=SpinelConfig,
    open=open_spinel_radio,
    capabilities=frozenset({"radio", "radio.raw", "radio.sniff", "radio.energy"}),
    needs="a stick with OpenThread RCP firmware and the right to use its serial port",
    probe=probe_spinel_radio,
)
