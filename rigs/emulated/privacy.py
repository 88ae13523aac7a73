"""The privacy PIN of a meter: set at its buttons, off by the supplier's word (ECS14, GCS11).

While it is set, the display keeps to itself what tells of the household. SMETS marks what that is item by
item; here it is all but the lines that only say which device this is. Knobs: ``pin=1234`` sets the PIN,
``pin-off=1234`` needs it to end the protection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag
from protocols.gbcs.zcl import Status
from protocols.ports import StimulusKind, StimulusOutcome
from rigs.emulated.event_rules import EventCode
from rigs.emulated.knobs import Answer, done
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

DISABLE = "00005E2C0301"
_NEW_PASSWORD = CommandPlace(0x0708, True, 0x02)
# User interface commands, other information of 0x8161 and 0x8162 (alerts.json).
_SET_PIN, _DISABLE_PIN = bytes.fromhex("0012"), bytes.fromhex("000C")
_SECTION, _PIN, _DIGITS = "privacy", "pin", 4
_OPEN = ("MPAN", "MPRN", "FIRMWARE")
HIDDEN = "PIN"


def register(device: Device) -> None:
    """Buttons, display, and what the supplier sends."""
    device.knobs |= {
        "pin": lambda digits: _set(device, digits),
        "pin-off": lambda digits: _off(device, digits),
    }
    show = device.stimuli[StimulusKind.DISPLAY]

    def display(argument: str) -> tuple[StimulusOutcome, str]:
        outcome, text = show(argument)
        return outcome, _covered(text) if is_set(device) else text

    device.stimuli[StimulusKind.DISPLAY] = display
    device.zcl.setting(_NEW_PASSWORD, _disable_gas)
    if device.payload_kind == "dlms":
        device.cosem.attribute(1, DISABLE, 2, write=lambda value: _disable(device, value))


def is_set(device: Device) -> bool:
    """Whether the display is protected."""
    return device.storage.get(_SECTION, _PIN) is not None


def _covered(text: str) -> str:
    return "\n".join([*(line for line in text.splitlines() if line.startswith(_OPEN)), HIDDEN])


def _set(device: Device, digits: str) -> Answer:
    if len(digits) != _DIGITS or not (digits.isascii() and digits.isdigit()):
        device.events.record(EventCode.USER_COMMAND_FAILED, "no PIN", other=_SET_PIN)
        return StimulusOutcome.REFUSED, f"a PIN has {_DIGITS} digits"
    device.storage.put(_SECTION, _PIN, digits.encode())
    device.events.record(EventCode.USER_COMMAND_DONE, other=_SET_PIN)
    return done()


def _off(device: Device, digits: str) -> Answer:
    if device.storage.get(_SECTION, _PIN) != digits.encode():
        device.events.record(EventCode.USER_COMMAND_FAILED, "wrong PIN", other=_DISABLE_PIN)
        return StimulusOutcome.REFUSED, "not this PIN"
    device.storage.delete(_SECTION, _PIN)
    device.events.record(EventCode.USER_COMMAND_DONE, other=_DISABLE_PIN)
    return done()


def _disable(device: Device, value: Data) -> AccessResult:
    """ECS14: an empty string, which is no PIN."""
    if value.tag != Tag.OCTET_STRING or value.value:
        return AccessResult.TYPE_UNMATCHED
    device.storage.delete(_SECTION, _PIN)
    return AccessResult.SUCCESS


def _disable_gas(device: Device, _command: Command, values: dict[str, Any]) -> Status | list[dict[str, Any]]:
    """GCS11: a new password of no length."""
    if values["Password"]:
        return Status.INVALID_VALUE
    device.storage.delete(_SECTION, _PIN)
    return Status.SUCCESS
