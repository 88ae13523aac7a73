"""What a collected test declares, and the order in which tests run."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

from hil.faults import ordered
from hil.register import unknown_row
from hil.states import ORDER, State
from protocols.ports import ConfigError

LEAVES = ("nothing", "restored", "irreversible", "hazardous")


@dataclass(slots=True)
class TestSpec:
    """One collected test: its declaration, read from its marks."""

    __test__ = False  # pytest would take the class for a test because of its name

    nodeid: str
    name: str  # the function's name, as a device file's tests_may gives it
    suite: str  # the package it stands in, or its file without .py and test_
    title: str  # the name in words, with its parameters
    note: str = ""  # the docstring
    covers: list[str] = field(default_factory=list)
    state: State | None = None
    capabilities: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    leaves: str = "nothing"
    users: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # orders, as text

    def as_body(self) -> dict[str, Any]:
        """The form the journal keeps."""
        body = asdict(self)
        body["state"] = str(self.state) if self.state else ""
        return body


def spec_of(item: pytest.Item, device_fixtures: frozenset[str], user_fixtures: frozenset[str]) -> TestSpec:
    """Read the marks of one test; ConfigError names the test and what it has to say."""
    name = getattr(item, "originalname", None) or item.name.partition("[")[0]
    fixtures = list(getattr(item, "fixturenames", ()))
    spec = TestSpec(
        nodeid=item.nodeid,
        name=name,
        suite=_suite(item),
        title=_title(item, name),
        note=inspect.cleandoc(getattr(getattr(item, "function", None), "__doc__", None) or ""),
        leaves=_leaves(item),
        users=sorted(user_fixtures.intersection(fixtures)),
    )
    for mark in item.iter_markers("hil_covers"):
        spec.covers.extend(row for row in mark.args if row not in spec.covers)
    for mark in item.iter_markers("hil_needs"):  # closest first: the function speaks before its class
        state = mark.kwargs.get("state")
        spec.state = spec.state or (_state(state, item.nodeid) if state else None)
        spec.capabilities.extend(mark.kwargs.get("capabilities", ()))
        spec.devices.extend(d for d in mark.kwargs.get("devices", ()) if d not in spec.devices)
    spec.faults = [_fault(mark, item.nodeid) for mark in item.iter_markers("fault")]
    if not spec.devices:
        spec.devices = [name for name in fixtures if name in device_fixtures]
    return spec


def _fault(mark: pytest.Mark, nodeid: str) -> str:
    try:
        return str(ordered(*mark.args, **mark.kwargs))
    except TypeError as error:
        problem = ConfigError(str(error), next_step='write it like fault("drop", node="chf", port="wan")')
    except ConfigError as error:
        problem = error
    raise ConfigError(f"{nodeid}: {problem.cause}", next_step=problem.next_step)


def _suite(item: pytest.Item) -> str:
    """The package a test file stands in, or the file itself where there is none."""
    if (item.path.parent / "__init__.py").is_file():
        return item.path.parent.name
    return item.path.stem.removeprefix("test_")


def _title(item: pytest.Item, name: str) -> str:
    words = name.removeprefix("test_").replace("_", " ")
    parameters = item.name[len(name) :] if item.name.startswith(name) else ""
    return f"{words} {parameters}".strip()


def _state(name: str, nodeid: str) -> State:
    try:
        return State(name)
    except ValueError:
        allowed = ", ".join(State)
        raise ConfigError(
            f"{nodeid}: needs(state={name!r}) is no state", next_step=f"use one of {allowed}"
        ) from None


def _leaves(item: pytest.Item) -> str:
    mark = item.get_closest_marker("hil_leaves")
    if mark is None:
        raise ConfigError(
            f"{item.nodeid} does not say what it leaves behind",
            next_step="add @leaves('nothing') if it only reads, else 'restored', 'irreversible', 'hazardous'",
        )
    what = str(mark.args[0]) if mark.args else ""
    if what not in LEAVES:
        raise ConfigError(
            f"{item.nodeid}: leaves({what!r}) is not known", next_step=f"use one of {', '.join(LEAVES)}"
        )
    return what


def check_rows(specs: Sequence[TestSpec], register: Mapping[str, object]) -> None:
    """ConfigError when a test cites a row that is not there."""
    for spec in specs:
        for row in spec.covers:
            if row not in register:
                problem = f"{spec.nodeid} covers {row!r}, which the register does not have"
                raise unknown_row(row, register, problem)


def run_order(specs: Sequence[TestSpec]) -> list[int]:
    """Indices in the order to run: by state, so that each is reached once; otherwise as collected.

    Tests without a state come first: they take the premises as they are.
    """
    rank = {state: number for number, state in enumerate(ORDER, start=1)}
    return sorted(range(len(specs)), key=lambda i: rank.get(specs[i].state, 0) if specs[i].state else 0)  # type: ignore[arg-type]
