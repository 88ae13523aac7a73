"""Gas that flows while a test wants it to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protocols.ports import StimulusKind

from ..alerts.stimuli import do

Flow = Callable[[int, float], None]


@pytest.fixture
def flow(bench: Any, gsme: Any) -> Any:
    """``flow(litres, minutes)`` lets so much gas through in so long; nothing flows before and after."""

    def flow(litres: int, minutes: float) -> None:
        do(gsme, StimulusKind.BUTTON, f"load={round(litres * 60 / minutes)}")
        bench.wait(minutes * 60)
        do(gsme, StimulusKind.BUTTON, "load=0")

    do(gsme, StimulusKind.BUTTON, "load=0")
    yield flow
    do(gsme, StimulusKind.BUTTON, "load=0")
