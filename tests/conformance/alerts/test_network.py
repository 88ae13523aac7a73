"""Alerts about the network: a meter that has joined, a proxy whose device log has changed."""

from __future__ import annotations

from hil.api import covers, leaves, needs

from .. import device_log as log
from ..reads import raised, read

GENERIC_CRITICAL = 0x1000
COMMISSIONED = 0x8F69
GPF_LOG_CHANGED = 0x8071
GPF_LOG_BACKUP = 0x00B2  # message code of GCS62


@covers("GBCS-COM-01", "GBCS-EV-8F69", "GBCS-16-01")
@needs(state="joined", devices=["chf", "esme"])
@leaves("restored")
def test_meter_that_has_joined_tells_its_supplier(bench, acb, supplier, chf, esme, check):
    log.remove(acb, chf, esme.eui64)
    mark = bench.alerts.mark()
    log.add(acb, chf, esme)
    log.backup_with_key(bench, chf, esme.eui64, mark)
    alert = raised(check, bench, esme, [COMMISSIONED], since=mark, row="GBCS-COM-01")
    check.equal("GBCS-16-01", GENERIC_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-16-01", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-COM-01", supplier.name, alert.to, octets=alert.octets)
    read(bench, esme)
    found = [a for a in bench.alerts.since(mark) if (a.device, a.alert_code) == (esme.name, COMMISSIONED)]
    check.equal("GBCS-EV-8F69", 1, len(found))


@covers("GBCS-13.8-01", "GBCS-EV-8071", "GBCS-16-01")
@needs(state="commissioned", devices=["gpf"])
@leaves("restored")
def test_change_of_the_proxys_device_log_is_backed_up(bench, acb, supplier, gpf, check):
    """A Type 2 device that does not exist is entered in the log, and taken out again."""
    for use_case, entered in (("CS03B", True), ("CS04B", False)):
        check.step("enter it" if entered else "take it out")
        values = {"other_device_id": log.NOBODY}
        if entered:
            values["other_device_type"] = "type_2"
        mark = bench.alerts.mark()
        response = acb.request(use_case, gpf, on_behalf_of=supplier, **values)
        check.observe("outcome", response.values, octets=response.octets)
        alert = bench.alerts.expect(gpf, GPF_LOG_CHANGED, since=mark)
        check.equal("GBCS-EV-8071", GPF_LOG_BACKUP, alert.message_code, octets=alert.octets)
        check.equal("GBCS-16-01", ("ok", b""), (alert.mac, alert.message.signature), octets=alert.octets)
        check.equal("GBCS-13.8-01", acb.name, alert.to, octets=alert.octets)
        listed = {entry["device_id"] for entry in alert.values["devices"]}
        check.equal("GBCS-13.8-01", entered, log.NOBODY in listed, octets=alert.octets)
