"""Two things timed in alternating slices: what else the machine does hits both, and shows in how the slices differ."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(slots=True)
class Taken:
    """Seconds: the processor's, of this process alone, and those of the clock on the wall."""

    processor: float
    wall: float

    def __add__(self, other: Taken) -> Self:
        return type(self)(self.processor + other.processor, self.wall + other.wall)


def taken(action: Callable[[], object]) -> Taken:
    """What one call took."""
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return Taken(time.process_time() - processor, time.perf_counter() - wall)


@dataclass(slots=True)
class Slice:
    """Something done for a number of things, and what it is measured by done bare as often, beside it."""

    mine: Taken
    bare: Taken
    number: int


@dataclass(slots=True)
class Slices:
    """Slices in their order. All figures are medians over slices, for one thing."""

    all: list[Slice] = field(default_factory=list)

    def add(self, one: Slice) -> None:
        """One more."""
        self.all.append(one)

    def ratio(self) -> float:
        """How many times the bare work it takes, by the processor's time."""
        return statistics.median(self._ratios())

    def wall_ratio(self) -> float:
        """The same by the clock on the wall, which also counts what other processes take."""
        return statistics.median(each.mine.wall / each.bare.wall for each in self.all)

    def mine(self) -> float:
        """The processor's seconds for one."""
        return statistics.median(each.mine.processor / each.number for each in self.all)

    def bare(self) -> float:
        """The processor's seconds for the bare work of one."""
        return statistics.median(each.bare.processor / each.number for each in self.all)

    def report(self) -> list[str]:
        """The ratio by the other clock, and how noisy the slices were, as lines of text."""
        ratios = self._ratios()
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        bare = [each.bare.processor / each.number for each in self.all]
        differs = max(bare) / min(bare) - 1
        waited = sum(each.mine.wall + each.bare.wall for each in self.all)
        worked = sum(each.mine.processor + each.bare.processor for each in self.all)
        spread = (
            f"{low:.2f} to {high:.2f} in half of the slices, {min(ratios):.2f} to {max(ratios):.2f} in all"
        )
        return [
            f"{self.wall_ratio():.2f} by the clock on the wall",
            spread,
            f"noise: slowest bare slice {differs:.0%} above the fastest; {worked / waited:.0%} of the processor had",
        ]

    def _ratios(self) -> list[float]:
        return [each.mine.processor / each.bare.processor for each in self.all]
