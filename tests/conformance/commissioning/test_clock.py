"""Setting the clock, which is also what commissions a meter: ECS70 and GCS28."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, inconclusive, leaves, needs
from protocols.ports import StimulusKind, StimulusOutcome

from ..meters import both_meters
from ..reads import refused
from ..settings import set_clock

pytestmark = [needs(state="commissioned"), leaves("nothing")]

TOLERANCE = timedelta(seconds=10)  # what a meter may lie off the hub without being set (A10)


@covers("GBCS-9.1-01", "GBCS-SIG-01")
@both_meters
def test_clock_set_within_the_window_is_answered_with_a_reliable_time(bench, supplier, meter, check):
    use_case, values = set_clock(bench, meter)
    response = supplier.request(use_case, meter, **values)
    check.equal("GBCS-SIG-01", "ok", response.signature, octets=response.octets)
    check.equal("GBCS-9.1-01", "reliable", response.values["status_name"], octets=response.octets)
    off = abs(response.values["device_time"] - bench.clock.now())
    check.that(
        "GBCS-9.1-01",
        off <= TOLERANCE,
        expected=f"the present, within {TOLERANCE}",
        observed=f"{response.values['device_time']}, off by {off}",
        octets=response.octets,
    )


@covers("SMETS-4.5.3.20-OBJ")
@needs(devices=["gsme"], capabilities=["gsme.stimulus"])
@leaves("restored")
@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_gas_meters_clock_is_set_to_the_hubs(bench, supplier, gsme, check, off_s):
    turned = gsme.stimulus.apply(StimulusKind.BUTTON, f"clock-drift={off_s}")
    if turned.outcome is not StimulusOutcome.DONE:
        inconclusive(f"the clock of {gsme.name} cannot be put wrong: {turned.answer}")
    use_case, values = set_clock(bench, gsme, start_s=60, end_s=120)
    response = supplier.request(use_case, gsme, **values)
    off = response.values["device_time"] - bench.clock.now()
    wrong = abs(off - timedelta(seconds=off_s)) <= TOLERANCE
    check.that(
        "SMETS-4.5.3.20-OBJ",
        wrong,
        expected=f"not set by a window to come: {off_s} s off",
        observed=f"off by {off}",
        octets=response.octets,
    )
    use_case, values = set_clock(bench, gsme)
    response = supplier.request(use_case, gsme, **values)
    off = abs(response.values["device_time"] - bench.clock.now())
    check.that(
        "SMETS-4.5.3.20-OBJ",
        off <= TOLERANCE and response.values["status_name"] == "reliable",
        expected=f"the present, within {TOLERANCE}",
        observed=f"{response.values['device_time']}, off by {off}",
        octets=response.octets,
    )


@covers("GBCS-9.1-02")
@needs(devices=["esme"])
@pytest.mark.parametrize(
    ("start_s", "end_s"),
    [(-7200, -3600), (3600, 7200), (3600, -3600)],
    ids=["past", "future", "end-before-start"],
)
def test_window_without_the_hub_time_sets_nothing(bench, supplier, esme, check, start_s, end_s):
    use_case, values = set_clock(bench, esme, start_s=start_s, end_s=end_s)
    response = supplier.request(use_case, esme, **values)
    check.that(
        "GBCS-9.1-02",
        any(response.results),
        expected="at least one item that does not succeed",
        observed=response.results,
        octets=response.octets,
    )


@covers("GBCS-UC-ECS70")
@needs(devices=["esme"])
def test_network_operator_may_not_set_the_clock(bench, network_operator, esme, check):
    use_case, values = set_clock(bench, esme)
    sent = network_operator.send(use_case, esme, **values)
    refused(check, bench, sent, "GBCS-UC-ECS70")
