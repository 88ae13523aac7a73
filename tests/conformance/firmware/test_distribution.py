"""What a device does with an image that arrives: GBCS 11.1 and 11.3."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from ..device_log import NOBODY
from ..images import damaged, make_image, without_trailer
from ..keys import STRANGER
from ..meters import both_meters, on
from ..reads import SILENCE_S, firmware_version, raised, read
from . import activation as act

pytestmark = needs(state="commissioned", capabilities=["firmware"])

VERIFIED = 0x8F72
NOT_VERIFIED = 0x8F1C


@covers("GBCS-11.3-03", "GBCS-11.1-01", "GBCS-SIG-01")
@leaves("irreversible")
@pytest.mark.parametrize(
    ("meter", "message_code"), [on("esme", 0x00CE), on("gsme", 0x00CF)], indirect=["meter"]
)
def test_receipt_of_a_good_image_is_alerted_with_its_hash(bench, meter, message_code, check):
    running = firmware_version(bench, meter)
    image = make_image(bench, meter)
    mark = bench.alerts.mark()
    bench.send_image(meter, image.ota)
    alert = bench.alerts.expect(meter, VERIFIED, since=mark)
    check.equal("GBCS-11.3-03", message_code, alert.message_code, octets=alert.octets)
    check.equal("GBCS-SIG-01", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-11.3-03", image.hash, alert.values["image_hash"], octets=alert.octets)
    check.equal("GBCS-11.1-01", running, firmware_version(bench, meter))


@covers("GBCS-11.3-02", "GBCS-11.3-05", "GBCS-11.5-04", "GBCS-SIG-01")
@leaves("irreversible")
@pytest.mark.parametrize("fault", ["signed-by-a-stranger", "damaged", "signature-missing"])
@both_meters
def test_image_that_does_not_verify_is_dropped(bench, supplier, meter, check, fault):
    act.discard_pending(bench, supplier, meter)
    image = make_image(bench, meter, signer=STRANGER if fault == "signed-by-a-stranger" else None)
    spoil = {"damaged": damaged, "signature-missing": without_trailer}.get(fault)
    mark = bench.alerts.mark()
    bench.send_image(meter, spoil(image) if spoil else image.ota)
    response = supplier.request("CS06", meter, image_hash=image.hash)
    code = response.values["response_code"]
    check.equal("GBCS-11.5-04", act.NO_IMAGE_HELD, code, octets=response.octets)
    check.equal("GBCS-11.3-05", act.NO_IMAGE_HELD, code, octets=response.octets)
    alert = raised(check, bench, meter, [NOT_VERIFIED], since=mark, row="GBCS-11.3-02")
    check.equal("GBCS-SIG-01", "ok", alert.signature, octets=alert.octets)


@covers("GBCS-11.3-09", "GBCS-11.5-04")
@needs(devices=["esme"])
@leaves("irreversible")
@pytest.mark.parametrize("changed", ["manufacturer_code", "image_type", "hardware_version"])
def test_image_for_other_hardware_is_not_taken(bench, supplier, esme, check, changed):
    act.discard_pending(bench, supplier, esme)
    image = make_image(bench, esme, **{changed: getattr(esme.device_file, changed) + 1})
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota)
    response = supplier.request("CS06", esme, image_hash=image.hash)
    check.equal("GBCS-11.5-04", act.NO_IMAGE_HELD, response.values["response_code"], octets=response.octets)
    verified = [a for a in bench.alerts.since(mark) if a.alert_code == VERIFIED]
    check.that("GBCS-11.3-09", not verified, expected="no 0x8F72", observed=f"{len(verified)} of them")


@covers("GBCS-CCS01-01")
@needs(devices=["chf", "esme"])
@leaves("nothing")
def test_image_for_a_device_outside_the_log_goes_nowhere(bench, acb, chf, esme, check):
    image = make_image(bench, esme)
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota, target=NOBODY)
    read(bench, chf)
    bench.alerts.none(esme, VERIFIED, since=mark, within_s=SILENCE_S)
    found = bench.alerts.since(mark)
    check.that("GBCS-CCS01-01", not found, expected="no alert of any device", observed=len(found))


@covers("GBCS-11.3-07")
@needs(devices=["esme"])
@leaves("irreversible")
def test_force_replace_has_no_effect_on_a_meter(bench, esme, check):
    running = firmware_version(bench, esme)
    image = make_image(bench, esme, force_replace=1)
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota)
    bench.alerts.expect(esme, VERIFIED, since=mark)
    check.equal("GBCS-11.3-07", running, firmware_version(bench, esme))
