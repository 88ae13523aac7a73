"""How much of the register a run tested, by topic and strength of the rows' sources.

A row is tested when a check was made against it, or a test that covers it passed. It has a test of its own
when every case of some test function names it. A sweep is one function whose cases name one row after the
other, as the rows made from the tables of objects and use cases ask for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from protocols.ports import Strength

if TYPE_CHECKING:
    from hil.report.tested import RowResult, Test

STRENGTHS = tuple(str(strength) for strength in Strength)
_NOT_OF_DEVICES = "DCC"


@dataclass(slots=True)
class Tested:
    """Numbers of rows: in the register, of these tested, and of these with a test of their own."""

    rows: int = 0
    tested: int = 0
    own: int = 0


@dataclass(slots=True)
class RegisterCounts:
    """Rows on devices by (topic, strength); ``total`` over all of them, ``strong`` of spec and derived."""

    cells: dict[tuple[str, str], Tested] = field(default_factory=dict)

    @property
    def topics(self) -> list[str]:
        """Topics, those with most rows first."""
        sizes: Counter[str] = Counter()
        for (topic, _strength), cell in self.cells.items():
            sizes[topic] += cell.rows
        return sorted(sizes, key=lambda topic: (-sizes[topic], topic))

    def cell(self, topic: str, strength: str) -> Tested:
        """The numbers of one topic and strength; zeros where the register has no such row."""
        return self.cells.get((topic, strength), Tested())

    def of(self, *strengths: str) -> Tested:
        """The numbers over all topics; of every strength when none is named."""
        wanted = strengths or STRENGTHS
        cells = [cell for (_topic, strength), cell in self.cells.items() if strength in wanted]
        return Tested(*(sum(getattr(cell, name) for cell in cells) for name in ("rows", "tested", "own")))


def register_body(register: Iterable[Any]) -> list[dict[str, Any]]:
    """What ``run.started`` keeps of the whole register: numbers of rows on devices by topic and strength."""
    numbers = Counter((row.topic, str(row.strength)) for row in register if row.device != _NOT_OF_DEVICES)
    return [
        {"topic": topic, "strength": strength, "rows": number}
        for (topic, strength), number in sorted(numbers.items())
    ]


def register_counts(held: Iterable[dict[str, Any]], results: Iterable[RowResult]) -> RegisterCounts:
    """Numbers of a run: ``held`` as `register_body` made it, ``results`` of the rows that were cited."""
    counts = RegisterCounts({(each["topic"], each["strength"]): Tested(each["rows"]) for each in held})
    for result in results:
        about = result.row
        cell = counts.cells.get((about.get("topic", ""), about.get("strength", "")))
        if cell is None or about.get("device") == _NOT_OF_DEVICES or result.result == "not run":
            continue
        cell.tested += 1
        cell.own += has_own_test(result)
    return counts


def has_own_test(result: RowResult) -> bool:
    """Whether some test function that cites the row is about it in each of its cases."""
    return result.id in {row for test in result.tests for row in test.own_rows}


def rows_of_function(tests: Iterable[Test]) -> None:
    """Tell each test which rows all cases of its function cite."""
    by_function: dict[str, list[Test]] = {}
    for test in tests:
        by_function.setdefault(test.id.partition("[")[0], []).append(test)
    for cases in by_function.values():
        common = set.intersection(*(set(case.spec.get("covers", [])) for case in cases))
        for case in cases:
            case.own_rows = frozenset(common)
