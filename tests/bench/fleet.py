"""A thousand households commissioned with real GBCS cryptography in one process, and idle devices by the gigabyte.

Keys and certificates of manufacture are made beforehand, and timed apart. What cryptography a household takes is counted
in one of them and done bare in turns with the run, slice by slice (`slices`). What is asserted is what the bench promises:
flat cost from 10 households to 1,000, at most twice the cryptography, 100,000 idle devices in a gigabyte.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fixtures.emulated_devices import SettableClock
from fixtures.fleet_commissioning import commission, commission_all
from fixtures.fleet_parties import Line, Parties
from rigs.emulated.fleet import Fleet, Model
from tests.bench.cryptography_counted import Bare, count
from tests.bench.slices import Slice, Slices, taken

FEW, MANY = 10, 1000
STEEPEST, DEAREST = 1.25, 2.0
DEVICES_IN_A_GIGABYTE = 100_000
# Fleets of few before the many, and as many after.
_FEW_RUNS = 3
# How many households are made ahead and commissioned in one slice.
_BATCH = 10


@dataclass(slots=True)
class Run:
    """A fleet of some households, and the seconds that they took."""

    seed: str
    households: int
    made: float = 0.0
    parked: float = 0.0
    messages: int = 0
    fleet: Fleet = field(init=False)
    bare: Bare = field(init=False)
    slices: Slices = field(default_factory=Slices)
    clock: SettableClock = field(init=False)
    out: list[bytes] = field(init=False)
    parties: Parties = field(init=False)

    def __post_init__(self) -> None:
        self.clock = SettableClock()
        self.out = []
        self.fleet = Fleet(
            Model(self.seed), self.clock, lambda _number, octets: self.out.append(octets), awake=2 * _BATCH
        )
        self.parties = Parties(self.fleet.model)

    def make(self, number: int) -> Line:
        """A household fresh from the factory, keys and certificates at hand."""
        household = self.fleet.household(number)
        household.start()
        for device in household.awake():
            list(device.description.identities)
        return Line(self.parties, household, self.out)

    def __call__(self) -> Run:
        """Make, commission and park all of them, after two in which what is only read once is read."""
        self.bare = Bare(self._count())
        for first in range(0, self.households, _BATCH):
            numbers = range(first, first + _BATCH)
            lines = self._timed("made", partial(self._make_all, numbers))
            self.slices.add(self._slice(lines))
            self.messages += sum(line.opened for line in lines)
            self._timed("parked", self.fleet.park_all)
            self.bare.measure_each()
        return self

    def _slice(self, lines: list[Line]) -> Slice:
        """Half of the bare cryptography, the households, the other half: a drift hits both alike."""
        before, after = (self.bare.prepared(_BATCH // 2) for _ in range(2))
        first = taken(before)
        mine = taken(partial(commission_all, lines, self.clock.now()))
        return Slice(mine, first + taken(after), _BATCH)

    def _make_all(self, numbers: Iterable[int]) -> list[Line]:
        return [self.make(number) for number in numbers]

    def _count(self) -> Counter[str]:
        """Primitives of one household, the second: the first also reads what is read once."""
        commission(self.make(self.households), self.clock.now())
        line = self.make(self.households + 1)
        return count(lambda: commission(line, self.clock.now()))

    def _timed(self, what: str, action: Callable[[], Any]) -> Any:
        started = time.process_time()
        found = action()
        setattr(self, what, getattr(self, what) + time.process_time() - started)
        return found


def bench_fleet() -> None:
    """Print the figures; AssertionError where they are not what is promised."""
    # Few before and after the many: the machine is not the same all the time.
    few = [Run(f"few {number}", FEW)() for number in range(_FEW_RUNS)]
    many = Run("many", MANY)()
    few += [Run(f"few more {number}", FEW)() for number in range(_FEW_RUNS)]
    of_few = Slices([each for run in few for each in run.slices.all])
    above, steep = many.slices.ratio(), many.slices.ratio() / of_few.ratio()
    print(f"\n{MANY:,} households of five devices, commissioned with real cryptography in one process")
    print(f"  cost of one, of {FEW:>5,}               {of_few.mine() * 1000:7.2f} ms")
    print(f"  cost of one, of {MANY:>5,}               {many.slices.mine() * 1000:7.2f} ms")
    print(f"    ratio, each in cryptography      {steep:7.2f}    (at most {STEEPEST})")
    print(f"  its cryptography alone             {many.slices.bare() * 1000:7.2f} ms")
    for name, number in sorted(many.bare.found.items()):
        print(f"    {number:>4} x {name:<26} {many.bare.figures[name].median * 1e6:7.2f} us")
    print(f"    ratio, median of {len(many.slices.all):>3} slices       {above:7.2f}    (at most {DEAREST})")
    plain = many.slices.mine() / (many.slices.bare() - many.bare.reading)
    print(f"      {plain:.2f} where a certificate counts as no more than the verification of its signature")
    for line in many.slices.report():
        print(f"      {line}")
    print(f"  messages opened of one             {many.messages / MANY:7.0f}")
    made, parked = many.made / MANY * 1000, many.parked / MANY * 1000
    print(f"  making one, keys and certificates  {made:7.2f} ms   beforehand, not in the above")
    print(f"  parking one                        {parked:7.2f} ms")
    size = many.fleet.parked_octets / many.fleet.parked_devices
    print(f"  octets of a parked device in use   {size:7.0f}")
    memory = _idle_devices()
    assert steep < STEEPEST
    assert above < DEAREST
    assert all(figure["octets"] * DEVICES_IN_A_GIGABYTE < 1e9 for figure in memory.values())


def _idle_devices() -> dict[str, dict[str, float]]:
    """Measure and print how much room idle devices take, in a process of their own."""
    command = [sys.executable, "-m", "tests.bench.fleet_memory"]
    memory: dict[str, dict[str, float]] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    new, used = memory["new"]["devices"], memory["used"]["devices"]
    print(f"Idle devices in a process of their own: {new:,} new, {used:,} in use")
    for name, figure in memory.items():
        octets = figure["octets"]
        print(f"  resident octets of one, {name:<4}       {octets:7.0f}    {1e9 / octets:,.0f} in 1 GB")
    return memory


if __name__ == "__main__":
    bench_fleet()
