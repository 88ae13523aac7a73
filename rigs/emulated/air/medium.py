"""The medium: who hears what, where transmissions collide, and what a tap sees.

Every moment is the nominal one of the air, not the one at which a busy loop got round to it: in real time
callbacks come a little late, but what they schedule does not drift.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.radio_frames import FrameHeader, with_fcs
from rigs.emulated.air.faults import Fault, FaultAction
from rigs.emulated.air.phy import PHY_2450, Phy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rigs.emulated.air.radio import EmulatedRadio
    from rigs.emulated.air.scheduler import Scheduler

NOISE_FLOOR_DBM = -100


@dataclass(slots=True)
class Link:
    """How one radio hears another. ``loss`` is the probability that a frame is not heard.

    ``lqi`` None: from the level, 255 at -35 dBm and more, 0 at -100 dBm.
    """

    rssi_dbm: int = -50
    loss: float = 0.0
    lqi: int | None = None

    @property
    def quality(self) -> int:
        """LQI that the receiver shows."""
        if self.lqi is not None:
            return self.lqi
        return max(0, min(255, (self.rssi_dbm - NOISE_FLOOR_DBM) * 255 // 65))


@dataclass(slots=True, eq=False)
class Transmission:
    """A frame on its way; ``octets`` without FCS. ``acknowledges``: who waits for this automatic ack."""

    sender: EmulatedRadio
    octets: bytes
    header: FrameHeader
    channel: int
    start: float
    end: float
    psdu: bytes | None = None  # as injected, where that is not octets and their FCS
    right_fcs: bool = True
    comment: str = ""
    attempt: int = 1
    acknowledges: EmulatedRadio | None = None
    acknowledged: bool = False
    broken: bool = False  # the sender lost power within it
    overlaps: list[Transmission] | None = None


@dataclass(slots=True)
class Hearing:
    """What came of it at one radio that listened: ``ok``, ``collided``, ``corrupted`` or ``altered``."""

    receiver: str
    rssi_dbm: int
    lqi: int
    outcome: str = "ok"


@dataclass(slots=True)
class AirFrame:
    """One transmission as a tap sees it, in order of the ends. Times are the scheduler's, in nanoseconds."""

    start_ns: int
    end_ns: int
    channel: int
    psdu: bytes  # with FCS, as sent
    sender: str
    heard_by: list[Hearing] = field(default_factory=list)
    right_fcs: bool = True
    attempt: int = 1
    comment: str = ""

    @property
    def collided(self) -> bool:
        """Whether it met another transmission at any radio."""
        return any(hearing.outcome == "collided" for hearing in self.heard_by)


class _Channel:
    __slots__ = ("active", "noise_dbm", "phy", "tuned")

    def __init__(self, phy: Phy) -> None:
        self.phy = phy
        self.tuned: tuple[EmulatedRadio, ...] = ()
        self.active: list[Transmission] = []
        self.noise_dbm = NOISE_FLOOR_DBM


