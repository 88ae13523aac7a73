"""Supply that fails at any write while a device has something to tell: each alert goes, under one counter."""

from __future__ import annotations

from contextlib import suppress

import pytest

from fixtures.generated_commands import GeneratedBench
from fixtures.interrupted_devices import KEPT, WRITE, Contents, Event, Interrupted, Played
from fixtures.premises_by_hand import ACB, PremisesByHand, codes
from protocols.gbcs.header import CraFlag
from protocols.gbcs.message import parse_message
from protocols.ports import StimulusKind
from rigs.emulated import outbox
from rigs.emulated.event_rules import EventCode
from rigs.emulated.fault_catalogue import parse_order
from rigs.emulated.memory_storage import MemoryStorage
from rigs.emulated.outbox import SECTION

KINDS = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs")
EVENTS, CUTS = 40, 6


def alerts(sent: list[bytes]) -> list[bytes]:
    return [each for each in sent if parse_message(each).header.cra_flag is CraFlag.ALERT]


def waiting(contents: Contents) -> list[bytes]:
    return [value for (section, _key), value in sorted(contents.items()) if section == SECTION]


def after_restart(of: Interrupted, contents: Contents) -> tuple[list[bytes], Contents]:
    """What a device says when it starts, and its memory then."""
    sent: list[bytes] = []
    storage = MemoryStorage(contents)
    of.device(storage, sent)
    return sent, storage.dump()


def points(of: Interrupted, whole: Played):
    writes = range(1, whole.writes + 1)
    few = writes if whole.writes <= CUTS else sorted(of.chance.sample(writes, CUTS))
    return [(WRITE, number) for number in few] + [(KEPT, number) for number in range(1, whole.works + 1)]


def cut_and_restart(of: Interrupted, contents: Contents, event: Event, whole: Played, why: str) -> int:
    """How many alerts only a restart brought, of those that the event has at all its cuts."""
    late = 0
    for point, number in points(of, whole):
        played = of.play(contents, event, point, number)
        where = f"{why}, cut at {point.text} {number}"
        again, memory = after_restart(of, played.contents)
        said, repeated = alerts(played.sent), alerts(again)
        # Everything that is counted has been said, before the cut or after it, and in the order of counters.
        assert waiting(played.contents) == repeated[: len(waiting(played.contents))], where
        assert waiting(memory) == [], where
        counted = int(memory.get(("device", "counter"), b"0"))
        told = {parse_message(each).header.originator_counter: each for each in said}
        for each in repeated:
            counter = parse_message(each).header.originator_counter
            assert told.setdefault(counter, each) == each, f"{where}: counter {counter} of two alerts"
        assert all(counter <= counted for counter in told), where
        before = int(contents.get(("device", "counter"), b"0"))
        kept = {parse_message(each).header.originator_counter for each in alerts(whole.sent)}
        assert {each for each in kept if before < each <= counted} <= set(told), f"{where}: one is lost"
        late += len(set(repeated) - set(said))
    return late


@pytest.mark.parametrize("kind", KINDS)
def test_no_alert_is_lost_and_none_has_two_counters(kind):
    of = Interrupted(kind, 7)
    contents, late = of.new(), 0
    for turn in range(EVENTS):
        event = of.event()
        whole = of.play(contents, event)
        if alerts(whole.sent):
            late += cut_and_restart(of, contents, event, whole, f"{kind}, event {turn}: {event.name}")
        assert waiting(whole.contents) == [], event.name
        contents = whole.contents
    assert late, "no cut came where it matters"


def test_what_was_about_to_leave_goes_after_the_restart_as_it_was():
    of = Interrupted("esme", 1)
    contents = of.new()
    event = Event("cover", lambda device: device.stimulus(StimulusKind.COVER_OPEN, "meter"))
    whole = of.play(contents, event)
    cut = of.play(contents, event, KEPT, 1)
    assert cut.lost
    assert not cut.sent
    again, _memory = after_restart(of, cut.contents)
    assert alerts(whole.sent)
    assert again == alerts(whole.sent)


def test_one_that_has_left_is_said_once():
    of = Interrupted("esme", 1)
    event = Event("cover", lambda device: device.stimulus(StimulusKind.COVER_OPEN, "meter"))
    whole = of.play(of.new(), event)
    again, _memory = after_restart(of, whole.contents)
    assert not alerts(again)


