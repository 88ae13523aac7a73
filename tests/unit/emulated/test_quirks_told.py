"""What a quirk spoils is told to whoever records, before it leaves: a capture marks it as malformed on purpose."""

from __future__ import annotations

import pytest

from fixtures.emulated_devices import DeviceBench
from rigs.emulated.fault_catalogue.acting import Quirky, Site
from rigs.emulated.fault_catalogue.quirks import QUIRKS

UNSPOILT = {"silent", "no-alerts", "responses-twice"}


@pytest.mark.parametrize("behaviour", QUIRKS)
def test_spoilt_messages_are_told(behaviour):
    bench, happened = DeviceBench("esme"), []
    bench.device.handle(bench.command("ECS52"))
    (response,) = bench.sent

    def nothing() -> None:
        pass

    def spoilt(octets, why):
        happened.append(("told", octets, why))

    def go(octets):
        happened.append(("left", octets))

    site = Site(bench.device, None, [bench.device], nothing, nothing, nothing, spoilt)
    Quirky({"behaviour": behaviour}).leaving(response, go, site)
    left = [each[1] for each in happened if each[0] == "left"]
    told = [each[1:] for each in happened if each[0] == "told"]
    assert told == [] if behaviour in UNSPOILT else told == [(left[0], f"quirk {behaviour}")]
    assert happened == sorted(happened, key=lambda each: each[0] == "left")
