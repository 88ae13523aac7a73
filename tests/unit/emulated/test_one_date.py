"""One time in a command, or it fails the content check."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fixtures.emulated_devices import START, DeviceBench

LIMITS = {
    "LoadLimitSupplyState: valueNext": False,
    "LoadLimitPowerThreshold: thresholdNext": 4_000,
    "LoadLimitPeriod(Timer): valueNext": 60,
    "LoadLimitRestorationPeriod(Timer): valueNext": 300,
}
_DATES = [name.split(":")[0] + ": activateNextDateTime" for name in LIMITS]
CONTENT_CHECK_FAILED = 0x8F1E
SOON, LATER = START + timedelta(hours=1), START + timedelta(hours=2)


@pytest.mark.parametrize(
    ("dates", "taken"),
    [
        ([SOON] * 4, True),
        (["now"] * 4, True),
        ([SOON] * 3 + [LATER], False),
        (["now"] * 3 + [SOON], False),
        (["*"] * 3 + [SOON], False),
    ],
)
def test_dates_of_load_limiting(dates, taken):
    bench = DeviceBench()
    command = bench.command("ECS28a", **LIMITS, **dict(zip(_DATES, dates, strict=True)))
    bench.device.handle(command)
    assert (CONTENT_CHECK_FAILED not in bench.logged("security")) is taken
    assert (bench.device.schedule.next_due() is not None) is (taken and dates[0] == SOON)
