"""pytest plugin ``hil``: ``pytest --rig rigs/emulated.toml tests/conformance``.

It is loaded in every pytest of the environment it is installed in, so without ``--rig`` it does nothing but
declare options and marks, and imports nothing of the bench.
"""

from __future__ import annotations

import pytest

_MARKS = (
    "fault(name, node, port, **values): a fault of an emulated device while the test runs (`hil faults`)",
    "hil_covers(*rows): rows of the requirements register that the test cites (hil.api.covers)",
    "hil_needs(state, capabilities, devices): what must hold before the test starts (hil.api.needs)",
    "hil_leaves(what): what the test leaves behind (hil.api.leaves)",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options of ``hil run``."""
    group = parser.getgroup("hil", "hardware-in-the-loop rig")
    group.addoption("--rig", metavar="RIG", help="rig file (TOML); the tests run against what it holds")
    group.addoption(
        "--run-dir", metavar="DIR", help="folder for this run's evidence (default: runs/<UTC time>)"
    )
    group.addoption(
        "--hil-part",
        action="store_true",
        help="these are not all the rig's tests, so its minimum_tests does not apply",
    )
    group.addoption(
        "--retry", metavar="N", type=int, default=0, help="more attempts for a test (verdict: flaky)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks and, with ``--rig``, load the rest."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    if config.getoption("--rig"):
        from hil.plugin.session import RigSession

        config.pluginmanager.register(RigSession(config), "hil-rig")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say what is missing when conformance tests are started without a rig."""
    if config.getoption("--rig") or config.option.collectonly:
        return
    for item in items:
        if item.get_closest_marker("hil_leaves"):
            pytest.exit(f"{item.nodeid} needs a rig; add --rig RIG, such as --rig rigs/emulated.toml", 2)
