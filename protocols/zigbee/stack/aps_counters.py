"""APS counters in use and heard (APS 2.2.8.4.2).

A counter has 8 bits and is shared by all destinations. While an image is fetched it goes round within
seconds, and so it may come to a number that a destination has just heard: with a repetition, or with its last
frame before hundreds for others. The destination would acknowledge the frame and drop it for a copy.
"""

from __future__ import annotations

from typing import TypeVar

from protocols.zigbee.stack.constants import APS_DUPLICATE_LIFE_S, APS_DUPLICATES_PER_ADDRESS

Entry = TypeVar("Entry")
_ADDRESSES = 64


def _recent(table: dict[int, dict[int, Entry]], address: int) -> dict[int, Entry]:
    """The entry of an address, as the latest; the one that was longest not needed makes room."""
    entry = table.pop(address, None)
    if entry is None:
        entry = {}
        if len(table) >= _ADDRESSES:
            del table[next(iter(table))]
    table[address] = entry
    return entry


class UsedCounters:
    """Counters that a destination may still remember, by the moment they last went there."""

    def __init__(self) -> None:
        self._by_destination: dict[int, dict[int, float]] = {}

    def note(self, destination: int, counter: int, now: float) -> None:
        """A frame with this counter goes there now."""
        used = _recent(self._by_destination, destination)
        used.pop(counter, None)
        used[counter] = now
        if len(used) > APS_DUPLICATES_PER_ADDRESS:
            del used[next(iter(used))]

    def remembered(self, destination: int, counter: int, now: float) -> bool:
        """Whether another frame with this counter would seem a copy there."""
        at = self._by_destination.get(destination, {}).get(counter)
        return at is not None and now - at < APS_DUPLICATE_LIFE_S


class HeardFrames:
    """What came from each source, by counter.

    Contents are compared too: a device that restarts begins with any counter, and another frame is no copy.
    """

    def __init__(self) -> None:
        self._by_source: dict[int, dict[int, tuple[float, object]]] = {}

    def repeated(self, source: int, counter: int, contents: object, now: float) -> bool:
        """Take note of a frame; whether it was here already."""
        heard = _recent(self._by_source, source)
        before = heard.pop(counter, None)
        heard[counter] = (now, contents)
        if len(heard) > APS_DUPLICATES_PER_ADDRESS:
            del heard[next(iter(heard))]
        return before is not None and now - before[0] < APS_DUPLICATE_LIFE_S and before[1] == contents

    def forget(self, source: int) -> None:
        """A device came anew."""
        self._by_source.pop(source, None)

    def clear(self) -> None:
        """There is no network any more."""
        self._by_source.clear()
