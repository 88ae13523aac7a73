"""Faults of an emulated RCP from the catalogue, on the rig whose hub has one: the Spinel driver recovers."""

from __future__ import annotations

import pytest

from protocols.ports import ConfigError
from rigs.emulated.fault_catalogue import CATALOGUE, Target
from tests import stick_faults as sticks


@pytest.fixture(scope="module")
def premises(tmp_path_factory):
    with sticks.joined_premises("emulated-spinel.toml", tmp_path_factory.mktemp("spinel")) as bench:
        yield bench


@pytest.mark.parametrize(("name", "values"), sticks.PASSABLE)
def test_messages_get_through_in_spite_of_it(premises, name, values):
    sticks.comes_through(premises, name, values)


def test_a_stick_that_is_silent_for_a_while(premises):
    sticks.falls_silent_for_a_while(premises)


def test_every_fault_of_a_stick_has_a_test_here():
    named = {name for name, kind in CATALOGUE.items() if kind.target is Target.STICK}
    assert named == {name for name, _ in sticks.PASSABLE} | {"stick-silent"}


@pytest.mark.parametrize("node", ["esme", "gpf"])
def test_who_has_no_stick_has_none_of_its_faults(premises, node):
    with pytest.raises(ConfigError, match=f"{node} has no emulated stick"):
        premises.faults.begin("stick-silent", node)


def test_a_port_is_not_named(premises):
    with pytest.raises(ConfigError, match="a node's stick"):
        premises.faults.begin("stick-silent", "chf", "han")
