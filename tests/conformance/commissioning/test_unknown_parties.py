"""What is sensitive is encrypted for its reader, and parties that the meter has never met come by the broker."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from ..meters import on

pytestmark = [needs(state="commissioned"), leaves("nothing")]

EXPORT_MPAN = "MeterPointAdministrationNumber(ExportMPAN): value"
_MPAN = "MeterPointAdministrationNumber(combinedMPANS): value"


@covers("GBCS-ENC-01")
@pytest.mark.parametrize(
    ("device", "use_case", "closed"),
    [
        on("esme", "ECS17b", True),
        on("gsme", "GCS13a", True),
        on("esme", "ECS52", False),
        on("gsme", "GCS38", False),
    ],
    indirect=["device"],
)
def test_sensitive_readings_alone_are_encrypted(supplier, device, check, use_case, closed):
    response = supplier.request(use_case, device)
    expected = ["ok"] if closed else []
    check.equal("GBCS-ENC-01", expected, sorted(set(response.encrypted)), octets=response.octets)


@covers("GBCS-ENC-02")
@needs(devices=["esme"])
def test_reading_for_an_unknown_party_is_encrypted_for_it_alone(acb, second_supplier, esme, check):
    day = {"fromDateTime": "2026-01-01T00:00:00Z", "toDateTime": "*"}
    response = acb.request("ECS66", esme, on_behalf_of=second_supplier, **day)
    header = response.message.header
    check.equal("GBCS-ENC-02", ["ok"], sorted(set(response.encrypted)), octets=response.octets)
    check.equal(
        "GBCS-ENC-02", second_supplier.eui64, header.supplementary_remote_party_id, octets=response.octets
    )
    again = acb.request("ECS66", esme, on_behalf_of=second_supplier, **day)
    counters = [each.message.header.supplementary_originator_counter for each in (response, again)]
    check.that(
        "GBCS-ENC-02",
        None not in counters and counters[0] < counters[1],
        expected="a counter of the device's own that rises from answer to answer",
        observed=counters,
        octets=again.octets,
    )


@covers("GBCS-MPXN-01")
@needs(devices=["esme"])
@leaves("restored")
def test_export_supplier_sets_its_mpan_by_the_broker(acb, supplier, second_supplier, esme, check):
    before = supplier.request("ECS40", esme).find_all(_MPAN)
    response = acb.request(
        "ECS39b", esme, on_behalf_of=second_supplier, values={EXPORT_MPAN: "1999999999999"}
    )
    check.that(
        "GBCS-MPXN-01",
        not any(response.statuses.values()),
        expected="success",
        observed=response.statuses,
        octets=response.octets,
    )
    answer = supplier.request("ECS40", esme)
    check.equal("GBCS-MPXN-01", before, answer.find_all(_MPAN), octets=answer.octets)
    found = acb.request("ECS40", esme, on_behalf_of=second_supplier)
    check.that(
        "GBCS-MPXN-01",
        "1999999999999" in str(found.named),
        expected="the export MPAN that was set",
        observed=found.named,
        octets=found.octets,
    )
