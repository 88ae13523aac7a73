"""Virtual time: it jumps, it stands still while a test computes, and it has one order."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.portal import Portal
from hil.virtual_time import VirtualClock, VirtualLoop
from protocols.ports import BenchError

A_WHILE_S = 0.05  # of real time, in which a clock that runs freely would have run far


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 3, 1, 12, tzinfo=UTC))


@pytest.fixture
def portal(clock):
    with Portal(loop=clock.loop) as opened:
        yield opened


def test_a_year_passes_at_once(clock, portal):
    before = time.monotonic()
    portal.call(clock.sleep(365 * 86_400))
    assert clock.now() == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert clock.monotonic() == 365 * 86_400
    assert time.monotonic() - before < 5


def test_the_clock_begins_where_it_is_told_in_utc():
    clock = VirtualClock(datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now().isoformat() == "2026-03-01T11:00:00+00:00"


def test_time_stands_still_while_nobody_waits(clock, portal):
    ticks = []

    async def tick():
        while True:
            ticks.append(clock.now())
            await clock.sleep(3600)

    async def start():
        return asyncio.create_task(tick())

    ticker = portal.call(start())
    assert len(ticks) == 1
    time.sleep(A_WHILE_S)
    assert len(ticks) == 1
    portal.call(clock.sleep(3 * 3600 + 1))
    assert len(ticks) == 4
    time.sleep(A_WHILE_S)
    assert clock.monotonic() == 3 * 3600 + 1
    assert not ticker.done()


def test_a_result_is_handed_out_when_its_moment_is_over(clock, portal):
    seen = []

    def ripple(left):
        seen.append(clock.monotonic())
        if left:
            asyncio.get_running_loop().call_soon(ripple, left - 1)

    async def cause():
        asyncio.get_running_loop().call_soon(ripple, 100)
        asyncio.get_running_loop().call_later(0, seen.append, "a timer of this moment")
        await clock.sleep(0)

    portal.call(cause())
    assert seen.count(0.0) == 101


def test_timers_of_one_moment_fire_in_the_order_they_were_set(portal):
    fired = []

    async def set_them():
        loop = asyncio.get_running_loop()
        for number in range(200):
            loop.call_at(2.0 if number % 3 else 1.0, fired.append, number)
        await asyncio.sleep(3)

    portal.call(set_them())
    assert fired == [n for n in range(200) if n % 3 == 0] + [n for n in range(200) if n % 3]


@given(st.lists(st.floats(0, 1e8, allow_nan=False), max_size=40))
def test_timers_fire_by_microsecond_then_order(delays):
    loop, fired = VirtualLoop(), []
    with Portal(loop=loop) as portal:

        async def set_them():
            for number, delay in enumerate(delays):
                loop.call_later(delay, lambda n=number: fired.append((loop.now_us, n)))
            await asyncio.sleep(1e8 + 1)

        portal.call(set_them())
    assert fired == sorted(fired)
    assert sorted(number for _, number in fired) == list(range(len(delays)))
    for at_us, number in fired:
        # Never early, and late by a microsecond at most, as exactly as a float says it.
        exact = 0.001 + 2 * math.ulp(float(at_us))
        assert -exact <= at_us - delays[number] * 1e6 <= 1.1 + exact


def test_a_timer_cancelled_at_its_own_moment_does_not_fire(portal):
    fired = []

    async def race():
        loop = asyncio.get_running_loop()
        handles = []
        loop.call_later(1, lambda: [handle.cancel() for handle in handles])
        handles.append(loop.call_later(1, fired.append, "cancelled"))
        await asyncio.sleep(2)

    portal.call(race())
    assert fired == []


def test_cancelled_timers_do_not_pile_up(clock, portal):
    async def give_up_often():
        for _ in range(20_000):
            asyncio.get_running_loop().call_later(3600, print).cancel()

    portal.call(give_up_often())
    assert len(clock.loop._timers) < 3_000
    portal.call(clock.sleep(1))
    assert clock.monotonic() == 1  # nobody waits for what was cancelled


@pytest.mark.parametrize("far", [0.0, 1e9])
def test_waiting_for_a_deadline_between_two_microseconds_ends(clock, portal, far):
    async def wait():
        await clock.sleep(far)
        deadline = clock.monotonic() + 1.5e-7
        rounds = 0
        while clock.monotonic() < deadline:
            rounds += 1
            await clock.sleep(deadline - clock.monotonic())
        return rounds

    assert portal.call(wait(), 10) <= 2


def test_time_stands_still_while_an_actor_holds_it(clock, portal):
    answered = threading.Event()
    holding = clock.loop.hold()
    holding.__enter__()
    waiter = threading.Thread(target=lambda: (portal.call(clock.sleep(10)), answered.set()))
    waiter.start()
    assert not answered.wait(A_WHILE_S)
    assert clock.monotonic() == 0
    holding.__exit__(None, None, None)
    assert answered.wait(5)
    waiter.join()
    assert clock.monotonic() == 10


def test_time_waits_for_work_in_threads(portal):
    async def work():
        return await asyncio.wait_for(asyncio.to_thread(lambda: time.sleep(A_WHILE_S) or "done"), 0.001)

    assert portal.call(work()) == "done"


def test_octets_that_are_there_come_before_a_time_limit(portal):
    async def talk():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            far.send(b"x")
            async with asyncio.timeout(0.001):
                return await loop.sock_recv(near, 10)

    assert portal.call(talk()) == b"x"


def test_time_limits_of_coroutines_are_virtual_and_those_of_the_portal_real(clock, portal):
    async def never():
        await asyncio.Event().wait()

    async def limited():
        async with asyncio.timeout(1000):
            await never()

    with pytest.raises(TimeoutError):
        portal.call(limited())
    assert clock.monotonic() == 1000
    with pytest.raises(BenchError, match=r"did not finish within 0\.05 s"):
        portal.call(never(), 0.05)
    portal.call(clock.sleep(1))
    assert clock.monotonic() == 1001


def test_errors_and_calls_from_several_threads(clock, portal):
    async def fail():
        await clock.sleep(1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        portal.call(fail())
    threads = [threading.Thread(target=portal.call, args=(clock.sleep(n),)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    portal.call(clock.sleep(0))
    assert clock.monotonic() >= 9


def test_ten_devices_for_a_day(clock, portal):
    wakes = []

    async def device(number):
        while True:
            await clock.sleep(10 + number)
            wakes.append(number)

    async def run():
        tasks = [asyncio.create_task(device(number)) for number in range(10)]
        await clock.sleep(86_400)
        for task in tasks:
            task.cancel()

    portal.call(run())
    assert len(wakes) == sum((86_400 - 1) // (10 + number) for number in range(10))


def test_what_one_timer_makes_ready_comes_before_the_next_timer(portal):
    seen = []

    def fire(number):
        seen.append(number)
        loop = asyncio.get_running_loop()
        loop.call_soon(seen.append, f"soon after {number}")
        loop.call_later(0, seen.append, f"same moment as {number}")

    async def plan():
        for number in range(3):
            asyncio.get_running_loop().call_later(1 + number * 1e-6, fire, number)
        await asyncio.sleep(2)

    portal.call(plan())
    assert seen == [word for n in range(3) for word in (n, f"soon after {n}", f"same moment as {n}")]


def test_octets_that_a_timer_begins_to_wait_for_come_before_the_next_timer(portal):
    seen = []

    async def plan():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        near.setblocking(False)

        def read():
            seen.append((near.recv(10), loop.time()))
            loop.remove_reader(near)

        far.send(b"x")
        loop.call_later(1, loop.add_reader, near, read)
        loop.call_later(2, seen.append, "later")
        await asyncio.sleep(3)
        near.close()
        far.close()

    portal.call(plan())
    assert seen == [(b"x", 1.0), "later"]


def test_an_error_in_a_timer_is_told_and_the_others_fire(clock, portal):
    told, fired = [], []

    async def plan():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        loop.call_later(1, {}.pop, "nothing there")
        loop.call_later(1.5, fired.append, 1)
        await asyncio.sleep(2)

    portal.call(plan())
    assert [type(error) for error in told] == [KeyError]
    assert fired == [1]


def test_a_timer_that_holds_time_stops_it_at_its_own_moment(clock, portal):
    moments = []

    async def plan():
        loop = asyncio.get_running_loop()
        holding = loop.hold()
        loop.call_later(1, holding.__enter__)
        loop.call_later(2, lambda: moments.append(loop.time()))
        await asyncio.sleep(2)
        return holding

    future = clock.loop.submit(plan())
    time.sleep(A_WHILE_S)
    assert clock.monotonic() == 1
    assert moments == []
    with clock.loop._lock:
        clock.loop._held -= 1
    clock.loop.call_soon_threadsafe(lambda: None)
    future.result(5)
    assert moments == [2.0]


def test_a_timer_may_stop_the_loop():
    loop, fired = VirtualLoop(), []

    async def wait():
        await asyncio.sleep(10)

    def run():
        loop.call_later(1, loop.stop)
        loop.call_later(2, fired.append, "too late")
        loop.submit(wait())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(5)
    assert not thread.is_alive()
    assert loop.time() == 1
    assert fired == []
