"""The benches' alternating slices: medians, both clocks, and what they say about noise."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from fixtures.fleet_commissioning import RENEWED, commission
from tests.bench.cryptography_counted import AGREEMENT, KEY_PAIR, SIGNATURE, VERIFICATION, X509, Bare, count
from tests.bench.slices import Slice, Slices, Taken, taken
from tests.unit.emulated.test_fleet import Bench


def slices(*pairs: tuple[float, float]) -> Slices:
    return Slices([Slice(Taken(mine, 2 * mine), Taken(bare, bare), 10) for mine, bare in pairs])


def test_one_disturbed_slice_moves_nothing():
    undisturbed = slices((2, 1), (2, 1), (2, 1))
    disturbed = slices((2, 1), (2, 1), (9, 1))
    assert undisturbed.ratio() == disturbed.ratio() == 2
    assert disturbed.wall_ratio() == 4
    assert disturbed.mine() == pytest.approx(0.2)
    assert disturbed.bare() == pytest.approx(0.1)


def test_the_report_says_how_far_the_slices_were_apart():
    wall, ratios, noise = slices((2, 1), (2, 1), (9, 1.5)).report()
    assert wall.startswith("4.00")
    assert "2.00 to 6.00 in all" in ratios
    assert "50% above" in noise
    assert "1.50 to 1.50 in all" in slices((3, 2)).report()[1]


def test_waiting_is_on_the_wall_alone():
    found = taken(lambda: time.sleep(0.05))
    assert found.wall >= 0.05
    assert found.processor < found.wall


def test_the_cryptography_of_a_household_is_what_its_messages_make_necessary():
    """Every pair of a renewed device is generated, and every certificate checked up to the root."""
    bench = Bench("counted")
    bench.commission(1)
    line = bench.line(2)
    line.household.start()
    for device in line.household.awake():
        list(device.description.identities)  # made at manufacture
    found = count(lambda: commission(line, bench.clock.now()))
    assert found[KEY_PAIR] == 2 * len(RENEWED)
    # Ten certificates of manufacture and the new ones, two steps each, and those that devices check.
    assert found[X509] >= 2 * (10 + 2 * len(RENEWED))
    assert found[SIGNATURE] > found[KEY_PAIR]
    assert found[VERIFICATION] > found[SIGNATURE]
    assert found[AGREEMENT] >= 2 * 2 * len(RENEWED)


def test_the_bare_work_is_as_much_as_was_counted():
    bare = Bare(Counter({SIGNATURE: 3, VERIFICATION: 2, X509: 1, KEY_PAIR: 1, AGREEMENT: 2}))
    do = bare.prepared(2)
    again = count(do)
    assert {name: again[name] for name in (SIGNATURE, KEY_PAIR, AGREEMENT)} == {
        SIGNATURE: 6,
        KEY_PAIR: 2,
        AGREEMENT: 4,
    }
    bare.measure_each()
    assert all(figure.median > 0 for figure in bare.figures.values())
