"""What a radio has been asked to do and has not finished."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from protocols.radio_frames import FrameHeader, acknowledgement, read_header

if TYPE_CHECKING:
    from rigs.emulated.air.medium import Transmission


class Job:
    """A transmission asked for, with its retries."""

    __slots__ = (
        *("attempt", "backoffs", "channel", "clear", "comment", "header"),
        *("octets", "psdu", "retries", "sent", "token", "tries"),
    )

    def __init__(self, token: int | None, octets: bytes, channel: int, comment: str) -> None:
        self.token = token  # None: nobody asks how it ended
        self.octets = octets
        self.header = read_header(octets)
        self.channel = channel
        self.comment = comment
        self.clear = True
        self.retries = 3
        self.backoffs = 4  # macMaxCSMABackoffs
        self.psdu: bytes | None = None
        self.attempt = 0
        self.tries = 0
        self.sent: Transmission | None = None


class Scan:
    """An energy scan asked for."""

    __slots__ = ("begin", "channel", "duration", "strongest")

    def __init__(self, channel: int, duration: float) -> None:
        self.channel = channel
        self.duration = duration
        self.begin = float("inf")
        self.strongest = -128


@lru_cache(maxsize=512)
def acknowledgement_of(sequence: int, pending: bool) -> tuple[bytes, FrameHeader]:
    """An acknowledgement and its header, made once."""
    octets = acknowledgement(sequence, frame_pending=pending)
    return octets, read_header(octets)


def throw(error: Exception) -> None:
    """Raise, where the scheduler sees it."""
    raise error
