from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.states import ORDER, WAYS, State, Way, satisfies, shortest_way

ASKED = (State.FACTORY, State.JOINED, State.COMMISSIONED)


@pytest.mark.parametrize(
    ("source", "wanted", "steps"),
    [
        (State.FACTORY, State.FACTORY, []),
        (State.FACTORY, State.JOINED, ["add"]),
        (State.FACTORY, State.COMMISSIONED, ["add", "commission"]),
        (State.JOINED, State.COMMISSIONED, ["commission"]),
        (State.COMMISSIONED, State.JOINED, []),
        (State.COMMISSIONED, State.PREPAYMENT, ["to_prepayment"]),
        (State.PREPAYMENT, State.COMMISSIONED, ["to_credit"]),
        (State.PREPAYMENT, State.JOINED, []),
        (State.COMMISSIONED, State.FACTORY, ["remove"]),
        (State.SILENT, State.JOINED, ["wake"]),
        (State.SILENT, State.FACTORY, ["remove"]),
    ],
)
def test_shortest_way(source, wanted, steps):
    assert [way.step for way in shortest_way(source, wanted)] == steps


def test_every_state_can_be_reached_from_anywhere():
    for source, wanted in itertools.product((*ASKED, State.SILENT), ASKED):
        assert shortest_way(source, wanted) is not None


def test_every_step_exists():
    from hil.state_steps import Steps

    assert all(callable(getattr(Steps, way.step)) for way in WAYS)
    assert [state for state in State if state not in ORDER] == [State.SILENT]


@given(st.lists(st.tuples(st.sampled_from(State), st.sampled_from(State), st.integers(0, 9)), max_size=12))
def test_no_way_is_cheaper_than_the_one_found(edges):
    ways = [Way(source, target, str(number), cost) for number, (source, target, cost) in enumerate(edges)]
    best = {State.FACTORY: 0}  # Bellman-Ford, as the other opinion
    for _ in State:
        for way in ways:
            if way.source in best:
                best[way.target] = min(best.get(way.target, 999), best[way.source] + way.cost)
    for wanted in State:
        found = shortest_way(State.FACTORY, wanted, ways)
        reachable = [best[state] for state in best if satisfies(state, wanted)]
        assert (found is None) == (not reachable)
        if found is not None:
            assert sum(way.cost for way in found) == min(reachable)
