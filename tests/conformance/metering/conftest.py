"""A load that tests set, through the knob ``load`` (W; export below zero)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocols.ports import StimulusKind

from ..alerts.stimuli import do

CLOCK_S = 12.0


@pytest.fixture
def draw(bench: Any, esme: Any) -> Any:
    """``draw(watts, hours)`` lets so much power flow for so long; nothing flows before and after."""

    def draw(watts: int, hours: float) -> None:
        do(esme, StimulusKind.BUTTON, f"load={watts}")
        bench.wait(hours * 3600)
        do(esme, StimulusKind.BUTTON, "load=0")

    do(esme, StimulusKind.BUTTON, "load=0")
    yield draw
    do(esme, StimulusKind.BUTTON, "load=0")


@pytest.fixture
def until(bench: Any) -> Callable[[str], None]:
    """``until("07:00")`` waits for a time of day (UTC), up to a day, by the clock of every device.

    A meter's clock may be 10 s from the hub's without anybody minding (SMETS 5.5.1).
    """

    def until(moment: str) -> None:
        hour, minute = map(int, moment.split(":"))
        now = bench.clock.now()
        wait = (hour * 3600 + minute * 60) - (now.hour * 3600 + now.minute * 60 + now.second)
        bench.wait(wait % 86_400 - now.microsecond / 1e6 + CLOCK_S)

    return until
