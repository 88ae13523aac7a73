"""Trouble made on purpose to single frames between single radios."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class FaultAction(StrEnum):
    """What happens to a frame at a receiver."""

    DROP = "drop"  # not heard
    CORRUPT = "corrupt"  # heard with a wrong FCS
    ALTER = "alter"  # heard with other octets and a right FCS: what no CRC finds
    DUPLICATE = "duplicate"  # handed over twice
    DELAY = "delay"  # handed over late; acknowledged in time


@dataclass(slots=True)
class Fault:
    """A rule. Empty ``sender``, ``receiver`` or ``party`` (either of them): any.

    ``match`` sees the frame without FCS. The first ``skip`` frames that fit pass, then ``count`` are hit
    (None: all), each with ``probability``, which ``chance`` decides; without it the medium's own.
    """

    name: str
    action: FaultAction
    sender: str = ""
    receiver: str = ""
    match: Callable[[bytes], bool] | None = None
    count: int | None = 1
    skip: int = 0
    probability: float = 1.0
    delay_s: float = 0.01
    hits: int = 0
    party: str = ""
    chance: random.Random | None = None

    def applies(self, sender: str, receiver: str, octets: bytes, randomness: random.Random) -> bool:
        """Whether this frame is hit; counts it."""
        if not self._concerns(sender, receiver):
            return False
        if self.count is not None and self.hits >= self.count:
            return False
        if self.match is not None and not self.match(octets):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.probability < 1.0 and (self.chance or randomness).random() >= self.probability:
            return False
        self.hits += 1
        return True

    def _concerns(self, sender: str, receiver: str) -> bool:
        if (self.sender and self.sender != sender) or (self.receiver and self.receiver != receiver):
            return False
        return not self.party or self.party in {sender, receiver}


def altered(octets: bytes, randomness: random.Random) -> bytes:
    """The octets with one bit turned."""
    if not octets:
        return octets
    at = randomness.randrange(len(octets) * 8)
    out = bytearray(octets)
    out[at >> 3] ^= 1 << (at & 7)
    return bytes(out)
