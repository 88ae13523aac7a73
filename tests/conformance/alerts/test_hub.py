"""Events of a hub: its box, its supply, and its sub GHz side."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..reads import raised, refused, until_it_answers
from ..settings import set_mpxn
from .logs import EVENT, SECURITY, codes
from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["chf"], capabilities=["chf.stimulus"]),
    leaves("restored"),
]

BUTTON = StimulusKind.BUTTON
SUB_GHZ = "SubGHzConfigurationSettings: subGhzConfig"
LIMITED, CRITICAL, REGULATED = 1000, 5000, 10_000
CHANGES = "maximumSubGHzChannelChangesPerWeek"
NOISY = "sub-ghz=noise:30"


def _named(settings):
    """Values of DBCH04 for these settings."""
    return {f"elements/{SUB_GHZ}/{name}": value for name, value in settings.items()}


@pytest.fixture
def calm(chf):
    """Nothing going on in the air, before the test and after it."""
    for knob in ("duty:0", "noise:0"):
        do(chf, BUTTON, f"sub-ghz={knob}")
    yield
    for knob in ("duty:0", "noise:0", "capacity:4"):
        do(chf, BUTTON, f"sub-ghz={knob}")


@covers("GBCS-16-01", "GBCS-AUTH-01")
@pytest.mark.parametrize(
    ("code", "kind", "argument"),
    [
        pytest.param(0x8F3F, StimulusKind.COVER_OPEN, "", id="8F3F"),
        pytest.param(0x8F78, BUTTON, "tamper=other", id="8F78"),
        pytest.param(0x8F3E, BUTTON, "local-port=unauthorised", id="8F3E"),
    ],
)
def test_tampering_with_the_hub_is_told_to_the_broker(bench, acb, chf, check, code, kind, argument):
    mark = bench.alerts.mark()
    do(chf, kind, argument)
    alert = bench.alerts.expect(chf, code, since=mark)
    check.equal("GBCS-16-01", ("ok", 0x1000), (alert.signature, alert.message_code), octets=alert.octets)
    check.equal("GBCS-AUTH-01", acb.name, alert.to, octets=alert.octets)
    check.equal("GBCS-16-01", True, code in codes(bench, acb, chf, SECURITY))


@covers("GBCS-OUT-04", "GBCS-EV-8F57")
@needs(capabilities=["chf.power"])
def test_interrupted_supply_stays_with_the_hub(bench, acb, chf, check):
    before = codes(bench, acb, chf, EVENT).count(0x8F57)
    mark = bench.alerts.mark()
    chf.power.off()
    bench.wait(5)
    chf.power.on()
    until_it_answers(bench, chf)
    check.equal("GBCS-OUT-04", before + 1, codes(bench, acb, chf, EVENT).count(0x8F57))
    told = [each for each in bench.alerts.since(mark) if each.alert_code == 0x8F57]
    check.equal("GBCS-EV-8F57", [], [each.to for each in told])


REPEATED, TIMES = 0x8F78, 15


@covers("MP119-01")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
def test_identical_alerts_pass_one_by_one(bench, esme, chf, check):
    """As long as nobody has switched on that the hub merges them (A28)."""
    mark = bench.alerts.mark()
    for _ in range(TIMES):
        do(esme, BUTTON, "tamper")
        bench.wait(1)
    bench.wait(20)
    passed = [each for each in bench.alerts.since(mark) if each.alert_code == REPEATED]
    each_reader = len(passed) // max(1, len({each.to for each in passed}))
    merged = bench.switches["A28"] == "on"
    check.that(
        "MP119-01",
        0 < each_reader < TIMES if merged else each_reader == TIMES,
        expected=f"fewer than {TIMES} at {chf.name}'s WAN port" if merged else f"all {TIMES}",
        observed=each_reader,
    )


@covers("GBCS-10.6.2-04", "GBCS-EV-8F20", "GBCS-16-01")
@pytest.mark.usefixtures("calm")
def test_duty_cycle_thresholds_are_told_on_the_way_up_and_down(bench, acb, chf, gsme, check):
    mark = bench.alerts.mark()
    do(chf, BUTTON, f"sub-ghz=duty:{REGULATED}:{gsme.eui64}")
    alert = raised(check, bench, chf, [0x8F20], since=mark, row="GBCS-EV-8F20")
    check.equal("GBCS-EV-8F20", (0x0110, "ok"), (alert.message_code, alert.mac), octets=alert.octets)
    check.equal("GBCS-10.6.2-04", bytes(gsme.eui64).hex().upper(), alert.find("EntityIdentifier"))
    for code in (0x8F22, 0x8F24):
        alert = raised(check, bench, chf, [code], since=mark, row="GBCS-10.6.2-04")
        check.equal("GBCS-16-01", ("ok", 0x1001), (alert.mac, alert.message_code), octets=alert.octets)
    mark = bench.alerts.mark()
    for used, code in ((REGULATED - 1, 0x8F25), (CRITICAL - 1, 0x8F23), (LIMITED - 1, 0x8F21)):
        do(chf, BUTTON, f"sub-ghz=duty:{used}")
        raised(check, bench, chf, [code], since=mark, row="GBCS-10.6.2-04")


@covers("GBCS-10.6.2-05", "GBCS-EV-8F2C")
@needs(devices=["gsme"])
@pytest.mark.usefixtures("calm")
def test_a_command_to_a_suspended_device_is_discarded(bench, supplier, chf, gsme, check):
    do(chf, BUTTON, f"sub-ghz=duty:{LIMITED}:{gsme.eui64}")
    mark = bench.alerts.mark()
    use_case, values = set_mpxn(gsme)
    sent = supplier.send(use_case, gsme, **values)
    alert = raised(check, bench, chf, [0x8F2C], since=mark, row="GBCS-EV-8F2C")
    check.equal("GBCS-EV-8F2C", 0x0114, alert.message_code, octets=alert.octets)
    check.equal("GBCS-10.6.2-05", sent.counter, alert.find("OriginatorCounter"), octets=alert.octets)
    do(chf, BUTTON, "sub-ghz=duty:0")
    refused(check, bench, sent, "GBCS-10.6.2-05", seen_by=gsme)


@covers("GBCS-10.6.2-06", "GBCS-EV-8F2D")
@pytest.mark.usefixtures("calm")
def test_without_capacity_nobody_joins(bench, chf, gsme, check):
    do(chf, BUTTON, "sub-ghz=capacity:0")
    mark = bench.alerts.mark()
    do(chf, BUTTON, f"sub-ghz=join:{gsme.eui64}")
    alert = raised(check, bench, chf, [0x8F2D], since=mark, row="GBCS-EV-8F2D")
    check.equal("GBCS-EV-8F2D", (0x0115, "ok"), (alert.message_code, alert.mac), octets=alert.octets)
    check.equal("GBCS-10.6.2-06", True, bytes(gsme.eui64) in alert.message.payload, octets=alert.octets)


@covers("GBCS-10.6.2-07")
@pytest.mark.usefixtures("calm")
def test_a_lost_gas_meter_is_searched_for_three_times(bench, acb, chf, gsme, check):
    mark = bench.alerts.mark()
    do(chf, BUTTON, f"sub-ghz=lost:{gsme.eui64}")
    alert = raised(check, bench, chf, [0x8F29], since=mark, row="GBCS-10.6.2-07")
    check.equal("GBCS-10.6.2-07", (acb.name, "ok"), (alert.to, alert.mac), octets=alert.octets)


@covers("GBCS-10.6.2-03", "GBCS-EV-8F28", "GBCS-EV-8F26")
@pytest.mark.usefixtures("calm")
def test_a_scan_on_request_says_what_it_found(bench, acb, chf, check):
    channel = acb.request("DBCH01", chf).find("OperatingSubGHzChannel: value")
    check.step("good air: an assessment and nothing else")
    mark = bench.alerts.mark()
    acb.request("DBCH05", chf, values={"CHFSubGHzChannelScan: request": 0})
    alert = raised(check, bench, chf, [0x8F28], since=mark, row="GBCS-EV-8F28")
    check.equal("GBCS-EV-8F28", (0x0112, "ok"), (alert.message_code, alert.mac), octets=alert.octets)
    bench.wait(2)
    later = {each.alert_code for each in bench.alerts.since(mark) if each.device == chf.name}
    check.equal("GBCS-10.6.2-03", {0x8F28}, later & {0x8F26, 0x8F27, 0x8F28})

    check.step("bad air: the hub scans and changes by itself, and tells in this order")
    mark = bench.alerts.mark()
    do(chf, BUTTON, NOISY)
    raised(check, bench, chf, [0x8F27], since=mark, row="GBCS-10.6.2-03")
    alert = raised(check, bench, chf, [0x8F26, 0x8F2B], since=mark, row="GBCS-EV-8F26")
    check.equal("GBCS-EV-8F26", (0x0111, "ok"), (alert.message_code, alert.mac), octets=alert.octets)
    now = acb.request("DBCH01", chf).find("OperatingSubGHzChannel: value")
    check.that("GBCS-10.6.2-03", now != channel, expected="another channel", observed=now)


@covers("GBCS-10.6.2-07")
@pytest.mark.usefixtures("calm")
def test_channel_changes_stop_at_the_weeks_number(bench, chf, check):
    mark = bench.alerts.mark()
    for _ in range(6):
        do(chf, BUTTON, NOISY)
    raised(check, bench, chf, [0x8F2B], since=mark, row="GBCS-10.6.2-07")


@covers("GBCS-10.6.2-02", "GBCS-EV-8F2A")
@pytest.mark.usefixtures("calm")
def test_settings_are_told_when_they_change_and_read_back(bench, acb, chf, check):
    before = acb.request("DBCH03", chf).named["elements"][SUB_GHZ]
    wanted = {**before, CHANGES: before[CHANGES] + 1}
    mark = bench.alerts.mark()
    response = acb.request("DBCH04", chf, values=_named(wanted))
    check.equal("GBCS-10.6.2-02", False, any(response.statuses.values()), octets=response.octets)
    alert = raised(check, bench, chf, [0x8F2A], since=mark, row="GBCS-EV-8F2A")
    check.equal("GBCS-EV-8F2A", (0x0113, "ok"), (alert.message_code, alert.mac), octets=alert.octets)
    check.equal("GBCS-10.6.2-02", wanted, alert.find(SUB_GHZ), octets=alert.octets)
    check.equal("GBCS-10.6.2-02", wanted, acb.request("DBCH03", chf).named["elements"][SUB_GHZ])
    acb.request("DBCH04", chf, values=_named(before))
