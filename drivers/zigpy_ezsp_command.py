"""Raw EZSP commands by bellows, and their statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bellows.types as bt


class StickRefusedError(Exception):
    """The stick answered with a status that is none of success."""


def check(status: Any, what: str) -> None:
    """StickRefusedError where a status of whatever kind is not success."""
    if bt.sl_Status.from_ember_status(status) != bt.sl_Status.OK:
        raise StickRefusedError(f"{what}: {status!r}")


class Commands:
    """Commands of the stick that is open now; ``ezsp`` gives bellows' object for it."""

    def __init__(self, ezsp: Callable[[], Any]) -> None:
        self._get = ezsp

    @property
    def ezsp(self) -> Any:
        """What bellows has open."""
        return self._get()

    async def __call__(self, name: str, *values: Any) -> Any:
        """One command, whose answer begins with a status."""
        answer = await getattr(self.ezsp, name)(*values)
        check(answer[0], name)
        return answer
