"""Maximum demand: the highest half hour, in the network operator's part of the day too, and its reset."""

from __future__ import annotations

from datetime import datetime, timedelta

from hil.api import covers, leaves, needs

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

ROWS = ("SMETS-5.6.3.26-OBJ", "SMETS-5.6.3.27-OBJ", "SMETS-5.6.3.28-OBJ")
READS = ("SMETS-5.7.5.19-OBJ", "SMETS-5.7.5.20-OBJ", "SMETS-5.7.5.21-OBJ")
RESETS = {
    "MaximumDemandActiveEnergyImportValue: reset": 0,
    "MaximumDemand(ConfigurableTime)ActiveEnergyImportValue: reset": 0,
    "MaximumDemandActiveEnergyExportValue: reset": 0,
}
PERIOD = "MaximumDemandConfigurableTimePeriod: currentEntries"
WHOLE_DAY, IN_PERIOD = (
    "MaximumDemandActiveEnergyImportValue",
    "MaximumDemand(ConfigurableTime)ActivePowerImportValue",
)
EXPORT = "MaximumDemandActivePowerExportValue"
TOLERANCE = 20


def period(begins: str, ends: str) -> list[dict]:
    common = {
        "enable": True,
        "scriptLN": "00000A8064FF",
        "validityWindow": 65535,
        "execWeekdays": "1111111",
        "execSpecdays": "",
        "beginDate": "0000-01-*",
        "endDate": "*-*-*",
    }
    moments = enumerate((begins, ends), 1)
    return [{"index": n, "scriptSelector": n, "switchTime": moment, **common} for n, moment in moments]


@covers("GBCS-ECS37-01", "SMETS-5.7.4.26-OBJ", *ROWS, *READS)
def test_demand_of_the_day_and_of_its_part(bench, network_operator, esme, check, draw, until):
    entries = period("18:00:00", "20:00:00")
    response = network_operator.request("ECS37", esme, values={PERIOD: entries})
    assert not any(response.statuses.values())
    until("16:00")
    response = network_operator.request("ECS57", esme, values=RESETS)
    assert not any(response.statuses.values())
    reset = bench.clock.now()
    before = _read(network_operator, esme)
    for row, name in zip(ROWS, (WHOLE_DAY, EXPORT, IN_PERIOD), strict=True):
        check.equal(row, 0, before[f"{name}: value"])
        at = datetime.fromisoformat(before[f"{name}: dateTimeOfLastReset"])
        check.that(
            "GBCS-ECS37-01",
            abs(at - reset) < timedelta(seconds=60),
            expected=f"reset at {reset}",
            observed=str(at),
        )
    check.equal("SMETS-5.7.4.26-OBJ", entries, before[PERIOD])
    draw(3000, 1)
    until("18:30")
    draw(2000, 1)
    draw(-900, 1)
    after = _read(network_operator, esme)
    for row, name, watts in zip(READS, (WHOLE_DAY, IN_PERIOD, EXPORT), (3000, 2000, 900), strict=True):
        observed = after[f"{name}: value"]
        check.that(row, abs(observed - watts) <= TOLERANCE, expected=f"{watts} W", observed=observed)
        check.equal(row, 27, after[f"{name}: scal_unit_type"]["unit"])
        at = datetime.fromisoformat(after[f"{name}: dateTimeStamp"])
        check.that(row, at.minute % 30 == 0, expected="on the half hour", observed=str(at))


def _read(network_operator, esme) -> dict:
    elements: dict = {}
    for code in ("ECS18a", "ECS18b"):
        elements |= network_operator.request(code, esme).named["elements"]
    return elements
