"""The billing calendar: an entry in the log and an alert with it at each of its moments, late where it must be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..reads import BOOT_S
from .conftest import CLOCK_S
from .tariffs import FIRST_BLOCK_RATE, tariff

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

CALENDAR = "BillingCalendar: startDateTimeAndLongerPeriodicity"
LOG = "BillingDataLog(BillingCalendarTriggeredExcExport): logEntries"
CODE = 0x8F0A
POWER = 1000
LATE_S = 30.0
NEVER = [{"time": "00:00:00", "date": "2000-01-01"}]


@pytest.fixture(autouse=True)
def billing_ends(supplier, esme):
    """Other tests get no billing alerts."""
    yield
    supplier.request("ECS30a", esme, values={CALENDAR: NEVER})


def bill(supplier, esme, *dates: str, time: str = "00:00:00", code: str = "ECS30a") -> None:
    values = {CALENDAR: [{"time": time, "date": date} for date in dates]}
    response = supplier.request(code, esme, values=values)
    assert not any(response.statuses.values()), response.statuses


def entries(supplier, esme, start, end) -> list[dict]:
    response = supplier.request("ECS20c", esme, fromDateTime=start, toDateTime=end)
    return response.find(f"{LOG} (registerReadLogEntry)")


def text(moment) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


# Calendars that come on a day, by what they are in the long run.
PERIODS = {
    "daily": lambda _day: ["*-*-*"],
    "weekly": lambda day: [f"*-*-*w{day.isoweekday()}"],
    "monthly": lambda day: [f"*-*-{day:%d}"],
    "quarterly": lambda day: [f"*-{(day.month - 1 + 3 * n) % 12 + 1:02}-{day:%d}" for n in range(4)],
    "six-monthly": lambda day: [f"*-{(day.month - 1 + 6 * n) % 12 + 1:02}-{day:%d}" for n in range(2)],
    "yearly": lambda day: [f"*-{day:%m-%d}"],
}


@covers("GBCS-ECS30-01", "SMETS-5.7.4.7-OBJ")
@pytest.mark.parametrize(
    ("code", "period"),
    [("ECS30", "daily"), ("ECS30", "monthly"), *(("ECS30a", period) for period in PERIODS)],
)
def test_a_period_ends_at_its_time(bench, supplier, esme, alerts, check, period, code):
    due = (bench.clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
    dates = PERIODS[period](due)
    bill(supplier, esme, *dates, time=f"{due:%H:%M}:00", code=code)
    shown = supplier.request("ECS26d", esme).find(CALENDAR)
    wanted = [{"time": f"{due:%H:%M}:00", "date": date} for date in dates]
    check.equal("SMETS-5.7.4.7-OBJ", wanted, shown)
    mark = alerts.mark()
    bench.wait((due - bench.clock.now()).total_seconds() - CLOCK_S)
    alerts.none(esme, CODE, since=mark, within_s=0.1)
    alerts.expect(esme, CODE, since=mark, timeout_s=CLOCK_S + LATE_S)
    kept = entries(supplier, esme, due - timedelta(minutes=30), due + timedelta(minutes=30))
    check.equal("GBCS-ECS30-01", [text(due)], [entry["timestamp"] for entry in kept])


@covers("GBCS-ECS30-01")
def test_a_week_goes_by_its_days(bench, supplier, esme, alerts, check):
    due = (bench.clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
    bill(supplier, esme, f"*-*-*w{due.isoweekday() % 7 + 1}", time=f"{due:%H:%M}:00")
    mark = alerts.mark()
    bench.wait(2 * 3600)
    alerts.none(esme, CODE, since=mark, within_s=0.1)
    bench.wait(23 * 3600)
    check.equal("GBCS-ECS30-01", CODE, alerts.expect(esme, CODE, since=mark, timeout_s=LATE_S).alert_code)


@covers("GBCS-16-13", "GBCS-EV-8F0A", "SMETS-5.7.5.10-OBJ")
def test_the_alert_holds_the_newest_entry_for_the_supplier_alone(bench, supplier, esme, alerts, check, draw):
    start = bench.clock.now()
    for _ in range(2):  # the second alert is not to have the first entry
        due = (bench.clock.now() + timedelta(hours=1)).replace(second=0, microsecond=0)
        bill(supplier, esme, "*-*-*", time=f"{due:%H:%M}:00")
        mark = alerts.mark()
        draw(POWER, 0.5)
        bench.wait(1800)
        alert = alerts.expect(esme, CODE, since=mark, timeout_s=LATE_S)
    check.equal("GBCS-EV-8F0A", ("ok", "none"), (alert.signature, alert.mac), octets=alert.octets)
    check.equal("GBCS-16-13", ["ok"], alert.encrypted)
    kept = entries(supplier, esme, start, bench.clock.now())
    check.equal("SMETS-5.7.5.10-OBJ", 2, len(kept))
    check.equal("GBCS-16-13", kept[-1:], alert.find(f"{LOG}/{LOG}"), octets=alert.octets)
    imported = supplier.request("ECS17b", esme, values={}).find("active.value")
    check.equal("SMETS-5.7.5.10-OBJ", imported, kept[-1]["activeImportRegisterValue/consumption"])


@covers("GBCS-ECS05-01")
def test_a_billing_period_begins_with_the_first_block(bench, supplier, esme, check, draw):
    supplier.request("ECS01a", esme, values=tariff({1: [("00:00:00", FIRST_BLOCK_RATE)]}))
    supplier.request("ECS05", esme)
    due = bench.clock.now() + timedelta(hours=1)
    bill(supplier, esme, "*-*-*", time=f"{due:%H:%M}:00")
    draw(POWER, 0.5)
    cells = supplier.request("ECS17e", esme).find("Block_primary_registers")
    check.that("GBCS-ECS05-01", sum(cells[32:]) > 0, expected="counters", observed=cells[32:])
    bench.wait(1860)
    after = supplier.request("ECS17e", esme).find("Block_primary_registers")
    check.equal("GBCS-ECS05-01", [*cells[:32], *[0] * 32], after)


@covers("GBCS-OUT-05")
def test_a_moment_without_supply_is_made_up_for(bench, supplier, esme, alerts, check):
    due = bench.clock.now() + timedelta(hours=1)
    bill(supplier, esme, "*-*-*", time=f"{due:%H:%M}:00")
    do(esme, StimulusKind.SUPPLY_LOST)
    mark = alerts.mark()
    bench.wait(2 * 3600)
    start = bench.clock.now()
    do(esme, StimulusKind.SUPPLY_RESTORED)
    alert = alerts.expect(esme, CODE, since=mark, timeout_s=BOOT_S)
    check.equal("GBCS-OUT-05", "ok", alert.signature)
    kept = entries(supplier, esme, start - timedelta(minutes=1), bench.clock.now())
    check.equal("GBCS-OUT-05", 1, len(kept))


@covers("SMETS-5.5.1-e")
def test_a_moment_that_the_clock_jumps_over_is_made_up_for(bench, supplier, esme, alerts, check):
    due = bench.clock.now() + timedelta(minutes=5)
    bill(supplier, esme, "*-*-*", time=f"{due:%H:%M}:00")
    mark = alerts.mark()
    do(esme, StimulusKind.BUTTON, "clock-drift=600")
    supplier.request("ECS17c", esme)
    alert = alerts.expect(esme, CODE, since=mark, timeout_s=LATE_S)
    check.equal("SMETS-5.5.1-e", "ok", alert.signature)
