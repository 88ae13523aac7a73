"""What a reference reply says that a device's own answer lacks: values to give, failures to inject."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rigs.emulated.device import Device

from rigs.emulated.replaying import Given, text_of


def numbered(names: Iterable[str]) -> list[str]:
    """Names of a command's elements; of several of one name the first is ``#0``, the next ``#1``."""
    found = list(names)
    several = {name for name, number in Counter(found).items() if number > 1}
    seen: Counter[str] = Counter()
    for at, name in enumerate(found):
        if name in several:
            found[at] = f"{name}#{seen[name]}"
            seen[name] += 1
    return found


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
