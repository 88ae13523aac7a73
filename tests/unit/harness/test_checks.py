from __future__ import annotations

from dataclasses import dataclass

import pytest

from hil.checks import FindingsError, ObservedError, Verify
from protocols.ports import ConfigError, Strength


@dataclass
class Row:
    id: str
    strength: Strength
    document: str = "GBCS"
    version: str | None = "4.1"
    clause: str | None = "6.2"


class Records(list):
    def append(self, kind, **record):
        super().append((kind, record["test"], record["body"]))
        return len(self)


ROWS = {strength.value: Row(strength.value, strength) for strength in Strength}


@pytest.fixture
def records():
    return Records()


@pytest.fixture
def check(records):
    return Verify(ROWS, records, "test_x")


@pytest.mark.parametrize("row", ["spec", "derived"])
def test_strong_row_not_held_is_a_finding_and_the_test_goes_on(check, records, row):
    assert check.equal(row, b"\x01", b"\xab", octets=b"\xdd\x00") is False
    assert check.equal(row, 1, 1) is True
    (finding,) = check.findings
    assert (finding.row, finding.clause, finding.octets) == (row, "6.2", b"\xdd\x00")
    assert (finding.expected, finding.observed) == ("01", "AB")
    assert [kind for kind, _, _ in records] == ["finding", "check"]
    assert records[0][2]["octets"] == "dd00"
    with pytest.raises(FindingsError, match="expected 01; observed AB"):
        check.close()


@pytest.mark.parametrize("row", ["vendor", "reasoned"])
def test_weak_row_not_held_is_only_observed(check, records, row):
    assert check.that(row, False, expected="silence", observed="an answer") is False
    assert not check.findings
    assert check.observed[0].strength == row
    assert records[0][0] == "observed"
    check.close()


def test_held_strong_rows_are_remembered(check):
    check.equal("spec", 1, 1)
    check.equal("vendor", 1, 1)
    assert check.held == ["spec"]


def test_fatal_ends_the_test_at_once(check):
    with pytest.raises(FindingsError):
        check.that("spec", False, expected="a", observed="b", fatal=True)
    with pytest.raises(ObservedError):
        check.that("vendor", False, expected="a", observed="b", fatal=True)


def test_member_names_what_is_allowed(check):
    check.member("spec", [0x8F3D, 0x8F53], 0x8F12)
    assert check.findings[0].expected == "one of 36669 (0x8F3D), 36691 (0x8F53)"
    assert check.findings[0].observed == "36626 (0x8F12)"


def test_unknown_row_is_a_mistake_of_the_suite(check):
    with pytest.raises(ConfigError, match="no row 'GBCS-0'"):
        check.equal("GBCS-0", 1, 1)


def test_observe_and_step_only_write(check, records):
    check.observe("order of events", [1, 2])
    check.step("handover")
    assert [record[0] for record in records] == ["observed", "test.step"]
    assert not check.observed
