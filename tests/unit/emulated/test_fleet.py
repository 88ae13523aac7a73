"""Fleets of households: commissioning without HAN frames, and devices that are octets while nothing happens."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.emulated_devices import SettableClock
from fixtures.fleet_commissioning import commission, hand_over, set_clocks, template
from fixtures.fleet_parties import Line, Parties
from protocols.eui64 import Eui64
from protocols.gbcs.message import parse_message
from rigs.emulated.fleet import Fleet, Model
from rigs.emulated.fleet.model import KINDS, LAST_HOUSEHOLD
from rigs.emulated.fleet.parking import Press

ROOT = Path(__file__).parents[3]
AN_HOUR = timedelta(hours=1)


class Bench:
    """A fleet with its parties; what leaves a household collects in ``out``."""

    def __init__(self, seed: str = "fleet under test", awake: int = 2) -> None:
        self.clock = SettableClock()
        self.out: list[bytes] = []
        self.from_whom: list[int] = []
        self.fleet = Fleet(Model(seed), self.clock, self._take, awake=awake)
        self.parties = Parties(self.fleet.model)
        self.lines: dict[int, Line] = {}

    def _take(self, number: int, octets: bytes) -> None:
        self.out.append(octets)
        self.from_whom.append(number)

    def line(self, number: int) -> Line:
        """The parties' end of a household, wherever that is now."""
        line = self.lines.setdefault(number, Line(self.parties, self.fleet.household(number), self.out))
        line.household = self.fleet.household(number)
        return line

    def commission(self, number: int) -> Line:
        line = self.line(number)
        commission(line, self.clock.now())
        return line

    def dumps(self, number: int) -> dict[str, object]:
        household = self.fleet.household(number)
        return {kind: household.device(kind).storage.dump() for kind in KINDS}


def _read(line: Line, code: str = "ECS52", kind: str = "esme") -> None:
    line.request(code, kind, "supplier", template(line, code, kind))


def test_same_seed_and_number_give_the_same_household():
    one, other, third = Bench(), Bench(), Bench("another seed")
    one.commission(7)
    other.commission(7)
    third.commission(7)
    assert one.dumps(7) == other.dumps(7)
    assert one.dumps(7) != third.dumps(7)
    ours, theirs = (
        [each.certificate for each in bench.fleet.household(7).device("esme").description.identities]
        for bench in (one, other)
    )
    assert ours == theirs


def test_numbers_of_households_are_in_the_identifiers():
    for number in (0, 1, 12345, LAST_HOUSEHOLD):
        for kind in KINDS:
            assert Model.locate(Model.eui64(number, kind)) == (number, kind)
    assert Model.locate(Eui64("00-DB-12-34-56-78-90-A0")) is None
    assert Model.locate(bytes.fromhex("00DB124000000007")) is None  # a kind that there is not
    with pytest.raises(ValueError, match=str(LAST_HOUSEHOLD)):
        Model.eui64(LAST_HOUSEHOLD + 1, "esme")


def test_identities_are_those_of_the_hierarchy():
    model = Model("x")
    eui64 = model.eui64(3, "gsme")
    derived, made = model.describe(3, "gsme").identities, model.hierarchy.device(eui64)
    assert [each.certificate for each in derived] == [each.certificate for each in made]
    assert derived.ds is derived.ds


def test_parked_household_goes_on_where_it_was():
    bench = Bench()
    line = bench.commission(1)
    bench.fleet.household(1).chf.keep_traffic()
    before = bench.dumps(1)
    bench.fleet.park_all()
    assert bench.fleet.parked_devices == len(KINDS)
    bench.out.clear()
    assert bench.dumps(1) == before
    assert not bench.out
    bench.fleet.park_all()
    _read(bench.line(1))
    _read(bench.line(1), "GCS13a", "gpf")
    assert line.household is bench.fleet.household(1)


def test_replay_is_refused_after_parking():
    bench = Bench()
    line = bench.commission(1)
    sent: list[bytes] = []
    receive = line.household.receive
    line.household.receive = lambda octets: (sent.append(octets), receive(octets))  # type: ignore[method-assign,assignment]
    set_clocks(line, bench.clock.now())
    bench.fleet.park_all()
    bench.out.clear()
    assert bench.fleet.receive(sent[0])
    assert not [each for each in map(parse_message, bench.out) if each.kind == "response"]


