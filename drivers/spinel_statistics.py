"""What a radio on a serial line has done, and how quick its host is."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocols.radio import ReceivedFrame, TransmitResult, TransmitStatus
from protocols.radio_frames import FrameHeader, read_header

if TYPE_CHECKING:
    from collections.abc import Hashable

_KEPT = 1_000
# A child that was told to wait listens no longer than this; a frame later than that served another poll.
_POLL_ENDS_S = 0.5


@dataclass(slots=True)
class Spread:
    """Seconds: how many, mean, most, and the last thousand for percentiles."""

    count: int = 0
    total_s: float = 0.0
    most_s: float = 0.0
    last: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, seconds: float) -> None:
        """Count one in."""
        self.count += 1
        self.total_s += seconds
        self.most_s = max(self.most_s, seconds)
        self.last.append(seconds)

    @property
    def mean_s(self) -> float:
        """Zero before the first."""
        return self.total_s / self.count if self.count else 0.0

    def __str__(self) -> str:
        return f"{self.mean_s * 1e3:.1f} ms (at most {self.most_s * 1e3:.1f} ms)"

    def percentile_s(self, share: float) -> float:
        """Of the last thousand; zero before the first."""
        if not self.last:
            return 0.0
        ordered = sorted(self.last)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(slots=True)
class RadioStatistics:
    """Counts since the opening.

    ``polls_pending``: polls of children that were told to wait; of these ``polls_served`` got a frame and
    acknowledged it, ``polls_missed`` did not acknowledge it, and the rest got none. ``answer_latency``
    is from such a poll's arrival at the host to the frame's leaving it, ``round_trip`` that of property
    requests. ``own_polls`` are those of a radio whose receiver is off when idle.
    """

    received: int = 0
    sent: dict[TransmitStatus, int] = field(default_factory=lambda: dict.fromkeys(TransmitStatus, 0))
    attempts: int = 0
    resets: int = 0
    timeouts: int = 0
    line_errors: int = 0
    bad_frames: int = 0
    polls_pending: int = 0
    polls_served: int = 0
    polls_missed: int = 0
    own_polls: int = 0
    own_polls_pending: int = 0
    own_polls_served: int = 0
    answer_latency: Spread = field(default_factory=Spread)
    round_trip: Spread = field(default_factory=Spread)

    @property
    def poll_success(self) -> float | None:
        """Share of the polls with frame pending that were served; None before the first."""
        return self.polls_served / self.polls_pending if self.polls_pending else None

    def lines(self) -> list[str]:
        """For people."""
        sent = ", ".join(f"{count} {status}" for status, count in self.sent.items() if count) or "none"
        served = (
            "none" if self.poll_success is None else f"{self.polls_served} of {self.polls_pending} served"
        )
        return [
            f"frames: {self.received} received; sent: {sent}",
            f"polls with frame pending: {served}; answered after {self.answer_latency}",
            f"host and line: {self.round_trip} a request",
            f"line: {self.timeouts} without answer, {self.line_errors} broken frames, {self.resets} resets",
        ]


class PollWatch:
    """Finds the frame that answers a poll, for a radio whose listener keeps frames for sleeping children."""

    def __init__(self, statistics: RadioStatistics) -> None:
        self._statistics = statistics
        self._polls: OrderedDict[Hashable, float] = OrderedDict()
        self._answers: set[int] = set()

    def received(self, frame: ReceivedFrame, now: float) -> None:
        """A frame came in."""
        self._statistics.received += 1
        if frame.acknowledged_pending:
            header = read_header(frame.octets)
            if header.data_request:
                self._statistics.polls_pending += 1
                self._polls[header.source] = now
                while len(self._polls) > _KEPT:
                    self._polls.popitem(last=False)

    def handed_over(self, token: int, header: FrameHeader, now: float) -> None:
        """A frame is to be sent."""
        polled = self._polls.pop(header.destination, None)
        if polled is not None and now - polled < _POLL_ENDS_S:
            self._statistics.answer_latency.add(now - polled)
            self._answers.add(token)

    def transmitted(self, token: int, result: TransmitResult) -> None:
        """It has been sent, or not."""
        self._statistics.sent[result.status] += 1
        self._statistics.attempts += result.attempts
        if token in self._answers:
            self._answers.discard(token)
            if result.status is TransmitStatus.DONE:
                self._statistics.polls_served += 1
            else:
                self._statistics.polls_missed += 1
