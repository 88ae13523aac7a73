"""The number by which a consumer is told: sent by the Access Control Broker, shown by the meter (ECS50, GCS36)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hil.api import covers, leaves, needs

from ..meters import both_meters, meter
from ..reads import refused

if TYPE_CHECKING:
    from hil.nodes import DeviceNode

__all__ = ["meter"]
pytestmark = [
    needs(state="commissioned", capabilities=["esme.stimulus", "gsme.stimulus"]),
    leaves("restored"),
]

ROW = {"esme": "SMETS-5.7.4.10-OBJ", "gsme": "SMETS-4.6.4.7-OBJ"}


def number(meter: DeviceNode, digits: str) -> tuple[str, dict[str, Any]]:
    """Use case and values that send a number of four digits."""
    if meter.type == "esme":
        return "ECS50", {"CustomerIdentificationNumber: value": digits}
    return "GCS36", {"*/Issuer Event ID": 1, "Customer ID Number": digits.encode().hex().upper()}


@covers(*ROW.values())
@both_meters
def test_the_number_is_shown_as_it_was_sent(acb, meter, check):
    for digits in ("4711", "0815"):
        use_case, values = number(meter, digits)
        response = acb.request(use_case, meter, values=values)
        check.equal(ROW[meter.type], False, any(response.statuses.values()), octets=response.octets)
        shown = meter.stimulus.apply("display").answer
        check.that(ROW[meter.type], digits in shown, expected=f"{digits} on the display", observed=shown)


@covers(*ROW.values())
@both_meters
def test_a_supplier_may_not_send_it(bench, acb, supplier, meter, check):
    use_case, values = number(meter, "4711")
    acb.request(use_case, meter, values=values)
    _, values = number(meter, "6666")
    refused(check, bench, supplier.send(use_case, meter, values=values), ROW[meter.type])
    shown = meter.stimulus.apply("display").answer
    check.that(ROW[meter.type], "6666" not in shown, expected="another number", observed=shown)
