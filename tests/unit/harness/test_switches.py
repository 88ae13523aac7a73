"""Switches: one for each open question of the register's notes, with values that are checked."""

from __future__ import annotations

import re
from pathlib import Path

from hil.switches import READ_BY, SWITCHES, resolve_switches

FILE = Path("rig.toml")


def test_there_is_a_switch_for_each_open_question():
    assert list(SWITCHES) == [f"A{number:02}" for number in range(1, 31)]
    for switch in SWITCHES.values():
        assert switch.subject
        assert switch.accepts(switch.default)
        assert switch.number or len(switch.allowed) > 1, f"{switch.id} cannot be switched"


def test_a_rig_overrides_defaults():
    values, problems = resolve_switches({"A02": "greater-or-equal", "A12": "3"}, FILE)
    assert not problems
    assert (values["A02"], values["A12"], values["A30"]) == ("greater-or-equal", "3", "armed")
    assert len(values) == 30


def test_wrong_names_and_values_are_problems():
    values, problems = resolve_switches({"A02": "less", "A31": "x", "A11": "-5", "A22": "four"}, FILE)
    assert [problem.key for problem in problems] == [
        "switches.A02",
        "switches.A31",
        "switches.A11",
        "switches.A22",
    ]
    assert problems[0].allowed == "greater, greater-or-equal"
    assert problems[1].allowed == "A01 to A30"
    assert problems[2].allowed == "a whole number"
    assert values["A02"] == "greater"


def test_a_switch_says_truly_who_acts_on_it():
    root = Path(__file__).parents[3]
    found: dict[str, set[str]] = {}
    places = {
        "emulated devices": (root / "rigs" / "emulated", r'assumes\("(A\d\d)"\)|0x8F\w\w: "(A\d\d)"'),
        "suites": (root / "tests" / "conformance", r'switches\["(A\d\d)"\]'),
    }
    for part, (folder, pattern) in places.items():
        for file in folder.rglob("*.py"):
            for match in re.finditer(pattern, file.read_text()):
                found.setdefault(next(filter(None, match.groups())), set()).add(part)
    assert found == {switch: set(parts) for switch, parts in READ_BY.items()}
