"""Causes that are an event and nothing more: a table of knobs, one column for each type of device.

What such an event does afterwards, the rules say. Names and words are ours; the register only says that such
a thing may happen to such a device.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode as Code

if TYPE_CHECKING:
    from rigs.emulated.device import Device

Table = dict[str, dict[str, Code]]
"""Knob, value, event. The value that stands first is meant where none is given."""

_TAMPER: Table = {"tamper": {"other": Code.OTHER_TAMPER, "detected": Code.TAMPER}}
_METER: Table = _TAMPER | {
    "tilt": {"on": Code.TILT, "off": Code.TILT_ENDED},
    "local-port": {"used": Code.LOCAL_PORT_COMMUNICATION, "unauthorised": Code.UNAUTHORISED_COMMUNICATION},
    # No source says what tells it from 0x8F0C, which is what a meter's own look at the hub's time raises
    # (SMETS-5.5.1-b); only its name is known, and its block, whose events a supplier may silence.
    "clock-check": {"outside-tolerance": Code.CLOCK_OUTSIDE_TOLERANCE},
    "tunnel": {
        "request-rejected": Code.REQUEST_TUNNEL_REJECTED,
        "close-rejected": Code.CLOSE_TUNNEL_REJECTED,
    },
}
_ESME: Table = _METER | {
    "hub": {"connected": Code.HUB_CONNECTED, "disconnected": Code.HUB_DISCONNECTED},
    "polarity": {"wrong": Code.INCORRECT_POLARITY},
    "phase-sequence": {"wrong": Code.INCORRECT_PHASE_SEQUENCE},
}
_GSME: Table = _METER | {
    "flow": {
        "excess": Code.EXCESS_GAS_FLOW,
        "air": Code.AIR_IN_GAS_FLOW,
        "reverse": Code.REVERSE_GAS_FLOW,
    },
    "test-valve": {"": Code.VALVE_TESTED},
}
_BOX: Table = _TAMPER | {"local-port": {"unauthorised": Code.UNAUTHORISED_COMMUNICATION}}
HAPPENINGS: dict[str, Table] = {
    "esme": _ESME,
    "gsme": _GSME,
    "chf": _BOX,
    "ppmid": _BOX,
    "hcalcs": _BOX,
    "sapc": _BOX,
}


def register(device: Device) -> None:
    """The knobs of the device's type."""
    for knob, values in HAPPENINGS.get(device.description.device_type, {}).items():
        device.knobs[knob] = partial(_happen, device, values)


def _happen(device: Device, values: dict[str, Code], text: str) -> knobs.Answer:
    code = values.get(text or next(iter(values)))
    if code is None:
        raise ValueError(f"not one of {', '.join(values)}")
    device.events.record(code)
    return knobs.done(f"event 0x{code:04X}")
