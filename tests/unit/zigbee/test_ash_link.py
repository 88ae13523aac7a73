"""Both ends of an ASH line, over a line that loses, breaks and delays."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.ezsp.ash import AshFrame, AshKind, ResetCode, encode_frame
from protocols.ezsp.ash_link import (
    AshConnected,
    AshEnd,
    AshFailed,
    AshReceived,
    AshState,
    AshTimes,
)


class Line:
    """Host and NCP, and time. ``loss`` and ``flip`` are per octet."""

    def __init__(self, seed=0, loss=0.0, flip=0.0, **times) -> None:
        self.now = 0.0
        self.random = random.Random(seed)
        self.loss, self.flip = loss, flip
        self.host, self.ncp = AshEnd(host=True, times=AshTimes(**times)), AshEnd(host=False)
        self.events = {True: [], False: []}
        self.cut = False

    def pass_on(self) -> bool:
        moved = False
        for end, other in ((self.host, self.ncp), (self.ncp, self.host)):
            octets = end.take()
            moved |= bool(octets)
            if not self.cut:
                self.events[other.host] += other.receive(self._disturbed(octets), self.now)
        return moved

    def _disturbed(self, octets: bytes) -> bytes:
        kept = bytearray()
        for octet in octets:
            if self.random.random() < self.loss:
                continue
            kept.append(octet ^ 1 << self.random.randrange(8) if self.random.random() < self.flip else octet)
        return bytes(kept)

    def run(self, seconds: float = 30.0) -> None:
        end = self.now + seconds
        while True:
            while self.pass_on():
                self.now += 0.001
            due = [at for at in (self.host.next_due(), self.ncp.next_due()) if at is not None]
            if not due or min(due) > end:
                return
            self.now = max(self.now, min(due))
            for side in (self.host, self.ncp):
                self.events[side.host] += side.run_due(self.now)

    def connect(self) -> None:
        self.host.reset(self.now)
        self.run(1.0)
        assert self.host.state is AshState.CONNECTED

    def data(self, host: bool) -> list[bytes]:
        return [event.data for event in self.events[host] if isinstance(event, AshReceived)]


def messages(count: int) -> list[bytes]:
    return [number.to_bytes(3, "big") * 9 for number in range(count)]


def test_a_reset_connects_both():
    line = Line()
    line.connect()
    assert line.events[True] == line.events[False] == [AshConnected(ResetCode.SOFTWARE)]


def test_data_arrives_in_order_both_ways_and_is_acknowledged():
    line = Line()
    line.connect()
    for one in messages(50):
        line.host.send(one, line.now)
        line.ncp.send(one[::-1], line.now)
    line.run()
    assert line.data(False) == messages(50)
    assert line.data(True) == [one[::-1] for one in messages(50)]
    assert line.host.queued == line.ncp.queued == 0
    assert line.host.counts.repeated == line.ncp.counts.repeated == 0


def test_no_more_than_the_window_is_under_way():
    line = Line(window=3)
    line.connect()
    for one in messages(8):
        line.host.send(one, line.now)
    sent = line.host.take()
    assert sent.count(b"\x7e") == 3


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(0.002, 0.0), (0.0, 0.002), (0.003, 0.003)]))
def test_a_lossy_line_costs_time_and_nothing_else(seed, trouble):
    # More time-outs in a row than a real end takes, so that a long unlucky run is no failure of this test.
    line = Line(seed, *trouble, timeouts=50, resets=50)
    line.ncp.times.timeouts = 50
    line.host.reset(line.now)
    line.run(200.0)
    assert line.host.state is AshState.CONNECTED
    for one in messages(60):
        line.host.send(one, line.now)
        line.ncp.send(one[::-1], line.now)
    line.run(2000.0)
    assert line.data(False)[-60:] == messages(60)
    assert line.data(True)[-60:] == [one[::-1] for one in messages(60)]


def test_a_frame_lost_is_asked_for_once_and_repeated():
    line = Line()
    line.connect()
    line.host.send(b"one", line.now)
    line.host.take()  # lost
    line.host.send(b"two", line.now)
    line.host.send(b"three", line.now)
    line.run(0.1)
    assert line.ncp.counts.rejected == 1
    assert line.data(False) == [b"one", b"two", b"three"]


def test_a_repeat_whose_acknowledgement_was_lost_is_taken_once():
    line = Line()
    line.connect()
    line.host.send(b"once", line.now)
    line.events[False] += line.ncp.receive(line.host.take(), line.now)
    line.ncp.take()  # the acknowledgement, lost
    line.run(5.0)
    assert line.data(False) == [b"once"]
    assert line.ncp.counts.duplicates == 1
    assert line.host.queued == 0


def test_a_dead_line_is_told_after_all_repeats():
    line = Line()
    line.connect()
    line.cut = True
    line.host.send(b"who is there", line.now)
    line.run(60.0)
    assert line.events[True][-1] == AshFailed(ResetCode.MAXIMUM_ACK_TIMEOUTS, by_other_end=False)
    assert line.host.state is AshState.FAILED
    assert line.host.counts.timeouts == line.host.times.timeouts
    line.host.send(b"never", line.now)
    assert line.host.take() == b""


def test_nobody_answers_a_reset():
    line = Line()
    line.cut = True
    line.host.reset(line.now)
    line.run(60.0)
    assert line.events[True] == [AshFailed(ResetCode.UNKNOWN, by_other_end=False)]


def test_a_failed_ncp_says_so_until_it_is_reset():
    line = Line()
    line.connect()
    line.ncp.fail(ResetCode.ASSERT)
    line.run(0.1)
    assert line.events[True][-1] == AshFailed(ResetCode.ASSERT, by_other_end=True)
    line.events[True] += line.host.receive(line.ncp.take(), line.now)
    line.connect()


def test_an_unexpected_restart_of_the_ncp_starts_numbers_anew():
    line = Line()
    line.connect()
    line.host.send(b"before", line.now)
    line.run(1.0)
    line.ncp.restarted(ResetCode.WATCHDOG)
    line.run(1.0)
    assert line.events[True][-1] == AshConnected(ResetCode.WATCHDOG)
    line.host.send(b"after", line.now)
    line.run(1.0)
    assert line.data(False) == [b"before", b"after"]


def test_a_host_that_is_not_ready_is_waited_for():
    line = Line()
    line.connect()
    line.ncp.receive(encode_frame(AshFrame(AshKind.ACK, not_ready=True)), line.now)
    line.ncp.send(b"wait", line.now)
    assert line.ncp.take() == b""
    line.ncp.receive(encode_frame(AshFrame(AshKind.ACK)), line.now)
    line.run(1.0)
    assert line.data(True) == [b"wait"]


@pytest.mark.parametrize("host", [True, False])
def test_before_a_reset_nothing_is_taken(host):
    end = AshEnd(host=host)
    assert end.receive(encode_frame(AshFrame(AshKind.DATA, b"early")), 0.0) == []
    assert end.take() == b""


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=40), max_size=20), st.booleans())
def test_noise_never_raises(pieces, host):
    end = AshEnd(host=host)
    if host:
        end.reset(0.0)
    else:
        end.restarted(ResetCode.POWER_ON)
    for number, piece in enumerate(pieces):
        end.receive(piece, float(number))
        end.run_due(float(number))
        end.take()
