"""Events of single phases of a polyphase meter: voltage, supply and current, each with codes of its own.

The rig names its meter ``polyphase`` (rigs/emulated-variants.toml): meters of one phase have other codes.
"""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised
from .logs import POWER, codes
from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["polyphase"], capabilities=["polyphase.stimulus"]),
    leaves("restored"),
]

PHASES = (1, 2, 3)
NOMINAL = 230
SUPPLY_RESTORED = 0x0067  # message code of ECS80
LASTING_S = 40.0  # longer than the period of any limit of a new meter
SHORT_S, LONG_S = 120.0, 200.0
# Register rows exist for some phases only.
WITH_ROWS = {
    *range(0x8003, 0x8006),
    *range(0x8007, 0x800A),
    0x8086,
    *range(0x8021, 0x8024),
    *range(0x8025, 0x8028),
    *range(0x8029, 0x802C),
    *range(0x802D, 0x8030),
    0x8097,
    0x8098,
    *range(0x809A, 0x809D),
    *range(0x8F37, 0x8F3D),
    0x8F58,
    0x8016,
}


def rows_of(*found: int) -> tuple[str, ...]:
    return tuple(f"GBCS-EV-{code:04X}" for code in found if code in WITH_ROWS)


def _each_phase(entered: int, ended: int, volts: int, *, step: int = 1):
    """A parameter set for each phase: codes of phase n stand n after those of a single phase meter."""
    return [
        pytest.param(
            phase,
            entered + step * phase,
            ended + step * phase,
            volts,
            id=f"{entered + step * phase:04X}",
            marks=covers("SMETS-VOLT-01", *rows_of(entered + step * phase, ended + step * phase)),
        )
        for phase in PHASES
    ]


@pytest.fixture
def meter(bench):
    """The polyphase meter, at rest before the test and after it."""
    polyphase = bench.devices["polyphase"]
    do(polyphase, StimulusKind.BUTTON, f"rms={NOMINAL}")
    do(polyphase, StimulusKind.BUTTON, f"voltage={NOMINAL}")
    bench.wait(LASTING_S)
    yield polyphase
    do(polyphase, StimulusKind.BUTTON, f"rms={NOMINAL}")
    do(polyphase, StimulusKind.BUTTON, f"voltage={NOMINAL}")
    bench.wait(LASTING_S)


def _noticed(check, bench, reader, meter, code, cause):
    """The event is alerted with a MAC and logged; its siblings of other phases are not."""
    row = next(iter(rows_of(code)), "SMETS-VOLT-01")
    before = codes(bench, reader, meter, POWER)
    mark = bench.alerts.mark()
    cause()
    alert = raised(check, bench, meter, [code], since=mark, row=row)
    check.equal(row, ("ok", reader.name), (alert.mac, alert.to), octets=alert.octets)
    check.equal(row, [code], codes(bench, reader, meter, POWER)[len(before) :][-1:])


AVERAGES = [*_each_phase(0x8002, 0x8085, 260), *_each_phase(0x8006, 0x8089, 200)]
EXTREMES = [
    *_each_phase(0x8020, 0x808D, 300),
    *_each_phase(0x8024, 0x8091, 270),
    *_each_phase(0x8028, 0x8095, 150),
    *_each_phase(0x802C, 0x8099, 190),
]


@pytest.mark.parametrize(("phase", "entered", "ended", "volts"), AVERAGES)
def test_average_voltage_of_one_phase(bench, network_operator, meter, check, phase, entered, ended, volts):
    for voltage, code in ((volts, entered), (NOMINAL, ended)):

        def cause(knob=f"voltage={voltage}@{phase}"):
            do(meter, StimulusKind.BUTTON, knob)

        _noticed(check, bench, network_operator, meter, code, cause)


@covers("SMETS-VOLT-02")
@pytest.mark.parametrize(("phase", "entered", "ended", "volts"), EXTREMES)
def test_extreme_voltage_of_one_phase(bench, network_operator, meter, check, phase, entered, ended, volts):
    for voltage, code in ((volts, entered), (NOMINAL, ended)):
        mark = bench.alerts.mark()
        do(meter, StimulusKind.BUTTON, f"rms={voltage}@{phase}")
        bench.wait(LASTING_S)
        row = next(iter(rows_of(code)), "SMETS-VOLT-02")
        alert = raised(check, bench, meter, [code], since=mark, row=row)
        check.equal(row, ("ok", network_operator.name), (alert.mac, alert.to), octets=alert.octets)
        check.equal(row, True, code in codes(bench, network_operator, meter, POWER))


def _outages(first: int, seconds: float):
    return [
        pytest.param(
            phase,
            first + 2 * (phase - 1),
            seconds,
            id=f"{first + 2 * (phase - 1):04X}",
            marks=covers(*rows_of(first + 2 * (phase - 1), 0x8F57 + phase)),
        )
        for phase in PHASES
    ]


@covers("SMETS-OUT-02", "GBCS-OUT-03")
@pytest.mark.parametrize(
    ("phase", "restored", "seconds"), [*_outages(0x8F37, SHORT_S), *_outages(0x8F38, LONG_S)]
)
def test_outage_of_one_phase(bench, network_operator, meter, check, phase, restored, seconds):
    interrupted = 0x8F57 + phase
    mark = bench.alerts.mark()
    do(meter, StimulusKind.BUTTON, f"phase={phase}:off")
    bench.wait(seconds)
    do(meter, StimulusKind.BUTTON, f"phase={phase}:on")
    alert = raised(check, bench, meter, [restored], since=mark, row="SMETS-OUT-02")
    check.equal("GBCS-OUT-03", SUPPLY_RESTORED, alert.message_code, octets=alert.octets)
    check.equal(
        "GBCS-OUT-03", ("ok", network_operator.name), (alert.signature, alert.to), octets=alert.octets
    )
    check.equal("SMETS-OUT-02", [interrupted, restored], codes(bench, network_operator, meter, POWER)[-2:])
    silent = [each.to for each in bench.alerts.since(mark) if each.alert_code == interrupted]
    check.equal("SMETS-OUT-02", [], silent)


@pytest.mark.parametrize(
    ("phase", "code"),
    [(1, 0x8011), pytest.param(2, 0x8016, marks=covers("GBCS-EV-8016")), (3, 0x8013)],
)
@covers("GBCS-16-01")
def test_over_current_of_one_phase(bench, network_operator, meter, check, phase, code):
    do(meter, StimulusKind.BUTTON, f"current=10@{phase}")
    mark = bench.alerts.mark()
    do(meter, StimulusKind.BUTTON, f"current=150@{phase}")
    alert = raised(check, bench, meter, [code], since=mark, row="GBCS-16-01")
    check.equal("GBCS-16-01", ("ok", network_operator.name), (alert.mac, alert.to), octets=alert.octets)
    check.equal("GBCS-16-01", code, codes(bench, network_operator, meter, POWER)[-1])
