"""Voltage settings and counters of an ESME of any variant: kept as set, over a power cut too."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..reads import restart

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.power", "esme.stimulus"]),
    leaves("restored"),
]

OVER, UNDER = "(Phase[1])AverageRMSOverVoltage", "(Phase[1])AverageRMSUnderVoltage"
LOG = "(Phase[1])AverageRMSVoltageProfileDataLog"
PERIOD = f"{LOG}: measurementPeriod"
# Row by setting; as manufactured none of them has these values.
SETTINGS = {
    f"{OVER}Threshold: value": ("SMETS-5.7.4.4-OBJ", 249),
    f"{UNDER}Threshold: value": ("SMETS-5.7.4.5-OBJ", 211),
    PERIOD: ("SMETS-5.7.4.6-OBJ", 120),
    "RMSExtremeOverVoltageMeasurementPeriod: period": ("SMETS-5.7.4.34-OBJ", 31),
    "RMSExtremeOverVoltageThreshold: threshold": ("SMETS-5.7.4.35-OBJ", 281),
    "RMSExtremeUnderVoltageMeasurementPeriod: period": ("SMETS-5.7.4.36-OBJ", 32),
    "RMSExtremeUnderVoltageThreshold: threshold": ("SMETS-5.7.4.37-OBJ", 171),
    "RMSVoltageSagMeasurementPeriod: period": ("SMETS-5.7.4.38-OBJ", 33),
    "RMSVoltageSwellMeasurementPeriod: period": ("SMETS-5.7.4.39-OBJ", 34),
    "RMSVoltageSagThreshold: threshold": ("SMETS-5.7.4.40-OBJ", 196),
    "RMSVoltageSwellThreshold: threshold": ("SMETS-5.7.4.41-OBJ", 263),
}
PHASES = (1, 2, 3)


def _codes(esme):
    """Use cases that set, read settings, read counters and log, and reset; phases that they name."""
    if "poly" in esme.device_file.variant:
        return "ECS29b", "ECS26k", "ECS23b", "ECS29f", PHASES
    return "ECS29a", "ECS26b", "ECS23", "ECS29e", PHASES[:1]


def _of_phases(values, phases):
    """The same for every phase that a use case names."""
    first = {name: value for name, value in values.items() if not name.startswith("(")}
    return first | {
        name.replace("[1]", f"[{phase}]"): value
        for name, value in values.items()
        if name.startswith("(")
        for phase in phases
    }


def _set(network_operator, esme, values):
    code, *_, phases = _codes(esme)
    response = network_operator.request(code, esme, values=_of_phases(values, phases))
    assert not any(response.statuses.values()), response.statuses


def _quality(bench, reader, esme):
    _, _, code, _, phases = _codes(esme)
    day = timedelta(days=1)
    window = {"fromDateTime": bench.clock.now() - day, "toDateTime": bench.clock.now() + day}
    values = _of_phases({f"{LOG}: readLog/{name}": each for name, each in window.items()}, phases)
    return reader.request(code, esme, values=values).named["elements"]


@pytest.fixture
def configured(network_operator, esme):
    _set(network_operator, esme, {name: value for name, (_, value) in SETTINGS.items()})


@covers(*(row for row, _ in SETTINGS.values()))
@pytest.mark.usefixtures("configured")
def test_settings_are_kept_over_a_power_cut(bench, supplier, network_operator, esme, check):
    restart(bench, esme)
    for reader in (network_operator, supplier):
        found = reader.request(_codes(esme)[1], esme).named["elements"] | _quality(bench, reader, esme)
        for name, (row, value) in SETTINGS.items():
            check.equal(row, value, found[name])


@covers("SMETS-5.6.3.22-OBJ", "SMETS-5.6.3.23-OBJ", "SMETS-5.7.5.7-OBJ", "SMETS-5.7.5.8-OBJ")
@pytest.mark.usefixtures("configured")
def test_counters_count_and_are_reset(bench, network_operator, esme, check):
    rows = {
        OVER: ("SMETS-5.7.5.7-OBJ", "SMETS-5.6.3.22-OBJ"),
        UNDER: ("SMETS-5.7.5.8-OBJ", "SMETS-5.6.3.23-OBJ"),
    }
    _, _, _, reset, _ = _codes(esme)
    network_operator.request(reset, esme)
    for volts in (255, 230, 205, 230, 255, 230):
        do(esme, StimulusKind.BUTTON, f"voltage={volts}")
    found = _quality(bench, network_operator, esme)
    for (name, (counted, _)), wanted in zip(rows.items(), (2, 1), strict=True):
        check.equal(counted, wanted, found[f"{name}Counter: value"])
    network_operator.request(reset, esme)
    found = _quality(bench, network_operator, esme)
    for name, (_, row) in rows.items():
        check.equal(row, 0, found[f"{name}Counter: value"])


@covers("SMETS-5.7.5.9-OBJ")
@pytest.mark.usefixtures("configured")
def test_averages_are_logged_each_period(bench, network_operator, esme, check):
    do(esme, StimulusKind.BUTTON, "rms=241")
    bench.wait(3 * SETTINGS[PERIOD][1])
    do(esme, StimulusKind.BUTTON, "rms=230")
    log = _quality(bench, network_operator, esme)[f"{LOG}: readLog"]
    check.equal("SMETS-5.7.5.9-OBJ", True, 241 in [entry["value"] for entry in log])
