"""A kind of hostile frame, and the table of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hil.hostile.situation import Situation

Craft = Callable[[Situation], Iterator[bytes]]


@dataclass(slots=True)
class Kind:
    """``craft`` gives the frames, FCS included, right or wrong; ``name`` says layer and fault."""

    name: str
    craft: Craft

    @property
    def comment(self) -> str:
        """What stands beside such a frame in a capture."""
        return f"hostile: {self.name}"


KINDS: dict[str, Kind] = {}


def kind(name: str, table: dict[str, Kind]) -> Callable[[Craft], Craft]:
    """Enter a function into its layer's table and that of all."""

    def enter(craft: Craft) -> Craft:
        KINDS[name] = table[name] = Kind(name, craft)
        return craft

    return enter
