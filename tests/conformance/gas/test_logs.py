"""What a gas meter keeps: profile, daily reads, billing data, network data; and the copies at its proxy."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..settings import set_clock
from . import values as v

pytestmark = [
    needs(state="commissioned", devices=["gsme", "gpf"], capabilities=["gsme.stimulus"]),
    leaves("restored"),
]

LITRES = 600
TOLERANCE = 10
BILLING_UPDATED, BILLING_FORM = 0x8F0A, 0x008B
DAYS, WEEKS, MONTHS = 0x21, 0x22, 0x23
EARLIEST = "2000-01-01T00:00:01Z"


def _samples(user, device, use_case, number):
    shown = user.request(
        use_case, device, values={"Earliest Sample Time": EARLIEST, "Number of Samples": number}
    )
    found = v.components(shown, "Get Sampled Data Response")
    return found[0] if found else None


def _until_half_hour(bench):
    now = bench.clock.now()
    bench.wait(1800 - (now.minute * 60 + now.second) % 1800 + 2)


@covers("SMETS-4.6.5.15-OBJ", "CHTS-4.6.3.10-OBJ", "SMETS-4.6.5.4-OBJ")
def test_half_hour_of_gas_is_in_the_profile_data_log(
    bench, supplier, network_operator, gsme, gpf, check, flow
):
    _until_half_hour(bench)
    before = v.consumption(supplier, gsme)
    flow(LITRES, 10)
    risen = v.consumption(supplier, gsme) - before
    check.that(
        "SMETS-4.6.5.4-OBJ",
        abs(risen - LITRES) <= TOLERANCE,
        expected=f"{LITRES} thousandths of m3 more, within {TOLERANCE}",
        observed=risen,
    )
    _until_half_hour(bench)
    for row, user, device in (
        ("SMETS-4.6.5.15-OBJ", supplier, gsme),
        ("CHTS-4.6.3.10-OBJ", network_operator, gpf),
    ):
        log = _samples(user, device, "GCS17", 19_056)
        check.equal(row, risen, log["Samples"][-1] if log else None)
        check.equal(row, 1800, log["Sample Request Interval"] if log else None)
        if log:
            last = v.moment(log["Sample Start Time"]) + timedelta(minutes=30) * (len(log["Samples"]) - 1)
            age = abs(last - bench.clock.now())
            check.that(
                row, age < timedelta(minutes=31), expected="the half hour that ended last", observed=last
            )


@covers("SMETS-4.5.3.16-OBJ", "SMETS-4.6.5.12-OBJ")
def test_network_data_log_samples_every_six_minutes(bench, supplier, acb, gsme, check, flow):
    start = v.ISSUER | {
        "Start Sampling/Sample Request Interval": 360,
        "Start Sampling/Max Number of Samples": 41,
    }
    started = acb.request("GCS31", gsme, values=start)
    check.equal("SMETS-4.5.3.16-OBJ", 2, started.find("Sample ID"), octets=started.octets)
    flow(LITRES, 12)
    bench.wait(30)
    log = _samples(supplier, gsme, "GCS18", 41)
    for row in ("SMETS-4.5.3.16-OBJ", "SMETS-4.6.5.12-OBJ"):
        check.equal(row, 360, log["Sample Request Interval"] if log else None)
        check.that(
            row,
            log is not None and all(abs(each - LITRES / 2) <= TOLERANCE for each in log["Samples"][:2]),
            expected=f"two samples of {LITRES // 2}, within {TOLERANCE}",
            observed=log and log["Samples"],
        )


@covers("SMETS-4.6.5.3-OBJ", "CHTS-4.5.2-OBJ", "GBCS-ENC-01", "SMETS-4.6.4.2-OBJ")
def test_billing_day_keeps_and_sends_an_entry(bench, supplier, gsme, gpf, check, flow):
    flow(LITRES, 1)
    mark = bench.alerts.mark()
    start = bench.clock.now().replace(microsecond=0) + timedelta(minutes=1)
    v.change(supplier, gsme, "GCS25a", v.billing(start, 1, MONTHS))
    bench.wait(2 * 60)
    alert = bench.alerts.expect(gsme, BILLING_UPDATED, since=mark)
    check.equal("GBCS-ENC-01", BILLING_FORM, alert.message_code, octets=alert.octets)
    check.equal("GBCS-ENC-01", "ok", alert.signature, octets=alert.octets)
    check.equal("SMETS-4.6.5.3-OBJ", supplier.name, alert.to, octets=alert.octets)
    registers = v.consumption(supplier, gsme)
    sent = alert.find("Current Summation")
    check.equal("SMETS-4.6.5.3-OBJ", registers, sent, octets=alert.octets)
    check.that(
        "GBCS-ENC-01",
        sent.to_bytes(6, "little") not in alert.message.payload,
        expected="the registers in no clear octets",
        observed=alert.message.payload.hex(),
        octets=alert.octets,
    )
    for row, device in (("SMETS-4.6.5.3-OBJ", gsme), ("CHTS-4.5.2-OBJ", gpf)):
        newest = v.snapshots(supplier, device, "GCS15c")[-1:]
        times = [each["Snapshot Time"] for each in newest]
        check.equal(row, [v.text(start)], times)
        check.equal("SMETS-4.6.4.2-OBJ", [registers], [each["Current Summation"] for each in newest])


@covers("GBCS-ECS30-01", "SMETS-4.6.4.2-OBJ", "GBCS-10.3.4-01")
@pytest.mark.parametrize(
    ("duration", "kind"),
    [(1, DAYS), (1, WEEKS), (1, MONTHS), (3, MONTHS), (6, MONTHS), (12, MONTHS)],
)
def test_billing_calendar_of_every_period(bench, supplier, gsme, gpf, check, duration, kind):
    start = bench.clock.now().replace(microsecond=0) + timedelta(days=2)
    response = supplier.request("GCS25a", gsme, values=v.billing(start, duration, kind))
    check.that(
        "GBCS-ECS30-01",
        not any(response.statuses.values()),
        expected="success",
        observed=response.statuses,
        octets=response.octets,
    )
    for row, device in (("GBCS-ECS30-01", gsme), ("SMETS-4.6.4.2-OBJ", gsme), ("GBCS-10.3.4-01", gpf)):
        shown = supplier.request("GCS21k", device, values={})
        names = ("Start Time", "Duration", "Duration Type")
        found = [shown.find(f"Billing Period {name}") for name in names]
        check.equal(row, [v.text(start), duration, kind], found, octets=shown.octets)


@covers("GBCS-GCS25-01")
def test_legacy_billing_calendar_reaches_the_proxy(bench, supplier, gsme, gpf, check):
    start = bench.clock.now().replace(microsecond=0) + timedelta(days=3)
    v.change(supplier, gsme, "GCS25", v.billing(start, 1, MONTHS))
    shown = supplier.request("GCS21k", gpf, values={})
    check.equal("GBCS-GCS25-01", v.text(start), shown.find("Billing Period Start Time"), octets=shown.octets)


@pytest.fixture
def midnight(bench, supplier, gsme):
    """``midnight()`` brings the meter's clock to just before its midnight; it is set right again afterwards."""

    def go():
        now = bench.clock.now()
        seconds = (timedelta(days=1) - (now - now.replace(hour=0, minute=0, second=0, microsecond=0))).seconds
        do(gsme, StimulusKind.BUTTON, f"clock-drift={seconds - 60}")

    yield go
    use_case, values = set_clock(bench, gsme)
    supplier.request(use_case, gsme, **values)


