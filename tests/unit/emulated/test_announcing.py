"""What meter and proxy tell displays on the HAN: order, one at a time, again when it did not arrive."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fixtures.emulated_devices import DeviceBench
from protocols.eui64 import Eui64
from protocols.han import DataStatus
from protocols.zigbee.smart_energy.information import Said
from protocols.zigbee.smart_energy.settings import PREPAYMENT, PRICE
from protocols.zigbee.smart_energy.zcl_exchange import Address, Side
from rigs.emulated.han.announcing import Announcer

DISPLAY, OTHER = (Address(Eui64(bytes(7) + bytes((number,))), 1, 2) for number in (1, 2))


class Layer:
    """Takes what is told; the test says when it has arrived."""

    def __init__(self):
        self.told, self.waiting, self.sides = [], [], {}

    def side(self, endpoint, cluster, *, client=False):
        return self.sides.setdefault((endpoint, cluster, client), Side())

    def tell(self, address, _cluster, name, values, done=None, **_how):
        self.told.append((address.partner, address.own, name, values))
        self.waiting.append(done)

    def arrive(self, status=DataStatus.DONE):
        self.waiting.pop(0)(status)


class Figures:
    """Information that the test sets."""

    def __init__(self):
        self.now = {}

    def topics(self):
        return dict(self.now)

    def publish(self, topic, before):
        return [
            Said(PREPAYMENT if topic == "credit" else PRICE, topic, {"now": self.now[topic], "was": before})
        ]


@pytest.fixture
def here():
    """An announcer with a display in reach."""
    bench = DeviceBench("esme")
    made = SimpleNamespace(
        layer=Layer(), figures=Figures(), displays=[DISPLAY], worked=[], device=bench.device
    )
    bench.device.worked = lambda: made.worked.append(1)
    announcer = bench.device.worked = Announcer(bench.device, made.figures)
    announcer.serve(
        made.layer,
        2,
        (PRICE,),
        permits=lambda _: True,
        displays=lambda: made.displays,
        elsewhere={PREPAYMENT: 3},
    )

    def change(**now):
        made.figures.now |= now
        with bench.device.work():
            pass

    made.change = change
    return made


def said(here):
    return [(name, values["now"]) for _partner, _own, name, values in here.layer.told]


def test_only_what_has_changed_is_told(here):
    here.change(price=1, message="")
    here.layer.arrive()
    here.layer.arrive()
    here.change()
    here.change(price=2)
    assert said(here) == [("price", 1), ("message", ""), ("price", 2)]
    assert here.layer.told[-1][3]["was"] == 1
    assert len(here.worked) == 3, "whoever had to hear of work still does"


def test_one_after_the_other_and_the_latest_counts(here):
    here.change(price=1)
    here.change(price=2)
    here.change(price=3)
    assert said(here) == [("price", 1)]
    here.layer.arrive()
    assert said(here) == [("price", 1), ("price", 3)]


def test_what_did_not_arrive_is_told_again_but_not_for_ever(here):
    here.change(price=1)
    for _ in range(5):
        if here.layer.waiting:
            here.layer.arrive(DataStatus.NOT_DELIVERED)
    assert said(here) == [("price", 1)] * 3


def test_a_cluster_of_the_mirror_is_told_from_there(here):
    here.change(credit=5)
    assert here.layer.told == [(DISPLAY.partner, 3, "credit", {"now": 5, "was": None})]


def test_nobody_in_reach_hears_nothing_and_a_new_one_everything(here):
    here.displays = []
    here.change(price=1)
    assert here.layer.told == []
    here.displays = [DISPLAY]
    here.change()
    here.layer.arrive()
    here.displays = [DISPLAY, OTHER]
    here.change()
    partners = [partner for partner, *_ in here.layer.told]
    assert partners == [DISPLAY.partner, DISPLAY.partner, OTHER.partner]


def test_without_supply_nothing_is_told(here):
    here.device.power(on=False)
    here.change(price=1)
    assert here.layer.told == []