def test_a_response_is_not_repeated():
    of = Interrupted("esme", 1)
    octets = of.bench.command("ECS52", "supplier")
    event = Event("a read", lambda device: device.handle(octets))
    contents = of.new()
    assert len(of.play(contents, event).sent) == 1
    cut = of.play(contents, event, KEPT, 1)
    assert after_restart(of, cut.contents)[0] == []


def test_a_refused_commands_alerts_are_taken_back_from_memory_too():
    """What a command would have caused is not in the outbox when the command is undone."""
    bench = GeneratedBench("esme")
    device = bench.device
    held: list[bytes] = []

    def send(message: bytes) -> None:
        held.append(message)
        device.outbox.hold(message)

    device.send = send
    with suppress(LookupError), device.work():
        device.events.record(EventCode.METER_COVER_REMOVED)
        raise LookupError
    assert held == device.outbox.waiting() == []


def test_a_full_outbox_gives_up_what_is_oldest(monkeypatch):
    monkeypatch.setattr(outbox, "CAPACITY", 3)
    device = GeneratedBench("esme").device
    device.send = device.outbox.hold
    for _ in range(5):
        with device.work():
            device.events.record(EventCode.METER_COVER_REMOVED)
    counters = [parse_message(each).header.originator_counter for each in device.outbox.waiting()]
    last = int(device.storage.get_json("device", "counter"))
    assert len(counters) == 3
    assert counters == sorted(counters)
    assert counters[-1] == last


@pytest.fixture
def bench(tmp_path):
    with PremisesByHand(tmp_path, ("chf", "gpf", "esme")) as bench:
        bench.join("esme")
        bench.after(400)
        yield bench


def cover_alerts(bench: PremisesByHand, seconds: float) -> set[bytes]:
    """Those that come in the next seconds; copies of one are one."""
    code = int(EventCode.METER_COVER_REMOVED).to_bytes(2, "big")
    return {each.octets for each in bench.after(seconds) if code in each.message.payload}


def kept_alerts(bench: PremisesByHand) -> set[bytes]:
    """What waits in the meter's memory: the cover's alert, and what else it found worth telling."""
    waits = bench.premises.devices["esme"].outbox.waiting()
    code = int(EventCode.METER_COVER_REMOVED).to_bytes(2, "big")
    found = {each for each in waits if code in parse_message(each).payload}
    assert found
    return found


def open_cover(bench: PremisesByHand) -> None:
    bench.premises.control("stimulus", "esme", StimulusKind.COVER_OPEN, "meter")


def test_over_the_han_an_alert_survives_a_cut_before_it_left(bench):
    bench.premises.faults.begin(parse_order("cut-power:esme,at=kept,number=1,seconds=20"))
    open_cover(bench)
    waits = kept_alerts(bench)
    assert not cover_alerts(bench, 10)
    assert cover_alerts(bench, 120) == waits


def test_over_the_han_an_alert_waits_for_a_hub_without_supply(bench):
    bench.premises.control("power-off", "chf", "", "")
    open_cover(bench)
    device = bench.premises.devices["esme"]
    assert not cover_alerts(bench, 60)
    waits = kept_alerts(bench)
    bench.premises.control("power-on", "chf", "", "")
    assert cover_alerts(bench, 900) == waits
    assert not device.outbox.waiting()


def test_over_the_han_an_alert_outlives_both_supplies_and_the_process(bench):
    bench.premises.control("power-off", "chf", "", "")
    open_cover(bench)
    bench.after(5)
    waits = kept_alerts(bench)
    bench.restart()
    bench.premises.control("power-on", "chf", "", "")
    assert cover_alerts(bench, 900) == waits
    assert 0x0059 in codes(bench.request(ACB, "ECS52", "esme", wait_s=20))


def test_over_the_han_a_storm_of_alerts_loses_none(bench):
    """More at once than a tunnel has room for."""
    device = bench.premises.devices["esme"]
    open_cover(bench)
    each = len(kept_alerts(bench))
    for _ in range(40):
        open_cover(bench)
    assert len(cover_alerts(bench, 300)) == 41 * each
    assert not device.outbox.waiting()


def test_a_device_that_is_removed_keeps_nothing_for_its_next_hub(bench):
    bench.premises.control("power-off", "chf", "", "")
    open_cover(bench)
    bench.after(5)
    bench.premises.control("power-on", "chf", "", "")
    device = bench.premises.devices["esme"]
    bench.premises.on_han["esme"]._left()
    assert not device.outbox.waiting()
