"""pytest started by ``hil run``: our live progress in the place of pytest's own output."""

from __future__ import annotations

from typing import Any

import pytest

from hil.progress import Show, summarise, terminal


def run_pytest(arguments: list[str]) -> int:
    """Run pytest in this process with live progress; our exit code."""
    console = terminal()
    with Show(console) as show:
        follower = _Follower(show)
        code = int(pytest.main(arguments, plugins=[follower]))
    session = follower.session
    for problem in follower.problems:
        console.print(problem, markup=False, soft_wrap=True)
    if session is None or session.view is None:
        if follower.stopped or not follower.problems:
            console.print(f"hil: {follower.stopped or 'no test was run'}", markup=False, soft_wrap=True)
        return _TRANSLATED.get(code, code)
    summarise(console, session.view, str(session.run_dir / "report.html"))
    return int(session.exit_code)


class _Follower:
    """pytest plugin: our progress instead of pytest's own output."""

    def __init__(self, show: Any) -> None:
        self._show = show
        self.session: Any = None
        self.problems: list[str] = []
        self.stopped = ""

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: Any) -> None:
        config.hil_listeners = [self._show.listen]
        self.session = config.pluginmanager.get_plugin("hil-rig")
        reporter = config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            config.pluginmanager.unregister(reporter)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.problems.append(f"{report.nodeid}\n{report.longreprtext}")

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        self.stopped = str(getattr(excinfo.value, "msg", "") or excinfo.value or "interrupted")


# Where no test ran: a wrong command line and nothing collected are both usage (2) for us.
_TRANSLATED = {int(pytest.ExitCode.USAGE_ERROR): 2, int(pytest.ExitCode.NO_TESTS_COLLECTED): 2}
