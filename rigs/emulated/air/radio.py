"""A radio on the emulated air: what a transceiver does by itself, and nothing of a stack.

It filters by address, acknowledges, sets the frame pending bit from its source match tables, backs off before
it sends and repeats what is not acknowledged. A radio whose receiver is off when idle hears nothing, but for
the acknowledgement it waits for and, after one with frame pending set to a data request of its own, for
macMaxFrameTotalWaitTime or up to the frame that comes (802.15.4-2006 7.5.6.3).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from protocols.eui64 import Eui64
from protocols.radio import RadioListener, RadioSettings, ReceivedFrame, TransmitResult, TransmitStatus
from protocols.radio_frames import ACK, BROADCAST, LARGEST_PSDU, has_right_fcs, read_header
from rigs.emulated.air.address_filter import AddressFilter
from rigs.emulated.air.faults import Fault, FaultAction, altered
from rigs.emulated.air.jobs import Job, Scan, acknowledgement_of, throw
from rigs.emulated.air.medium import Link, Medium, Transmission

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

_NEVER = float("inf")
_LOWEST_EXPONENT = 3  # macMinBE
_HIGHEST_EXPONENT = 5  # macMaxBE
_SHORT_FRAME = 18  # octets with FCS that need the short spacing only (aMaxSIFSFrameSize)


class EmulatedRadio:
    """A FrameRadio on a `Medium`. It is deaf until it is configured, and again after ``power_off``.

    ``comment`` goes with every frame sent to the tap. ``links``: how others hear this radio (`Medium.link`).
    """

    def __init__(self, medium: Medium, name: str, eui64: Eui64) -> None:
        self.medium = medium
        self.name = name
        self.comment = ""
        self.links: dict[EmulatedRadio, Link | None] = {}
        self.settings: RadioSettings | None = None
        self.hears_since = _NEVER
        self.hears_until = _NEVER
        self.scan: Scan | None = None
        self.bad_fcs = 0
        self.powered = True
        self._eui64 = eui64
        self._listener: RadioListener | None = None
        self._filter = AddressFilter()
        self._tuned: int | None = None
        self._queue: deque[Job | Scan] = deque()
        self._job: Job | None = None
        self._turn = 0  # of attempts: what was scheduled for an earlier one is void
        self._awaiting = False
        self._deadline = 0.0
        self._deadline_set = False
        self._ready_at = 0.0

    @property
    def eui64(self) -> Eui64:
        """As made."""
        return self._eui64

    def listen(self, listener: RadioListener | None) -> None:
        """Hand what comes to this listener from now on."""
        self._listener = listener

    def configure(self, settings: RadioSettings) -> None:
        """Take over settings; ValueError for a channel that this air has not. Ignored without power."""
        self.medium.phy(settings.channel)
        if not self.powered:
            return
        before = self.settings
        self.settings = settings
        self._filter.configure(settings)
        if self._job is None and self.scan is None:
            self._tune(settings.channel)
        if before is None or before.receiver_on_when_idle != settings.receiver_on_when_idle:
            if settings.receiver_on_when_idle:
                self.hears_since = self.medium.now()
                self.hears_until = _NEVER
            elif not self._awaiting:
                self._rest()

    def transmit(
        self,
        token: int,
        frame: bytes,
        *,
        clear_channel: bool = True,
        retries: int = 3,
        backoffs: int = 4,
        channel: int | None = None,
    ) -> None:
        """Send a frame (no FCS), after those before it; ``channel`` if not that of the settings."""
        settings = self.settings
        if settings is None or not 3 <= len(frame) <= LARGEST_PSDU - 2:
            now = self.medium.now()
            result = TransmitResult(TransmitStatus.FAILED, now, attempts=0)
            self.medium.scheduler.call_at(now, self._tell, token, result)
            return
        job = Job(token, bytes(frame), settings.channel if channel is None else channel, self.comment)
        job.clear = clear_channel
        job.retries = retries
        job.backoffs = backoffs
        self._hand(job)

    def inject(self, psdu: bytes, *, comment: str = "", clear_channel: bool = False) -> None:
        """Send octets as they are, FCS included, right or wrong; nothing is acknowledged or reported.

        For hostile frames. ValueError for more than the length field can say.
        """
        if len(psdu) > LARGEST_PSDU:
            raise ValueError(f"a frame has at most {LARGEST_PSDU} octets with FCS, not {len(psdu)}")
        if self.settings is None:
            raise ValueError(f"radio {self.name} is not configured")
        job = Job(None, bytes(psdu[:-2]), self.settings.channel, comment or self.comment)
        job.psdu = bytes(psdu)
        job.clear = clear_channel
        job.retries = 0
        self._hand(job)

    def match_sources(self, *, enabled: bool, short: AbstractSet[int], extended: AbstractSet[Eui64]) -> None:
        """Whose data requests are acknowledged with the frame pending bit; not enabled: everybody's."""
        self._filter.match(enabled=enabled, short=short, extended=extended)

    def measure_energy(self, channel: int, duration_s: float) -> None:
        """Start an energy scan, after what is being sent; the radio hears no frames meanwhile."""
        self.medium.phy(channel)
        self._hand(Scan(channel, duration_s))

    async def close(self) -> None:
        """Leave the air."""
        self._listener = None
        self.power_off()

    def power_off(self) -> None:
        """Everything under way fails, a frame on the air breaks, settings and tables are lost."""
        self.stop()
        self.powered = False

    def power_on(self) -> None:
        """Power back; the listener hears of a reset."""
        self.powered = True
        self._tell_reset("power on")

    def reset(self, cause: str) -> None:
        """As losing power for a moment."""
        self.stop()
        self._tell_reset(cause)

    def _tell_reset(self, cause: str) -> None:
        if self._listener is not None:
            self._call(self._listener.radio_reset, cause)

    def _call(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001 - raised below: one bad listener must not stop the air
            self.medium.scheduler.call_at(self.medium.now(), throw, error)

    def stop(self) -> None:
        """Neither hear nor send until configured again; tables are empty then."""
        now = self.medium.now()
        job, queue = self._job, list(self._queue)
        if job is not None and job.sent is not None and now < job.sent.end:
            job.sent.broken = True
        if self.scan is not None:
            self.medium.scanning -= 1
        self._queue.clear()
        self._job = self.scan = self.settings = None
        self._awaiting = False
        self._turn += 1
        self._filter = AddressFilter()
        self._rest()
        self._tune(None)
        for failed in (job, *queue):
            if isinstance(failed, Job) and failed.token is not None:
                self._tell(failed.token, TransmitResult(TransmitStatus.FAILED, now, attempts=failed.attempt))

    # Receiver

    def _tune(self, channel: int | None) -> None:
        if channel != self._tuned:
            self.medium.tune(self, self._tuned, channel)
            self._tuned = channel
            if self.settings is not None and self.settings.receiver_on_when_idle:
                self.hears_since = self.medium.now()

    def _rest(self) -> None:
        self.hears_since = self.hears_until = _NEVER

    def hear(self, transmission: Transmission, octets: bytes, link: Link, fault: Fault | None) -> None:
        """A whole frame reached this radio (called by the medium)."""
        settings = self.settings
        if settings is None or self.scan is not None:
            return
        header = transmission.header
        if fault is not None and fault.action is FaultAction.ALTER:
            octets = altered(octets, self.medium.random)
            header = read_header(octets)
        pending = False
        if header.frame_type == ACK:
            job = self._job
            if self._awaiting and job is not None and job.header.sequence == header.sequence:
                self._end(TransmitStatus.DONE, transmission.end, pending=header.frame_pending)
            if not settings.promiscuous:
                return
        elif not settings.promiscuous:
            if not self._filter.takes(header):
                return
            if header.ack_request and header.destination is not None and header.destination != BROADCAST:
                pending = header.data_request and self._filter.has_for(header.source)
                self._acknowledge(transmission, header.sequence, pending)
            if self.hears_until != _NEVER and header.destination != BROADCAST:
                self._rest()  # what the poll was for has come
        channel, end = transmission.channel, transmission.end
        self._hand_over(ReceivedFrame(octets, channel, end, link.rssi_dbm, link.quality, pending), fault)

    def _hand_over(self, frame: ReceivedFrame, fault: Fault | None) -> None:
        if self._listener is None:
            return
        if fault is not None and fault.action is FaultAction.DELAY:
            late = frame.time_s + fault.delay_s
            frame.time_s = late
            self.medium.scheduler.call_at(late, self._hand_over, frame, None)
            return
        self._call(self._listener.frame_received, frame)
        if fault is not None and fault.action is FaultAction.DUPLICATE:
            self._hand_over(frame, None)

    def _acknowledge(self, transmission: Transmission, sequence: int, pending: bool) -> None:
        phy = self.medium.phy(transmission.channel)
        octets, header = acknowledgement_of(sequence, pending)
        start = transmission.end + phy.turnaround_s
        self._ready_at = end = start + phy.airtime(5)
        transmission.acknowledged = True
        self.medium.begin(
            Transmission(
                self, octets, header, transmission.channel, start, end, acknowledges=transmission.sender
            )
        )

    # Transmitter

    def _hand(self, item: Job | Scan) -> None:
        if self._job is not None or self.scan is not None:
            self._queue.append(item)
        else:
            self._start(item)

    def _start(self, item: Job | Scan) -> None:
        now = self.medium.now()
        if isinstance(item, Scan):
            self._start_scan(item, now)
            return
        self._job = item
        self._tune(item.channel)
        self._attempt(item, now)

    def _attempt(self, job: Job, now: float) -> None:
        job.attempt += 1
        job.tries = 0
        now = max(now, self._ready_at)
        if job.clear:
            self._back_off(job, now, _LOWEST_EXPONENT)
        else:
            self._send(job, now + self.medium.phy(job.channel).turnaround_s)

    def _back_off(self, job: Job, now: float, exponent: int) -> None:
        phy = self.medium.phy(job.channel)
        periods = int(self.medium.random.random() * (1 << exponent))
        when = now + periods * phy.backoff_s + phy.assessment_s
        self.medium.scheduler.call_at(when, self._assess, job, when, exponent, self._turn)

    def _assess(self, job: Job, when: float, exponent: int, turn: int) -> None:
        if turn != self._turn:
            return
        if self.medium.is_clear(self, job.channel, when):
            self._send(job, when + self.medium.phy(job.channel).turnaround_s)
            return
        job.tries += 1
        if job.tries > job.backoffs:
            self._end(TransmitStatus.CHANNEL_BUSY, when)
        else:
            self._back_off(job, when, min(exponent + 1, _HIGHEST_EXPONENT))

    def _send(self, job: Job, start: float) -> None:
        octets = len(job.octets) + 2 if job.psdu is None else len(job.psdu)
        sent = Transmission(
            self,
            job.octets,
            job.header,
            job.channel,
            start,
            start + self.medium.phy(job.channel).airtime(octets),
            comment=job.comment,
            attempt=job.attempt,
        )
        if job.psdu is not None:
            sent.psdu = job.psdu
            sent.right_fcs = has_right_fcs(job.psdu)
        job.sent = sent
        self.medium.begin(sent)

    def sending_ended(self, transmission: Transmission) -> None:
        """A transmission of this radio has left the air (called by the medium)."""
        job = self._job
        if job is None or job.sent is not transmission:
            return
        header = job.header
        if job.psdu is not None or not header.ack_request or header.destination in {None, BROADCAST}:
            self._end(TransmitStatus.DONE, transmission.end)
            return
        self._awaiting = True
        self._deadline = transmission.end + self.medium.phy(job.channel).ack_wait_s
        self._deadline_set = False
        if self.hears_since == _NEVER:
            self.hears_since = transmission.end
        if not transmission.acknowledged:
            self.acknowledgement_over(transmission)

    def acknowledgement_over(self, _transmission: Transmission) -> None:
        """No acknowledgement comes any more: if none was heard, wait out the time (called by the medium)."""
        if self._awaiting and not self._deadline_set:
            self._deadline_set = True
            self.medium.scheduler.call_at(self._deadline, self._no_ack, self._turn, self._deadline)

    def _no_ack(self, turn: int, when: float) -> None:
        job = self._job
        if turn != self._turn or job is None:
            return
        if job.attempt > job.retries:
            self._end(TransmitStatus.NO_ACK, when)
            return
        self._awaiting = False
        self._turn += 1
        if self.settings is not None and not self.settings.receiver_on_when_idle:
            self._rest()
        self._attempt(job, when)

    def _end(self, status: TransmitStatus, when: float, *, pending: bool = False) -> None:
        job = self._job
        assert job is not None
        phy = self.medium.phy(job.channel)
        self._job = None
        self._turn += 1
        self._awaiting = False
        spacing = phy.short_spacing_s if len(job.octets) + 2 <= _SHORT_FRAME else phy.long_spacing_s
        self._ready_at = max(self._ready_at, when + spacing)
        settings = self.settings
        if settings is not None and not settings.receiver_on_when_idle:
            if pending and job.header.data_request:
                self.hears_until = when + phy.poll_wait_s
            else:
                self._rest()
        self._next()
        if job.token is not None:
            self._tell(job.token, TransmitResult(status, when, pending, job.attempt))

    def _next(self) -> None:
        if self._queue:
            self._start(self._queue.popleft())
        elif self.settings is not None:
            self._tune(self.settings.channel)

    def _tell(self, token: int, result: TransmitResult) -> None:
        if self._listener is not None:
            self._call(self._listener.frame_transmitted, token, result)

    # Energy scan

    def _start_scan(self, scan: Scan, now: float) -> None:
        self.scan = scan
        self.medium.scanning += 1
        scan.begin = now
        self._tune(scan.channel)
        self.medium.scheduler.call_at(now + scan.duration, self._end_scan, scan, now + scan.duration)

    def scan_heard(self, transmission: Transmission) -> None:
        """Something has left the air on this radio's channel (called by the medium while anybody scans)."""
        scan = self.scan
        if scan is not None and transmission.end > scan.begin and transmission.sender is not self:
            link = self.medium.level(transmission.sender, self)
            if link is not None:
                scan.strongest = max(scan.strongest, link.rssi_dbm)

    def _end_scan(self, scan: Scan, when: float) -> None:
        if self.scan is not scan:
            return
        strongest = max(scan.strongest, self.medium.energy(self, scan.channel, scan.begin, when))
        self.scan = None
        self.medium.scanning -= 1
        self._next()
        if self._listener is not None:
            self._call(self._listener.energy_measured, scan.channel, strongest)
