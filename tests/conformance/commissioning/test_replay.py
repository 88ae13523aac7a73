"""Counters: commands that change something count once, reads as often as they are asked."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from ..meters import both_meters
from ..reads import read, refused, restart
from ..settings import outdate, set_clock, set_mpxn

pytestmark = needs(state="commissioned")


@covers("GBCS-REPLAY-01", "GBCS-4.3.1.5-01")
@leaves("nothing")
@both_meters
@pytest.mark.parametrize("critical", [False, True], ids=["non-critical", "critical"])
def test_replayed_setting_is_refused(bench, supplier, meter, check, critical):
    use_case, values = set_clock(bench, meter) if critical else set_mpxn(meter)
    first = supplier.send(use_case, meter, **values)
    supplier.expect_response(first)
    outdate(bench, supplier, meter)
    again = supplier.send(use_case, meter, counter=first.counter, **values)
    assert again.octets == first.octets, "a replay is the same command, octet by octet"
    refused(check, bench, again, "GBCS-REPLAY-01", "GBCS-4.3.1.5-01")


@covers("GBCS-REPLAY-01", "GBCS-4.3.1.5-01")
@needs(devices=["esme"])
@leaves("nothing")
def test_other_command_under_a_used_counter_is_refused(bench, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    first = supplier.send(use_case, esme, **values)
    supplier.expect_response(first)
    use_case, values = set_clock(bench, esme)
    outdate(bench, supplier, esme)
    again = supplier.send(use_case, esme, counter=first.counter, **values)
    refused(check, bench, again, "GBCS-REPLAY-01", "GBCS-4.3.1.5-01")


@covers("GBCS-REPLAY-01")
@leaves("nothing")
@both_meters
def test_repeated_read_is_answered_again(supplier, meter, check):
    use_case = "GCS38" if meter.type == "gsme" else "ECS52"
    first = supplier.send(use_case, meter)
    answer = supplier.expect_response(first)
    again = supplier.send(use_case, meter, counter=first.counter)
    assert again.octets == first.octets
    second = supplier.expect_response(again)
    check.that(
        "GBCS-REPLAY-01",
        (second.mac, second.values) == ("ok", answer.values),
        expected="the same read answered with the same values",
        observed=f"MAC {second.mac}, {second.values}",
        octets=second.octets,
    )


@covers("GBCS-REPLAY-01", "GBCS-REPLAY-02", "SMETS-NV-01")
@needs(devices=["esme"], capabilities=["esme.power"])
@leaves("nothing")
def test_counters_outlast_a_loss_of_supply(bench, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    first = supplier.send(use_case, esme, **values)
    supplier.expect_response(first)
    restart(bench, esme)
    outdate(bench, supplier, esme)
    again = supplier.send(use_case, esme, counter=first.counter, **values)
    refused(check, bench, again, "GBCS-REPLAY-01", "GBCS-REPLAY-02")
    answer = read(bench, esme)
    check.equal("SMETS-NV-01", "ok", answer.mac, octets=answer.octets)
