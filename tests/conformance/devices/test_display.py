"""An in-home display: joined by CCS01, let in by CS03B at the meter, and no part in messages."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from .. import device_log
from ..alerts.stimuli import do
from ..reads import read

pytestmark = [
    needs(state="commissioned", devices=["esme", "ihd"], capabilities=["esme.stimulus", "ihd.stimulus"]),
    leaves("restored"),
]

A_LOOK_S = 5.0
REFRESH_S = 10.0


def _look(bench, ihd):
    """What it shows after a look and a moment."""
    do(ihd, StimulusKind.DISPLAY)
    bench.wait(A_LOOK_S)
    return do(ihd, StimulusKind.DISPLAY).answer.splitlines()


@pytest.fixture(autouse=True)
def at_rest(esme):
    do(esme, StimulusKind.BUTTON, "load=0")
    yield
    do(esme, StimulusKind.BUTTON, "load=0")


@covers("IHD-REFRESH-01")
def test_figures_follow_the_meter(bench, esme, ihd, check):
    for watts in (1500, 0, 300):
        do(esme, StimulusKind.BUTTON, f"load={watts}")
        bench.wait(REFRESH_S)
        check.equal("IHD-REFRESH-01", f"POWER {watts} W", _look(bench, ihd)[2])


@covers("GBCS-TYPE2-01")
def test_a_command_for_a_display_goes_nowhere(bench, acb, esme, ihd, check):
    mark = bench.alerts.mark()
    acb.expect_silence(acb.send("CS07", ihd), within_s=60)
    read(bench, esme)
    check.equal(
        "GBCS-TYPE2-01", [], [each.device for each in bench.alerts.since(mark) if each.device == ihd.name]
    )


@covers("GBCS-TYPE2-01")
def test_a_display_that_is_not_let_in_reads_nothing(bench, acb, supplier, chf, esme, ihd, check):
    """Taken out of the meter's log, it shows what it had, and nothing new."""
    before = _look(bench, ihd)
    supplier.request("CS04B", esme, other_device_id=ihd.eui64)
    do(esme, StimulusKind.BUTTON, "load=2222")
    bench.wait(REFRESH_S)
    check.equal("GBCS-TYPE2-01", before, _look(bench, ihd))
    assert ihd.eui64 in device_log.listed(acb, chf)
