"""Logs of half hours and of days, against what was drawn in them."""

from __future__ import annotations

from datetime import timedelta

from hil.api import covers, leaves, needs

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

POWER = 2000
TOLERANCE = 20  # Wh: a stimulus takes some time of its own


def close(expected, observed) -> bool:
    return len(expected) == len(observed) and all(
        abs(a - b) <= TOLERANCE for a, b in zip(expected, observed, strict=True)
    )


def _text(start, end) -> dict[str, str]:
    """A range for logs whose range is in seconds."""
    return {"fromDateTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "toDateTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"}


def half_hours(start, number):
    return [f"{start + timedelta(minutes=30 * n):%Y-%m-%dT%H:%M:%SZ}" for n in range(1, number + 1)]


@covers("SMETS-PROF-01", "SMETS-5.7.5.27-OBJ")
def test_half_hours_of_import(bench, supplier, esme, check, draw, until):
    until("10:00")
    start = bench.clock.now().replace(second=0, microsecond=0)
    bench.wait(1800)
    draw(POWER, 1)
    bench.wait(1800)
    response = supplier.request(
        "ECS22b", esme, fromDateTime=start + timedelta(minutes=1), toDateTime=start + timedelta(hours=2)
    )
    entries = response.find("ProfileDataLog(ActiveEnergyImportedInPeriod): logEntries")
    check.equal("SMETS-PROF-01", half_hours(start, 4), [entry["timestamp"] for entry in entries])
    values = [entry["primaryValue"] for entry in entries]
    expected = [0, POWER // 2, POWER // 2, 0]
    check.that("SMETS-5.7.5.27-OBJ", close(expected, values), expected=expected, observed=values)


@covers("SMETS-5.7.5.27-OBJ")
def test_half_hours_of_export(bench, network_operator, esme, check, draw, until):
    until("10:00")
    start = bench.clock.now().replace(second=0, microsecond=0)
    draw(-POWER, 0.5)
    bench.wait(1800)
    window = _text(start + timedelta(minutes=1), start + timedelta(hours=1))
    for code, log, names, expected in (
        ("ECS22a", "ProfileDataLog(Export): readLog", "activeEnergyExportedValue", [POWER // 2, 0]),
        ("ECS22c", "ProfileDataLog(ReactiveImport): readLog", "reactiveEnergyImportedValue", [0, 0]),
    ):
        entries = network_operator.request(code, esme, **window).find(log)
        check.equal("SMETS-5.7.5.27-OBJ", half_hours(start, 2), [entry["timestamp"] for entry in entries])
        values = [entry[names] for entry in entries]
        check.that("SMETS-5.7.5.27-OBJ", close(expected, values), expected=expected, observed=values)


@covers("SMETS-5.7.5.13-OBJ", "SMETS-5.7.5.14-OBJ")
def test_a_day(bench, supplier, acb, esme, check, draw, until):
    until("22:00")
    imported = supplier.request("ECS17b", esme, values={}).find("active.value")
    draw(POWER, 1)
    until("00:00")
    midnight = bench.clock.now().replace(second=0, microsecond=0)
    before, after = midnight - timedelta(minutes=1), midnight + timedelta(minutes=1)
    window = {"fromDateTime": before, "toDateTime": after}
    (day,) = supplier.request("ECS66", esme, **window).find("DailyConsumptionLog: logEntries")
    check.that("SMETS-5.7.5.14-OBJ", day["value"] >= POWER, expected=f"at least {POWER} Wh", observed=day)
    (read,) = supplier.request("ECS21a", esme, **window).find("DailyReadLog(excExport): logEntries")
    tou = supplier.request("ECS17d", esme).find("TOU_primary_registers")
    register = read["activeImportRegisterValue/consumption"]
    check.that(
        "SMETS-5.7.5.13-OBJ",
        close([imported + POWER], [register]),
        expected=imported + POWER,
        observed=register,
    )
    check.equal("SMETS-5.7.5.13-OBJ", tou, read["tariffTOURegisterValues"])
    (exported,) = acb.request("ECS21c", esme, **_text(before, after)).find("DailyReadLog(export): readLog")
    register = acb.request("ECS17a", esme).find("ActiveExportRegister: value")
    check.equal("SMETS-5.7.5.13-OBJ", register, exported["activeExportRegisterValue"])