class Medium:
    """One piece of air. The same ``seed`` and the same calls give the same course of events.

    ``default_link`` holds between radios without a link of their own; None: those do not hear each other.
    ``capture_db``: a frame survives others that are at least so much weaker at the receiver; None: never.
    ``threshold_dbm``: what is weaker than this does not make a channel busy.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        seed: int = 0,
        phys: Sequence[Phy] = (PHY_2450,),
        default_link: Link | None = Link(),  # noqa: B008 - read, never written
        capture_db: float | None = None,
        threshold_dbm: int = -85,
    ) -> None:
        self.scheduler = scheduler
        self.random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self.default_link = default_link
        self.capture_db = capture_db
        self.threshold_dbm = threshold_dbm
        self.faults: list[Fault] = []
        self.sent = 0
        self.scanning = 0  # radios that measure energy now
        self._taps: tuple[Callable[[AirFrame], None], ...] = ()
        self._channels = {number: _Channel(phy) for phy in phys for number in phy.channels}

    def phy(self, channel: int) -> Phy:
        """The band of a channel; ValueError where this air has none."""
        return self._channel(channel).phy

    def set_noise(self, channel: int, level_dbm: int) -> None:
        """What an energy scan finds at least; above the threshold it makes the channel busy for everybody."""
        self._channel(channel).noise_dbm = level_dbm

    def link(self, one: EmulatedRadio, other: EmulatedRadio, link: Link | None, *, both: bool = True) -> None:
        """How ``other`` hears ``one``, and with ``both`` the other way; None: not at all."""
        one.links[other] = link
        if both:
            other.links[one] = link

    def tap(self, callback: Callable[[AirFrame], None]) -> Callable[[], None]:
        """Call with every transmission at its end. What is returned ends that."""
        self._taps = (*self._taps, callback)

        def remove() -> None:
            self._taps = tuple(tap for tap in self._taps if tap is not callback)

        return remove

    def now(self) -> float:
        """The scheduler's time."""
        return self.scheduler.time()

    def _channel(self, number: int) -> _Channel:
        try:
            return self._channels[number]
        except KeyError:
            raise ValueError(f"this air has no channel {number}") from None

    # What radios use from here on.

    def tune(self, radio: EmulatedRadio, before: int | None, channel: int | None) -> None:
        """A radio leaves one channel and listens on another."""
        if before is not None:
            left = self._channels[before]
            left.tuned = tuple(other for other in left.tuned if other is not radio)
        if channel is not None:
            entered = self._channel(channel)
            entered.tuned = (*entered.tuned, radio)

    def level(self, sender: EmulatedRadio, receiver: EmulatedRadio) -> Link | None:
        """The link between two."""
        return sender.links.get(receiver, self.default_link)

    def is_clear(self, radio: EmulatedRadio, number: int, now: float) -> bool:
        """What a clear channel assessment that ends now says."""
        channel = self._channels[number]
        if channel.noise_dbm >= self.threshold_dbm:
            return False
        for transmission in channel.active:
            if transmission.sender is radio:
                return False
            if transmission.start < now < transmission.end:
                link = self.level(transmission.sender, radio)
                if link is not None and link.rssi_dbm >= self.threshold_dbm:
                    return False
        return True

    def energy(self, radio: EmulatedRadio, number: int, begin: float, end: float) -> int:
        """The strongest level on a channel at a radio, of what is on the air and overlaps that time."""
        channel = self._channel(number)
        strongest = channel.noise_dbm
        for transmission in channel.active:
            if transmission.sender is not radio and transmission.start < end and transmission.end > begin:
                link = self.level(transmission.sender, radio)
                if link is not None:
                    strongest = max(strongest, link.rssi_dbm)
        return strongest

    def begin(self, transmission: Transmission) -> None:
        """Put a transmission on the air; ``start`` is now or a turnaround ahead."""
        active = self._channels[transmission.channel].active
        if active:
            for other in active:
                if other.end > transmission.start and other.start < transmission.end:
                    _meet(transmission, other)
        active.append(transmission)
        self.sent += 1
        self.scheduler.call_at(transmission.end, self._finish, transmission)

    def _finish(self, transmission: Transmission) -> None:
        channel = self._channels[transmission.channel]
        channel.active.remove(transmission)
        sender, start = transmission.sender, transmission.start
        seen: list[Hearing] | None = [] if self._taps else None
        # Radios off and on other channels cost nothing; those on this one few comparisons each.
        for radio in channel.tuned:
            if radio is sender or radio.hears_since > start or radio.hears_until < start:
                continue
            link = sender.links.get(radio, self.default_link)
            if link is not None:
                self._reach(transmission, radio, link, seen)
        if self.scanning:
            for radio in channel.tuned:
                radio.scan_heard(transmission)
        if seen is not None:
            self._show(transmission, seen)
        sender.sending_ended(transmission)
        if transmission.acknowledges is not None:
            transmission.acknowledges.acknowledgement_over(transmission)

    def _reach(
        self, transmission: Transmission, radio: EmulatedRadio, link: Link, seen: list[Hearing] | None
    ) -> None:
        if link.loss and self.random.random() < link.loss:
            return
        outcome = "ok"
        fault = self._fault(transmission, radio) if self.faults else None
        if fault is not None or transmission.overlaps is not None or transmission.broken:
            outcome = self._outcome(transmission, radio, link, fault)
            if not outcome:
                return
        if seen is not None:
            seen.append(Hearing(radio.name, link.rssi_dbm, link.quality, outcome))
        if outcome in {"ok", "altered"} and transmission.right_fcs:
            radio.hear(transmission, transmission.octets, link, fault)
        else:
            radio.bad_fcs += 1

    def _outcome(
        self, transmission: Transmission, radio: EmulatedRadio, link: Link, fault: Fault | None
    ) -> str:
        """As in `Hearing`; empty: not heard at all."""
        action = None if fault is None else fault.action
        survived = self._survives(transmission, radio, link)
        if survived is None or action is FaultAction.DROP:
            return ""
        if not survived:
            return "collided"
        if transmission.broken or action is FaultAction.CORRUPT:
            return "corrupted"
        return "altered" if action is FaultAction.ALTER else "ok"

    def _fault(self, transmission: Transmission, radio: EmulatedRadio) -> Fault | None:
        for fault in self.faults:
            if fault.applies(transmission.sender.name, radio.name, transmission.octets, self.random):
                return fault
        return None

    def _survives(self, transmission: Transmission, radio: EmulatedRadio, link: Link) -> bool | None:
        """Whether the frame is whole at this radio in spite of others; None: the radio was sending."""
        whole = True
        for other in transmission.overlaps or ():
            if other.sender is radio:
                return None
            rival = self.level(other.sender, radio)
            if rival is not None and (
                self.capture_db is None or link.rssi_dbm - rival.rssi_dbm < self.capture_db
            ):
                whole = False
        return whole

    def _show(self, transmission: Transmission, seen: list[Hearing]) -> None:
        psdu = with_fcs(transmission.octets) if transmission.psdu is None else transmission.psdu
        frame = AirFrame(
            round(transmission.start * 1e9),
            round(transmission.end * 1e9),
            transmission.channel,
            psdu,
            transmission.sender.name,
            seen,
            transmission.right_fcs and not transmission.broken,
            transmission.attempt,
            transmission.comment,
        )
        for tap in self._taps:
            tap(frame)


def _meet(one: Transmission, other: Transmission) -> None:
    for mine, its in ((one, other), (other, one)):
        if mine.overlaps is None:
            mine.overlaps = [its]
        else:
            mine.overlaps.append(its)
