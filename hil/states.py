"""States that a device can be in, and the ways between them.

The state is never assumed: an emulated premises outlives the harness and an earlier run may have been killed,
so it is detected over the wire (`hil.state_steps`) before the first test that needs one, and again after
anything that may have changed it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """State of one device, as tests name it."""

    FACTORY = "factory"  # not in the hub's device log
    JOINED = "joined"  # in the device log, and it answers
    COMMISSIONED = "commissioned"  # joined; clock set, paired, the rig's credentials in its cells
    PREPAYMENT = "prepayment"  # commissioned; prepayment mode with credit, no debts, nothing suspended
    # Only found, never asked for: in the device log, but it does not answer.
    SILENT = "silent"


ORDER = (State.FACTORY, State.JOINED, State.COMMISSIONED, State.PREPAYMENT)


@dataclass(slots=True)
class Way:
    """One step between states: ``step`` is a method of `hil.state_steps.Steps`, ``cost`` its rough price."""

    source: State
    target: State
    step: str
    cost: int


WAYS = (
    Way(State.FACTORY, State.JOINED, "add", 3),  # CCS01, then it joins
    Way(State.JOINED, State.FACTORY, "remove", 1),  # CCS02
    Way(State.COMMISSIONED, State.FACTORY, "remove", 1),
    Way(State.SILENT, State.FACTORY, "remove", 1),
    Way(State.SILENT, State.JOINED, "wake", 2),  # supply back on, where that is why it is silent
    Way(State.JOINED, State.COMMISSIONED, "commission", 4),  # clock, pairing, credentials, MPAN or MPRN
    Way(State.COMMISSIONED, State.PREPAYMENT, "to_prepayment", 2),  # ECS03 or GCS03 by the supplier
    Way(State.PREPAYMENT, State.COMMISSIONED, "to_credit", 1),  # ECS02 or GCS02
    Way(State.PREPAYMENT, State.FACTORY, "remove", 1),
)


def satisfies(found: State, wanted: State) -> bool:
    """Whether a device found in one state can serve a test that wants another.

    A commissioned device is also joined, in either payment mode: nothing undoes a commissioning short of
    leaving the device log.
    """
    return found is wanted or (wanted is State.JOINED and found in {State.COMMISSIONED, State.PREPAYMENT})


def shortest_way(source: State, wanted: State, ways: Iterable[Way] = WAYS) -> list[Way] | None:
    """Cheapest steps from ``source`` to a state that satisfies ``wanted``; None: there are none."""
    steps = list(ways)
    queue: list[tuple[int, int, State, list[Way]]] = [(0, 0, source, [])]
    seen: set[State] = set()
    pushed = 0  # breaks ties, so that states and ways are never compared
    while queue:
        cost, _, state, path = heapq.heappop(queue)
        if satisfies(state, wanted):
            return path
        if state in seen:
            continue
        seen.add(state)
        for way in steps:
            if way.source is state and way.target not in seen:
                pushed += 1
                heapq.heappush(queue, (cost + way.cost, pushed, way.target, [*path, way]))
    return None
