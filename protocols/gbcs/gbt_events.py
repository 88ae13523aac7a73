"""What general block transfer tells its owner: octets to send, messages that came, transfers that ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from protocols.gbcs.gbt import RoutingHeader


class FailureReason(StrEnum):
    """Why a transfer ended without success."""

    NOT_ACKNOWLEDGED = "not_acknowledged"
    BLOCKS_MISSING = "blocks_missing"
    NO_MEMORY = "no_memory"


class IgnoredReason(StrEnum):
    """Why a block was passed over."""

    TOO_MANY_TRANSFERS = "too_many_transfers"
    CONFLICTING_DATA = "conflicting_data"
    BEYOND_LAST = "beyond_last"
    NOTHING_TO_ACKNOWLEDGE = "nothing_to_acknowledge"


@dataclass(slots=True)
class Transmit:
    """Octets that have to go out, a block or a whole message."""

    octets: bytes


@dataclass(slots=True)
class Received:
    """A message is here, whole. ``header`` is None where it came without blocks."""

    message: bytes
    header: RoutingHeader | None = None


@dataclass(slots=True)
class Delivered:
    """The other side acknowledged every block of a message sent."""

    header: RoutingHeader


@dataclass(slots=True)
class Failed:
    """A transfer was given up. ``missing`` are block numbers that were not acknowledged or did not arrive.

    A sender that gives up cannot know whether the last blocks arrived: their acknowledgements may be what got
    lost.
    """

    header: RoutingHeader
    reason: FailureReason
    problem: str
    missing: list[int]


@dataclass(slots=True)
class Ignored:
    """A block that changed nothing, where that is worth knowing."""

    header: RoutingHeader
    number: int
    reason: IgnoredReason


Event = Transmit | Received | Delivered | Failed | Ignored
