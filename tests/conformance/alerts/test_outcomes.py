"""Events that tell what came of something: an image, a dated command, new credentials."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs

from ..firmware import activation as act
from ..images import damaged, make_image
from ..reads import raised, read
from .logs import EVENT, SECURITY, codes, entries

pytestmark = [needs(state="commissioned", devices=["esme"])]

VERIFIED, NOT_VERIFIED, CHANGED = 0x8F72, 0x8F1C, 0x8F43
DONE = 0x8F66
DATED_INSTRUCTION = 0x00CC
LOAD_LIMIT = {
    "LoadLimitSupplyState: valueNext": False,
    "LoadLimitPowerThreshold: thresholdNext": 23_000,
    "LoadLimitPeriod(Timer): valueNext": 300,
    "LoadLimitRestorationPeriod(Timer): valueNext": 30,
}


@covers("GBCS-EV-8F72", "GBCS-EV-8F1C", "GBCS-16-02")
@needs(capabilities=["firmware"])
@leaves("irreversible")
@pytest.mark.parametrize("is_good", [True, False], ids=["good", "damaged"])
def test_the_check_of_an_image_is_alerted_and_logged(bench, supplier, esme, check, is_good):
    code = VERIFIED if is_good else NOT_VERIFIED
    row = f"GBCS-EV-{code:04X}"
    act.discard_pending(bench, supplier, esme)
    image = make_image(bench, esme)
    before = codes(bench, supplier, esme, SECURITY).count(code)
    mark = bench.alerts.mark()
    bench.send_image(esme, image.ota if is_good else damaged(image))
    alert = raised(check, bench, esme, [code], since=mark, row=row)
    check.equal(row, ("ok", supplier.name), (alert.signature, alert.to), octets=alert.octets)
    check.equal(row, before + 1, codes(bench, supplier, esme, SECURITY).count(code))
    if is_good:
        check.equal("GBCS-16-02", image.hash, alert.values["image_hash"], octets=alert.octets)


@covers("GBCS-EV-8F43", "GBCS-11.5-13")
@needs(capabilities=["firmware"])
@leaves("irreversible")
def test_another_version_is_logged_and_told_to_nobody(bench, supplier, esme, check):
    image = act.distribute(bench, esme)
    before = codes(bench, supplier, esme, SECURITY).count(CHANGED)
    mark = bench.alerts.mark()
    act.activate(supplier, esme, image)
    read(bench, esme, timeout_s=60.0)
    check.equal("GBCS-EV-8F43", before + 1, codes(bench, supplier, esme, SECURITY).count(CHANGED))
    told = [each.to for each in bench.alerts.since(mark) if each.alert_code == CHANGED]
    check.equal("GBCS-11.5-13", [], told)


@covers("GBCS-16-11", "GBCS-EV-8F66", "GBCS-16-12")
@leaves("restored")
def test_every_dated_instruction_has_an_alert_of_its_own(bench, supplier, esme, check):
    when = (bench.clock.now() + timedelta(seconds=60)).replace(microsecond=0)
    mark = bench.alerts.mark()
    response = supplier.request("ECS28a", esme, values=LOAD_LIMIT, at=when)
    check.equal("GBCS-16-11", False, any(response.statuses.values()), octets=response.octets)
    bench.wait(90.0)
    found = [
        each
        for each in bench.alerts.since(mark)
        if (each.device, each.message_code) == (esme.name, DATED_INSTRUCTION)
    ]
    check.equal("GBCS-EV-8F66", {DONE}, {each.alert_code for each in found})
    instructions = [each.message.payload[-9:] for each in found]
    check.equal("GBCS-16-11", len(set(instructions)), len(instructions))
    header = response.message.header
    for alert in found:
        check.equal("GBCS-EV-8F66", ("ok", supplier.name), (alert.signature, alert.to), octets=alert.octets)
        check.equal("GBCS-16-11", header.message_code, alert.find("MessageCode"), octets=alert.octets)
        check.equal("GBCS-16-11", header.originator_counter, alert.find("OriginatorCounter"))
    if bench.switches["A06"] != "none":
        logged = [each.code for each in entries(bench, supplier, esme, EVENT) if each.time >= when]
        check.equal("GBCS-16-12", len(found), logged.count(DONE))
