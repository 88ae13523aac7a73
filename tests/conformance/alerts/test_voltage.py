"""Voltage quality of an electricity meter, by a source whose voltage can be set (the knob ``rms``)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised, read
from .logs import POWER, codes, entries
from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

NOMINAL = "rms=230"
# ECS29a: what a network operator sets. Volts and seconds; every limit with a period of its own.
OVER, UNDER, PERIOD_S = 250, 210, 60
EXTREMES = {
    "ExtremeOverVoltage": (280, 5),
    "ExtremeUnderVoltage": (170, 6),
    "VoltageSag": (195, 7),
    "VoltageSwell": (262, 8),
}
SETTINGS = {
    "(Phase[1])AverageRMSOverVoltageThreshold: value": OVER,
    "(Phase[1])AverageRMSUnderVoltageThreshold: value": UNDER,
    "(Phase[1])AverageRMSVoltageProfileDataLog: measurementPeriod": PERIOD_S,
} | {
    f"RMS{name}{what}": value
    for name, values in EXTREMES.items()
    for what, value in zip(("Threshold: threshold", "MeasurementPeriod: period"), values, strict=True)
}
COUNTERS = {
    "over": "(Phase[1])AverageRMSOverVoltageCounter: value",
    "under": "(Phase[1])AverageRMSUnderVoltageCounter: value",
}


@pytest.fixture
def configured(bench, network_operator, esme):
    """The meter with these settings and a voltage at which nothing happens."""
    do(esme, StimulusKind.BUTTON, NOMINAL)
    response = network_operator.request("ECS29a", esme, values=SETTINGS)
    assert not any(response.statuses.values())
    bench.wait(2 * PERIOD_S + 20)
    yield
    do(esme, StimulusKind.BUTTON, NOMINAL)
    bench.wait(2 * PERIOD_S + 20)


def _average(code, ended, volts):
    rows = (f"GBCS-EV-{code:04X}", f"GBCS-EV-{ended:04X}")
    return pytest.param(code, ended, volts, rows, id=f"{code:04X}", marks=covers(*rows))


@covers("SMETS-VOLT-01")
@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("entered", "ended", "volts", "rows"), [_average(0x8002, 0x8085, 255), _average(0x8006, 0x8089, 205)]
)
def test_averages_beyond_a_threshold(
    bench, supplier, network_operator, esme, check, entered, ended, volts, rows
):
    """Both directions, each at the end of a measurement period."""
    for voltage, code, row in ((f"rms={volts}", entered, rows[0]), (NOMINAL, ended, rows[1])):
        mark = bench.alerts.mark()
        do(esme, StimulusKind.BUTTON, voltage)
        bench.wait(2 * PERIOD_S + 10)
        alert = raised(check, bench, esme, [code], since=mark, row=row)
        check.equal(row, (network_operator.name, "ok"), (alert.to, alert.mac), octets=alert.octets)
        last = entries(bench, supplier, esme, POWER)[-1]
        check.equal(row, code, last.code)
        offset = last.time.timestamp() % PERIOD_S
        check.equal("SMETS-VOLT-01", 0.0, offset)


@covers("SMETS-VOLT-01")
@pytest.mark.usefixtures("configured")
def test_crossings_are_counted_and_the_counters_reset(bench, network_operator, esme, check):
    network_operator.request("ECS29e", esme)
    for volts in (255, 230, 255, 230, 205, 230):
        do(esme, StimulusKind.BUTTON, f"rms={volts}")
        bench.wait(2 * PERIOD_S)
    bench.wait(PERIOD_S)
    day = timedelta(days=1)
    window = {"fromDateTime": bench.clock.now() - day, "toDateTime": bench.clock.now() + day}
    response = network_operator.request("ECS23", esme, **window)
    elements = response.named["elements"]
    check.equal("SMETS-VOLT-01", (2, 1), tuple(elements[COUNTERS[name]] for name in ("over", "under")))
    log = elements["(Phase[1])AverageRMSVoltageProfileDataLog: readLog"]
    check.equal("SMETS-VOLT-01", True, {255, 230, 205} <= {entry["value"] for entry in log})
    network_operator.request("ECS29e", esme)
    elements = network_operator.request("ECS23", esme, **window).named["elements"]
    check.equal("SMETS-VOLT-01", (0, 0), tuple(elements[name] for name in COUNTERS.values()))


def _extreme(name, code, ended, beyond):
    rows = (f"GBCS-EV-{code:04X}",)
    return pytest.param(name, code, ended, beyond, rows[0], id=f"{code:04X}", marks=covers(*rows))


@covers("SMETS-VOLT-02")
@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize(
    ("name", "entered", "ended", "volts", "row"),
    [
        _extreme("ExtremeOverVoltage", 0x8020, 0x808D, 281),
        _extreme("ExtremeUnderVoltage", 0x8028, 0x8095, 169),
        _extreme("VoltageSag", 0x802C, 0x8099, 194),
        _extreme("VoltageSwell", 0x8024, 0x8091, 263),
    ],
)
def test_extremes_count_once_they_last(bench, supplier, esme, check, name, entered, ended, volts, row):
    """Just shorter than the limit's period, then just longer, on entry and on return."""
    _threshold, lasting = EXTREMES[name]
    for voltage, code in ((f"rms={volts}", entered), (NOMINAL, ended)):
        other = NOMINAL if code == entered else f"rms={volts}"
        before = codes(bench, supplier, esme, POWER).count(code)
        mark = bench.alerts.mark()
        do(esme, StimulusKind.BUTTON, voltage)
        bench.wait(lasting - 2)
        do(esme, StimulusKind.BUTTON, other)
        bench.wait(lasting + 3)
        check.equal("SMETS-VOLT-02", before, codes(bench, supplier, esme, POWER).count(code))
        do(esme, StimulusKind.BUTTON, voltage)
        bench.wait(lasting + 3)
        alert = raised(check, bench, esme, [code], since=mark, row="SMETS-VOLT-02")
        check.equal("SMETS-VOLT-02", "ok", alert.mac, octets=alert.octets)
        check.equal(row, before + 1, codes(bench, supplier, esme, POWER).count(code))
    read(bench, esme)
