"""The Gas Proxy Function answers for its meter: who may read what where, how fresh it is, tenancy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs

from .. import device_log as log
from ..reads import raised
from . import values as v
from .answers import silent

pytestmark = [needs(state="commissioned", devices=["gsme", "gpf"]), leaves("restored")]

TIME_QUALITIES = {0x00, 0x02, 0x04}  # reliable, unreliable, the gas meter's own


@covers("GBCS-GPF-READ")
@needs(capabilities=["gsme.stimulus"])
def test_network_operator_reads_the_proxy_but_not_the_meter(network_operator, gsme, gpf, check):
    answered = network_operator.request("GCS13a", gpf, values={})
    check.equal("GBCS-GPF-READ", "ok", answered.mac, octets=answered.octets)
    check.equal("GBCS-GPF-READ", 1000, answered.find("Divisor"), octets=answered.octets)
    sent = network_operator.send("GCS13a", gsme, values={})
    check.that(
        "GBCS-GPF-READ",
        silent(network_operator, sent),
        expected="no answer",
        observed="an answer",
        octets=sent.octets,
    )


@covers("GBCS-GPF-FRESH")
@needs(capabilities=["gsme.stimulus"])
def test_proxy_has_what_the_meter_has(bench, supplier, gsme, gpf, check, flow):
    flow(500, 3)
    bench.wait(30)
    check.equal("GBCS-GPF-FRESH", v.consumption(supplier, gsme), v.consumption(supplier, gpf))
    check.equal("GBCS-GPF-FRESH", v.tiers(supplier, gsme), v.tiers(supplier, gpf))
    check.equal("GBCS-GPF-FRESH", v.blocks(supplier, gsme), v.blocks(supplier, gpf))


@covers("GBCS-TIME-03")
def test_registers_carry_the_quality_of_time(supplier, gsme, gpf, check):
    for device in (gsme, gpf):
        for use_case in ("GCS13a", "GCS13b", "GCS13c"):
            response = supplier.request(use_case, device, values={})
            status = response.message.header.date_time[-1:]
            check.that(
                "GBCS-TIME-03",
                set(status) <= TIME_QUALITIES and status,
                expected="a clock status of 00, 02 or 04 in the header",
                observed=status.hex(),
                octets=response.octets,
            )


@covers("GBCS-ECS12-01", "CHTS-4.5.4.10-OBJ")
@pytest.mark.parametrize("days", [-30, 0, 30])
def test_change_of_tenancy_in_past_present_and_future(bench, supplier, gpf, check, days):
    at = v.text(bench.clock.now() + timedelta(days=days))
    response = supplier.request("GCS09", gpf, values=v.ISSUER | {"*/Implementation Date/Time": at})
    for row in ("GBCS-ECS12-01", "CHTS-4.5.4.10-OBJ"):
        check.that(
            row,
            not any(response.statuses.values()),
            expected="success",
            observed=response.statuses,
            octets=response.octets,
        )


@covers("GBCS-13.8-01")
def test_device_log_is_written_back_as_its_backup_had_it(supplier, acb, gpf, check):
    nobody = {"other_device_id": log.NOBODY}
    before = _listed(acb, gpf)
    acb.request("CS03B", gpf, on_behalf_of=supplier, other_device_type="type_2", **nobody)
    try:
        backed_up = _listed(acb, gpf)
        acb.request("CS04B", gpf, on_behalf_of=supplier, **nobody)
        check.equal("GBCS-13.8-01", before, _listed(acb, gpf))
        restored = acb.request("GCS59", gpf, values={"deviceLog": backed_up})
        check.equal("GBCS-13.8-01", "ok", restored.mac, octets=restored.octets)
        check.equal("GBCS-13.8-01", backed_up, _listed(acb, gpf))
    finally:
        acb.request("CS04B", gpf, on_behalf_of=supplier, **nobody)


def _listed(user, gpf):
    entries = user.request("CS07", gpf).find("deviceLog")
    return sorted(entries, key=lambda each: str(each["deviceId"]))


TAP_OFF_FAILED = 0x819E


@covers("GBCS-16-17", "GBCS-10.3.4-01")
@needs(devices=["chf"], capabilities=["gsme.faults", "chf.faults"])
def test_an_answer_that_cannot_be_read_is_reported(bench, supplier, gsme, gpf, check):
    """A gas meter's answer to a command that is tapped off comes in a payload that is cut."""
    values = v.conversion(102_264, 395)
    v.change(supplier, gsme, "GCS23", values)
    mark = bench.alerts.mark()
    with (
        bench.faults.given("quirk", "gsme", behaviour="payload-cut"),
        # It is the proxy's affair alone: what leaves the hub first is that answer.
        bench.faults.given("drop", "chf", port="wan", direction="out", count=1),
    ):
        supplier.send("GCS23", gsme, values=values)
        bench.wait(20)
    alert = raised(check, bench, gpf, [TAP_OFF_FAILED], since=mark, row="GBCS-16-17")
    check.equal("GBCS-16-17", "ok", alert.mac, octets=alert.octets)
    mark = bench.alerts.mark()
    v.change(supplier, gsme, "GCS23", values)
    bench.wait(20)
    told = [each.alert_code for each in bench.alerts.since(mark)]
    check.that("GBCS-16-17", TAP_OFF_FAILED not in told, expected="no alert", observed=told)
