"""Joining over the air that is refused: by whom the hub does not know, too late, and with keys that do not fit.

The hub tells why on its console (capability ``han-events``), beside its event 0x8F48.
"""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs

from .. import device_log as log
from ..reads import refused, until_it_answers

pytestmark = [
    needs(
        state="commissioned",
        devices=["chf", "ppmid"],
        capabilities=["chf.han-events", "ppmid.power"],
    ),
    leaves("restored"),
]

JOINING_FAILED = "0x8F48"
LOOKS_S = 11  # it has tried what it remembers, and has come to its install code
AGAIN_S = 9  # it has failed, and has looked a second time
WAIT_S = 30.0  # a device waits so long at most for a key that it cannot read


@pytest.fixture
def outside(bench, acb, chf, ppmid):
    """The PPMID without supply and struck off; afterwards it is sound, listed and on the HAN again."""
    log.remove(acb, chf, ppmid.eui64)
    ppmid.power.off()
    yield ppmid
    ppmid.power.off()
    if "han-fault" in ppmid.capabilities:
        ppmid.stimulus.apply("han-fault")
    log.remove(acb, chf, ppmid.eui64)
    mark = bench.alerts.mark()
    log.add(acb, chf, ppmid)
    ppmid.power.on()
    log.backup_with_key(bench, chf, ppmid.eui64, mark)
    until_it_answers(bench, ppmid)  # the hub tells of a key that the device may not have written down yet


def told(chf, since, device, reason):
    """What the hub prints of a device that it does not let in."""
    return chf.console.expect(f"{JOINING_FAILED}.*{device.eui64}: {reason}.*", since=since, timeout_s=WAIT_S)


@covers("GBCS-CCS01-01")
def test_device_that_is_not_listed_is_refused_while_another_may_join(
    bench, acb, chf, check, nobody_removed, outside
):
    log.add_nobody(acb, chf)
    mark = chf.console.mark()
    outside.power.on()
    check.observe("what the hub tells", told(chf, mark, outside, "unknown-eui64"))
    refused(check, bench, acb.send("CS07", outside), "GBCS-CCS01-01", seen_by=chf)


@covers("GBCS-CCS01-04")
def test_install_code_that_is_not_the_devices_is_told(bench, acb, chf, check, outside):
    log.add(acb, chf, outside, install_code=log.NOBODYS_CODE, join_time_s=2 * LOOKS_S)
    bench.wait(LOOKS_S + 0.1)  # until the historic key counts no more
    mark = chf.console.mark()
    outside.power.on()
    check.observe("what the hub tells", told(chf, mark, outside, "not-announced"))
    refused(check, bench, acb.send("CS07", outside), "GBCS-CCS01-04", seen_by=chf)


@covers("GBCS-CCS01-04")
def test_join_period_that_ends_is_told(bench, acb, chf, check, outside):
    mark = chf.console.mark()
    log.add(acb, chf, outside, join_time_s=1)
    check.observe("what the hub tells", told(chf, mark, outside, "window-expired"))
    outside.power.on()
    refused(check, bench, acb.send("CS07", outside), "GBCS-CCS01-04", seen_by=chf)


@covers("GBCS-CCS01-01")
@needs(capabilities=["ppmid.han-fault", "ppmid.stimulus"])
@pytest.mark.parametrize("fault", ["wrong-issuer", "wrong-private-key"])
def test_key_establishment_that_fails_keeps_the_device_out(bench, acb, chf, check, outside, fault):
    """A certificate of another authority, and one whose private key is not the device's; then its own again."""
    outside.stimulus.apply("han-fault", fault)
    log.add(acb, chf, outside, join_time_s=2 * (LOOKS_S + AGAIN_S))
    bench.wait(LOOKS_S + AGAIN_S + 0.1)  # the historic key needs no key establishment
    mark = chf.console.mark()
    outside.power.on()
    check.observe("what the hub tells", told(chf, mark, outside, "key-establishment-failed"))
    refused(check, bench, acb.send("CS07", outside), "GBCS-CCS01-01", seen_by=chf)
    # The period is not over, and the device looks again. What it joins with now, it will remember: without
    # this the fixture would have to wait until the hub has done with a historic key that the device forgot.
    mark = bench.alerts.mark()
    outside.stimulus.apply("han-fault")
    log.backup_with_key(bench, chf, outside.eui64, mark)
    until_it_answers(bench, outside)


@covers("GBCS-CCS01-01")
@needs(capabilities=["chf.han.frame-refusals", "ppmid.han-fault", "ppmid.stimulus"])
def test_frame_counters_used_before_are_refused(chf, bench, check, ppmid):
    """A device that forgot its frame counters: nothing of it is taken until it has proved its key anew."""
    ppmid.stimulus.apply("han-fault", "old-counters")
    mark = chf.console.mark()
    try:
        ppmid.power.off()
        ppmid.power.on()
        line = chf.console.expect(f"frame of {ppmid.eui64} refused: replay", since=mark, timeout_s=WAIT_S)
        check.observe("what the hub tells", line)
    finally:
        ppmid.power.off()
        ppmid.stimulus.apply("han-fault")
        ppmid.power.on()
        until_it_answers(bench, ppmid)
