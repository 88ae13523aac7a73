"""Alerts that a device raises about commands it refuses."""

from __future__ import annotations

from hil.api import covers, leaves, needs
from hil.exchange import Faults

from ..keys import resigned, with_payload
from ..meters import both_meters
from ..reads import raised, refused
from ..settings import set_clock, set_mpxn

pytestmark = [needs(state="commissioned"), leaves("nothing")]

GENERIC_CRITICAL = 0x1000
AUTHENTICATION_FAILURE = 0x8F3D
NO_AUTHORITY = [0x8F30]
CONTENT_CHECK_FAILED = [0x8F1E]
CLOCK_NOT_ADJUSTED = [0x8F0C]
# Which of them belongs to which fault was not stated in what was read (A03).
FAILED_AUTHENTICATION = [0x8F3D, 0x8F3E, 0x8F53, 0x8F30]


def _is_critical(check, alert):
    check.equal("GBCS-16-01", GENERIC_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-16-01", "ok", alert.signature, octets=alert.octets)


@covers("GBCS-EV-8F3D", "GBCS-AUTH-01", "GBCS-16-01", "GBCS-6.2.4-04")
@both_meters
def test_wrong_mac_is_reported_to_the_supplier(bench, supplier, meter, check):
    mark = bench.alerts.mark()
    use_case, values = set_mpxn(meter)
    sent = supplier.send(use_case, meter, faults=Faults(wrong_mac=True), **values)
    refused(check, bench, sent, "GBCS-6.2.4-04")
    alert = raised(check, bench, meter, FAILED_AUTHENTICATION, since=mark, row="GBCS-6.2.4-04")
    _is_critical(check, alert)
    check.equal("GBCS-EV-8F3D", AUTHENTICATION_FAILURE, alert.alert_code, octets=alert.octets)
    check.equal("GBCS-AUTH-01", supplier.name, alert.to, octets=alert.octets)


@covers("GBCS-EV-8F30", "GBCS-17.2-01", "GBCS-16-01")
@both_meters
def test_missing_authority_is_reported_by_a_signed_alert(bench, supplier, network_operator, meter, check):
    mark = bench.alerts.mark()
    use_case, values = set_clock(bench, meter)
    sent = network_operator.send(use_case, meter, **values)
    refused(check, bench, sent, "GBCS-17.2-01")
    alert = raised(check, bench, meter, NO_AUTHORITY, since=mark, row="GBCS-17.2-01")
    check.equal("GBCS-EV-8F30", GENERIC_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-16-01", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-17.2-01", supplier.name, alert.to, octets=alert.octets)


@covers("GBCS-MALF-01", "GBCS-16-01")
@both_meters
def test_authentic_command_of_malformed_content_is_reported(bench, acb, supplier, meter, check):
    """The MAC is right; the payload ends too soon."""
    mark = bench.alerts.mark()
    use_case, values = set_mpxn(meter)
    faults = Faults(tamper=lambda octets: with_payload(bench, acb, octets, lambda payload: payload[:-3]))
    sent = supplier.send(use_case, meter, faults=faults, **values)
    refused(check, bench, sent, "GBCS-MALF-01")
    alert = raised(check, bench, meter, CONTENT_CHECK_FAILED, since=mark, row="GBCS-MALF-01")
    _is_critical(check, alert)


@covers("SEC-GBCSCRIT-01", "GBCS-MALF-01", "GBCS-16-01")
@needs(devices=["gsme"])
def test_critical_command_with_a_surplus_element_is_refused(bench, acb, supplier, gsme, check):
    """GCS28 with a third element after its two times: signature and MAC are right, the use case's type is not."""
    mark = bench.alerts.mark()
    use_case, values = set_clock(bench, gsme)

    def add_element(payload: bytes) -> bytes:
        return bytes((payload[0], payload[1] + 3)) + payload[2:] + bytes.fromhex("020100")

    faults = Faults(tamper=lambda octets: resigned(bench, supplier, acb, octets, add_element))
    sent = supplier.send(use_case, gsme, faults=faults, **values)
    refused(check, bench, sent, "SEC-GBCSCRIT-01")
    alert = raised(check, bench, gsme, CONTENT_CHECK_FAILED, since=mark, row="GBCS-MALF-01")
    _is_critical(check, alert)


@covers("SMETS-5.5.1-c", "GBCS-EV-8F0C", "GBCS-16-01")
@needs(devices=["esme"])
def test_clock_that_was_not_set_is_reported(bench, supplier, esme, check):
    mark = bench.alerts.mark()
    use_case, values = set_clock(bench, esme, start_s=3600, end_s=7200)
    response = supplier.request(use_case, esme, **values)
    check.observe("results of ECS70 with a window in the future", response.results, octets=response.octets)
    alert = raised(check, bench, esme, CLOCK_NOT_ADJUSTED, since=mark, row="SMETS-5.5.1-c")
    _is_critical(check, alert)
    check.equal("GBCS-EV-8F0C", supplier.name, alert.to, octets=alert.octets)


@covers("GBCS-UC-ECS39a")
@needs(devices=["esme"])
def test_order_of_checks_shows_in_the_event(bench, network_operator, esme, check):
    """No authority and a wrong MAC at once (A01, GBCS 6.2.4): whichever is reported is only written down."""
    mark = bench.alerts.mark()
    use_case, values = set_mpxn(esme)
    sent = network_operator.send(use_case, esme, faults=Faults(wrong_mac=True), **values)
    refused(check, bench, sent, "GBCS-UC-ECS39a")
    found = [f"{alert.alert_code:#06x}" for alert in bench.alerts.since(mark) if alert.device == esme.name]
    check.observe("event of a command without authority and with a wrong MAC", ", ".join(found) or "none")
