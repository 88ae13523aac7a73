"""What a walk over a payload gives: where every octet belongs, and which row of the catalogue it is.

Nothing here is text yet: a span is two numbers and a reference to its row. Whoever wants the name, clause or
unit of a span looks at its row; whoever wants its value reads the octets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    # Takes the start of a span, and its row.
    Sink = tuple[Callable[[int], None], Callable[["Row"], None]]


class Row:
    """What a span is: its name and clause, and the unit and power of ten where the tables say them.

    ``source`` is the catalogue's own row (DlmsElement, DlmsNode, ZCL Field or Attribute, ASN.1 Field); None
    for what belongs to the wrapping (counts, lengths) and for what has no name.
    """

    __slots__ = ("clause", "name", "scale", "source", "unit")

    def __init__(
        self, name: str, clause: str = "", source: object = None, *, unit: str = "", scale: int = 0
    ) -> None:
        self.name = name
        self.clause = clause
        self.source = source
        self.unit = unit
        self.scale = scale

    def __repr__(self) -> str:
        return f"Row({self.name!r}, {self.clause!r})"


class Span(NamedTuple):
    """Octets ``start`` to ``end`` of a payload and what they are."""

    start: int
    end: int
    row: Row


class UnusualError(Exception):
    """A walk met what it does not take; the payload's ordinary parser says what is wrong."""


@dataclass(slots=True)
class Walked:
    """A payload taken apart: span ``i`` reaches from ``starts[i]`` to the next start and is ``rows[i]``.

    So every octet is in exactly one span. Containers (structures, arrays, constructed ASN.1 values) are the
    octets that open them; what is inside follows. ``blocks`` are the ciphered blocks, first and last+1 octet.
    """

    octets: bytes
    starts: list[int]
    rows: list[Row]
    blocks: list[tuple[int, int]] = field(default_factory=list)

    @property
    def sink(self) -> Sink:
        """Where a walk puts the next span: its start, then its row."""
        return self.starts.append, self.rows.append

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Span:
        after = index + 1 if index >= 0 else index + 1 or len(self.starts)
        end = self.starts[after] if after < len(self.starts) else len(self.octets)
        return Span(self.starts[index], end, self.rows[index])

    def __iter__(self) -> Iterator[Span]:
        ends = [*self.starts[1:], len(self.octets)]
        return map(Span, self.starts, ends, self.rows)

    def ciphered(self) -> list[bytes]:
        """Octets of the ciphered blocks."""
        return [self.octets[start:end] for start, end in self.blocks]

    def unnamed(self) -> list[int]:
        """Starts of the spans that no row of the catalogue names."""
        return [start for start, row in zip(self.starts, self.rows, strict=True) if row is UNNAMED]

    def parts(self) -> list[bytes]:
        """The octets of every span, to be changed where wanted and joined again."""
        octets = self.octets
        return [octets[start:end] for start, end, _ in self]


UNNAMED = Row("unnamed")
