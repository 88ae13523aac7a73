"""Faults injected into a device: elements whose access fails as with a broken memory or relay."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Faults:
    """Results that elements give instead of doing what they are for.

    Elements go by name: ``9/00000A006AFF/m1`` a COSEM method, ``8/0000010000FF/2`` an attribute,
    ``0700/0617`` a ZCL attribute, ``0705>02`` a cluster command (``<`` for one that a server sends), a use
    case's code what is no object. ``#1`` after a name is its second access within one message. A few have
    parts that can fail otherwise than the whole: ``0705>04/Result Type``, ``0709>01/Default Response``.
    """

    results: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)

    def refuse(self, element: str, result: int) -> None:
        """From now on access to the element gives this result."""
        self.results[element] = result

    def repair(self, element: str) -> None:
        """Access to the element works again."""
        self.results.pop(element, None)

    def begin(self) -> None:
        """A new message: its accesses count from 0."""
        self._seen.clear()

    def take(self, element: str) -> int | None:
        """An access to the element happens: the result that it gives, None where it works."""
        if not self.results:
            return None
        number = self._seen.get(element, 0)
        self._seen[element] = number + 1
        numbered = self.results.get(f"{element}#{number}")
        return self.results.get(element) if numbered is None else numbered
