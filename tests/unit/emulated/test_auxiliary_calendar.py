"""The calendar of auxiliary controllers: what it says, when the device wakes for it, what goes before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench
from protocols.dlms.axdr import BitString, Data, Tag, array, boolean, long_unsigned, octet_string, structure
from rigs.emulated.auxiliary import Switching
from rigs.emulated.event_rules import Log
from rigs.emulated.objects.definition import Place

ENTRIES = Place(10, bytes.fromhex("00000C0002FF"), 2)
SPECIAL = Place(11, bytes.fromhex("00000B0003FF"), 2)
LIMIT, NUMBER = "00005E2C0001", "00005E2C0002"
ANY = bytes.fromhex("FFFFFFFFFF")
EVERY_DAY = 0b1111111
SUNDAY = 0b0000001


def _entry(hour: int, script: int, weekdays: int = EVERY_DAY, special: str = "") -> Data:
    return structure(
        long_unsigned(1),
        boolean(True),
        octet_string(bytes.fromhex("00000A0067FF")),
        long_unsigned(script),
        octet_string(bytes((hour, 0, 0, 0))),
        long_unsigned(0xFFFF),
        Data(Tag.BIT_STRING, BitString(7, bytes((weekdays << 1,)))),
        Data(
            Tag.BIT_STRING,
            BitString(len(special), bytes((int(special.ljust(8, "0"), 2),) if special else ())),
        ),
        octet_string(ANY),
        octet_string(ANY),
    )


@pytest.fixture
def bench():
    return DeviceBench("esme")


def _set(device, *entries, special=()):
    with device.work():
        device.cosem.put(ENTRIES, array(entries))
        days = [
            structure(long_unsigned(n), octet_string(date), Data(Tag.UNSIGNED, n))
            for n, date in enumerate(special, start=1)
        ]
        device.cosem.put(SPECIAL, array(days))
        for heard in device.cosem.activated:
            heard(ENTRIES)


def _levels(bench, hours):
    found = []
    for hour in hours:
        bench.clock.time = START.replace(hour=0) + timedelta(hours=hour)
        bench.device.run_due()
        found.append(bench.device.auxiliary.level(1))
    return found


def test_the_last_switching_counts_also_from_the_day_before(bench):
    _set(bench.device, _entry(18, 0x0101), _entry(20, 0x0102), _entry(23, 0x0101), _entry(2, 0x0102))
    assert _levels(bench, [12.5, 17.9, 18, 19.9, 20, 23.5, 25, 26, 41, 42]) == [
        *(0, 0, 100, 100, 0),
        *(100, 100, 0, 0, 100),
    ]


def test_the_device_wakes_and_logs_each_switching(bench):
    device, told = bench.device, []

    def changed(*values):
        told.append(values)
        return True

    device.auxiliary.changed = changed
    _set(device, _entry(18, 0x0101), _entry(20, 0x0102))
    for _ in range(4):
        due = device.next_due()
        bench.clock.time = max(bench.clock.time, due)
        device.run_due()
        if bench.clock.time >= START.replace(hour=20):
            break
    assert told == [(1, 100, 0), (1, 0, 0)]
    times = [entry.time.hour for entry in device.events.entries(Log.AUXILIARY)]
    assert times == [18, 20]


def test_weekdays_and_special_days(bench):
    """START is a Sunday; the special day goes by its own entries alone."""
    sunday = _entry(9, 0x0101, SUNDAY)
    _set(bench.device, sunday, _entry(9, 0x0102, EVERY_DAY & ~SUNDAY))
    assert _levels(bench, [13, 24 + 10]) == [100, 0]
    date = bytes.fromhex("FFFF0301FF")
    bench = DeviceBench("esme")
    _set(bench.device, sunday, _entry(10, 0x11B2, 0, "1"), special=[date])
    assert _levels(bench, [12.5]) == [50]


def test_the_offset_delays(bench):
    device = bench.device
    number = device.cosem.value(Place(1, bytes.fromhex(NUMBER), 2)).value
    with device.work():
        device.cosem.put(Place(1, bytes.fromhex(LIMIT), 2), long_unsigned(3600))
    _set(device, _entry(13, 0x0102), _entry(18, 0x0101))
    offset = 3600 * number // 0xFFFF
    assert 0 <= offset <= 3600
    assert _levels(bench, [18 + (offset - 2) / 3600, 18 + (offset + 2) / 3600]) == [0, 100]


def test_a_smaller_limit_moves_the_next_waking(bench):
    """ECS38: what was planned with the offset before would come too late."""
    device = bench.device
    number = device.cosem.value(Place(1, bytes.fromhex(NUMBER), 2)).value
    place = Place(1, bytes.fromhex(LIMIT), 2)
    with device.work():
        device.cosem.put(place, long_unsigned(3600))
    _set(device, _entry(18, 0x0101))
    assert device.next_due() == START.replace(hour=18, minute=0) + timedelta(seconds=3600 * number // 0xFFFF)
    answer = bench.request("ECS38", **{"RandomisedOffsetLimit: value": 60})
    assert answer
    assert device.cosem.value(place).value == 60
    assert device.next_due() == START.replace(hour=18, minute=0) + timedelta(seconds=60 * number // 0xFFFF)


def test_a_command_goes_before_the_calendar_until_it_is_taken_back(bench):
    device = bench.device
    _set(device, _entry(11, 0x0101))
    assert device.auxiliary.level(1) == 100
    for level, shown in ((0, 0), (None, 100)):
        with device.work():
            device.auxiliary.command(Switching(1, False, level))
        assert device.auxiliary.level(1) == shown


def test_scripts_that_mean_nothing_change_nothing(bench):
    _set(bench.device, _entry(11, 0x0000), _entry(12, 0xFFFF), _entry(12, 0x0120))
    assert _levels(bench, [13]) == [0]
