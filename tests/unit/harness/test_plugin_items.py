from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hil.api import covers, inconclusive, leaves, needs
from hil.plugin.items import check_rows, run_order, spec_of
from hil.plugin.permit import (
    RealNode,
    find_device,
    refuse_if_capability_missing,
    refuse_if_not_allowed,
)
from hil.states import State
from hil.verdicts import InconclusiveError, NotRunError, SkipKind
from protocols.ports import ConfigError

DEVICES, USERS = frozenset({"chf", "esme", "gsme"}), frozenset({"supplier", "acb"})


class Item:
    """What the plugin asks of a pytest item; marks from the function outwards."""

    def __init__(self, *marks, name="test_it", fixtures=(), doc=None, path="suites/own/test_own.py"):
        self.marks = [mark.mark for mark in marks]
        self.name = name
        self.nodeid = f"{path}::{name}"
        self.originalname = name.partition("[")[0]
        self.fixturenames = fixtures
        self.path = Path(path)
        self.function = SimpleNamespace(__doc__=doc)

    def iter_markers(self, name):
        return (mark for mark in self.marks if mark.name == name)

    def get_closest_marker(self, name):
        return next(self.iter_markers(name), None)


def spec(*marks, **rest):
    return spec_of(Item(*marks, **rest), DEVICES, USERS)


def test_marks_of_all_levels_are_put_together():
    made = spec(
        covers("A", "B"),
        needs(devices=["esme"]),
        leaves("restored"),
        covers("B", "C"),
        needs(state="joined", devices=["chf"], capabilities=["chf.firmware"]),
        leaves("nothing"),
        needs(state="factory"),
        fixtures=("supplier", "check", "gsme"),
    )
    assert made.covers == ["A", "B", "C"]
    assert made.state is State.JOINED  # the closest that names one
    assert made.devices == ["esme", "chf"]
    assert made.capabilities == ["chf.firmware"]
    assert made.leaves == "restored"
    assert made.users == ["supplier"]


def test_devices_are_the_device_fixtures_when_none_is_named():
    assert spec(leaves("nothing"), fixtures=("bench", "gsme", "chf")).devices == ["gsme", "chf"]


def test_title_is_the_name_in_words_with_its_parameters():
    made = spec(leaves("nothing"), name="test_replay_is_refused[esme]", doc="Why.\n\n    More.")
    assert made.title == "replay is refused [esme]"
    assert made.name == "test_replay_is_refused"
    assert made.note == "Why.\n\nMore."


def test_suite_is_the_package_or_the_file(tmp_path):
    file = tmp_path / "firmware" / "test_dated.py"
    file.parent.mkdir()
    assert spec(leaves("nothing"), path=str(file)).suite == "dated"
    (file.parent / "__init__.py").touch()
    assert spec(leaves("nothing"), path=str(file)).suite == "firmware"


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        ([], "does not say what it leaves behind"),
        ([pytest.mark.hil_leaves("dirt")], "leaves\\('dirt'\\) is not known"),
        ([leaves("nothing"), pytest.mark.hil_needs(state="ready")], "needs\\(state='ready'\\) is no state"),
    ],
)
def test_a_wrong_declaration_names_the_test(marks, said):
    with pytest.raises(ConfigError, match=said) as error:
        spec(*marks)
    assert "test_own.py::test_it" in error.value.cause


def test_rows_have_to_exist():
    check_rows([spec(covers("A"), leaves("nothing"))], {"A": 1})
    with pytest.raises(ConfigError, match="covers 'B', which the register does not have"):
        check_rows([spec(covers("A", "B"), leaves("nothing"))], {"A": 1})


def test_order_reaches_each_state_once_and_keeps_the_rest():
    states = ["commissioned", None, "factory", "joined", "factory", "prepayment", "commissioned"]
    specs = [
        spec(leaves("nothing"), *([needs(state=state)] if state else []), name=f"test_{number}")
        for number, state in enumerate(states)
    ]
    assert run_order(specs) == [1, 2, 4, 3, 0, 6, 5]


def test_inconclusive_ends_a_test():
    with pytest.raises(InconclusiveError, match="cannot tell"):
        inconclusive("cannot tell")


# Permission and capability ------------------------------------------------------------------------------


REAL = [RealNode("esme", ["test_it"]), RealNode("gsme", ["own::test_it"])]


@pytest.mark.parametrize("what", ["irreversible", "hazardous"])
def test_every_real_node_has_to_allow_what_cannot_be_undone(what):
    made = spec(leaves(what))
    made.suite = "own"
    refuse_if_not_allowed(made, [])  # all emulated
    refuse_if_not_allowed(made, REAL)
    with pytest.raises(NotRunError, match="device file of ppmid") as error:
        refuse_if_not_allowed(made, [*REAL, RealNode("ppmid", ["test_other"])])
    assert error.value.kind is SkipKind.NOT_ALLOWED


@pytest.mark.parametrize("what", ["nothing", "restored"])
def test_other_tests_need_no_permission(what):
    refuse_if_not_allowed(spec(leaves(what)), [RealNode("ppmid")])


def node(name, device_type, *capabilities):
    return SimpleNamespace(name=name, type=device_type, capabilities=frozenset(capabilities))


def test_devices_are_found_by_name_or_type():
    devices = {"hub": node("hub", "chf"), "a": node("a", "esme"), "b": node("b", "esme")}
    assert find_device(devices, "b").name == "b"
    assert find_device(devices, "chf").name == "hub"
    with pytest.raises(NotRunError, match="several devices of type esme: a, b"):
        find_device(devices, "esme")
    with pytest.raises(NotRunError, match="has no gsme"):
        find_device(devices, "gsme")


@pytest.mark.parametrize(
    ("devices", "capabilities", "missing"),
    [
        (["esme"], ["stimulus"], ""),
        (["esme", "gsme"], ["stimulus"], "gsme has no stimulus"),
        (["gsme"], ["esme.stimulus"], ""),
        (["gsme"], ["chf.firmware"], ""),
        (["esme"], ["firmware"], "esme has no firmware"),
        (["esme"], ["chf.stimulus"], "chf has no stimulus"),
        (["ppmid"], [], "has no ppmid"),
    ],
)
def test_capabilities(devices, capabilities, missing):
    present = {
        "chf": node("chf", "chf", "message", "firmware"),
        "esme": node("esme", "esme", "stimulus"),
        "gsme": node("gsme", "gsme"),
    }
    made = spec(leaves("nothing"), needs(devices=devices, capabilities=capabilities))
    if not missing:
        refuse_if_capability_missing(made, present, lambda device: device.capabilities)
        return
    with pytest.raises(NotRunError, match=missing) as error:
        refuse_if_capability_missing(made, present, lambda device: device.capabilities)
    assert error.value.kind is SkipKind.NOT_APPLICABLE
