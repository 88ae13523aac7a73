"""The portal: one loop in a thread, closed in reverse order and never for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from hil import portal as portal_module
from hil.portal import Portal
from protocols.ports import BenchError


async def _value(value):
    await asyncio.sleep(0)
    return value


def test_runs_coroutines_in_another_thread():
    async def where():
        return threading.get_ident()

    with Portal() as portal:
        assert portal.call(_value(3)) == 3
        assert portal.call(where()) != threading.get_ident()


def test_errors_come_through():
    async def fail(error):
        raise error

    with Portal() as portal:
        with pytest.raises(KeyError):
            portal.call(fail(KeyError("x")))
        with pytest.raises(TimeoutError):
            portal.call(fail(TimeoutError()), 5)


def test_a_stuck_coroutine_is_cancelled_and_named_as_trouble_of_the_bench():
    cancelled = threading.Event()

    async def stuck():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with Portal() as portal:
        with pytest.raises(BenchError, match=r"did not finish within 0\.01 s"):
            portal.call(stuck(), 0.01)
        assert cancelled.wait(5)


def test_closes_in_reverse_order_and_reports_what_does_not_close(monkeypatch):
    monkeypatch.setattr(portal_module, "CLOSE_LIMIT_S", 0.05)
    order = []
    portal = Portal()

    async def close(name):
        order.append(name)
        if name == "broken":
            raise OSError("no such line")
        if name == "stuck":
            await asyncio.Event().wait()

    for name in ("first", "broken", "stuck", "last"):
        portal.on_close(name, lambda name=name: close(name))
    trouble = portal.close()
    assert order == ["last", "stuck", "broken", "first"]
    assert len(trouble) == 2
    assert "stuck did not close within 0.05 s" in trouble[0]
    assert "broken did not close: no such line" in trouble[1]
    assert portal.close() == []


def test_tasks_that_are_left_are_cancelled():
    cancelled = threading.Event()

    async def forever():
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def begin():
        return asyncio.create_task(forever())

    portal = Portal()
    task = portal.call(begin())
    portal.call(_value(None))
    portal.close()
    assert cancelled.is_set()
    assert task.cancelled()


def test_refuses_calls_that_could_never_end():
    portal = Portal()

    async def inside():
        return portal.call(_value(1))

    with pytest.raises(BenchError, match="cannot wait for itself"):
        portal.call(inside())
    portal.close()
    with pytest.raises(BenchError, match="is closed"):
        portal.call(_value(1))
