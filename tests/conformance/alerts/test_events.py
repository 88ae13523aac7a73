"""Events that commands and joining raise, found in the logs where they belong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from hil.exchange import Faults
from protocols.gbcs.keystore import KeyUse
from protocols.ports import StimulusKind

from .. import device_log as devices
from ..keys import with_payload
from ..reads import raised, read, refused, until_it_answers
from ..settings import outdate, set_clock, set_mpxn
from .logs import EVENT, POWER, SECURITY, codes, entries
from .stimuli import do

pytestmark = [needs(state="commissioned", devices=["esme"]), leaves("restored")]

CLOCK_ADJUSTED, JOINED, LOGGED_SUPPLY = 0x8145, 0x8183, (0x8F35, 0x8F36)
UNUSUAL = 10  # how many refused commands are unusual is a parameter of the bench (GBCS-MALF-01)


@covers("SMETS-5.5.1-c", "GBCS-EV-8145")
def test_an_adjusted_clock_is_logged_and_told_to_nobody(bench, supplier, esme, check):
    mark = bench.alerts.mark()
    use_case, values = set_clock(bench, esme)
    supplier.request(use_case, esme, **values)
    check.equal("GBCS-EV-8145", True, CLOCK_ADJUSTED in codes(bench, supplier, esme, EVENT))
    read(bench, esme)
    told = [each.to for each in bench.alerts.since(mark) if each.alert_code == CLOCK_ADJUSTED]
    check.equal("GBCS-EV-8145", [], told)


@covers("GBCS-EV-8183")
def test_a_meter_that_joins_says_so(bench, acb, supplier, chf, esme, check):
    devices.remove(acb, chf, esme.eui64)
    mark = bench.alerts.mark()
    devices.add(acb, chf, esme)
    devices.backup_with_key(bench, chf, esme.eui64, mark)
    alert = raised(check, bench, esme, [JOINED], since=mark, row="GBCS-EV-8183")
    check.equal("GBCS-EV-8183", ("ok", supplier.name), (alert.mac, alert.to), octets=alert.octets)
    until_it_answers(bench, esme)
    check.equal("GBCS-EV-8183", True, JOINED in codes(bench, supplier, esme, EVENT))


@covers("GBCS-EV-8F53", "GBCS-REPLAY-01")
def test_a_replayed_command_is_logged_as_not_authorised(bench, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    sent = supplier.send(use_case, esme, **values)
    supplier.expect_response(sent)
    before = codes(bench, supplier, esme, SECURITY).count(0x8F53)
    outdate(bench, supplier, esme)
    again = supplier.send(use_case, esme, counter=sent.counter, **values)
    refused(check, bench, again, "GBCS-REPLAY-01")
    check.equal("GBCS-EV-8F53", before + 1, codes(bench, supplier, esme, SECURITY).count(0x8F53))


@covers("GBCS-EV-8F60", "GBCS-MALF-01")
def test_many_refused_commands_are_unusual(bench, supplier, esme, check):
    before = codes(bench, supplier, esme, SECURITY).count(0x8F60)
    use_case, values = set_mpxn(esme)
    for _ in range(UNUSUAL):
        supplier.send(use_case, esme, faults=Faults(wrong_mac=True), **values)
    until_it_answers(bench, esme)
    bench.wait(5.0)
    check.that(
        "GBCS-EV-8F60",
        codes(bench, supplier, esme, SECURITY).count(0x8F60) > before,
        expected=f"an entry after {UNUSUAL} refused commands",
        observed=f"{before} before",
    )


@covers("SMETS-OUT-01", "GBCS-EV-8F35", "GBCS-EV-8F36", "GBCS-EV-8F57")
@needs(capabilities=["esme.power"])
@pytest.mark.parametrize(("seconds", "code"), [(170, 0x8F35), (190, 0x8F36)])
def test_outages_are_long_from_three_minutes_on(
    bench, supplier, network_operator, esme, check, seconds, code
):
    row = f"GBCS-EV-{code:04X}"
    lost = bench.clock.now()
    mark = bench.alerts.mark()
    esme.power.off()
    bench.wait(seconds)
    esme.power.on()
    until_it_answers(bench, esme)
    alert = raised(check, bench, esme, [code], since=mark, row=row)
    check.equal(row, ("ok", network_operator.name), (alert.signature, alert.to), octets=alert.octets)
    check.equal("SMETS-OUT-01", [0x8F57, code], codes(bench, supplier, esme, POWER)[-2:])
    entry = entries(bench, supplier, esme, POWER)[-2]
    check.that(
        "GBCS-EV-8F57",
        abs(entry.time - lost) <= timedelta(seconds=10),
        expected=f"the time of the outage, {lost}",
        observed=entry.time,
    )


@covers("GBCS-EV-81A2", "GBCS-EV-81A3")
@needs(capabilities=["esme.stimulus"])
@pytest.mark.parametrize(("state", "code"), [("connected", 0x81A2), ("disconnected", 0x81A3)])
def test_a_hub_put_on_the_meter_is_noticed(bench, supplier, esme, check, state, code):
    """Its event has a WAN alert marked and no recipient: the log is all that can be seen of it."""
    mark = bench.alerts.mark()
    do(esme, StimulusKind.BUTTON, f"hub={state}")
    row = f"GBCS-EV-{code:04X}"
    check.equal(row, code, codes(bench, supplier, esme, EVENT)[-1])
    check.equal(row, [], [each.to for each in bench.alerts.since(mark) if each.alert_code == code])


@covers("GBCS-16-12", "GBCS-EV-8161", "GBCS-EV-8162")
@needs(capabilities=["esme.stimulus"])
def test_commands_at_the_meter_are_logged_with_their_number(bench, supplier, esme, check):
    """A code that is none is entered; supply that was armed is enabled by its button."""
    esme.stimulus.apply(StimulusKind.KEYPAD, "12345678901234567890")
    last = entries(bench, supplier, esme, EVENT)[-1]
    check.equal("GBCS-EV-8162", (0x8162, "0005"), (last.code, last.other))
    supplier.request("ECS43", esme)
    supplier.request("ECS44", esme)
    do(esme, StimulusKind.BUTTON, "enable=3")
    found = [(each.code, each.other) for each in entries(bench, supplier, esme, EVENT)]
    check.equal("GBCS-EV-8161", True, (0x8161, "000E") in found)
    check.equal("GBCS-16-12", True, all(len(other) == 4 for code, other in found if code in {0x8161, 0x8162}))


@covers("SMETS-TAMP-LOCK", "GBCS-EV-81BE")
@needs(capabilities=["esme.stimulus"])
def test_supply_is_locked_where_tampering_shall_lock_it(bench, supplier, esme, check):
    supplier.request("ECS81", esme, values={"SupplyTamperState: value": True})
    mark = bench.alerts.mark()
    do(esme, StimulusKind.COVER_OPEN)
    alert = raised(check, bench, esme, [0x81BE], since=mark, row="GBCS-EV-81BE")
    check.equal("GBCS-EV-81BE", ("ok", supplier.name), (alert.mac, alert.to), octets=alert.octets)
    check.equal("GBCS-EV-81BE", True, 0x81BE in codes(bench, supplier, esme, EVENT))
    outcome = esme.stimulus.apply(StimulusKind.BUTTON, "enable=3")
    check.equal("SMETS-TAMP-LOCK", "refused", str(outcome.outcome))
    do(esme, StimulusKind.COVER_CLOSE)
    supplier.request("ECS81", esme, values={"SupplyTamperState: value": False})
    supplier.request("ECS44", esme)
    supplier.request("ECS42", esme)


@pytest.mark.parametrize(
    ("usage", "foreign", "stored", "failed"),
    [
        pytest.param(
            "digitalSignature",
            KeyUse.DS,
            0x8F4D,
            0x8F4C,
            marks=covers("GBCS-EV-8F4D", "GBCS-EV-8F4C"),
            id="signing",
        ),
        pytest.param(
            "keyAgreement",
            KeyUse.KA,
            0x8F4F,
            0x8F4E,
            marks=covers("GBCS-EV-8F4F", "GBCS-EV-8F4E"),
            id="agreement",
        ),
    ],
)
def test_replacing_a_certificate_of_the_meter_is_logged(
    bench, supplier, esme, check, usage, foreign, stored, failed
):
    """The meter is given the certificate that it has, then one of somebody else."""
    own = supplier.request("CS02e", esme, keyUsage=usage).find("certificate")
    others = bench.keys.keystore.certificate(supplier.eui64, foreign)
    for certificate, code in ((bytes.fromhex(own), stored), (others, failed)):
        mark = bench.alerts.mark()
        supplier.request("CS02d", esme, certificate=certificate)
        row = f"GBCS-EV-{code:04X}"
        check.equal(row, True, code in codes(bench, supplier, esme, SECURITY))
        check.equal(row, [], [each.to for each in bench.alerts.since(mark) if each.alert_code == code])


@covers("GBCS-EV-8F48", "GBCS-EV-8F49", "GBCS-EV-8F4A", "GBCS-EV-8F4B")
@needs(devices=["esme", "ppmid"])
def test_joining_and_unjoining_are_logged_with_their_outcome(bench, acb, supplier, esme, ppmid, check):
    """With the PPMID, and with a device that is not there; the harness joins them again."""
    there = {"other_device_id": ppmid.eui64}
    nobody = {"other_device_id": devices.NOBODY}
    as_ppmid = {"other_device_type": "ppmid"}
    before = supplier.request("CS07", esme).values["devices"]
    for use_case, values, code in (
        ("CS03A1", there | as_ppmid, 0x8F49),
        ("CS04AC", there, 0x8F4B),
        ("CS04AC", nobody, 0x8F4A),
        ("CS03A1", nobody | as_ppmid, 0x8F48),
    ):
        mark = bench.alerts.mark()
        count = codes(bench, supplier, esme, SECURITY).count(code)
        supplier.request(use_case, esme, timeout_s=60.0, **values)
        row = f"GBCS-EV-{code:04X}"
        check.equal(row, count + 1, codes(bench, supplier, esme, SECURITY).count(code))
        check.equal(row, [], [each.to for each in bench.alerts.since(mark) if each.alert_code == code])
    check.observe("joined before", before)


@covers("GBCS-EV-8F1E", "GBCS-MALF-01")
def test_malformed_content_is_alerted_and_logged(bench, acb, supplier, esme, check):
    use_case, values = set_mpxn(esme)
    mark = bench.alerts.mark()
    faults = Faults(tamper=lambda octets: with_payload(bench, acb, octets, lambda payload: payload[:-3]))
    sent = supplier.send(use_case, esme, faults=faults, **values)
    refused(check, bench, sent, "GBCS-MALF-01")
    alert = raised(check, bench, esme, [0x8F1E], since=mark, row="GBCS-EV-8F1E")
    check.equal("GBCS-EV-8F1E", ("ok", supplier.name), (alert.signature, alert.to), octets=alert.octets)
    check.equal("GBCS-EV-8F1E", True, 0x8F1E in codes(bench, supplier, esme, SECURITY))
