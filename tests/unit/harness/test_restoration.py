from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

import hil.restoration
from hil.exchange import NoResponseError
from hil.restoration import ALL_KINDS, Keeper
from hil.states import State
from hil.verdicts import NotRunError, SkipKind, StateNotReachedError


def device(name, device_type="", *, power=True):
    node = SimpleNamespace(name=name, type=device_type or name, capabilities={"power"} if power else set())
    node.device_file = SimpleNamespace(mpxn="2000012345672")
    node.power = SimpleNamespace(is_on=lambda: node.supplied, on=lambda: setattr(node, "supplied", True))
    node.supplied = True
    return node


class Steps:
    """Devices that change state as the steps say, and count what was done."""

    def __init__(self, states):
        self.states = states
        self.done = []
        self.hub = object()
        self.obeys = True
        self.silent = False

    def find(self, device):
        self.done.append(("find", device.name))
        return self.states[device.name]

    def _go(self, step, device, state):
        self.done.append((step, device.name))
        if self.obeys:
            self.states[device.name] = state

    def add(self, device):
        self._go("add", device, State.JOINED)

    def remove(self, device):
        self._go("remove", device, State.FACTORY)

    def wake(self, device):
        self._go("wake", device, State.JOINED)

    def commission(self, device):
        self._go("commission", device, State.COMMISSIONED)

    def set_mpxn(self, device):
        if self.silent:
            raise NoResponseError("silent")
        self.done.append(("set_mpxn", device.name))

    def cancel_activation(self, device):
        self.done.append(("cancel", device.name))
        return True

    def steps(self):
        return [entry for entry in self.done if entry[0] != "find"]


class Records(list):
    def append(self, kind, **record):
        super().append((kind, record["body"]))


@pytest.fixture
def world(tmp_path, monkeypatch):
    names = ("chf", "gpf", "esme", "gsme", "ppmid")
    bench = SimpleNamespace(devices={name: device(name) for name in names}, current_test="t")
    steps = Steps(dict.fromkeys(names, State.COMMISSIONED))
    records, note = Records(), tmp_path / "state" / "restore.json"
    restored = []

    def restore_credentials(bench, steps, device):
        restored.append(device.name)
        return []

    monkeypatch.setattr(hil.restoration, "restore_credentials", restore_credentials)
    make = lambda: Keeper(bench, steps, records, note)  # noqa: E731
    return SimpleNamespace(
        bench=bench, steps=steps, records=records, note=note, make=make, keeper=make(), restored=restored
    )


def devices(world, *names):
    return [world.bench.devices[name] for name in names]


def test_state_is_reached_by_the_shortest_way_and_detected_afterwards(world):
    world.steps.states["esme"] = State.FACTORY
    world.keeper.reach(State.COMMISSIONED, devices(world, "esme"))
    assert world.steps.done == [("find", "esme"), ("add", "esme"), ("commission", "esme"), ("find", "esme")]


@pytest.mark.parametrize(("found", "step"), [(State.SILENT, "wake"), (State.FACTORY, "add")])
def test_credentials_left_by_a_killed_run_are_put_back_before_the_device_is_commissioned(world, found, step):
    """A party that the device does not know any more cannot commission it."""
    world.steps.states["esme"] = found
    commission = world.steps.commission

    def needs_its_credentials(device):
        assert world.restored == ["esme"]
        commission(device)

    world.steps.commission = needs_its_credentials
    world.keeper.reach(State.COMMISSIONED, devices(world, "esme"))
    assert world.steps.steps() == [(step, "esme"), ("commission", "esme")]


def test_a_known_state_is_not_detected_again(world):
    world.keeper.reach(State.COMMISSIONED, devices(world, "esme"))
    world.keeper.reach(State.JOINED, devices(world, "esme"))
    assert world.steps.done == [("find", "esme")]


def test_it_is_detected_again_after_what_may_have_changed_it(world):
    keeper, esme, gsme = world.keeper, *devices(world, "esme", "gsme")
    keeper.reach(State.JOINED, [esme, gsme])
    keeper.after_test([("ECS27", "esme")])
    keeper.reach(State.JOINED, [esme, gsme])
    assert len(world.steps.done) == 2
    keeper.after_test([("ECS70", "esme")])
    keeper.reach(State.JOINED, [esme, gsme])
    assert world.steps.done[2:] == [("find", "esme")]
    keeper.after_test([("CCS02", "chf")])  # anything may have left the log
    keeper.reach(State.JOINED, [esme, gsme])
    assert world.steps.done[3:] == [("find", "esme"), ("find", "gsme")]
    keeper.after_test([], failed=True)
    keeper.reach(State.JOINED, [esme])
    assert world.steps.done[5:] == [("find", "esme")]


@pytest.mark.parametrize("use_case", ["CS04AC", "CS03A1"])
def test_pairing_at_the_meter_concerns_who_is_paired_with_it(world, use_case):
    keeper, esme, gsme, ppmid = world.keeper, *devices(world, "esme", "gsme", "ppmid")
    keeper.reach(State.JOINED, [esme, gsme, ppmid])
    world.steps.done.clear()
    keeper.after_test([(use_case, "esme")])
    keeper.reach(State.JOINED, [esme, gsme, ppmid])
    assert world.steps.done == [("find", "esme"), ("find", "ppmid")]


