"""What a display shows, at once or once it has had time to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.ports import StimulusKind

if TYPE_CHECKING:
    from hil.bench import Bench
    from hil.nodes import DeviceNode

REFRESH_S = 5.0  # a display follows within about ten seconds
LOOKS, PAUSE_S = 10, 1.0


def shown(bench: Bench, display: DeviceNode, word: str) -> list[str]:
    """Its lines that begin with a word: somebody looks, waits, and looks again."""
    look(display)
    bench.wait(REFRESH_S)
    return starting(look(display), word)


def published(bench: Bench, display: DeviceNode, word: str) -> list[str]:
    """The same at the first look: what it was told without asking."""
    bench.wait(REFRESH_S)
    return starting(look(display), word)


def wait_for(bench: Bench, display: DeviceNode, word: str, wanted: list[str]) -> list[str]:
    """The same as soon as they are those wanted, or after some looks."""
    for _ in range(LOOKS):
        bench.wait(PAUSE_S)
        lines = starting(look(display), word)
        if lines == wanted:
            break
    return lines


def look(display: DeviceNode) -> list[str]:
    """All its lines."""
    return display.stimulus.apply(StimulusKind.DISPLAY).answer.splitlines()


def starting(lines: list[str], word: str) -> list[str]:
    """The lines that begin with a word."""
    return [line for line in lines if line.startswith(word)]
