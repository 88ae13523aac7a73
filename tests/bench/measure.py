"""Timing things in turns, so that whatever else the machine does hits all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 9
Action = Callable[[], object]


@dataclass(slots=True)
class Figure:
    """Seconds of one thing, round by round."""

    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def ratio(self, floor: Figure) -> str:
        """Median of the rounds' ratios, with lowest and highest."""
        ratios = [mine / bare for mine, bare in zip(self.seconds, floor.seconds, strict=True)]
        return f"{statistics.median(ratios):6.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def seconds(action: Action) -> float:
    """Wall time of one call."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def in_turns(actions: dict[str, Action], rounds: int = ROUNDS) -> dict[str, Figure]:
    """Every action once a round; a first round, in which caches fill and imports happen, does not count."""
    figures: dict[str, Figure] = {name: Figure([]) for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            taken = seconds(action)
            if number:
                figures[name].seconds.append(taken)
    return figures


def rate(count: int, figure: Figure) -> str:
    return f"{count / figure.median:>9,.0f}/s"
