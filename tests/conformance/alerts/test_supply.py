"""Alerts about supply, about delivery, and about the device log."""

from __future__ import annotations

from datetime import timedelta

from hil.api import covers, leaves, needs
from protocols.dlms.date_time import decode_date_time

from .. import device_log as log
from ..reads import restart, until_it_answers
from ..settings import set_mpxn

pytestmark = needs(state="commissioned")

SUPPLY_RESTORED = 0x0067  # message code of ECS80
RESTORED_CODES = [0x8F35, 0x8F36]
NOT_DELIVERED = 0x8F84
NOT_DELIVERED_FORM = 0x00D5


@covers("GBCS-OUT-03", "SMETS-OUT-01")
@needs(devices=["esme"], capabilities=["esme.power"])
@leaves("nothing")
def test_restored_supply_is_reported_to_the_network_operator(bench, network_operator, esme, check):
    mark = bench.alerts.mark()
    lost = bench.clock.now()
    restart(bench, esme)
    alert = bench.alerts.expect(esme, message_code=SUPPLY_RESTORED, since=mark)
    check.equal("GBCS-OUT-03", "ok", alert.signature, octets=alert.octets)
    check.equal("GBCS-OUT-03", network_operator.name, alert.to, octets=alert.octets)
    check.equal("SMETS-OUT-01", RESTORED_CODES[0], alert.alert_code, octets=alert.octets)
    times = [decode_date_time(data.value).to_datetime() for data in alert.values["further"][:2]]
    tolerance = timedelta(seconds=10)  # of a device's clock (A10)
    check.that(
        "GBCS-OUT-03",
        len(times) == 2 and times[0] <= times[1] and abs(times[0] - lost) <= tolerance,
        expected=f"the time of the outage, {lost} within {tolerance}, and after it that of its end",
        observed=", ".join(map(str, times)),
        octets=alert.octets,
    )


@covers("GBCS-16-15")
@needs(devices=["chf", "esme"], capabilities=["esme.power"])
@leaves("nothing")
def test_hub_reports_what_it_cannot_deliver(bench, supplier, chf, esme, check):
    mark = bench.alerts.mark()
    esme.power.off()
    try:
        use_case, values = set_mpxn(esme)
        supplier.send(use_case, esme, **values)
        alert = bench.alerts.expect(chf, NOT_DELIVERED, since=mark)
    finally:
        esme.power.on()
        until_it_answers(bench, esme)
    check.equal("GBCS-16-15", NOT_DELIVERED_FORM, alert.message_code, octets=alert.octets)


@covers("GBCS-CS14-02")
@needs(devices=["chf"])
@leaves("restored")
def test_device_log_backup_has_a_mac_for_the_broker(bench, acb, chf, check):
    mark = bench.alerts.mark()
    log.add_nobody(acb, chf)
    try:
        alert = log.backup(bench, chf, mark)
    finally:
        log.remove(acb, chf, log.NOBODY)
    check.equal("GBCS-CS14-02", "ok", alert.mac, octets=alert.octets)
    check.that(
        "GBCS-CS14-02",
        not alert.message.signature,
        expected="no signature",
        observed=alert.signature,
        octets=alert.octets,
    )
    check.equal("GBCS-CS14-02", acb.eui64, alert.message.header.business_target_id, octets=alert.octets)
    check.that(
        "GBCS-CS14-02",
        {"backup_time", "extended_pan_id", "devices"} <= set(alert.values),
        expected="backup time, extended PAN id, and EUI-64 with hash",
        observed=sorted(alert.values),
        octets=alert.octets,
    )
