"""Supply that fails at any write of any device while anything happens to it.

After a restart the memory is that of before the last unfinished command or that of after it, never one
between; counters never go back; logs keep their order.
"""

from __future__ import annotations

import pytest

from fixtures.interrupted_devices import KEPT, WRITE, Contents, Interrupted, Played, alert_counters
from protocols.gbcs.message import parse_message
from rigs.emulated.events import CAPACITY
from rigs.emulated.memory_storage import MemoryStorage

KINDS = ("esme", "gsme", "chf", "gpf", "ppmid", "hcalcs", "sapc")
SEEDS = range(2)
EVENTS, CUTS = 40, 4


def counters(contents: Contents) -> dict[tuple[str, str], int]:
    """Those that may never go back: the device's own and those of the parties, and how often it logged."""
    return {
        (section, key): int(value)
        for (section, key), value in contents.items()
        if (section, key) == ("device", "counter") or section == "log"
    }


def logs(contents: Contents) -> dict[str, dict[int, bytes]]:
    found: dict[str, dict[int, bytes]] = {}
    for (section, key), value in contents.items():
        if section.startswith("log."):
            found.setdefault(section, {})[int(key)] = value
    return found


def in_order(before: Contents, after: Contents, why: str) -> None:
    """Counters have not gone back, and logs hold their newest entries without a gap, none of them changed."""
    old, new = counters(before), counters(after)
    assert all(new.get(name, -1) >= value for name, value in old.items()), why
    earlier = logs(before)
    for name, entries in logs(after).items():
        numbers = sorted(entries)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), f"{name} has a gap: {why}"
        assert len(numbers) <= CAPACITY, f"{name}: {why}"
        assert numbers[-1] == new[("log", name.removeprefix("log."))] - 1, f"{name}: {why}"
        kept = {number: entry for number, entry in earlier.get(name, {}).items() if number in entries}
        assert all(entries[number] == entry for number, entry in kept.items()), f"{name} was rewritten: {why}"


def cuts(of: Interrupted, whole: Played):
    """Some of the points that an event has: every write where there are few, and after each transaction."""
    writes = range(1, whole.writes + 1)
    few = writes if whole.writes <= CUTS else sorted(of.chance.sample(writes, CUTS))
    return [(WRITE, number) for number in few] + [(KEPT, number) for number in range(1, whole.works + 1)]


def stages(of: Interrupted, contents: Contents, event) -> list[Contents]:
    """What a restart finds before the event, and after each piece of work of it that was kept."""
    found = [of.restarted(contents)]
    number = 1
    while (played := of.play(contents, event, KEPT, number)).lost:
        found.append(of.restarted(played.contents))
        number += 1
    return found


def cut_everywhere(of: Interrupted, contents: Contents, event, whole: Played, why: str) -> None:
    allowed = stages(of, contents, event)
    if event.single:
        allowed = [allowed[0], of.restarted(whole.contents)]
    for point, number in cuts(of, whole):
        played = of.play(contents, event, point, number)
        where = f"{why}, cut at {point.text} {number} of {whole.writes} writes, {whole.works} transactions"
        assert played.lost, where
        after = of.restarted(played.contents)
        assert after in allowed, f"{where}: {differences(after, allowed)}"
        if played.sent:
            assert after != allowed[0] or allowed[0] == allowed[-1], (
                f"something left that was not kept: {where}"
            )
        in_order(contents, after, where)


def differences(found: Contents, allowed: list[Contents]) -> str:
    """What is neither as before nor as after."""
    keys = {key for state in (found, *allowed) for key in state}
    mixed = [key for key in sorted(keys) if found.get(key) != allowed[0].get(key)]
    missing = [key for key in sorted(keys) if found.get(key) != allowed[-1].get(key)]
    return f"changed {mixed}, not yet {missing}"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_before_or_after_and_never_between(kind, seed):
    of = Interrupted(kind, seed)
    contents = of.new()
    last = 0
    for turn in range(EVENTS):
        event = of.event()
        why = f"{kind} {seed}, event {turn}: {event.name}"
        whole = of.play(contents, event)
        if turn % 2 or whole.works > 1:
            cut_everywhere(of, contents, event, whole, why)
        in_order(contents, whole.contents, why)
        alerts = alert_counters(whole.sent)
        assert alerts == sorted(set(alerts)), why
        assert not alerts or alerts[0] > last, why
        last = max([last, *alerts])
        contents = whole.contents


def told(sent: list[bytes]) -> list[str]:
    """Messages as kind, code and counter, with their payloads."""
    found = [parse_message(octets) for octets in sent]
    return [
        f"{m.kind} {m.header.message_code:04X} {m.header.originator_counter} {m.header.date_time.hex()} {m.payload.hex()}"
        for m in found
    ]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_runs_on_is_one_that_restarts(kind, seed):
    """Nothing is remembered but in memory that lasts, whatever was refused or undone in between."""
    of = Interrupted(kind, 100 + seed)
    contents = of.new()
    sent: list[bytes] = []
    storage = MemoryStorage(contents)
    device = of.device(storage, sent)
    for turn in range(EVENTS):
        event = of.event()
        with device.work():
            pass  # as the start of the other does: what was consumed is settled
        sent.clear()
        event.happen(device)
        again = of.play(contents, event)
        contents = storage.dump()
        why = f"{kind} {seed}, event {turn}: {event.name}"
        assert again.contents == contents, f"{why}: {differences(again.contents, [contents])}"
        assert again.sent == sent, f"{why}: {told(again.sent)}, running on {told(sent)}"
