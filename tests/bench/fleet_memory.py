"""How much memory idle devices take, as the system counts it for a process that holds little else.

``python -m tests.bench.fleet_memory NEW USED`` makes so many households fresh from the factory and then commissions so
many others; it prints a JSON object with number and resident octets of devices of both kinds.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path

from fixtures.emulated_devices import SettableClock
from fixtures.fleet_commissioning import commission
from fixtures.fleet_parties import Line, Parties
from rigs.emulated.fleet import Fleet, Model

# What is loaded and grown once, whatever the number of devices; as many fill the caches of certificates.
_WARM_UP = 150


def resident() -> int:
    """Octets of this process that are in memory; OSError where the system does not say."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(new: int, used: int) -> dict[str, dict[str, float]]:
    out: list[bytes] = []
    clock = SettableClock()
    fleet = Fleet(Model("memory"), clock, lambda _number, octets: out.append(octets))
    parties = Parties(fleet.model)

    def put_into_use(number: int) -> None:
        commission(Line(parties, fleet.household(number), out), clock.now())

    ways = {"new": (lambda number: fleet.household(number).start(), new), "used": (put_into_use, used)}
    found = {}
    number = 0
    for name, (way, households) in ways.items():
        for count in (_WARM_UP, households):
            before, devices = resident(), fleet.parked_devices
            for _ in range(count):
                way(number)
                number += 1
            fleet.park_all()
        made = fleet.parked_devices - devices
        found[name] = {"devices": made, "octets": (resident() - before) / made}
    return found


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]] or [20_000, 1_000]
    print(json.dumps(measure(*given)))
