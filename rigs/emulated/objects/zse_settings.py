"""Cluster commands that change a gas meter: what each does to attributes and records.

Where a command has an answer of its own the function gives it, else a status for the default response.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.gbcs.zcl import Status
from protocols.gbcs.zcl_values import time_number
from rigs.emulated.objects.zse import AttributePlace, CommandPlace
from rigs.emulated.objects.zse_queries import REPORT, event_configurations

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Values = dict[str, Any]
Setting = Callable[["Device", "Command", Values], "Status | list[Values]"]
Check = Callable[["Device", "Command | None", Values], Status]
"""Whether a command fits the device; the GPF asks without one."""

# Attributes that take over fields of a command as soon as it applies.
TAKEN_OVER: dict[CommandPlace, dict[str, AttributePlace]] = {
    CommandPlace(0x0700, True, 0x02): {
        "Conversion Factor": AttributePlace(0x0700, 0x0302),
        "Conversion Factor Trailing Digit": AttributePlace(0x0700, 0x0303),
    },
    CommandPlace(0x0700, True, 0x03): {
        "Calorific Value": AttributePlace(0x0700, 0x0304),
        "Calorific Value Unit": AttributePlace(0x0700, 0x0305),
        "Calorific Value Trailing Digit": AttributePlace(0x0700, 0x0306),
    },
    CommandPlace(0x0700, True, 0x04): {
        "Unit of Measure": AttributePlace(0x0700, 0x0615),
        "Currency": AttributePlace(0x0700, 0x0616),
        "Price Trailing Digit": AttributePlace(0x0700, 0x0617),
        "Standing Charge": AttributePlace(0x0700, 0x0301),
        "Block Threshold Multiplier": AttributePlace(0x0700, 0x0202),
        "Block Threshold Divisor": AttributePlace(0x0700, 0x0203),
    },
    CommandPlace(0x0702, False, 0x0D): {
        "Supply Tamper State": AttributePlace(0x0702, 0x0607),
        "Supply Depletion State": AttributePlace(0x0702, 0x0608),
    },
    CommandPlace(0x0702, False, 0x0E): {
        "Uncontrolled Flow Threshold": AttributePlace(0x0702, 0x0B10),
        "Unit of Measure": AttributePlace(0x0702, 0x0B11),
        "Multiplier": AttributePlace(0x0702, 0x0B12),
        "Divisor": AttributePlace(0x0702, 0x0B13),
        "Stabilisation Period": AttributePlace(0x0702, 0x0B14),
        "Measurement Period": AttributePlace(0x0702, 0x0B15),
    },
    CommandPlace(0x0705, False, 0x03): {
        "Emergency Credit Limit": AttributePlace(0x0705, 0x0010),
        "Emergency Credit Threshold": AttributePlace(0x0705, 0x0011),
    },
    CommandPlace(0x0705, False, 0x06): {
        "Proposed Payment Control Configuration": AttributePlace(0x0705, 0x0000),
        "Cut Off Value": AttributePlace(0x0705, 0x0040),
    },
    CommandPlace(0x0705, False, 0x09): {"Low Credit Warning Level": AttributePlace(0x0705, 0x0031)},
    CommandPlace(0x0705, False, 0x0B): {
        "Maximum Credit Level": AttributePlace(0x0705, 0x0021),
        "Maximum Credit Per Top Up": AttributePlace(0x0705, 0x0022),
    },
    CommandPlace(0x0705, False, 0x0C): {"Overall Debt Cap": AttributePlace(0x0705, 0x0006)},
}
_WHEN = ("Start Time", "Implementation Date/Time", "Start Date/Time")
_LATEST = 8  # published records kept


def moment_of(values: Values, dated: int | None) -> int:
    """When a command is to be carried out, by its time field or the component's date; 0 at once."""
    moments = [time_number(values[name], name) for name in _WHEN if name in values]
    return max([*moments, dated or 0], default=0)


def has_moment(values: Values) -> bool:
    """Whether a command says when it is to be carried out."""
    return any(name in values for name in _WHEN)


def apply(device: Device, place: CommandPlace, values: Values, dated: int | None) -> None:
    """Take a command's values over: published records are kept, attributes change if it applies now."""
    if place.from_server:
        device.records.put(place, [*device.records.get(place)[-_LATEST:], values])
    if not moment_of(values, dated):
        take_over(device, place, values)


def take_over(device: Device, place: CommandPlace, values: Values) -> None:
    """Attributes become what a command says, and whoever follows the command acts."""
    for follow in device.zcl.followers.get(place, ()):
        follow(values)
    for name, attribute in TAKEN_OVER.get(place, {}).items():
        if attribute in device.zcl.objects.attributes and name in values:
            device.zcl.put(attribute, values[name])


def payment_mode(device: Device, _command: Command, _values: Values) -> Status | list[Values]:
    """What prepayment mode works with: emergency credit and the non-disablement calendar."""
    limit, threshold = (device.zcl.number(AttributePlace(0x0705, each)) for each in (0x0010, 0x0011))
    friendly = device.records.get(CommandPlace(0x0705, True, 0x02))
    known = friendly[-1] if friendly else {"Friendly Credit": 0, "Friendly Credit Calendar ID": 0}
    return [{**known, "Emergency Credit Limit": limit, "Emergency Credit Threshold": threshold}]


def update_site_id(device: Device, _command: Command, values: Values) -> Status | list[Values]:
    """The MPRN: up to ten digits."""
    octets = bytes.fromhex(values["Site ID"] or "")
    if not octets.isdigit() or len(octets) > 10:
        return Status.INVALID_VALUE
    device.zcl.put(AttributePlace(0x0702, 0x0307), octets)
    return Status.SUCCESS


def configure_events(device: Device, _command: Command, values: Values) -> Status | list[Values]:
    """Set how events of a list are reported and logged."""
    if values["Configuration Control"] != 0:
        return Status.INVALID_FIELD
    held = event_configurations(device)
    held.update(dict.fromkeys(values["Event IDs"], values["Event Configuration"]))
    device.records.put(
        REPORT, [{"Event ID": code, "Event Configuration": each} for code, each in held.items()]
    )
    return Status.SUCCESS


SETTINGS: dict[CommandPlace, Setting] = {
    CommandPlace(0x0705, False, 0x06): payment_mode,
    CommandPlace(0x0708, True, 0x03): update_site_id,
    CommandPlace(0x0708, True, 0x04): configure_events,
}
