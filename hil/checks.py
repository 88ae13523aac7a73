"""The ``check`` fixture: compare what a device did with what rows of the register state.

Every check goes into the journal, held or not. A check that does not hold becomes a finding when its row is
of strength ``spec`` or ``derived`` (the test goes on and fails at its end, with all its findings); against
any weaker row it is only *observed*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from hil.register import unknown_row
from hil.verdicts import InconclusiveError, can_blame
from protocols.ports import Finding, Strength


class RowLike(Protocol):
    """What a check needs of a register row."""

    @property
    def id(self) -> str:
        """The register's stable id."""

    @property
    def document(self) -> str:
        """Document that holds the obligation."""

    @property
    def version(self) -> str | None:
        """Its version, where known."""

    @property
    def clause(self) -> str | None:
        """Its clause, where known."""

    @property
    def strength(self) -> Strength:
        """How strong the source is."""


class Recorder(Protocol):
    """The part of the journal that checks use."""

    def append(
        self,
        kind: str,
        *,
        node: str = "",
        test: str = "",
        body: dict[str, Any],
        attachment: bytes | None = None,
    ) -> int:
        """Write one record and return its number."""


class FindingsError(AssertionError):
    """A test ended with findings against spec or derived rows; the verdict is fail."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(
            "\n".join(f"{f.row}: expected {f.expected}; observed {f.observed}" for f in findings)
        )
        self.findings = findings


class ObservedError(InconclusiveError):
    """A fatal check against a weak row did not hold: the test cannot go on, and nobody is blamed."""


class Verify:
    """Checks of one attempt of one test. Suites get it as the fixture ``check``."""

    __slots__ = ("_journal", "_rows", "_test", "findings", "held", "observed", "unanswered")

    def __init__(self, rows: Mapping[str, RowLike], journal: Recorder, test: str) -> None:
        self._rows = rows
        self._journal = journal
        self._test = test
        self.findings: list[Finding] = []  # not held, spec or derived
        self.observed: list[Finding] = []  # not held, weaker
        self.held: list[str] = []  # spec or derived rows upheld
        self.unanswered: list[str] = []  # stimuli nobody answered in time

    def that(
        self,
        row: str,
        condition: object,
        *,
        expected: str,
        observed: object,
        octets: bytes = b"",
        fatal: bool = False,
    ) -> bool:
        """Whether ``condition`` holds, as ``row`` states; returns it as a bool.

        ``expected`` and ``observed`` are for people, ``octets`` the message or image that proves it.
        ``fatal`` ends the test where going on makes no sense. ConfigError: the register has no such row.
        """
        holds = bool(condition)
        finding = self._finding(row, expected, _text(observed), octets)
        # Whatever follows a stimulus that nobody applied says nothing about the device.
        strong = can_blame(finding.strength) and not self.unanswered
        kind = "check" if holds else ("finding" if strong else "observed")
        self._journal.append(
            kind,
            test=self._test,
            body={
                "row": finding.row,
                "document": finding.document,
                "version": finding.version,
                "clause": finding.clause,
                "strength": str(finding.strength),
                "expected": finding.expected,
                "observed": finding.observed,
                "held": holds,
                "octets": octets.hex(),
            },
        )
        if holds:
            if strong:
                self.held.append(row)
            return True
        (self.findings if strong else self.observed).append(finding)
        if fatal:
            if strong:
                raise FindingsError(self.findings)
            raise ObservedError(
                f"{row} ({finding.strength}): expected {expected}; observed {finding.observed}"
            )
        return False

    def equal(
        self, row: str, expected: object, observed: object, *, octets: bytes = b"", fatal: bool = False
    ) -> bool:
        """``that`` for two values that should be equal."""
        return self.that(
            row, expected == observed, expected=_text(expected), observed=observed, octets=octets, fatal=fatal
        )

    def member(
        self,
        row: str,
        allowed: Collection[object],
        observed: object,
        *,
        octets: bytes = b"",
        fatal: bool = False,
    ) -> bool:
        """``that`` for a value out of several allowed ones."""
        texts = [_text(value) for value in allowed]
        expected = "one of " + ", ".join(sorted(texts) if isinstance(allowed, AbstractSet) else texts)
        return self.that(
            row, observed in allowed, expected=expected, observed=observed, octets=octets, fatal=fatal
        )

    def observe(self, what: str, observed: object = "", *, octets: bytes = b"") -> None:
        """Write down an outcome that no row states; it never changes the verdict."""
        self._journal.append(
            "observed",
            test=self._test,
            body={"row": "", "what": what, "observed": _text(observed), "octets": octets.hex()},
        )

    def step(self, title: str) -> None:
        """Start a step: a heading in the report's message ladder."""
        self._journal.append("test.step", test=self._test, body={"title": title})

    def close(self) -> None:
        """Raise the findings gathered so far, if any; the plugin calls it after the test's last line."""
        if self.findings:
            raise FindingsError(self.findings)

    def _finding(self, row: str, expected: str, observed: str, octets: bytes) -> Finding:
        try:
            known = self._rows[row]
        except KeyError:
            problem = f"{self._test}: the register has no row {row!r}"
            raise unknown_row(row, self._rows, problem) from None
        return Finding(
            row=row,
            document=known.document,
            version=known.version,
            clause=known.clause,
            strength=Strength(known.strength),
            expected=expected,
            observed=observed,
            octets=octets,
        )


def _text(value: object) -> str:
    """Octets as hex, integers of alert-code size also as hex, everything else as Python shows it.

    Sets are sorted: equal runs say equal things.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex().upper()
    if isinstance(value, int) and not isinstance(value, bool) and value > 0xFFF:
        return f"{value} (0x{value:04X})"
    if isinstance(value, AbstractSet):
        return f"{{{', '.join(sorted(map(_text, value)))}}}"
    return str(value)
