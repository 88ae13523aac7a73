"""The Gas Proxy Function's copy of the gas meter's event log: it grows with the log and is emptied with it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.emulated_premises import EUI64S
from fixtures.generated_commands import GeneratedBench
from protocols.zigbee.smart_energy.mirror import FUNCTIONAL, Flag
from rigs.emulated.event_rules import EventCode, Log
from rigs.emulated.events import CAPACITY
from rigs.emulated.gas import event_copy
from rigs.emulated.gas.event_copy import COPY, EVENT_LOG
from tests.unit.emulated.test_gas_proxy import WAKE_S, GasPremises, bench, describe_with_load

__all__ = ["bench", "describe_with_load"]

READ = {"Event ID": 0, "Start Time": 0, "End Time": 0xFFFFFFFF, "Number of Events": 0, "Event Offset": 0}


def read(bench: GasPremises, device: str, log: int) -> list[tuple[str, int]]:
    """Times and codes of a log, as CS10a reads it."""
    asked = {**READ, "Event Control / Log ID": log, "Start Time": "now", "End Time": "never"}
    (answer,) = bench.ask(device, "CS10a", ("0709>00", asked))
    entries = answer["Log Entries"] if isinstance(answer, dict) and "Log Entries" in answer else []
    return [(each["Event Time"], each["Event ID"]) for each in entries]


def happen(bench: GasPremises, *codes: EventCode) -> None:
    with bench.gsme.work():
        for code in codes:
            bench.gsme.events.record(code)


def test_new_entries_come_with_the_next_report(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED, EventCode.BATTERY_COVER_CLOSED)
    bench.after(WAKE_S)
    happen(bench, EventCode.METER_COVER_CLOSED)
    bench.after(WAKE_S)
    own = read(bench, "gsme", 0x13)
    assert [code for _time, code in own][-3:] == [
        EventCode.BATTERY_COVER_CLOSED,
        EventCode.BATTERY_COVER_CLOSED,
        EventCode.METER_COVER_CLOSED,
    ]
    assert read(bench, "gpf", 0x16) == own


def test_the_proxys_own_log_is_another(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED)
    bench.after(WAKE_S)
    assert EventCode.BATTERY_COVER_CLOSED not in [code for _time, code in read(bench, "gpf", 0x13)]


def test_a_tapped_command_empties_both(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED)
    bench.after(WAKE_S)
    assert read(bench, "gpf", 0x16)
    bench.ask("gsme", "CS11", ("0709>01", {"Log ID": 3}))
    assert read(bench, "gpf", 0x16) == read(bench, "gsme", 0x13) == []
    happen(bench, EventCode.METER_COVER_CLOSED)
    bench.after(WAKE_S)
    assert read(bench, "gpf", 0x16) == read(bench, "gsme", 0x13) != []


def test_clearing_the_proxys_own_log_leaves_the_copy(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED)
    bench.after(WAKE_S)
    before = read(bench, "gpf", 0x16)
    bench.ask("gpf", "CS11", ("0709>01", {"Log ID": 3}))
    assert before
    assert read(bench, "gpf", 0x16) == before


def test_a_log_that_was_not_cleared_leaves_the_copy(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED)
    bench.after(WAKE_S)
    before = read(bench, "gpf", 0x16)
    bench.ask("gsme", "CS11", ("0709>01", {"Log ID": 4}))
    assert before
    assert read(bench, "gpf", 0x16) == before


def test_an_exchanged_hub_is_told_again(bench):
    happen(bench, EventCode.BATTERY_COVER_CLOSED, EventCode.METER_COVER_CLOSED)
    bench.after(WAKE_S)
    with bench.gpf.work():
        event_copy.clear(bench.gpf)
    application = bench.premises.hub.han._application
    application.set_flags(EUI64S["gsme"], FUNCTIONAL, Flag.GET_SAMPLED_DATA)
    bench.after(2 * WAKE_S)
    assert read(bench, "gpf", 0x16) == read(bench, "gsme", 0x13) != []


class Pair:
    """A meter and a proxy with nothing but octets of values between them."""

    def __init__(self):
        self.meter, self.proxy = (GeneratedBench(kind) for kind in ("gsme", "gpf"))
        self.mark: dict[str, int] = {}

    def publish(self, *, arrives: bool = True, kept: bool = True) -> None:
        mark = dict(self.mark)
        for _place, values in event_copy.waiting(self.meter.device, mark):
            if arrives:
                with self.proxy.device.work():
                    event_copy.take(self.proxy.device, values)
        if kept:
            self.mark = mark

    def logs(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        held = self.proxy.device.records.get(EVENT_LOG, f"{COPY}")
        own = self.meter.device.events.entries(Log.EVENT)
        return [each.code for each in own], [each["Event ID"] for each in held]


_CODES = st.sampled_from([EventCode.BATTERY_COVER_CLOSED, EventCode.METER_COVER_CLOSED])
_STEPS = st.lists(
    st.one_of(_CODES, st.sampled_from(["second", "lost", "unheard", "arrives", "again"])), max_size=40
)


@given(steps=_STEPS)
def test_the_copy_is_the_log_whatever_is_lost_or_told_twice(steps):
    pair = Pair()
    clock = pair.meter.device.clock
    for step in steps:
        if isinstance(step, EventCode):
            with pair.meter.device.work():
                pair.meter.device.events.record(step)
        elif step == "second":
            clock.time = clock.time.replace(second=(clock.time.second + 1) % 60)
        elif step == "again":
            pair.mark = {}
        else:
            pair.publish(arrives=step != "lost", kept=step == "arrives")
    for _ in range(20):
        pair.publish()
    own, copied = pair.logs()
    assert copied == own


def test_more_than_a_full_log(monkeypatch):
    pair = Pair()
    for number in range(CAPACITY + 30):
        pair.meter.device.clock.time = pair.meter.device.clock.time.replace(
            minute=number // 60, second=number % 60
        )
        with pair.meter.device.work():
            pair.meter.device.events.record(EventCode.BATTERY_COVER_CLOSED)
        if number % 9 == 0:
            pair.publish()
    for _ in range(10):
        pair.publish()
    own, copied = pair.logs()
    assert len(own) == CAPACITY
    assert copied == own


def test_nothing_new_is_not_published():
    pair = Pair()
    pair.publish()
    with pair.meter.device.work():
        pair.meter.device.events.record(EventCode.BATTERY_COVER_CLOSED)
    pair.publish()
    assert event_copy.waiting(pair.meter.device, dict(pair.mark)) == []


@pytest.mark.parametrize("party", ["supplier", "network_operator", "access_control_broker"])
def test_who_may_read_the_proxys_logs(party):
    proxy = GeneratedBench("gpf")
    for use_case in ("CS10a", "CS10b"):
        sent = proxy.send(proxy.command(use_case, party))
        assert [each.kind for each in sent] == ["response"], use_case
