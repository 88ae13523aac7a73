"""The plugin proper: opens the rig for a pytest session, runs each test, and keeps the evidence."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from hil.clock import RealClock, clock_of
from hil.plugin.items import TestSpec, check_rows, run_order, spec_of
from hil.plugin.run import Run
from hil.plugin.runner import Runner
from hil.register import load_register
from hil.report.model import RunView
from hil.report.write import write_report
from hil.rigfile import load_rig
from hil.rundir import JOURNAL, make_run_dir
from hil.verdicts import ExitCode, Outcome, SkipKind, Verdict, exit_code
from protocols.ports import BenchError, ConfigError

DEVICE_FIXTURES = frozenset({"chf", "gpf", "esme", "gsme", "ppmid", "hcalcs", "sapc", "ihd"})
USER_FIXTURES = frozenset(
    {"supplier", "second_supplier", "network_operator", "acb", "transitional_cos", "load_controller"}
)
_FIXTURES = "fixtures.plugin"  # imported by name: hil may not import the fixtures it is given
_WORDS = {
    Verdict.PASS: ("passed", ".", "PASSED"),
    Verdict.FAIL: ("failed", "F", "FAILED"),
    Verdict.ERROR: ("error", "E", "ERROR"),
    Verdict.INCONCLUSIVE: ("inconclusive", "i", "INCONCLUSIVE"),
    Verdict.SKIPPED: ("skipped", "s", "SKIPPED"),
    Verdict.FLAKY: ("flaky", "f", "FLAKY"),
}


class RigSession:
    """Registered as plugin ``hil-rig`` when ``--rig`` is given; fixtures find the bench through it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.exit_code = ExitCode.USAGE
        self.outcomes: dict[str, Outcome] = {}
        self.specs: dict[str, TestSpec] = {}
        self.run: Run | None = None
        self.run_dir: Path | None = None
        self.view: RunView | None = None
        with _stopping():
            _refuse_workers(config)
            _load_fixtures(config)
            self.rig = load_rig(config.getoption("--rig"))
            self.register = load_register(self.rig.register_files)

    @property
    def runner(self) -> Runner:
        """The part that runs one test; ConfigError outside a run."""
        if self.run is None:
            raise ConfigError("no run is going on", next_step="use fixtures of the bench inside tests only")
        return self.run.runner

    # Collection -----------------------------------------------------------------------------------------

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read what each test declares and put the tests in the order of their states."""
        with _stopping():
            specs = [spec_of(item, DEVICE_FIXTURES, USER_FIXTURES) for item in items]
            check_rows(specs, self.register)
        order = run_order(specs)
        items[:] = [items[index] for index in order]
        self.specs = {specs[index].nodeid: specs[index] for index in order}

    def pytest_report_header(self) -> list[str]:
        """One line above the dots."""
        return [f"rig: {self.rig.name} ({self.rig.path})"]

    # The run --------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Open the bench around all tests; close it and keep the end whatever happens."""
        if self.config.option.collectonly or session.testsfailed or not session.items:
            return (yield)
        with _stopping():
            # Folders are found by when they were made, whatever time the rig goes by.
            self.run_dir = make_run_dir(self.config.getoption("--run-dir"), RealClock().now())
            self.rig = self.rig.in_run(self.run_dir)
            self.run = Run(
                rig=self.rig,
                register=self.register,
                specs=self.specs,
                folder=self.run_dir,
                clock=clock_of(self.rig),
                retry=self.config.getoption("--retry"),
                part=_is_part(self.config),
                arguments=list(self.config.invocation_params.args),
                listeners=getattr(self.config, "hil_listeners", []),
            )
            self.run.start()
            self._open(self.run)
        try:
            return (yield)
        finally:
            self._close(self.run)

    def _open(self, run: Run) -> None:
        try:
            run.open()
        except BenchError as error:
            usage = isinstance(error, ConfigError)
            self.exit_code = ExitCode.USAGE if usage else ExitCode.BENCH_ERROR
            run.fail(error)
            self._end(run)
            raise

    def _end(self, run: Run) -> None:
        """Close everything, then make the views from the journal that is now complete."""
        run.close(self.exit_code)
        self.view = write_report(run.folder / JOURNAL)

    def _close(self, run: Run) -> None:
        self.outcomes = run.runner.outcomes
        missing = [nodeid for nodeid in self.specs if nodeid not in self.outcomes]
        known = [*self.outcomes.values(), *(Outcome(Verdict.INCONCLUSIVE, "not finished") for _ in missing)]
        self.exit_code = exit_code(known, minimum_tests=run.minimum_tests or None)
        try:
            if not run.finish() and self.exit_code is ExitCode.PASSED:
                self.exit_code = ExitCode.UNDECIDED
        except BenchError as error:
            run.fail(error)
            if self.exit_code is not ExitCode.DEVICE_FAILED:
                self.exit_code = ExitCode.BENCH_ERROR
        finally:
            self._end(run)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Our exit codes instead of pytest's, once tests ran."""
        if self.run is not None and self.run.opened:
            session.exitstatus = int(self.exit_code)
        elif session.exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = int(ExitCode.USAGE)

    # One test -------------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Run a test with all its attempts."""
        self.runner.run(item, nextitem)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Before any fixture: may it run here, and reach its state."""
        self.runner.prepare(item)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        """After the last line of the test, raise the findings it gathered."""
        self.runner.enter("call")
        yield
        self.runner.checks.close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        """After the fixtures are gone, put settings and credentials back."""
        self.runner.enter("teardown")
        try:
            self.runner.lift()
            yield
        finally:
            self.runner.restore()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[None]) -> None:
        """Keep the exception of each phase."""
        self.runner.note(call.when, call.excinfo.value if call.excinfo else None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Words and letters of our verdicts."""
        verdict = getattr(report, "hil_verdict", None)
        return _WORDS[verdict] if verdict else None

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name the verdicts that are no passes, with their reasons, and the report."""
        if self.run is None or self.config.option.verbose < -1:
            return
        terminalreporter.section("verdicts")
        for nodeid, outcome in self.outcomes.items():
            if outcome.verdict is not Verdict.PASS:
                kind = f" ({outcome.skip_kind})" if isinstance(outcome.skip_kind, SkipKind) else ""
                terminalreporter.line(f"{outcome.verdict}{kind}: {nodeid}: {outcome.reason}")
        terminalreporter.line(f"report: {self.run.folder / 'report.html'}")


class _stopping:  # noqa: N801  (reads as a statement: with _stopping():)
    """Turn bench errors into the end of the session, with the right exit code."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, BenchError):
            code = ExitCode.USAGE if isinstance(error, ConfigError) else ExitCode.BENCH_ERROR
            pytest.exit(str(error), returncode=int(code))


def _is_part(config: pytest.Config) -> bool:
    """Whether only some tests were asked for; of a path alone nobody can tell."""
    chosen = config.option.keyword or config.option.markexpr or config.getoption("--hil-part")
    return bool(chosen) or any("::" in str(argument) for argument in config.args)


def _refuse_workers(config: pytest.Config) -> None:
    if hasattr(config, "workerinput") or getattr(config.option, "numprocesses", None):
        raise ConfigError("one rig serves one process", next_step="leave out -n when --rig is given")


def _load_fixtures(config: pytest.Config) -> None:
    """Load our fixtures; the name is also that of another package on PyPI: say so when that is found."""
    try:
        found = importlib.util.find_spec(_FIXTURES)
    except ModuleNotFoundError:
        found = None
    if found is None:
        other = importlib.util.find_spec("fixtures")
        where = other.origin if other else "nowhere"
        raise ConfigError(
            f"the package `fixtures` found first ({where}) is not that of smets-hil",
            next_step="pip uninstall fixtures (the other package), then install smets-hil again",
        )
    config.pluginmanager.import_plugin(_FIXTURES)
