"""Alerts that supply fails under: what was noted and counted is told when supply is back, once and as it was."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised, restart, until_it_answers
from .stimuli import do

pytestmark = [needs(state="commissioned"), leaves("restored")]

OTHER_TAMPER = 0x8F78
BACK_S = 20  # until a meter that answers again has also told what it had to tell


@pytest.fixture
def meter(request):
    """The meter that a test is about."""
    return request.getfixturevalue(request.param)


METERS = [
    pytest.param(name, marks=needs(devices=[name], capabilities=[f"{name}.stimulus", f"{name}.power"]))
    for name in ("esme", "gsme")
]


@pytest.fixture
def mark(bench):
    """Before what the test does, once all that came before it was told."""
    while True:
        number = bench.alerts.mark()
        bench.wait(BACK_S / 2)
        if number == bench.alerts.mark():
            return number


def told_once(check, bench, meter, mark) -> None:
    """The alert is there, and every copy of it has the same octets."""
    bench.wait(BACK_S)
    raised(check, bench, meter, [OTHER_TAMPER], since=mark, row="SMETS-NV-01")
    of_it = [each for each in bench.alerts.since(mark) if each.alert_code == OTHER_TAMPER]
    readers = {each.to for each in of_it}
    check.equal("SMETS-NV-01", len(readers), len({each.octets for each in of_it}))
    for each in of_it:
        check.equal("SMETS-NV-01", "ok", each.signature, octets=each.octets)


@covers("SMETS-NV-01")
@pytest.mark.parametrize("meter", METERS, indirect=True)
def test_an_alert_outlives_a_power_cut(bench, meter, check, mark):
    do(meter, StimulusKind.BUTTON, "tamper")
    restart(bench, meter)
    told_once(check, bench, meter, mark)


@covers("SMETS-NV-01")
@needs(devices=["chf"], capabilities=["chf.power"])
@pytest.mark.parametrize("meter", METERS, indirect=True)
def test_an_alert_waits_for_a_hub_without_supply(bench, chf, meter, check, mark):
    chf.power.off()
    try:
        do(meter, StimulusKind.BUTTON, "tamper")
        bench.wait(20)
        early = [each.alert_code for each in bench.alerts.since(mark)]
        check.that("SMETS-NV-01", OTHER_TAMPER not in early, expected="nothing yet", observed=early)
    finally:
        chf.power.on()
        until_it_answers(bench, meter)
    told_once(check, bench, meter, mark)


@covers("SMETS-NV-01")
@needs(devices=["chf"], capabilities=["chf.power"])
@pytest.mark.parametrize("meter", METERS, indirect=True)
def test_an_alert_outlives_meter_and_hub(bench, chf, meter, check, mark):
    chf.power.off()
    try:
        do(meter, StimulusKind.BUTTON, "tamper")
        meter.power.off()
    finally:
        chf.power.on()
        meter.power.on()
        until_it_answers(bench, meter)
    told_once(check, bench, meter, mark)
