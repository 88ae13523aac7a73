"""The second element of a twin element meter: registers, tariff and prices of its own."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs, not_applicable
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from .tariffs import second_tariff

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

POWER = 2000
TOLERANCE = 20  # Wh: a stimulus takes some time of its own


@pytest.fixture(autouse=True)
def twin(esme):
    """These tests are for twin element meters alone."""
    if "twin" not in esme.device_file.variant:
        not_applicable(f"only a twin element meter has a second, and {esme.name} is none")
    yield
    do(esme, StimulusKind.BUTTON, "second-load=0")


def _registers(supplier, esme):
    imported = supplier.request("ECS17b", esme, values={})
    tou = supplier.request("ECS17d", esme)
    return (
        [imported.find("active.value"), *tou.find("TOU_primary_registers")],
        [imported.find("secondary.value"), *tou.find("TOU_secondary_registers")],
    )


@covers(
    "SMETS-TAR-05",
    "SMETS-5.13.1.1-OBJ",
    "SMETS-5.13.1.2-OBJ",
    "SMETS-5.13.2.9-OBJ",
    "SMETS-5.13.2.10-OBJ",
    "SMETS-5.13.2.11-OBJ",
)
def test_a_load_on_one_element_moves_its_registers_alone(bench, supplier, esme, check, draw):
    values = second_tariff([("00:00:00", 203)], {"01": 11, "02": 22, "03": 33, "04": 44})
    response = supplier.request("ECS01c", esme, values=values)
    assert not any(response.statuses.values()), response.statuses
    shown = supplier.request("ECS24b", esme)
    check.equal("SMETS-5.13.2.9-OBJ", 33, shown.find("SecondaryActiveTariffPrice: value"))
    table = shown.named["elements"]["SecondaryTariffTOUPriceMatrix: valueCurrent"]["charge_table"]
    check.equal("SMETS-5.13.1.1-OBJ", values["SecondaryTariffTOUPriceMatrix: valueNext/charge_table"], table)
    weeks = shown.named["elements"]["TariffSwitchingTable(SecondaryElement): currentWeeks"]
    check.equal("SMETS-5.13.1.2-OBJ", values["TariffSwitchingTable(SecondaryElement): nextWeeks"], weeks)
    first, second = _registers(supplier, esme)
    do(esme, StimulusKind.BUTTON, f"second-load={POWER}")
    bench.wait(3600)
    do(esme, StimulusKind.BUTTON, "second-load=0")
    after, moved = _registers(supplier, esme)
    check.equal("SMETS-TAR-05", first, after)
    rise = [b - a for a, b in zip(second, moved, strict=True)]
    for row in ("SMETS-5.13.2.10-OBJ", "SMETS-5.13.2.11-OBJ"):
        check.that(
            row,
            abs(rise[0] - POWER) <= TOLERANCE and rise == [rise[0], 0, 0, rise[0], 0],
            expected=f"{POWER} Wh in the register and in its third rate",
            observed=rise,
        )
