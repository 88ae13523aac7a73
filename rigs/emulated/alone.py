"""What a device on a line of its own has in place of a HAN."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.eui64 import Eui64

SeekPartner = Callable[["Eui64", Callable[[bool], None]], None]
"""Gets a link key with a partner and tells, now or later, whether there is one."""


def found_at_once(_partner: Eui64, done: Callable[[bool], None]) -> None:
    """Everybody is taken for reachable."""
    done(True)


def nothing() -> None:
    """Nobody listens."""


def always() -> bool:
    """Nothing is in the way."""
    return True


def unheard(_octets: bytes) -> None:
    """Nobody reads what the console prints."""
