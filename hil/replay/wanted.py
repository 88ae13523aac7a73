"""What a reference reply says that a device's own answer lacks: values to give, failures to inject."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.device import Device

from rigs.emulated.replaying import Given, text_of


@dataclass(slots=True)
class Wanted:
    """Values and failures, each by its element's name; ``why`` notes what neither can bring about."""

    given: list[Given] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)

    def give(self, element: str, value: object, put: Callable[[Device], None]) -> None:
        """A value for the store; of several for one element the first counts."""
        if all(each.element != element for each in self.given):
            self.given.append(Given(element, text_of(value), put))

    def refuse(self, element: str, result: int) -> None:
        """A failure."""
        self.refused.setdefault(element, result)
