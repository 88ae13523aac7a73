"""What an in-home display says of the power drawn: low, medium or high, by thresholds of the supplier (ECS34)."""

from __future__ import annotations

import pytest

from hil.api import covers, inconclusive, leaves, needs
from protocols.ports import StimulusKind, StimulusOutcome

pytestmark = [
    needs(state="commissioned", devices=["esme", "ihd"], capabilities=["esme.stimulus", "ihd.stimulus"]),
    leaves("restored"),
]

LOW_MEDIUM, MEDIUM_HIGH = 1_000, 4_000
REFRESH_S = 15.0  # a display shows what is no older than ten seconds
STEPS = [(500, "LOW"), (1_500, "MEDIUM"), (5_000, "HIGH"), (1_500, "MEDIUM"), (500, "LOW")]


@pytest.fixture
def load(esme):
    """Set the power that is drawn; nothing is drawn afterwards."""

    def draw(watts):
        result = esme.stimulus.apply(StimulusKind.BUTTON, f"load={watts}")
        if result.outcome is not StimulusOutcome.DONE:
            inconclusive(f"a load behind {esme.name}: {result.answer}")

    yield draw
    draw(0)


def shown(bench, ihd):
    """The display, once it has had time to look."""
    ihd.stimulus.apply(StimulusKind.DISPLAY)
    bench.wait(REFRESH_S)
    return ihd.stimulus.apply(StimulusKind.DISPLAY).answer.splitlines()


@covers("GBCS-ECS34-01")
def test_indication_follows_the_power_across_both_thresholds(bench, supplier, esme, ihd, load, check):
    name = "LowMediumPowerThreshold: threshold"
    thresholds = {
        f"{name}/LowMediumPowerThreshold": LOW_MEDIUM,
        f"{name}/MediumHighPowerThreshold": MEDIUM_HIGH,
    }
    response = supplier.request("ECS34", esme, values=thresholds)
    check.that(
        "GBCS-ECS34-01",
        not any(response.statuses.values()),
        expected="both thresholds taken",
        observed=response.statuses,
        octets=response.octets,
    )
    for watts, expected in STEPS:
        load(watts)
        lines = shown(bench, ihd)
        check.that(
            "GBCS-ECS34-01",
            f"USAGE {expected}" in lines,
            expected=f"{expected} at {watts} W",
            observed=lines,
        )
