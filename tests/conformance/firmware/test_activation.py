"""Activation at once: CS06 with every answer it can have."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs, not_applicable
from hil.exchange import Faults

from ..credentials import read_holders
from ..images import make_image
from ..keys import STRANGER
from ..meters import both_meters
from ..reads import answer_or_none, firmware_version, refused
from ..settings import counters_differ, outdate, set_mpxn
from . import activation as act

# What emulated devices take for an image that is authentic and does not start; only they ever get images.
DOES_NOT_START = b"SELF-TEST-FAILS"

pytestmark = needs(state="commissioned", capabilities=["firmware"])


@covers("GBCS-11.5-03", "GBCS-11.5-07", "GBCS-11.5-13", "GBCS-SIG-01")
@leaves("irreversible")
@both_meters
def test_activation_answers_with_the_new_version(bench, supplier, meter, check):
    image = act.distribute(bench, meter)
    mark = bench.alerts.mark()
    response = act.activate(supplier, meter, image)
    check.equal("GBCS-SIG-01", "ok", response.signature, octets=response.octets)
    check.equal("GBCS-11.5-03", act.SUCCESS, response.values["response_code"], octets=response.octets)
    check.equal("GBCS-11.5-03", image.version, response.values["firmware_version"], octets=response.octets)
    check.equal("GBCS-11.5-07", image.version, firmware_version(bench, meter))
    changed = [a for a in bench.alerts.since(mark) if a.alert_code == act.FIRMWARE_CHANGED]
    check.that("GBCS-11.5-13", not changed, expected="no WAN alert 0x8F43", observed=len(changed))


@covers("GBCS-11.1-06", "GBCS-11.5-05", "GBCS-11.5-07")
@leaves("irreversible")
@both_meters
def test_hash_of_another_image_activates_nothing(bench, supplier, meter, check):
    running = firmware_version(bench, meter)
    image = act.distribute(bench, meter)
    wrong = bytes((image.hash[0] ^ 1,)) + image.hash[1:]
    response = supplier.request("CS06", meter, image_hash=wrong)
    check.equal("GBCS-11.5-05", act.HASH_MISMATCH, response.values["response_code"], octets=response.octets)
    check.equal("GBCS-11.5-07", running, response.values["firmware_version"], octets=response.octets)
    check.equal("GBCS-11.1-06", running, firmware_version(bench, meter))


@covers("GBCS-11.5-04", "GBCS-11.5-07")
@leaves("irreversible")
@both_meters
def test_without_an_image_there_is_nothing_to_activate(bench, supplier, meter, check):
    image = act.distribute(bench, meter)
    act.activate(supplier, meter, image)
    response = act.activate(supplier, meter, image)
    check.equal("GBCS-11.5-04", act.NO_IMAGE_HELD, response.values["response_code"], octets=response.octets)
    check.equal("GBCS-11.5-07", image.version, response.values["firmware_version"], octets=response.octets)


@covers("GBCS-11.5-06", "GBCS-11.5-07")
@leaves("irreversible")
@needs(devices=["esme"])
def test_activation_that_fails_leaves_the_old_version_running(bench, supplier, esme, check):
    if bench.switches["A19"] == "refuse":
        not_applicable("an image that never starts would keep all others out (A19)")
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme, contents=DOES_NOT_START)
    response = act.activate(supplier, esme, image)
    outcome = (response.values["response_code"], response.values["firmware_version"])
    check.equal("GBCS-11.5-06", (act.ACTIVATION_FAILURE, running), outcome, octets=response.octets)
    check.equal("GBCS-11.5-07", running, firmware_version(bench, esme))


@covers("GBCS-11.1-03", "GBCS-11.1-05")
@leaves("irreversible")
@needs(devices=["esme"])
@pytest.mark.parametrize("fault", ["unsigned", "signed-by-a-stranger", "wrong-mac"])
def test_command_that_is_not_authentic_activates_nothing(bench, supplier, esme, check, fault):
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    faults, row = {
        "unsigned": (Faults(unsigned=True), "GBCS-11.1-03"),
        "signed-by-a-stranger": (Faults(wrong_signer=STRANGER), "GBCS-11.1-05"),
        "wrong-mac": (Faults(wrong_mac=True), "GBCS-11.1-05"),
    }[fault]
    sent = supplier.send("CS06", esme, faults=faults, image_hash=image.hash)
    refused(check, bench, sent, row)
    check.equal(row, running, firmware_version(bench, esme))


@covers("GBCS-11.1-03")
@leaves("irreversible")
@needs(devices=["esme", "gsme"])
def test_activation_for_one_device_is_not_done_by_another(bench, supplier, esme, gsme, check):
    """Both meters hold an image; the electricity meter's command reaches the gas meter."""
    image = act.distribute(bench, gsme)
    running = firmware_version(bench, gsme)
    faults = Faults(tamper=lambda octets: octets.replace(bytes(esme.eui64), bytes(gsme.eui64), 1))
    sent = supplier.send("CS06", esme, faults=faults, image_hash=image.hash)
    refused(check, bench, sent, "GBCS-11.1-03", seen_by=gsme)
    check.equal("GBCS-11.1-03", running, firmware_version(bench, gsme))


