"""What a device does with a UTRN: find the counter, check the MAC, take it once (GBCS section 14)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from protocols.errors import EncodeError
from protocols.gbcs.prepayment import (
    COUNTER_BITS,
    MAX_UTRN_COUNTER,
    DuplicateUtrnError,
    LockedOutError,
    MalformedUtrnError,
    NotAuthenticError,
    NotForThisDeviceError,
    Ptut,
    TopUp,
    TopUpKey,
    UtrnError,
    ValueClass,
    decode_utrn,
    truncate_counter,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

# One vendor's public prepayment code speaks of 100 entries (GBCS section 14.1).
DEFAULT_CACHE_SIZE = 100
_SPAN = 1 << COUNTER_BITS


class WhenFull(StrEnum):
    """Which entry of a full UTRN Counter Cache makes room.

    With ``LOWEST`` whatever is below an entry that was dropped is refused, so that no top-up counts twice.
    ``OLDEST`` is the plain circular buffer that the same vendor describes; it takes a top-up again once
    enough others came in between.
    """

    LOWEST = "lowest"
    OLDEST = "oldest"


@dataclass(slots=True)
class UtrnCounterCache:
    """The UTRN Counters a device has taken, at most ``size`` of them.

    ``floor`` is a UTRN Counter: it and all below are refused. Size and what happens when the cache is full
    are parameters, because public sources do not settle them (assumption A15).
    """

    size: int = DEFAULT_CACHE_SIZE
    floor: int = 0
    when_full: WhenFull = WhenFull.LOWEST
    counters: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.size < 1:
            raise EncodeError(f"{self.size} is less than 1", element="size")

    @classmethod
    def from_floor(cls, floor_sequence_number: int, size: int = DEFAULT_CACHE_SIZE) -> UtrnCounterCache:
        """An empty cache under the 64-bit floor for top-ups that a CS02b sets."""
        return cls(size, floor_sequence_number >> 32)

    @property
    def highest(self) -> int:
        """The highest counter taken; the floor while there is none."""
        return max([self.floor, *self.counters])

    def __contains__(self, utrn_counter: int) -> bool:
        """Whether a top-up with this counter has to be refused."""
        return utrn_counter <= self.floor or utrn_counter in self.counters

    def add(self, utrn_counter: int) -> None:
        """Take a counter; DuplicateUtrnError, or LockedOutError of that kind, when it has to be refused."""
        if utrn_counter in self.counters:
            raise DuplicateUtrnError(f"UTRN Counter {utrn_counter} was used before")
        if utrn_counter <= self.floor:
            raise LockedOutError(f"UTRN Counter {utrn_counter} is not above the floor")
        self.counters.append(utrn_counter)
        if len(self.counters) <= self.size:
            return
        if self.when_full is WhenFull.OLDEST:
            del self.counters[0]
        else:
            self.floor = min(self.counters)
            self.counters.remove(self.floor)

    def recover(self, truncated: int) -> int | None:
        """The UTRN Counter with these low 10 bits that is nearest to the highest taken.

        GBCS 0.8.1 table 27. None where that would be negative or more than 32 bits.
        """
        low = truncate_counter(self.highest)
        near = truncated
        if truncated < low - _SPAN // 2:
            near += _SPAN
        elif truncated > low + _SPAN // 2:
            near -= _SPAN
        counter = self.highest - low + near
        return counter if 0 <= counter <= MAX_UTRN_COUNTER else None


def accept_utrn(
    utrn: str | bytes,
    key: TopUpKey,
    cache: UtrnCounterCache,
    *,
    originator_counter: int | None = None,
    others: Iterable[TopUpKey] = (),
) -> TopUp:
    """Check a UTRN as the device does, note its counter in ``cache`` and give the top-up.

    ``originator_counter`` is that of the command which brought the UTRN, None where it was typed in. The MAC
    does not say for which device it was made; ``others`` are keys of other devices, for telling "not for this
    device" from "not authentic". Nothing is noted when a UtrnError is raised.
    """
    token = decode_utrn(utrn)
    counter = _counter(token, cache, originator_counter)
    if counter is None:
        raise NotAuthenticError(f"no UTRN Counter here ends in {token.truncated_counter}")
    if not key.verify(token, counter << 32):
        raise _refusal(token, counter, others)
    if token.value_class not in set(ValueClass):
        raise MalformedUtrnError(f"value class {token.value_class} is not used")
    cache.add(counter)
    return TopUp(token.value, ValueClass(token.value_class), counter)


def _counter(token: Ptut, cache: UtrnCounterCache, originator_counter: int | None) -> int | None:
    if originator_counter is None:
        return cache.recover(token.truncated_counter)
    counter, rest = divmod(originator_counter, 1 << 32)
    return counter if not rest and truncate_counter(counter) == token.truncated_counter else None


def _refusal(token: Ptut, counter: int, others: Iterable[TopUpKey]) -> UtrnError:
    for other in others:
        if other.verify(token, counter << 32):
            return NotForThisDeviceError(f"the UTRN is for {other.device}")
    return NotAuthenticError("the MAC is wrong")
