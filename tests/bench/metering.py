"""A year of one household: half hours, four rates a day, blocks, billing every day with its signed alert."""

from __future__ import annotations

from datetime import timedelta

from rigs.emulated.metering.amounts import LoadSettings
from tests.bench.measure import seconds
from tests.unit.emulated.metering.meter import MONDAY, MeterBench, date, time

LIMIT_S = 20.0
DAYS = 365


def household() -> MeterBench:
    """A twin element meter with a tariff, its storage in memory."""
    load = LoadSettings("household", seed=11, annual_kwh=4200, secondary_kwh=1500, solar_w=3000)
    bench = MeterBench(load, variant="twin-element")
    working = [(time(0), 1), (time(7), 2), (time(16), 101), (time(20), 3)]
    bench.switching(
        {1: working, 2: [(time(0), 4)]},
        weeks={b"w": [1, 1, 1, 1, 1, 2, 2]},
        special=[(date(None, 12, 25), 2), (date(None, 1, 1), 2)],
    )
    bench.switching({1: [(time(0), 201), (time(7), 202)]}, element=1)
    bench.thresholds(1, [500, 1500, 3000])
    bench.prices({1: 1500, 2: 2500, 3: 2700, 4: 2000, 0xA1: 3000, 0xB1: 3500, 0xC1: 4000, 0xD1: 4500})
    bench.billing((time(0), date()))
    return bench


def bench_metering() -> None:
    """Once with the device woken for each billing, once settled in one go at the year's end."""
    end = MONDAY + timedelta(days=DAYS)
    woken, lazy = household(), household()
    lazy.billing()
    taken = seconds(lambda: woken.until(end))
    idle = seconds(lambda: lazy.until(end))
    read = seconds(lambda: woken.value(7, "0000630100FF"))
    registers = woken.electricity.tariff.read()
    assert sum(registers.tou) + sum(registers.blocks) == woken.device.import_wh
    print("\nmetering: a household's year on one twin element meter")
    print(f"  billed daily, {DAYS} signed alerts   {taken:6.2f} s   (at most {LIMIT_S:.0f} s)")
    print(f"  settled once, at the end       {idle:6.2f} s")
    print(f"  13 months of half hours read   {read:6.2f} s")
    if taken > LIMIT_S:
        raise SystemExit(f"a household's year took {taken:.1f} s, {LIMIT_S:.0f} s are allowed")


if __name__ == "__main__":
    bench_metering()
