"""The privacy PIN: what a household hides on its meter, and the supplier's word that ends it (ECS14, GCS11)."""

from __future__ import annotations

from hil.api import covers, inconclusive, leaves, needs
from protocols.ports import StimulusKind, StimulusOutcome

from ..meters import both_meters, meter
from ..reads import refused

__all__ = ["meter"]
pytestmark = [
    needs(state="commissioned", capabilities=["esme.stimulus", "gsme.stimulus"]),
    leaves("restored"),
]

HIDDEN = {"esme": "IMPORT", "gsme": "GAS"}


def set_pin(meter, pin="1234"):
    """At the meter's own buttons."""
    result = meter.stimulus.apply(StimulusKind.BUTTON, f"pin={pin}")
    if result.outcome is not StimulusOutcome.DONE:
        inconclusive(f"a PIN on {meter.name}: {result.answer}")


def shows(meter):
    """Whether the display tells of consumption."""
    return HIDDEN[meter.type] in meter.stimulus.apply(StimulusKind.DISPLAY).answer


def disable(supplier, meter, **options):
    """ECS14 or GCS11."""
    if meter.type == "esme":
        return supplier.send("ECS14", meter, values={"DisablePrivacyPinProtection: value": ""}, **options)
    return supplier.send("GCS11", meter, values={"*/Issuer Event ID": 1}, **options)


OBJECT = {"esme": "SMETS-5.6.3.10-OBJ", "gsme": "SMETS-4.5.3.9-OBJ"}


@covers("GBCS-ECS14-01", *OBJECT.values())
@both_meters
def test_supplier_ends_the_protection(supplier, meter, check):
    set_pin(meter)
    hidden = not shows(meter)
    response = supplier.expect_response(disable(supplier, meter))
    for row in ("GBCS-ECS14-01", OBJECT[meter.type]):
        check.that(
            row,
            hidden and shows(meter) and not any(response.statuses.values()),
            expected="consumption hidden by the PIN, and shown behind the command",
            observed=f"hidden: {hidden}; shown: {shows(meter)}; {response.statuses}",
            octets=response.octets,
        )


@covers("GBCS-ECS14-01")
@both_meters
def test_replay_does_not_end_the_protection_again(bench, supplier, meter, check):
    set_pin(meter)
    first = disable(supplier, meter)
    supplier.expect_response(first)
    set_pin(meter, "4321")
    again = disable(supplier, meter, counter=first.counter)
    refused(check, bench, again, "GBCS-ECS14-01")
    check.that(
        "GBCS-ECS14-01", not shows(meter), expected="consumption hidden by the new PIN", observed="shown"
    )
    supplier.expect_response(disable(supplier, meter))
