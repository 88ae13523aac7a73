"""Replacing whose certificates a device holds: CS02b."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hil.api import covers, leaves, needs, not_applicable
from hil.exchange import Faults
from protocols.gbcs.keystore import KeyUse

from .. import credentials as cred
from ..keys import without_mac
from ..meters import both_meters
from ..reads import answer_or_none, refused
from ..settings import counters_differ, set_clock, set_mpxn

pytestmark = [needs(state="commissioned"), leaves("restored")]

DATED_OUTCOME = 0x00CB
FUTURE_DATED_DONE = 0x8F66
BAD_CERTIFICATE, NO_TRUST_ANCHOR = 5, 10
AHEAD = timedelta(seconds=2)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _belongs_to(bench, acb, check, device, user, row="GBCS-13.2-01"):
    holders, response = cred.read_holders(acb, device, user.role)
    check.equal(row, cred.expected_cells(bench, user), holders[user.role].cells, octets=response.octets)


@pytest.fixture
def handed_back(bench, acb, supplier, second_supplier, meter):
    """Whatever happened: the meter belongs to the rig's supplier again."""
    yield
    found, _ = cred.read_holders(acb, meter, "supplier")
    if found["supplier"].cells != cred.expected_cells(bench, supplier):
        second_supplier.request("CS02b", meter, **cred.replacing(bench, supplier))


@covers("GBCS-13.3-03", "GBCS-13.3-04", "GBCS-13.2-01", "GBCS-SIG-01", "GBCS-6.2.4-04")
@both_meters
def test_supplier_hands_over_to_another_and_back(
    bench, acb, supplier, second_supplier, meter, check, handed_back
):
    use_case, values = set_mpxn(meter)
    check.step("the other supplier is nobody yet")
    before = second_supplier.send(use_case, meter, **values)
    refused(check, bench, before, "GBCS-6.2.4-04")
    floor = before.counter

    check.step("handover")
    response = supplier.request(
        "CS02b", meter, **cred.replacing(bench, second_supplier, new_floor_counter=floor)
    )
    check.equal("GBCS-SIG-01", "ok", response.signature, octets=response.octets)
    check.equal("GBCS-13.3-04", [0, 0, 0], cred.statuses(response), octets=response.octets)
    _belongs_to(bench, acb, check, meter, second_supplier)

    check.step("the new supplier's counter starts above its floor")
    # Whether the floor itself may be used is part of A02.
    used = floor - 1 if bench.switches["A02"] == "greater-or-equal" else floor
    at_floor = second_supplier.send(use_case, meter, counter=used, **values)
    refused(check, bench, at_floor, "GBCS-13.3-03")
    response = second_supplier.request(use_case, meter, **values)
    check.equal("GBCS-13.3-03", "ok", response.mac, octets=response.octets)

    check.step("the old supplier has no access any more")
    old = supplier.send(use_case, meter, **values)
    refused(check, bench, old, "GBCS-6.2.4-04")

    check.step("and back")
    back = cred.replacing(bench, supplier, new_floor_counter=old.counter)
    response = second_supplier.request("CS02b", meter, **back)
    check.equal("GBCS-13.3-04", [0, 0, 0], cred.statuses(response), octets=response.octets)
    response = supplier.request(use_case, meter, **values)
    check.equal("GBCS-13.3-03", "ok", response.mac, octets=response.octets)


@covers("GBCS-COS-01", "GBCS-13.3-04")
@needs(devices=["esme"])
@pytest.mark.parametrize("meter", ["esme"], indirect=True)
def test_change_of_supplier_shuts_the_old_supplier_out(
    bench, acb, supplier, second_supplier, transitional_cos, meter, check, handed_back
):
    change = cred.replacing(bench, second_supplier, mode=cred.SUPPLIER_BY_TRANS_COS)
    response = transitional_cos.request("CS02b", meter, **change)
    check.equal("GBCS-13.3-04", [0, 0, 0], cred.statuses(response), octets=response.octets)
    _belongs_to(bench, acb, check, meter, second_supplier, row="GBCS-COS-01")
    use_case, values = set_mpxn(meter)
    refused(check, bench, supplier.send(use_case, meter, **values), "GBCS-COS-01")
    refused(check, bench, supplier.send("ECS70", meter, **set_clock(bench, meter)[1]), "GBCS-COS-01")
    response = second_supplier.request(use_case, meter, **values)
    check.equal("GBCS-COS-01", "ok", response.mac, octets=response.octets)

    back = cred.replacing(bench, supplier, mode=cred.SUPPLIER_BY_TRANS_COS)
    response = transitional_cos.request("CS02b", meter, **back)
    check.equal("GBCS-13.3-04", [0, 0, 0], cred.statuses(response), octets=response.octets)