def test_households_that_take_turns_are_parked_and_woken():
    bench = Bench(awake=1)
    for number in range(4):
        bench.commission(number)
    assert bench.fleet.parked_devices == 3 * len(KINDS)
    for number in (0, 3, 1, 2):
        _read(bench.line(number))
    assert bench.fleet.parked_octets < 2000 * bench.fleet.parked_devices


def test_next_due_time_wakes_a_parked_device():
    bench = Bench()
    bench.commission(1)
    bench.commission(2)
    when = bench.clock.now() + AN_HOUR
    hand_over(bench.line(2), "esme", "supplier", by="supplier", when=when)
    bench.fleet.park_all()
    assert bench.fleet.next_due() == when
    bench.fleet.run_due()
    assert bench.fleet.parked_devices == 2 * len(KINDS)
    bench.out.clear()
    bench.from_whom.clear()
    bench.clock.advance(AN_HOUR.total_seconds())
    bench.fleet.run_due()
    assert 0x00CB in [parse_message(each).header.message_code for each in bench.out]
    assert set(bench.from_whom) == {2}
    bench.fleet.park_all()
    due = bench.fleet.next_due()
    assert due is None or due > when


def test_work_that_was_cancelled_wakes_nobody():
    bench = Bench()
    bench.commission(1)
    when = bench.clock.now() + AN_HOUR
    hand_over(bench.line(1), "esme", "supplier", by="supplier", when=when)
    bench.fleet.park_all()
    with bench.fleet.household(1).device("esme").work():
        bench.fleet.household(1).device("esme").schedule.cancel_of(2)
    bench.fleet.park_all()
    assert bench.fleet.next_due() != when


def test_messages_for_nobody_here():
    bench = Bench()
    line = bench.commission(1)
    stranger = Bench("stranger")
    assert not bench.fleet.receive(b"\x00")
    assert not bench.fleet.receive(b"")
    # A device of another household that this hub does not list: noted, and nothing leaves.
    other = stranger.line(2)
    other.learn("esme")
    bench.out.clear()
    sent: list[bytes] = []
    other.household.receive = sent.append  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="no response"):
        other.request("ECS52", "esme", "supplier", template(other, "ECS52", "esme"))
    line.household.receive(sent[0])
    assert not bench.out


def test_device_with_a_fault_in_it_stays_awake():
    bench = Bench(awake=1)
    bench.commission(1)
    bench.fleet.household(1).device("esme").faults.refuse("join", 5)
    bench.commission(2)
    assert not bench.fleet.park(1)
    assert bench.fleet.household(1).device("esme").faults.results
    with pytest.raises(RuntimeError, match="household 1"):
        bench.fleet.household(1).park()


def test_removed_device_is_out_of_reach():
    bench = Bench()
    line = bench.commission(1)
    chf = line.household.chf
    with chf.work(), chf.changing_log(line.household.eui64("esme"), "removed") as log:
        log.remove(line.household.eui64("esme"))
    assert line.household.device("esme").hub is None
    with pytest.raises(AssertionError, match="no response"):
        _read(line)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
CONTENTS = st.dictionaries(st.tuples(NAMES, NAMES), st.binary(max_size=300), max_size=8)


@given(CONTENTS, CONTENTS)
def test_what_is_packed_comes_back(sample, contents):
    press = Press(sample)
    assert press.unpack(press.pack(contents)) == contents


def test_packing_large_memories():
    image = bytes(range(256)) * 1000
    press = Press({("a", "b"): image})
    assert press.unpack(press.pack({("firmware", "image"): image})) == {("firmware", "image"): image}


@pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="only Linux says how much memory is resident"
)
def test_a_hundred_thousand_idle_devices_fit_a_gigabyte():
    """The bench's measurement with fewer devices and the same bound for each."""
    arguments = [sys.executable, "-m", "tests.bench.fleet_memory", "400", "100"]
    done = subprocess.run(arguments, check=True, capture_output=True, cwd=ROOT)
    for figure in json.loads(done.stdout).values():
        assert figure["octets"] * 100_000 < 1e9, figure
