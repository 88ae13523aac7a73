"""The logs and the clock of an ESME of any variant: kept, current, cleared where that is allowed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.logs import EVENT, POWER, SECURITY, codes, entries
from ..alerts.stimuli import do
from ..reads import restart
from ..settings import set_clock, set_mpxn

pytestmark = [needs(state="commissioned", devices=["esme"]), leaves("restored")]

DONE, INTERRUPTED, COVER_REMOVED = 0x8154, 0x8F57, 0x8F76
SOON = timedelta(seconds=20)


@covers("SMETS-5.7.5.16-OBJ", "SMETS-5.6.3.9-OBJ")
def test_the_event_log_has_commands_with_their_times_and_is_cleared(bench, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    supplier.request(use_case, esme, **values)
    last = entries(bench, supplier, esme, EVENT)[-1]
    check.equal("SMETS-5.7.5.16-OBJ", DONE, last.code)
    off = abs(bench.clock.now() - last.time)
    check.that("SMETS-5.7.5.16-OBJ", off < SOON, expected="the time of the command", observed=off)
    response = supplier.request("ECS15a", esme)
    check.equal("SMETS-5.6.3.9-OBJ", False, any(response.statuses.values()), octets=response.octets)
    check.equal("SMETS-5.6.3.9-OBJ", False, DONE in codes(bench, supplier, esme, EVENT))


@covers("SMETS-5.7.5.25-OBJ")
@needs(capabilities=["esme.power"])
@pytest.mark.parametrize("role", ["supplier", "network_operator"])
def test_the_power_log_has_each_outage(bench, request, esme, check, role):
    reader = request.getfixturevalue(role)
    start = bench.clock.now() - SOON
    bench.wait(60)
    restart(bench, esme)
    new = [each.code for each in entries(bench, reader, esme, POWER, start=start + 2 * SOON)]
    check.equal("SMETS-5.7.5.25-OBJ", 1, new.count(INTERRUPTED))


@covers("SMETS-5.7.5.31-OBJ")
@needs(capabilities=["esme.stimulus", "esme.power"])
def test_the_security_log_outlives_supply_and_clearing(bench, supplier, esme, check):
    start = bench.clock.now()
    bench.wait(60)
    do(esme, StimulusKind.COVER_OPEN, "terminal")
    window = {"start": start + 2 * SOON, "end": bench.clock.now() + SOON}
    before = [each.code for each in entries(bench, supplier, esme, SECURITY, **window)]
    check.equal("SMETS-5.7.5.31-OBJ", [COVER_REMOVED], before)
    bench.wait(60)
    do(esme, StimulusKind.COVER_CLOSE, "terminal")
    supplier.request("ECS15a", esme)
    restart(bench, esme)
    after = [each.code for each in entries(bench, supplier, esme, SECURITY, **window)]
    check.equal("SMETS-5.7.5.31-OBJ", before, after)


@covers("SMETS-5.6.3.32-OBJ", "SMETS-5.5.1-OBJ")
def test_the_clock_is_set_within_its_window_and_goes_on(bench, supplier, esme, check):
    use_case, values = set_clock(bench, esme)
    response = supplier.request(use_case, esme, **values)
    check.equal(
        "SMETS-5.6.3.32-OBJ", [False, "reliable"], [any(response.results), response.values["status_name"]]
    )
    use_case, values = set_clock(bench, esme, start_s=3600, end_s=7200)
    response = supplier.request(use_case, esme, **values)
    check.equal("SMETS-5.6.3.32-OBJ", True, any(response.results), octets=response.octets)
    for _ in range(2):
        bench.wait(1800)
        use_case, values = set_clock(bench, esme)
        response = supplier.request(use_case, esme, **values)
        off = abs(response.values["device_time"] - bench.clock.now())
        check.that("SMETS-5.5.1-OBJ", off < SOON, expected="the present", observed=off)
