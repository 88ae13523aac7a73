"""A wire in memory: later, in order, and what happens at its ends."""

from __future__ import annotations

import pytest

from hil.memory_wire import MemoryWire
from hil.portal import Portal
from hil.virtual_time import VirtualClock
from protocols.ports import PortClosedError


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def portal(clock):
    with Portal(loop=clock.loop) as opened:
        yield opened


@pytest.fixture
def wire(clock):
    return MemoryWire("chf.wan", 0.25, clock.loop)


def test_octets_arrive_later_and_in_order(clock, portal, wire):
    seen = []
    wire.far.listen(lambda octets: seen.append((clock.monotonic(), octets)))

    async def send():
        for octets in (b"a", b"b", b"c"):
            wire.near.send(octets)
        await clock.sleep(0.2)
        assert seen == []
        wire.near.send(b"d")
        await clock.sleep(1)

    portal.call(send())
    assert seen == [(0.25, b"a"), (0.25, b"b"), (0.25, b"c"), (0.45, b"d")]


def test_what_came_before_anybody_listened_is_kept(clock, portal, wire):
    async def send():
        wire.far.send(b"early")
        await clock.sleep(1)

    portal.call(send())
    seen = []
    wire.near.listen(seen.append)
    assert seen == [b"early"]


def test_the_end_comes_after_what_was_on_its_way(clock, portal, wire):
    seen = []
    wire.near.listen(seen.append, lambda: seen.append("end"))

    async def close():
        wire.far.send(b"last")
        wire.far.close()
        wire.far.close()
        with pytest.raises(PortClosedError, match=r"chf\.wan"):
            wire.far.send(b"too late")
        await clock.sleep(1)
        with pytest.raises(PortClosedError):
            wire.near.send(b"nobody there")

    portal.call(close())
    assert seen == [b"last", "end"]


def test_what_is_on_its_way_can_be_lost(clock, portal, wire):
    near, far = [], []
    wire.near.listen(near.append)
    wire.far.listen(far.append)

    async def lose():
        wire.near.send(b"command")
        wire.far.send(b"response")
        wire.lose()
        wire.near.send(b"after")
        await clock.sleep(1)

    portal.call(lose())
    assert (near, far) == ([], [b"after"])