@covers("SMETS-4.6.5.7-OBJ")
def test_daily_read_log_gets_an_entry_at_midnight(bench, supplier, gsme, gpf, check, flow, midnight):
    flow(LITRES, 1)
    day = bench.clock.now().date() + timedelta(days=1)
    midnight()
    bench.wait(3 * 60)
    registers = v.consumption(supplier, gsme)
    for device in (gsme, gpf):
        found = [
            each for each in v.snapshots(supplier, device, "GCS16a") if str(day) in each["Snapshot Time"]
        ]
        check.equal("SMETS-4.6.5.7-OBJ", [f"{day}T00:00:00Z"], [each["Snapshot Time"] for each in found])
        check.equal("SMETS-4.6.5.7-OBJ", [registers], [each["Current Summation"] for each in found])


@covers("SMETS-TAR-07")
def test_change_of_tariff_is_kept_with_its_registers(bench, supplier, gsme, check, flow):
    flow(LITRES, 1)
    registers = v.consumption(supplier, gsme)
    changed = bench.clock.now()
    terms = v.ISSUER | v.tariff_terms(tiers=4) | v.prices([1, 2, 3, 4], blocks=False)
    v.change(supplier, gsme, "GCS01b", terms)
    newest = v.snapshots(supplier, gsme, "GCS15b")[-1:]
    check.equal("SMETS-TAR-07", [registers], [each["Current Summation"] for each in newest])
    near = [abs(v.moment(each["Snapshot Time"]) - changed) < timedelta(minutes=2) for each in newest]
    check.equal("SMETS-TAR-07", [True], near)
