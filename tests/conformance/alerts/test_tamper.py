"""What a person does to a device on the spot, and the alerts it raises."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..meters import on
from ..reads import raised, read, recipients, restart, until_it_answers
from .stimuli import do

pytestmark = [needs(state="commissioned"), leaves("nothing")]

GENERIC_CRITICAL, GENERIC_NON_CRITICAL = 0x1000, 0x1001
COVER_OPENED = [0x8F3F, 0x8F73, 0x8F74, 0x8F76, 0x8F77]  # which of them depends on the cover
COVER_CLOSED = [0x81A1, 0x81B9, 0x81C1]
MAGNETIC_FIELD = [0x8F75]
TIME_TOLERANCE = timedelta(seconds=10)  # of a device's clock (A10)
tampered_meters = pytest.mark.parametrize(
    "meter",
    [on("esme", capabilities=("stimulus",)), on("gsme", capabilities=("stimulus",))],
    indirect=True,
)


@pytest.fixture
def cover_closed(meter):
    yield
    do(meter, StimulusKind.COVER_CLOSE)


def _is_critical(check, alert):
    check.equal("GBCS-16-01", GENERIC_CRITICAL, alert.message_code, octets=alert.octets)
    check.that(
        "GBCS-16-01",
        alert.signature == "ok" and alert.message.mac is None,
        expected="a valid signature and no MAC",
        observed=f"signature {alert.signature}, {'no MAC' if alert.message.mac is None else 'a MAC'}",
        octets=alert.octets,
    )


@covers("GBCS-TAMPER-02", "GBCS-16-01", "GBCS-16-02")
@tampered_meters
def test_opened_cover_raises_a_signed_alert_to_the_supplier(bench, supplier, meter, check, cover_closed):
    mark = bench.alerts.mark()
    opened_at = bench.clock.now()
    do(meter, StimulusKind.COVER_OPEN)
    alert = raised(check, bench, meter, COVER_OPENED, since=mark, row="GBCS-TAMPER-02")
    _is_critical(check, alert)
    check.that(
        "GBCS-16-02",
        abs(alert.values["time"] - opened_at) <= TIME_TOLERANCE,
        expected=f"the time of the event, {opened_at}, within {TIME_TOLERANCE}",
        observed=alert.values["time"],
        octets=alert.octets,
    )
    told = recipients(bench, meter, COVER_OPENED, mark)
    check.that(
        "GBCS-TAMPER-02", supplier.name in told, expected="an alert to the supplier", observed=sorted(told)
    )


@covers("GBCS-16-01", "GBCS-MAC-01")
@tampered_meters
def test_closed_cover_raises_an_alert_with_a_mac(bench, supplier, meter, check):
    """Closing is not critical, and a supplier can switch its alert off; ours has not."""
    do(meter, StimulusKind.COVER_OPEN)
    mark = bench.alerts.mark()
    do(meter, StimulusKind.COVER_CLOSE)
    # No row demands this alert; TAMPER-02 is as near as any comes, and cannot fail a device.
    alert = raised(check, bench, meter, COVER_CLOSED, since=mark, row="GBCS-TAMPER-02")
    check.equal("GBCS-16-01", GENERIC_NON_CRITICAL, alert.message_code, octets=alert.octets)
    check.equal("GBCS-MAC-01", "ok", alert.mac, octets=alert.octets)
    check.equal("GBCS-16-01", (b"", supplier.name), (alert.message.signature, alert.to), octets=alert.octets)


@covers("GBCS-EV-8F75", "GBCS-16-01")
@needs(devices=["esme"], capabilities=["esme.stimulus"])
def test_strong_magnetic_field_raises_a_critical_alert(bench, supplier, esme, check):
    mark = bench.alerts.mark()
    do(esme, StimulusKind.MAGNET_ON)
    try:
        alert = raised(check, bench, esme, MAGNETIC_FIELD, since=mark, row="GBCS-EV-8F75")
    finally:
        do(esme, StimulusKind.MAGNET_OFF)
    _is_critical(check, alert)
    told = recipients(bench, esme, MAGNETIC_FIELD, mark)
    check.that(
        "GBCS-EV-8F75", supplier.name in told, expected="an alert to the supplier", observed=sorted(told)
    )


@covers("SMETS-TAMPER-01", "GBCS-16-01")
@needs(devices=["esme"], capabilities=["esme.stimulus", "esme.power"])
@pytest.mark.parametrize("meter", ["esme"], indirect=True)
def test_cover_opened_without_supply_is_alerted_at_power_on(bench, meter, check, cover_closed):
    mark = bench.alerts.mark()
    meter.power.off()
    try:
        do(meter, StimulusKind.COVER_OPEN)
    finally:
        meter.power.on()
    until_it_answers(bench, meter)
    alert = raised(check, bench, meter, COVER_OPENED, since=mark, row="SMETS-TAMPER-01")
    _is_critical(check, alert)


@covers("GBCS-16-10")
@needs(devices=["esme"], capabilities=["esme.stimulus", "esme.power"])
def test_alert_counters_only_grow_also_over_a_loss_of_supply(bench, esme, check):
    mark = bench.alerts.mark()
    for _ in range(2):
        do(esme, StimulusKind.COVER_OPEN)
        do(esme, StimulusKind.COVER_CLOSE)
        restart(bench, esme)
    read(bench, esme)
    seen = [alert for alert in bench.alerts.since(mark) if alert.device == esme.name]
    counters = [alert.message.header.originator_counter for alert in seen]
    check.that(
        "GBCS-16-10",
        all(before < after for before, after in pairwise(counters)),
        expected="counters of which each is greater than the one before",
        observed=counters,
        octets=seen[-1].octets if seen else b"",
    )
    check.observe("alerts counted", len(counters))
