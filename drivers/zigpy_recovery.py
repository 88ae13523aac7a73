"""Getting a stick back that was lost: its firmware crashed, or the line to it failed for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from protocols.han import Network

# Seconds before each try: firmware restarts within one, a stick that was pulled out comes back by hand.
PAUSES_S = (0.2, 1.0, 2.0, 5.0, 10.0, 30.0)


class Recovery:
    """Takes up the network of a stick anew. ``failed`` hears of every try that did not help."""

    def __init__(self, failed: Callable[[str, Exception], None]) -> None:
        self._failed = failed
        self._lost = False
        self._running = False

    def lost(self, *, begin: bool) -> bool:
        """The stick was lost (again); whether somebody has to ``run``: to ``begin``, when nobody does."""
        self._lost = True
        wanted = begin and not self._running
        self._running |= wanted
        return wanted

    async def run(self, resume: Callable[[], Coroutine[Any, Any, Network]]) -> Network | None:
        """``resume`` until it holds; None when it never did."""
        try:
            for pause_s in PAUSES_S:
                await asyncio.sleep(pause_s)
                self._lost = False
                try:
                    network = await resume()
                except Exception as error:  # noqa: BLE001 - whatever a radio library raises
                    self._failed("resume after a loss", error)
                    continue
                if not self._lost:  # during it, once more
                    return network
            return None
        finally:
            self._running = False
