"""Faults of an emulated NCP from the catalogue, on the rig whose hub has one: the zigpy driver recovers."""

from __future__ import annotations

import pytest

from tests import stick_faults as sticks

pytest.importorskip("bellows")


@pytest.fixture(scope="module")
def premises(tmp_path_factory):
    with sticks.joined_premises("emulated-ezsp.toml", tmp_path_factory.mktemp("ezsp")) as bench:
        yield bench


@pytest.mark.parametrize(("name", "values"), sticks.PASSABLE)
def test_messages_get_through_in_spite_of_it(premises, name, values):
    sticks.comes_through(premises, name, values)


def test_a_stick_that_is_silent_for_a_while(premises):
    sticks.falls_silent_for_a_while(premises)
