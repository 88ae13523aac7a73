"""What a twin element meter keeps of its second element beside the first: power, price, and its logs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hil.api import covers, leaves, needs, not_applicable
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..metering.tariffs import second_tariff, tariff

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

FIRST, SECOND = 1000, 400  # W
TOLERANCE = 20  # Wh: a stimulus takes some time of its own
CLOCK_S = 12.0
HALF_HOUR = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def two_loads(esme):
    """Both elements draw, each its own power."""
    if "twin" not in esme.device_file.variant:
        not_applicable(f"only a twin element meter has two, and {esme.name} is none")
    do(esme, StimulusKind.BUTTON, f"load={FIRST}")
    do(esme, StimulusKind.BUTTON, f"second-load={SECOND}")
    yield
    do(esme, StimulusKind.BUTTON, "load=0")
    do(esme, StimulusKind.BUTTON, "second-load=0")


@covers("SMETS-5.13.2.1-OBJ", "SMETS-5.13.2.5-OBJ")
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_power_of_both_elements_and_of_the_first(request, esme, check, role):
    user = request.getfixturevalue(role)
    power = user.request("ECS17c", esme).find("PowerImportCollection: power_import_collection")
    check.equal("SMETS-5.13.2.1-OBJ", FIRST + SECOND, power["ActivePowerImport.value"])
    check.equal("SMETS-5.13.2.5-OBJ", FIRST, power["PrimaryActivePowerImport.value"])


@covers("SMETS-5.13.2.6-OBJ")
def test_the_first_elements_price_is_its_own(supplier, esme, check):
    """Another price on the second element leaves it as it is."""
    values = tariff({1: [("00:00:00", 2)]}, prices={"01": 15, "02": 27})
    assert not any(supplier.request("ECS01a", esme, values=values).statuses.values())
    for price in (44, 55):
        values = second_tariff([("00:00:00", 202)], dict.fromkeys(("01", "02", "03", "04"), price))
        assert not any(supplier.request("ECS01c", esme, values=values).statuses.values())
        check.equal(
            "SMETS-5.13.2.6-OBJ",
            27,
            supplier.request("ECS24", esme).find("(Primary)ActiveTariffPrice: value"),
        )
        second = supplier.request("ECS24b", esme).find("SecondaryActiveTariffPrice: value")
        check.equal("SMETS-5.13.2.6-OBJ", price, second)


def _close(check, row, wanted, found):
    check.that(
        row,
        all(abs(a - b) <= TOLERANCE for a, b in zip(wanted, found, strict=True)),
        expected=wanted,
        observed=found,
    )


@covers("SMETS-5.13.2.7-OBJ")
def test_half_hours_of_both_elements(bench, supplier, esme, check):
    now = bench.clock.now()
    passed = timedelta(minutes=now.minute % 30, seconds=now.second)
    bench.wait((2 * HALF_HOUR - passed).total_seconds() + CLOCK_S)
    end = bench.clock.now()
    response = supplier.request("ECS22b", esme, fromDateTime=end - HALF_HOUR + HALF_HOUR / 2, toDateTime=end)
    (entry,) = response.find("ProfileDataLog(ActiveEnergyImportedInPeriod): logEntries")
    _close(
        check,
        "SMETS-5.13.2.7-OBJ",
        [FIRST // 2, SECOND // 2],
        [entry["primaryValue"], entry["secondaryValue"]],
    )


@covers("SMETS-5.13.2.4-OBJ")
def test_the_daily_read_has_the_second_elements_registers(bench, supplier, esme, check):
    now = bench.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    bench.wait((midnight - now).total_seconds() + CLOCK_S)
    day = timedelta(days=1)
    response = supplier.request(
        "ECS21a", esme, fromDateTime=midnight - day / 2, toDateTime=midnight + timedelta(minutes=1)
    )
    entry = response.find("DailyReadLog(excExport): logEntries")[-1]
    imported = supplier.request("ECS17b", esme, values={})
    registers = supplier.request("ECS17d", esme).find("TOU_secondary_registers")
    found = entry["secondaryActiveImportRegisterValue/consumption"]
    _close(check, "SMETS-5.13.2.4-OBJ", [imported.find("secondary.value")], [found])
    _close(check, "SMETS-5.13.2.4-OBJ", registers, entry["secondaryTariffTOURegisterValues"])


@covers("SMETS-5.13.2.3-OBJ")
def test_billing_data_at_a_change_of_tariff_has_the_second_elements_registers(bench, supplier, esme, check):
    bench.wait(3600)
    values = tariff({1: [("00:00:00", 1)]}, prices={"01": 15})
    assert not any(supplier.request("ECS01a", esme, values=values).statuses.values())
    changed = bench.clock.now()
    window = {"fromDateTime": changed - timedelta(minutes=1), "toDateTime": changed + timedelta(minutes=1)}
    response = supplier.request("ECS20b", esme, **window)
    log = "BillingDataLog(SetPaymentModeOrTariffTriggeredFinancialExcExport): logEntries"
    entry = response.find(log)[-1]
    registers = supplier.request("ECS17b", esme, values={})
    wanted = [registers.find("active.value"), registers.find("secondary.value")]
    names = ("activeImportRegisterValue/consumption", "secondaryActiveImportRegisterValue/consumption")
    _close(check, "SMETS-5.13.2.3-OBJ", wanted, [entry[name] for name in names])
    second = supplier.request("ECS17d", esme).find("TOU_secondary_registers")
    _close(check, "SMETS-5.13.2.3-OBJ", second, entry["secondaryTariffTOURegisterValues"])
