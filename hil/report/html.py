"""report.html: one file that opens offline, with nothing to load from anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import jinja2

from hil.report.ladder import Ladder, ladder_of
from hil.report.model import NOT_A_CERTIFICATE, RunView
from hil.report.register_counts import STRENGTHS
from hil.report.tested import Attempt, Test
from hil.verdicts import ExitCode

_TONES = {
    ExitCode.PASSED: "pass",
    ExitCode.DEVICE_FAILED: "fail",
    ExitCode.USAGE: "error",
    ExitCode.BENCH_ERROR: "error",
    ExitCode.UNDECIDED: "inconclusive",
}


def render(view: RunView) -> str:
    """The page as text."""
    environment = _environment()
    devices = view.about.get("devices", {})

    def ladders(attempt: Attempt) -> Ladder:
        return ladder_of(attempt, devices)

    return environment.get_template("report.html").render(
        run=view,
        surroundings=view.about.get("volatile", {}),
        notice=NOT_A_CERTIFICATE,
        tone=_TONES[view.code],
        anchors={test.id: f"t{number}" for number, test in enumerate(view.tests, start=1)},
        findings=_bodies(view.tests, "finding"),
        observed=_bodies(view.tests, "observed"),
        ladders=ladders,
        strengths=STRENGTHS,
    )


def _bodies(tests: Sequence[Test], kind: str) -> list[tuple[Test, dict[str, Any]]]:
    return [(test, body) for test in tests for body in test.of_kind(kind)]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hil.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.ChainableUndefined,  # a killed run has told only part of its story
    )
    environment.filters["moment"] = _moment
    environment.filters["shown"] = _shown
    environment.filters["flat"] = _flat
    return environment


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _flat(values: Sequence[Any]) -> bool:
    """Whether a list is short and holds no other containers, so that it fits on a line."""
    return len(values) <= 12 and not any(isinstance(value, dict | list) for value in values)
