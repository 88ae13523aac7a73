"""What each fault of a stick does to the octets between a chip and its host."""

from __future__ import annotations

import pytest

from rigs.emulated.air import HeapScheduler
from rigs.emulated.fault_catalogue.kinds import Direction
from rigs.emulated.fault_catalogue.sticks import StickLine
from tests.stick_lines import stick_fault


class Chip:
    def __init__(self):
        self.write, self.heard, self.resets = None, [], []

    def feed(self, octets):
        self.heard.append(octets)

    def reset(self):
        self.resets.append(True)


class Desk:
    def __init__(self):
        self.scheduler, self.chip, self.out = HeapScheduler(), Chip(), []
        self.line = StickLine(self.chip)
        self.chip.write(b"before anybody listens")
        self.line.write = self.out.append

    def begin(self, text):
        return stick_fault(self.line, self.scheduler, text)


@pytest.fixture
def desk():
    return Desk()


def test_without_a_fault_octets_pass(desk):
    desk.line.feed(b"to the chip")
    desk.chip.write(b"to the host")
    assert (desk.chip.heard, desk.out) == ([b"to the chip"], [b"to the host"])


def test_a_silent_chip(desk):
    fault = desk.begin("stick-silent")
    desk.line.feed(b"a")
    desk.chip.write(b"b")
    desk.line.end(fault)
    desk.line.end(fault)
    desk.line.feed(b"c")
    desk.chip.write(b"d")
    assert (desk.chip.heard, desk.out) == ([b"c"], [b"d"])


def test_what_is_late_keeps_its_order_and_comes_when_the_fault_is_lifted(desk):
    fault = desk.begin("stick-late,seconds=2")
    desk.line.feed(b"to the chip at once")
    desk.chip.write(b"1")
    desk.scheduler.run(1.0)
    desk.chip.write(b"2")
    assert desk.chip.heard == [b"to the chip at once"]
    assert desk.out == []
    desk.scheduler.run(2.0)
    assert desk.out == [b"1"]
    desk.chip.write(b"3")
    desk.line.end(fault)
    desk.chip.write(b"4")
    desk.scheduler.run(9.0)
    assert desk.out == [b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("direction", list(Direction))
def test_lost_octets(desk, direction):
    desk.begin(f"stick-octets-lost,probability=0.1,direction={direction}")
    sent = bytes(range(250)) * 4
    desk.line.feed(sent)
    desk.chip.write(sent)
    for octets, hit in ((desk.chip.heard[0], Direction.OUT), (desk.out[0], Direction.IN)):
        if direction in {hit, Direction.BOTH}:
            assert 850 < len(octets) < 950
        else:
            assert octets == sent


def test_altered_octets_have_one_bit_turned(desk):
    desk.begin("stick-octets-altered,probability=0.1")
    sent = bytes(1000)
    desk.line.feed(sent)
    (heard,) = desk.chip.heard
    turned = [octet for octet in heard if octet]
    assert len(heard) == 1000
    assert 50 < len(turned) < 150
    assert {octet.bit_count() for octet in turned} == {1}


def test_resets_until_the_fault_is_lifted(desk):
    fault = desk.begin("stick-reset,count=3,seconds=10")
    desk.line.feed(b"passes")
    desk.scheduler.run(15.0)
    assert len(desk.chip.resets) == 2
    desk.line.end(fault)
    desk.scheduler.run(60.0)
    assert len(desk.chip.resets) == 2
    assert desk.chip.heard == [b"passes"]
