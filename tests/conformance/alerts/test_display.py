"""What a person reads off a device, against what the device says over the network."""

from __future__ import annotations

import re

from hil.api import covers, leaves, needs
from protocols.ports import StimulusKind

from .stimuli import do

pytestmark = [
    needs(state="commissioned", devices=["esme"], capabilities=["esme.stimulus"]),
    leaves("nothing"),
]


@covers("SMETS-DISP-01")
def test_display_shows_the_digits_of_the_import_register(supplier, esme, check):
    shown = do(esme, StimulusKind.DISPLAY)
    response = supplier.request("ECS17b", esme)
    kilowatt_hours = response.values["registers"]["active_import_wh"] // 1000
    numbers = [float(number) for number in re.findall(r"\d+(?:\.\d+)?", shown.answer)]
    check.that(
        "SMETS-DISP-01",
        any(int(number) == kilowatt_hours for number in numbers),
        expected=f"{kilowatt_hours} kWh among the numbers shown",
        observed=shown.answer.replace("\n", " / "),
        octets=response.octets,
    )
