"""Live progress of a run on the terminal; plain lines where the output is no terminal.

It listens to the journal, so what it shows is what the report will say.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import IO, Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from hil.report.model import RunView
from hil.verdicts import ExitCode, Verdict

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold magenta",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.SKIPPED: "dim",
    Verdict.FLAKY: "yellow",
}
_ARROWS = {"command": ("cyan", "->"), "response": ("green", "<-"), "alert": ("yellow", "<-")}


class _Terminal(Console):
    """A console whose reader may go away (``hil run | head``): the run goes on, only nothing is shown."""

    def on_broken_pipe(self) -> None:
        """Show nothing more; rich would end the process here, and the evidence with it."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())  # what is still buffered goes there
        os.close(nowhere)


def terminal() -> Console:
    """A console on the real standard output, which pytest redirects while tests run."""
    tty = sys.stdout.isatty()
    stream: IO[str] = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace")
    width = None if tty else 200  # a log file has no edge; long reasons are not cut
    return _Terminal(file=stream, force_terminal=tty or None, highlight=False, width=width)


class Show:
    """Takes journal records as they are written; use as a context manager around the run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._titles: dict[str, tuple[str, str]] = {}
        self._counts: Counter[Verdict] = Counter()
        self._doing = Text()
        self._message = Text()
        self._bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("tests", total=None)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._doing, self._message = Text(), Text()
            self._live.stop()
            self._live = None

    def _picture(self) -> Group:
        counts = Text("  ").join(
            Text(f"{number} {verdict}", STYLES[verdict]) for verdict, number in self._counts.items()
        )
        return Group(self._bar, counts, self._doing, self._message)

    def listen(self, kind: str, node: str, test: str, body: Mapping[str, Any]) -> None:
        """Take one record."""
        del node
        if kind == "run.started":
            self._started(body)
        elif kind == "test.started":
            again = f" (attempt {body['attempt']})" if body["attempt"] > 1 else ""
            self._doing = Text(f"{self._titles.get(test, ('', test))[1]}{again}", "bold", no_wrap=True)
        elif kind.startswith("message."):
            self._message = _message(body)
        elif kind == "state.step":
            self._message = Text(f"  {body['step']} {body['device']} ...", "dim")
        elif kind == "test.finished":
            self._finished(test, body)

    def _started(self, body: Mapping[str, Any]) -> None:
        tests = body.get("tests", [])
        self._titles = {spec["nodeid"]: (spec["suite"], spec["title"]) for spec in tests}
        self._bar.update(self._task, total=len(tests), description=str(body["rig"]["name"]))
        # An operator is asked on this very terminal, and a moving picture would wipe the question away.
        drivers = [port for device in body["devices"].values() for port in device["ports"].values()]
        if self._console.is_terminal and not any("operator" in driver for driver in drivers):
            self._live = Live(console=self._console, get_renderable=self._picture, refresh_per_second=12)
            self._live.start()
        self._console.print(f"{len(tests)} tests on rig {body['rig']['name']}: {body['rig']['description']}")

    def _finished(self, test: str, body: Mapping[str, Any]) -> None:
        verdict = Verdict(body["verdict"])
        self._counts[verdict] += 1
        self._bar.advance(self._task)
        suite, title = self._titles.get(test, ("", test))
        line = Text.assemble((f"{verdict:>12}", STYLES[verdict]), "  ", (f"{suite}: ", "dim"), title)
        self._console.print(line, overflow="ellipsis", no_wrap=self._console.is_terminal)
        if verdict is not Verdict.PASS and body.get("reason"):
            for part in str(body["reason"]).splitlines():
                self._console.print(Text(f"{'':>14}{part}", STYLES[verdict]))


def _message(body: Mapping[str, Any]) -> Text:
    style, arrow = _ARROWS.get(str(body.get("message_kind")), ("dim", "--"))
    name = body.get("use_case") or ""
    if body.get("alert_code") is not None:
        name = f"alert {int(body['alert_code']):04X} {body.get('alert_name', '')}"
    text = f"  {body.get('peer', '')} {arrow} {body.get('device', '')}  {name} {body.get('title', '')}"
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def summarise(console: Console, view: RunView, report: str) -> None:
    """The table at the end: suites by verdict, the sentence, and where the report lies."""
    used = [verdict for verdict in Verdict if view.counts[verdict]]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("suite")
    for verdict in used:
        table.add_column(str(verdict), justify="right", style=STYLES[verdict])
    suites = list(dict.fromkeys(str(test.spec.get("suite", "")) for test in view.tests))
    for suite in suites:
        verdicts = [test.outcome.verdict for test in view.tests if test.spec.get("suite") == suite]
        table.add_row(suite, *(str(verdicts.count(verdict) or "") for verdict in used))
    console.print()
    if used:
        console.print(table)
        console.print()
    style = {ExitCode.PASSED: "bold green", ExitCode.DEVICE_FAILED: "bold red"}.get(view.code, "bold yellow")
    console.print(Text(view.headline, style))
    for failure in view.failures:
        console.print(Text(f"the bench: {failure['cause']}", "bold magenta"))
        if failure.get("next_step"):
            console.print(Text(f"next step: {failure['next_step']}", "magenta"))
    console.print(f"report: {report}", soft_wrap=True)
