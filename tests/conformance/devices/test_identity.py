"""What a device holds as fixed data about itself, read by everybody who may, before and after a restart."""

from __future__ import annotations

import pytest

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from ..alerts.stimuli import do
from ..reads import restart

pytestmark = [needs(state="commissioned"), leaves("nothing")]

VARIANTS = {"single": "A", "twin": "B", "poly": "C"}
VARIANT, MODEL = "MeterVariant: value", "ModelType(SmartMeter): value"
MANUFACTURER = "ManufacturerIdentifier: value"


@covers("SMETS-5.7.1.2-OBJ", "SMETS-5.7.1.3-OBJ", "SMETS-5.7.1.4-OBJ")
@needs(devices=["esme"], capabilities=["esme.power"])
@pytest.mark.parametrize("role", ["supplier", "network_operator", "acb"])
def test_a_meter_says_what_it_is(bench, request, esme, check, role):
    user = request.getfixturevalue(role)
    seen = [user.request("ECS26m", esme).named["elements"]]
    restart(bench, esme)
    seen.append(user.request("ECS26e", esme).named["elements"])
    for row, name in (("SMETS-5.7.1.2-OBJ", MANUFACTURER), ("SMETS-5.7.1.3-OBJ", MODEL)):
        check.that(row, seen[0][name] != "", expected="a value", observed=seen[0][name])
        check.equal(row, seen[0][name], seen[1][name])
    wanted = next(letter for word, letter in VARIANTS.items() if word in esme.device_file.variant)
    for elements in seen:
        check.equal("SMETS-5.7.1.4-OBJ", wanted, bytes.fromhex(elements[VARIANT]).decode())
    check.equal("SMETS-5.7.1.2-OBJ", bytes(esme.eui64).hex().upper(), seen[1]["DeviceIdentifier: value"])


@covers("SMETS-9.6.1.2-OBJ", "SMETS-9.6.1.3-OBJ")
@needs(devices=["sapc"], capabilities=["sapc.power", "sapc.stimulus"])
def test_a_controller_says_what_it_is(bench, supplier, sapc, check):
    before = supplier.request("ECS26m", sapc).named["elements"]
    do(sapc, StimulusKind.COVER_OPEN)
    restart(bench, sapc)
    after = supplier.request("ECS26m", sapc).named["elements"]
    for row, name in (("SMETS-9.6.1.2-OBJ", MANUFACTURER), ("SMETS-9.6.1.3-OBJ", MODEL)):
        check.that(row, before[name] != "", expected="a value", observed=before[name])
        check.equal(row, before[name], after[name])


@covers("CHTS-4.6.1.2-OBJ", "CHTS-4.6.1.3-OBJ")
@needs(devices=["chf"])
def test_a_hub_says_what_it_is(acb, chf, check):
    elements = acb.request("ECS26n", chf).named["elements"]
    for row, name in (
        ("CHTS-4.6.1.2-OBJ", "CHManufacturerIdentifier: value"),
        ("CHTS-4.6.1.3-OBJ", "ModelType(CommsHub): value"),
    ):
        check.that(row, elements[name] != "", expected="a value", observed=elements[name])
