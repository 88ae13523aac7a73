"""Which of the bench's own suites a rig runs: all, or those that its file names."""

from __future__ import annotations

from pathlib import Path

import pytest

import rigs
from hil.rigfile import load_rig
from hil.suites_path import built_in, names, resolve
from protocols.ports import ConfigError

RIGS = Path(rigs.__file__).parent


def test_a_rig_that_names_none_runs_all():
    rig = load_rig(RIGS / "emulated.toml", {})
    assert rig.built_in is None
    assert [path.name.removeprefix("test_").removesuffix(".py") for path in resolve([], [], None)] == names(
        built_in()
    )


@pytest.mark.parametrize("name", ["emulated-variants", "emulated-twin", "emulated-displays"])
def test_a_rig_that_names_some_runs_those(name):
    rig = load_rig(RIGS / f"{name}.toml", {})
    assert rig.built_in
    found = resolve([], rig.suites, rig.built_in)
    assert [str(path.relative_to(built_in())) for path in found] == rig.built_in
    assert all(path.exists() for path in found)


def test_what_is_asked_for_goes_before_what_the_rig_names():
    assert [path.name for path in resolve(["alerts"], [], ["devices"])] == ["alerts"]


@pytest.mark.parametrize("name", ["nothing", "alerts/logs.py", "alerts/test_nothing.py"])
def test_what_is_no_suite_is_refused(name):
    with pytest.raises(ConfigError, match="no suite"):
        resolve([], [], [name])
