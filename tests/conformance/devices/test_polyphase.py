"""What a polyphase meter has for each of its phases: thresholds, counters, averages, outages."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.dlms.date_time import decode_date_time
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..reads import raised

pytestmark = [
    needs(state="commissioned", devices=["polyphase"], capabilities=["polyphase.stimulus"]),
    leaves("restored"),
]

PHASES = (1, 2, 3)
PERIOD_S = 60
OVER, UNDER = {1: 250, 2: 251, 3: 252}, {1: 210, 2: 211, 3: 212}
BEYOND = {1: (1, 0), 2: (2, 1), 3: (0, 2)}  # by phase: averages above and below, as the test makes them
EXTREMES = {
    "RMSExtremeOverVoltage": (280, 30),
    "RMSExtremeUnderVoltage": (170, 30),
    "RMSVoltageSag": (195, 10),
    "RMSVoltageSwell": (262, 10),
}


def _over(phase):
    return f"(Phase[{phase}])AverageRMSOverVoltage"


def _under(phase):
    return f"(Phase[{phase}])AverageRMSUnderVoltage"


def _log(phase):
    return f"(Phase[{phase}])AverageRMSVoltageProfileDataLog"


def _settings(over, under, *, period="MeasurementPeriod: value"):
    found = {}
    for phase in PHASES:
        found[f"{_over(phase)}Threshold: value"] = over[phase]
        found[f"{_under(phase)}Threshold: value"] = under[phase]
        found[f"(Phase[{phase}])AverageRMSVoltage{period}"] = PERIOD_S
    # ECS29b names the extremes' values otherwise than ECS29d.
    first, second = ("threshold", "period") if "Profile" in period else ("value", "value")
    for name, (threshold, lasting) in EXTREMES.items():
        found |= {f"{name}Threshold: {first}": threshold, f"{name}MeasurementPeriod: {second}": lasting}
    return found


@pytest.fixture
def configured(bench, network_operator, polyphase):
    """Thresholds of each phase's own, counters at zero, 230 V."""
    do(polyphase, StimulusKind.BUTTON, "rms=230")
    values = _settings(OVER, UNDER, period="ProfileDataLog: measurementPeriod")
    response = network_operator.request("ECS29b", polyphase, values=values)
    assert not any(response.statuses.values()), response.statuses
    yield
    do(polyphase, StimulusKind.BUTTON, "rms=230")
    bench.wait(2 * PERIOD_S)


@pytest.fixture
def polyphase(devices):
    return devices["polyphase"]


@covers("SMETS-5.19.1.1-OBJ", "SMETS-5.19.1.2-OBJ")
@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_thresholds_of_each_phase_are_kept(request, polyphase, check, role):
    elements = request.getfixturevalue(role).request("ECS26k", polyphase).named["elements"]
    for row, name, wanted in (
        ("SMETS-5.19.1.1-OBJ", _over, OVER),
        ("SMETS-5.19.1.2-OBJ", _under, UNDER),
    ):
        check.equal(row, wanted, {phase: elements[f"{name(phase)}Threshold: value"] for phase in PHASES})


def _read(bench, user, polyphase):
    day = timedelta(days=1)
    window = {"fromDateTime": bench.clock.now() - day, "toDateTime": bench.clock.now() + day}
    values = {f"{_log(phase)}: readLog/{name}": each for phase in PHASES for name, each in window.items()}
    return user.request("ECS23b", polyphase, values=values).named["elements"]


def _counted(elements):
    return {
        phase: (elements[f"{_over(phase)}Counter: value"], elements[f"{_under(phase)}Counter: value"])
        for phase in PHASES
    }