@covers("GBCS-13.3-06", "GBCS-13.3-04")
@needs(devices=["esme"])
@pytest.mark.parametrize("fault", ["bad-signature", "other-role"])
def test_cell_whose_certificate_fails_keeps_what_it_holds(
    bench, acb, supplier, second_supplier, network_operator, esme, check, fault
):
    """One of three certificates is another party's, and cannot be verified or belongs elsewhere."""
    keystore = bench.keys.keystore
    if fault == "bad-signature":
        certificate = cred.with_bad_signature(keystore.certificate(second_supplier.eui64, KeyUse.DS))
    else:
        certificate = keystore.certificate(network_operator.eui64, KeyUse.DS)
    values = cred.replacing(bench, supplier)
    values["replacements"][0] = (certificate, values["replacements"][0][1])
    response = supplier.request("CS02b", esme, **values)
    status, *others = cred.statuses(response)
    check.member("GBCS-13.3-06", [BAD_CERTIFICATE, NO_TRUST_ANCHOR], status, octets=response.octets)
    check.observe("status of the cells whose certificates are good", others)
    _belongs_to(bench, acb, check, esme, supplier, row="GBCS-13.3-04")


@covers("GBCS-13.3-07")
@needs(devices=["esme"])
def test_expired_certificates_are_taken_only_without_time_checks(bench, supplier, esme, check):
    """The supplier's own keys in certificates that have run out."""
    expired = cred.hierarchy(bench).organisation(supplier.eui64, 2, not_after=LONG_AGO)
    values = cred.replacing(bench, supplier)
    if bench.keys.keystore.public(supplier.eui64, KeyUse.DS) != expired.ds.public:
        not_applicable("this rig's supplier has keys that its seed did not make")
    cells = [cell for _, cell in values["replacements"]]
    values["replacements"] = [
        (identity.certificate, cell) for identity, cell in zip(expired, cells, strict=True)
    ]
    response = supplier.request("CS02b", esme, **values)
    check.that(
        "GBCS-13.3-07",
        all(cred.statuses(response)),
        expected="no cell replaced",
        observed=cred.statuses(response),
        octets=response.octets,
    )
    response = supplier.request("CS02b", esme, apply_time_based_checks=False, **values)
    check.equal("GBCS-13.3-07", [0, 0, 0], cred.statuses(response), octets=response.octets)
    supplier.request("CS02b", esme, **cred.replacing(bench, supplier))


@covers("GBCS-13.3-05", "GBCS-FD-02")
@needs(devices=["esme"])
def test_dated_replacement_is_stored_and_its_outcome_alerted(bench, supplier, esme, check):
    mark = bench.alerts.mark()
    when = bench.clock.now().replace(microsecond=0) + AHEAD
    response = supplier.request("CS02b", esme, execution_time=when, **cred.replacing(bench, supplier))
    check.equal("GBCS-FD-02", None, response.values["outcome"], octets=response.octets)
    alert = bench.alerts.expect(esme, FUTURE_DATED_DONE, message_code=DATED_OUTCOME, since=mark)
    check.equal("GBCS-13.3-05", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-13.3-05", supplier.name, alert.to, octets=alert.octets)
    outcomes = [entry["status"] for entry in alert.values["outcome"]["replacements"]]
    check.equal("GBCS-13.3-05", [0, 0, 0], outcomes, octets=alert.octets)


@covers("GBCS-13.3-08")
@needs(devices=["esme"])
def test_supplier_may_not_replace_the_network_operators_cells(
    bench, acb, supplier, network_operator, esme, check
):
    sent = supplier.send("CS02b", esme, **cred.replacing(bench, network_operator))
    response = answer_or_none(bench, sent)
    check.that(
        "GBCS-13.3-08",
        response is None or all(cred.statuses(response)),
        expected="refused, by silence or by the status of every cell",
        observed="no response" if response is None else cred.statuses(response),
        octets=sent.octets,
    )
    _belongs_to(bench, acb, check, esme, network_operator, row="GBCS-13.3-08")


@covers("GBCS-13.3-01")
@needs(devices=["esme"])
@pytest.mark.parametrize("missing", ["signature", "mac"])
def test_replacement_by_the_supplier_carries_signature_and_mac(bench, supplier, esme, check, missing):
    faults = Faults(unsigned=True) if missing == "signature" else Faults(tamper=without_mac)
    sent = supplier.send("CS02b", esme, faults=faults, **cred.replacing(bench, supplier))
    refused(check, bench, sent, "GBCS-13.3-01")


@covers("GBCS-13.3-02")
@needs(devices=["esme"])
def test_sequence_number_in_the_payload_equals_the_counter(bench, supplier, esme, check):
    """How strictly that is judged is a setting of the rig (A20)."""
    sent = supplier.send("CS02b", esme, **cred.replacing(bench, supplier, authorising_counter=1))
    response = answer_or_none(bench, sent)
    did = "no response" if response is None else str(response.values)
    held = response is None or all(cred.statuses(response))
    counters_differ(bench, check, sent, "GBCS-13.3-02", did, refused=held)