def test_a_meter_that_left_the_han_has_forgotten_its_ppmid(world):
    keeper, esme, ppmid = world.keeper, *devices(world, "esme", "ppmid")
    keeper.reach(State.COMMISSIONED, [esme, ppmid])
    keeper.reach(State.FACTORY, [esme])
    world.steps.states["ppmid"] = State.JOINED
    keeper.reach(State.COMMISSIONED, [ppmid])
    assert world.steps.steps() == [("remove", "esme"), ("add", "esme"), ("commission", "ppmid")]


def test_a_device_that_does_not_get_there_is_told(world):
    world.steps.states["esme"] = State.FACTORY
    world.steps.obeys = False
    with pytest.raises(StateNotReachedError, match="esme is factory"):
        world.keeper.reach(State.JOINED, devices(world, "esme"))
    assert world.steps.steps() == [("add", "esme")] * 3


def test_hub_functions_have_no_factory_state(world):
    world.keeper.reach(State.FACTORY, devices(world, "chf", "gpf"))
    assert world.steps.steps() == []


def test_without_a_hub_there_is_no_way_to_factory(world):
    world.steps.hub = None
    with pytest.raises(NotRunError) as error:
        world.keeper.reach(State.FACTORY, devices(world, "esme"))
    assert error.value.kind is SkipKind.NO_WAY


def test_the_meter_is_there_before_the_ppmid_is_paired(world):
    world.steps.states |= {"esme": State.FACTORY, "ppmid": State.JOINED}
    world.keeper.reach(State.COMMISSIONED, devices(world, "ppmid"))
    assert world.steps.steps() == [("add", "esme"), ("commission", "ppmid")]


@pytest.mark.parametrize(
    ("use_case", "step"),
    [("ECS39a", ("set_mpxn", "esme")), ("GCS41", ("set_mpxn", "gsme")), ("CS06", ("cancel", "esme"))],
)
def test_what_a_test_sent_is_put_back(world, use_case, step):
    world.keeper.before_test("restored", [step[1]])
    world.keeper.after_test([(use_case, step[1])])
    assert world.steps.steps() == [step]
    assert json.loads(world.note.read_text()) == {}
    assert world.records[-1][0] == "restore.done"


def test_credentials_are_looked_at_after_cs02b(world):
    world.keeper.after_test([("CS02b", "gsme")])
    assert world.restored == ["gsme"]


def test_a_killed_test_is_put_back_by_the_next_run(world):
    world.keeper.before_test("irreversible", ["esme"])
    assert json.loads(world.note.read_text()) == {"esme": sorted(ALL_KINDS)}
    # SIGKILL here: nothing of the first keeper lives on but the note.
    second = world.make()
    assert world.records[-1] == ("restore.left", {"devices": {"esme": sorted(ALL_KINDS)}})
    second.reach(State.JOINED, devices(world, "esme"))
    assert world.restored == ["esme"]
    assert world.steps.steps() == [("set_mpxn", "esme"), ("cancel", "esme")]
    assert json.loads(world.note.read_text()) == {}


def test_a_test_that_leaves_nothing_writes_no_note(world):
    world.keeper.before_test("nothing", ["esme"])
    assert not world.note.exists()


def test_what_cannot_be_put_back_stays_noted_until_it_can(world):
    keeper = world.keeper
    keeper.before_test("restored", ["esme"])
    world.steps.states["esme"] = State.FACTORY
    keeper.after_test([("ECS39a", "esme"), ("CCS02", "chf")])
    assert json.loads(world.note.read_text()) == {"esme": ["mpxn"]}
    keeper.before_test("restored", ["gsme"])
    keeper.after_test([])
    assert json.loads(world.note.read_text()) == {"esme": ["mpxn"]}
    keeper.at_end()
    assert world.steps.steps() == [("add", "esme"), ("set_mpxn", "esme")]
    assert json.loads(world.note.read_text()) == {}


def test_a_device_that_does_not_answer_keeps_its_note(world):
    world.steps.silent = True
    with pytest.raises(StateNotReachedError, match="mpxn of esme could not be put back"):
        world.keeper.after_test([("ECS39a", "esme")])
    assert json.loads(world.note.read_text()) == {"esme": ["mpxn"]}


def test_a_supply_left_off_is_switched_on(world):
    esme = world.bench.devices["esme"]
    esme.supplied = False
    world.keeper.after_test([], {"esme"})
    assert esme.supplied
    assert world.records[-1] == ("restore.done", {"device": "esme", "what": "supply"})


@pytest.mark.parametrize("text", ["", "[1]", '{"esme": 3}', "nonsense"])
def test_a_note_that_cannot_be_read_counts_as_none(world, text):
    world.note.parent.mkdir(exist_ok=True)
    world.note.write_text(text)
    world.make().at_end()
    assert world.steps.steps() == []


def test_what_an_earlier_test_left_on_a_device_that_is_away_costs_no_search(world):
    world.keeper.before_test("restored", ["esme"])
    world.steps.states["esme"] = State.SILENT
    world.keeper.after_test([("ECS39a", "esme")])
    world.steps.done.clear()
    world.keeper.before_test("nothing", [])
    world.keeper.after_test([("CCS01", "chf")])
    assert world.steps.done == []
    assert json.loads(world.note.read_text()) == {"esme": ["mpxn"]}
