"""Cumulative registers and power, against energy that the bench lets through."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("restored"),
]

# Watts, and hours for which they flow. A stimulus takes some time of its own, hence the hundredth.
POWER, HOURS = 3600, 2
ENERGY = POWER * HOURS
TOLERANCE = ENERGY // 100


def _imported(supplier, esme):
    response = supplier.request("ECS17b", esme, values={})
    return response, response.find("active.value"), response.find("reactive.value")


@covers("SMETS-5.7.5.3-OBJ", "SMETS-5.7.5.30-OBJ")
def test_import_registers(supplier, esme, check, draw):
    _response, before, _reactive = _imported(supplier, esme)
    draw(POWER, HOURS)
    response, after, reactive = _imported(supplier, esme)
    check.that(
        "SMETS-5.7.5.3-OBJ",
        abs(after - before - ENERGY) <= TOLERANCE,
        expected=f"{before} + {ENERGY} Wh",
        observed=after,
        octets=response.octets,
    )
    units = response.find("active_scal_unit_type"), response.find("reactive_scal_unit_type")
    check.equal("SMETS-5.7.5.30-OBJ", ({"scale": 0, "unit": 30}, {"scale": 0, "unit": 32}), units)
    check.that("SMETS-5.7.5.30-OBJ", reactive >= 0, expected="a register in varh", observed=reactive)


@covers("SMETS-5.7.5.2-OBJ", "SMETS-5.7.5.29-OBJ")
def test_export_registers(network_operator, esme, check, draw):
    before = network_operator.request("ECS17a", esme).find("ActiveExportRegister: value")
    draw(-POWER, HOURS)
    response = network_operator.request("ECS17a", esme)
    after = response.find("ActiveExportRegister: value")
    check.that(
        "SMETS-5.7.5.2-OBJ",
        abs(after - before - ENERGY) <= TOLERANCE,
        expected=f"{before} + {ENERGY} Wh",
        observed=after,
        octets=response.octets,
    )
    check.equal("SMETS-5.7.5.29-OBJ", 32, response.find("ReactiveExportRegister: scal_unit_type")["unit"])


@covers("SMETS-5.7.5.4-OBJ")
@pytest.mark.parametrize("watts", [0, 850, POWER])
def test_power(supplier, esme, check, draw, watts):
    do(esme, StimulusKind.BUTTON, f"load={watts}")
    response = supplier.request("ECS17c", esme)
    for name in ("ActivePowerImport.value", "PrimaryActivePowerImport.value"):
        check.equal("SMETS-5.7.5.4-OBJ", watts, response.find(f"power_import_collection/{name}"))