@covers("GBCS-11.1-04", "GBCS-17.2-01")
@leaves("irreversible")
@needs(devices=["esme"])
def test_party_that_did_not_sign_the_image_may_not_activate_it(bench, network_operator, esme, check):
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    mark = bench.alerts.mark()
    sent = network_operator.send("CS06", esme, image_hash=image.hash)
    refused(check, bench, sent, "GBCS-11.1-04")
    check.equal("GBCS-11.1-04", running, firmware_version(bench, esme))
    alert = bench.alerts.expect(esme, 0x8F30, since=mark)
    check.equal("GBCS-17.2-01", "ok", alert.signature, octets=alert.octets)


@covers("GBCS-11.5-11", "GBCS-REPLAY-01")
@leaves("irreversible")
@both_meters
def test_replayed_activation_is_refused(bench, supplier, meter, check):
    first_image = act.distribute(bench, meter)
    first = supplier.send("CS06", meter, image_hash=first_image.hash)
    supplier.expect_response(first)
    outdate(bench, supplier, meter)
    again = supplier.send("CS06", meter, counter=first.counter, image_hash=first_image.hash)
    assert again.octets == first.octets
    refused(check, bench, again, "GBCS-REPLAY-01", "GBCS-11.5-11")


@covers("GBCS-11.5-09")
@leaves("irreversible")
@needs(devices=["esme"])
def test_counter_in_the_payload_equals_that_of_the_header(bench, supplier, esme, check):
    """How strictly that is judged is a setting of the rig (A20)."""
    running = firmware_version(bench, esme)
    image = act.distribute(bench, esme)
    sent = supplier.send("CS06", esme, image_hash=image.hash, originator_counter=1)
    response = answer_or_none(bench, sent)
    did = "no response" if response is None else str(response.values)
    held = response is None and firmware_version(bench, esme) == running
    counters_differ(bench, check, sent, "GBCS-11.5-09", did, refused=held)


@covers("GBCS-11.3-04", "GBCS-11.5-07")
@leaves("irreversible")
@both_meters
def test_later_image_replaces_the_pending_one(bench, supplier, meter, check):
    """Or is kept out by it, where the rig says so (A19)."""
    replaces = bench.switches["A19"] == "replace"
    first = act.distribute(bench, meter)
    second = act.distribute(bench, meter) if replaces else make_image(bench, meter)
    if not replaces:
        bench.send_image(meter, second.ota)
    code = act.activate(supplier, meter, first).values["response_code"]
    check.equal("GBCS-11.3-04", act.HASH_MISMATCH if replaces else act.SUCCESS, code)
    response = act.activate(supplier, meter, second)
    expected = act.SUCCESS if replaces else act.NO_IMAGE_HELD
    check.equal("GBCS-11.3-04", expected, response.values["response_code"], octets=response.octets)
    running = response.values["firmware_version"]
    check.equal("GBCS-11.5-07", running, firmware_version(bench, meter), octets=response.octets)


def cells(acb, device):
    holders, _ = read_holders(acb, device, "supplier", "network_operator")
    return {role: holder.cells for role, holder in holders.items()}


@covers("GBCS-11.5-14", "GBCS-REPLAY-01", "GBCS-REPLAY-02")
@leaves("irreversible")
@needs(devices=["esme"])
def test_credentials_and_counters_stay_over_an_activation(bench, acb, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    before = cells(acb, esme)
    last = supplier.send(use_case, esme, **values)
    supplier.expect_response(last)
    image = act.distribute(bench, esme)
    response = act.activate(supplier, esme, image)
    assert response.values["response_code"] == act.SUCCESS
    check.equal("GBCS-11.5-14", before, cells(acb, esme))
    outdate(bench, supplier, esme)
    again = supplier.send(use_case, esme, counter=last.counter, **values)
    refused(check, bench, again, "GBCS-REPLAY-01", "GBCS-REPLAY-02")
