"""Pairing of devices: CS03A1, CS03A2, CS03B, CS03C, and CS07 that reads the result."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults

from .. import device_log as log
from ..reads import answer_or_none, refused
from . import joining as join

pytestmark = needs(state="commissioned")


def _succeeds(check, response):
    check.equal("GBCS-13.7-02", join.SUCCESS, response.values["outcome"], octets=response.octets)


def _lists(check, user, device, partner):
    found, response = join.partners(user, device)
    check.equal("GBCS-13.7-06", partner.type, found.get(partner.eui64), octets=response.octets)


@covers("GBCS-13.7-02", "GBCS-13.7-04", "GBCS-13.7-06")
@leaves("restored")
def test_method_a_pairs_electricity_meter_and_ppmid(acb, supplier, esme, ppmid, check):
    response = supplier.request("CS03A1", esme, **join.other(ppmid))
    check.equal("GBCS-13.7-04", "ok", response.signature, octets=response.octets)
    _succeeds(check, response)
    response = acb.request("CS03A2", ppmid, on_behalf_of=supplier, **join.other(esme))
    _succeeds(check, response)
    _lists(check, acb, esme, ppmid)
    _lists(check, acb, ppmid, esme)


@covers("GBCS-13.7-02", "GBCS-13.7-04", "GBCS-13.7-06", "GBCS-GSMEJ-02")
@leaves("restored")
def test_method_b_pairs_gas_meter_and_proxy_without_signature(acb, supplier, gsme, gpf, check):
    response = acb.request("CS03B", gsme, on_behalf_of=supplier, **join.other(gpf))
    check.equal("GBCS-13.7-04", "ok", response.mac, octets=response.octets)
    _succeeds(check, response)
    _lists(check, supplier, gsme, gpf)
    response = supplier.request("GCS13a", gpf)
    check.that(
        "GBCS-GSMEJ-02",
        response.values.get("decrypted"),
        expected="live gas data at the proxy",
        observed=response.values,
        octets=response.octets,
    )


@covers("GBCS-13.7-02", "GBCS-13.7-04", "GBCS-13.7-06")
@leaves("restored")
def test_method_c_pairs_gas_meter_and_ppmid_by_certificates(bench, acb, supplier, gsme, ppmid, check):
    values = join.other(ppmid, other_device_certificate=join.certificate(bench, ppmid))
    response = supplier.request("CS03C", gsme, **values)
    check.equal("GBCS-13.7-04", "ok", response.signature, octets=response.octets)
    _succeeds(check, response)
    values = join.other(gsme, other_device_certificate=join.certificate(bench, gsme))
    response = acb.request("CS03C", ppmid, on_behalf_of=supplier, **values)
    _succeeds(check, response)
    _lists(check, supplier, gsme, ppmid)
    _lists(check, acb, ppmid, gsme)


@covers("GBCS-13.7-02", "GBCS-13.7-03")
@leaves("restored")
@pytest.mark.parametrize("method", [join.METHOD_A_RESPONDER, join.METHOD_B, join.METHOD_C])
def test_wrong_join_method_has_its_code(supplier, esme, ppmid, check, method):
    response = supplier.request("CS03A1", esme, **join.other(ppmid, method=method))
    check.member(
        "GBCS-13.7-02",
        [join.WRONG_CODE_FOR_METHOD, join.WRONG_METHOD],
        response.values["outcome"],
        octets=response.octets,
    )
    check.member("GBCS-13.7-03", range(14), response.values["outcome"], octets=response.octets)


@covers("GBCS-13.7-01", "GBCS-13.7-03")
@leaves("restored")
@pytest.mark.parametrize("which", ["missing", "of-another-device", "not-a-certificate"])
def test_method_c_needs_the_partners_certificate(bench, supplier, esme, gsme, ppmid, check, which):
    given = {
        "missing": b"",
        "of-another-device": join.certificate(bench, esme),
        "not-a-certificate": bytes.fromhex("3003020105"),
    }[which]
    response = supplier.request("CS03C", gsme, **join.other(ppmid, other_device_certificate=given))
    check.that(
        "GBCS-13.7-01",
        response.values["outcome"] != join.SUCCESS,
        expected="refused",
        observed=response.values["outcome_name"],
        octets=response.octets,
    )
    check.equal("GBCS-13.7-03", join.BAD_CERTIFICATE, response.values["outcome"], octets=response.octets)


@covers("GBCS-13.7-01")
@leaves("restored")
def test_method_a_takes_no_certificate(bench, supplier, esme, ppmid, check):
    values = join.other(ppmid, other_device_certificate=join.certificate(bench, ppmid))
    sent = supplier.send("CS03A1", esme, **values)
    response = answer_or_none(bench, sent)
    check.that(
        "GBCS-13.7-01",
        response is None or response.values["outcome"] != join.SUCCESS,
        expected="refused, by an outcome or by silence",
        observed="no response" if response is None else response.values["outcome_name"],
        octets=sent.octets,
    )


@covers("GBCS-13.7-04")
@leaves("restored")
def test_join_command_without_signature_is_refused(bench, supplier, esme, ppmid, check):
    sent = supplier.send("CS03A1", esme, faults=Faults(unsigned=True), **join.other(ppmid))
    refused(check, bench, sent, "GBCS-13.7-04")


@covers("GBCS-13.7-05", "GBCS-13.7-06")
@needs(devices=["gpf"])
@leaves("restored")
def test_unjoining_twice_succeeds_once(acb, supplier, gpf, check):
    """A Type 2 device that does not exist: method B needs no partner."""
    someone = {"other_device_id": log.NOBODY}
    acb.request("CS03B", gpf, on_behalf_of=supplier, other_device_type="type_2", **someone)
    response = acb.request("CS04B", gpf, on_behalf_of=supplier, **someone)
    check.equal("GBCS-13.7-05", 0, response.values["outcome"], octets=response.octets)
    response = acb.request("CS04B", gpf, on_behalf_of=supplier, **someone)
    check.equal("GBCS-13.7-05", 1, response.values["outcome"], octets=response.octets)
    found, response = join.partners(acb, gpf)
    check.that(
        "GBCS-13.7-06",
        log.NOBODY not in found,
        expected=f"a device log without {log.NOBODY}",
        observed=", ".join(map(str, found)) or "empty",
        octets=response.octets,
    )
