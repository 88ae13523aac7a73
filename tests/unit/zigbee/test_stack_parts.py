"""Parts of the stack by themselves: timers, counters, tables, the indirect queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.eui64 import Eui64
from protocols.radio import TransmitResult, TransmitStatus
from protocols.zigbee.stack.constants import COUNTER_RESERVE, NWK_COUNTER_LIMIT, NWK_MAX_ADDRESSES
from protocols.zigbee.stack.core import Core, Timers
from protocols.zigbee.stack.formation import best_channel
from protocols.zigbee.stack.indirect import IndirectQueue
from protocols.zigbee.stack.nwk_tables import AddressMap, NetworkKeys, OutgoingCounter, link_cost
from protocols.zigbee.stack.scanning import Found


def eui(number: int) -> Eui64:
    return Eui64(number.to_bytes(8, "big"))


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=40))
def test_timers_come_in_order_and_cancelled_ones_never(plan):
    timers, called = Timers(), []
    for due, cancelled in plan:
        timer = timers.at(due, lambda due=due: called.append(due))
        if cancelled:
            timer.cancel()
    wanted = sorted(due for due, cancelled in plan if not cancelled)
    assert timers.next_due() == (wanted[0] if wanted else None)
    timers.run_due(100)
    assert called == wanted
    assert timers.next_due() is None


def test_cancelled_timers_do_not_pile_up():
    timers, earlier = Timers(), []
    timers.on_earlier = earlier.append
    timers.at(1.0, lambda: None)
    for number in range(10_000):
        timers.at(2.0 + number, lambda: None).cancel()
    assert len(timers._heap) < 1000
    assert earlier == [1.0]


def test_a_counter_reserves_ahead_and_wears_out():
    kept = []
    counter = OutgoingCounter(lambda: kept.append(counter.reserved))
    assert [counter.take() for _ in range(COUNTER_RESERVE + 1)] == list(range(COUNTER_RESERVE + 1))
    assert kept == [COUNTER_RESERVE, 2 * COUNTER_RESERVE]
    counter.restart(kept[0])
    assert counter.take() == COUNTER_RESERVE + 1
    counter.restart(NWK_COUNTER_LIMIT)
    with pytest.raises(OverflowError, match="used up"):
        counter.take()


def test_addresses_are_pairs():
    addresses = AddressMap()
    assert addresses.set(eui(1), 0x10) is None
    assert addresses.set(eui(2), 0x10) == eui(1)
    assert addresses.short(eui(1)) is None
    assert addresses.set(eui(2), 0x20) is None
    assert addresses.eui64(0x10) is None
    for number in range(500):
        addresses.set(eui(number), 1000 + number)
    assert len(addresses.pairs()) == NWK_MAX_ADDRESSES
    assert addresses.short(eui(499)) == 1499


def test_network_keys_are_two_at_most():
    keys = NetworkKeys()
    keys.add(bytes(16), 255, activate=True)
    keys.add(b"1" * 16, 0, activate=False)
    assert keys.newer(0)
    assert not keys.newer(254)
    keys.add(b"2" * 16, 1, activate=False)
    assert sorted(keys.by_sequence) == [1, 255]
    assert keys.switch(1)
    assert not keys.switch(1)
    assert not keys.switch(9)


def test_costs_of_links():
    assert [link_cost(lqi) for lqi in (255, 180, 140, 110, 80, 50, 25, 0)] == [1, 1, 2, 3, 4, 5, 6, 7]


def found(channel: int, pan_id: int) -> Found:
    return Found(channel, pan_id, 0, 255, eui(pan_id), 0, 0, True, True, True, True)


def test_the_best_channel():
    assert best_channel({11: -60, 15: -90, 20: -91}, [found(15, 1)]) == 20
    assert best_channel({11: -91, 15: -90, 20: -93}, [found(20, 1), found(20, 2), found(15, 1)]) == 11


class Radio:
    def __init__(self):
        self.matched = []

    def match_sources(self, *, enabled, short, extended):
        self.matched.append((enabled, set(short), set(extended)))


def queue():
    now = [0.0]
    core = Core(eui(1), lambda: now[0], None, lambda _: None)
    radio = Radio()
    return IndirectQueue(core, radio), core, radio, now


def test_the_indirect_queue_keeps_order_and_matches_sources():
    held, core, radio, _ = queue()
    sent, done = [], []

    def sender(name):
        return lambda more, over: sent.append((name, more, over))

    held.hold(5, sender("a"), lambda delivered: done.append(("a", delivered)))
    held.hold(5, sender("b"), lambda delivered: done.append(("b", delivered)))
    held.hold(eui(9), sender("c"), lambda delivered: done.append(("c", delivered)))
    assert radio.matched[-1] == (True, {5}, {eui(9)})
    assert not held.polled(7)
    assert held.polled(5)
    assert [entry[:2] for entry in sent] == [("a", True)]
    assert held.polled(5)  # a is still on its way: b must not overtake it
    assert len(sent) == 1
    sent[0][2](TransmitResult(TransmitStatus.NO_ACK, 0.0))
    assert held.polled(5)
    assert sent[1][:2] == ("a", True)
    sent[1][2](TransmitResult(TransmitStatus.DONE, 0.0))
    assert held.polled(5)
    assert sent[2][:2] == ("b", False)
    sent[2][2](TransmitResult(TransmitStatus.DONE, 0.0))
    assert done == [("a", True), ("b", True)]
    assert radio.matched[-1] == (True, set(), {eui(9)})
    core.timers.run_due(8)
    assert done[-1] == ("c", False)
    assert radio.matched[-1] == (True, set(), set())


def test_the_indirect_queue_is_bounded():
    held, core, _, _ = queue()
    done = []
    for _ in range(100):
        held.hold(5, lambda *_: None, done.append)
    core.timers.run_due(0)
    assert len(held) == 12
    assert done == [False] * 88
    held.clear()
    assert len(done) == 100