@covers(
    "SMETS-5.18.1.1-OBJ",
    "SMETS-5.18.1.2-OBJ",
    "SMETS-5.19.2.1-OBJ",
    "SMETS-5.19.2.2-OBJ",
    "GBCS-ECS29-01",
)
@pytest.mark.usefixtures("configured")
def test_each_phase_is_counted_by_itself(bench, network_operator, polyphase, check):
    for phase, (over, under) in BEYOND.items():
        for volts in ([255, 230] * over) + ([205, 230] * under):
            do(polyphase, StimulusKind.BUTTON, f"voltage={volts}@{phase}")
    found = _counted(_read(bench, network_operator, polyphase))
    check.equal("SMETS-5.19.2.1-OBJ", [BEYOND[n][0] for n in PHASES], [found[n][0] for n in PHASES])
    check.equal("SMETS-5.19.2.2-OBJ", [BEYOND[n][1] for n in PHASES], [found[n][1] for n in PHASES])

    check.step("other thresholds leave the counters alone")
    higher = {phase: volts + 2 for phase, volts in OVER.items()}
    values = _settings(higher, UNDER)
    assert not any(network_operator.request("ECS29d", polyphase, values=values).statuses.values())
    check.equal("GBCS-ECS29-01", found, _counted(_read(bench, network_operator, polyphase)))
    read = network_operator.request("ECS26k", polyphase).named["elements"]
    check.equal("GBCS-ECS29-01", higher, {n: read[f"{_over(n)}Threshold: value"] for n in PHASES})

    check.step("their own reset does not")
    network_operator.request("ECS29f", polyphase)
    found = _counted(_read(bench, network_operator, polyphase))
    check.equal("SMETS-5.18.1.1-OBJ", [0] * 3, [found[n][0] for n in PHASES])
    check.equal("SMETS-5.18.1.2-OBJ", [0] * 3, [found[n][1] for n in PHASES])


@covers("SMETS-5.19.1.3-OBJ", "SMETS-5.19.2.3-OBJ")
@pytest.mark.usefixtures("configured")
def test_averages_of_each_phase_are_logged(bench, network_operator, polyphase, check):
    volts = {1: 231, 2: 238, 3: 225}
    for phase, each in volts.items():
        do(polyphase, StimulusKind.BUTTON, f"rms={each}@{phase}")
    bench.wait(3 * PERIOD_S)
    elements = _read(bench, network_operator, polyphase)
    for phase, each in volts.items():
        check.equal("SMETS-5.19.1.3-OBJ", PERIOD_S, elements[f"{_log(phase)}: measurementPeriod"])
        last = elements[f"{_log(phase)}: readLog"][-2:]
        check.equal("SMETS-5.19.2.3-OBJ", [each, each], [entry["value"] for entry in last])


@covers("SMETS-5.17.2.6-OBJ", "SMETS-5.5.12.6-OBJ", "SMETS-OUT-02")
@pytest.mark.parametrize(("phase", "seconds", "code"), [(1, 60, 0x8F37), (2, 240, 0x8F3A), (3, 60, 0x8F3B)])
def test_an_outage_of_a_phase_is_told_with_its_times(
    bench, network_operator, polyphase, check, phase, seconds, code
):
    lost, mark = bench.clock.now(), bench.alerts.mark()
    do(polyphase, StimulusKind.BUTTON, f"phase={phase}:off")
    bench.wait(seconds)
    do(polyphase, StimulusKind.BUTTON, f"phase={phase}:on")
    alert = raised(check, bench, polyphase, [code], since=mark, row="SMETS-OUT-02")
    check.equal("SMETS-OUT-02", network_operator.name, alert.to, octets=alert.octets)
    start, end = (decode_date_time(data.value).to_datetime() for data in alert.values["further"][:2])
    for row in ("SMETS-5.17.2.6-OBJ", "SMETS-5.5.12.6-OBJ"):
        check.that(
            row,
            abs(start - lost) <= timedelta(seconds=10) and abs((end - start).total_seconds() - seconds) <= 2,
            expected=f"out from {lost:%H:%M:%S} for {seconds} s",
            observed=f"{start:%H:%M:%S} to {end:%H:%M:%S}",
            octets=alert.octets,
        )


@covers("GBCS-EV-8F77", "GBCS-TAMPER-02")
def test_the_second_terminal_cover_has_an_event_of_its_own(bench, supplier, polyphase, check):
    mark = bench.alerts.mark()
    do(polyphase, StimulusKind.COVER_OPEN, "second-terminal")
    alert = raised(check, bench, polyphase, [0x8F77], since=mark, row="GBCS-EV-8F77")
    check.equal("GBCS-EV-8F77", ("ok", supplier.name), (alert.signature, alert.to), octets=alert.octets)
    do(polyphase, StimulusKind.COVER_CLOSE, "second-terminal")
    log = "SecurityLog(notCHF): readLog"
    day = timedelta(days=1)
    window = {"fromDateTime": bench.clock.now() - day, "toDateTime": bench.clock.now() + day}
    found = supplier.request("ECS35b", polyphase, **window).named["elements"][log]
    check.equal("GBCS-TAMPER-02", True, 0x8F77 in [each["logCode"] for each in found])
