"""Malformed frames by the million leave every role alive: coordinator, router, end device and sleeper.

`roles` tells how frames are made: damaged as the MAC sees them, or below the network key, below the link key,
within what ZCL, tunnel, key establishment, firmware and mirror carry. After each batch messages still go both ways
between the hub and all devices, and nothing grows without limit.

The inputs are counted as in ``test_mutations``, ``HIL_FUZZ`` of them over the four roles. A stack remembers what it
heard before, so an input follows from all others of its session of 25,000; ``HIL_FUZZ_START`` starts with the
session that holds that number, and a failure names the first number of its session.
"""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections import Counter
from functools import cached_property

import pytest

from protocols.han import HanRole
from protocols.zigbee.zcl.clusters import Cluster, load
from tests.fuzz.roles import Attack, sizes
from tests.fuzz.test_mutations import COUNT, SEED, START

FRAMES = max(COUNT // 4, 1000)
REMEMBERED = max(COUNT // 400, 1000)
SESSION, BATCH, LOOK = 25_000, 5_000, 1_000
LONGEST = 600  # entries of any table or queue; most are bounded at 128 or fewer
# Octets; measured: up to 200,000 while tables fill, and no more than 400,000 in 100,000 frames.
GROWTH = 500_000


def attack(role: HanRole, start: int, end: int) -> Attack:
    """One session; AssertionError names the input."""
    hostile = Attack(role, f"{SEED}/{start}")
    for number in range(start, end):
        done = number + 1 - start
        try:
            hostile.send(random.Random(f"{SEED}/{role}/{number}"))
            last = number + 1 == end
            if last or done % BATCH == 0 or (done % LOOK == 0 and hostile.target_is_away):
                hostile.check()
        except AssertionError as error:
            where = f"seed {SEED} {role} input {number}, session from {start}"
            raise AssertionError(f"{where}: {error}") from error
    return hostile


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("role", HanRole)
def test_a_role_lives_through_all_frames(role: HanRole) -> None:
    outcomes: Counter[str] = Counter()
    heard: Counter[str] = Counter()
    first = START - START % SESSION
    for start in range(first, START + FRAMES, SESSION):
        hostile = attack(role, start, min(start + SESSION, START + FRAMES))
        outcomes += hostile.outcomes
        target = hostile.target
        heard += target.node.statistics + target.app.statistics
        long = {path: count for path, count in sizes([target.node, target.app]).items() if count > LONGEST}
        assert not long, f"seed {SEED} {role} session from {start}: {long}"
        assert len(target.radio._queue) <= LONGEST
    print(role, dict(outcomes), dict(heard))
    # Damage reached every layer.
    for refusal in (
        "mac.malformed",
        "nwk.bad-mic",
        "nwk.malformed",
        "aps.malformed",
        "zdp.malformed",
        "zcl.malformed",
    ):
        assert heard[refusal] > FRAMES // 1000, refusal


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", HanRole)
def test_memory_does_not_grow(role: HanRole) -> None:
    hostile = Attack(role, f"{SEED}/memory")
    for cluster in load().values():  # tables load when they are first needed, and are not the frames'
        for name, each in vars(Cluster).items():
            if isinstance(each, cached_property):
                getattr(cluster, name)
    octets = []
    tracemalloc.start()
    try:
        for part in range(3):
            for number in range(REMEMBERED):
                hostile.send(random.Random(f"{SEED}/{role}/memory/{part}/{number}"))
            hostile.check()
            gc.collect()
            octets.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert octets[2] - octets[0] < GROWTH, octets
