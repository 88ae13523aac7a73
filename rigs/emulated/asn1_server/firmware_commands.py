"""CS06 Activate Firmware, now or at a time, and CS08 Read PPMID/HCALCS Firmware Version (asn1.md 9, 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.firmware import (
    ACTIVATE_FIRMWARE_ALERT,
    ACTIVATE_FIRMWARE_COMMAND,
    ACTIVATE_FIRMWARE_RESPONSE,
    FIRMWARE_VERSION_RESPONSE,
    ActivateFirmwareAlert,
    ActivateImageResponseCode,
    ActivationOutcome,
    FirmwareVersionResponse,
)
from protocols.gbcs.asn1.schema import NULL, decode, encode
from rigs.emulated.asn1_server.dates import is_cancellation
from rigs.emulated.event_rules import EventCode
from rigs.emulated.schedule import work_name
from rigs.emulated.security import RefusedError

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_ALERT = 0x00CA
_DUE = "firmware"


def register(device: Device) -> None:
    """CS06 and the execution of dated CS06."""
    device.handlers["CS06"] = activate
    device.due_handlers[_DUE] = activate_dated


def register_version(device: Device) -> None:
    """CS08, for devices that have no other way to tell their version."""
    device.handlers["CS08"] = read_version


def activate(device: Device, command: Command) -> bytes:
    """Activate now and say what came of it, or only accept a date."""
    asked = ACTIVATE_FIRMWARE_COMMAND.decode(command.payload)
    if asked.originator_counter != command.counter and device.description.assumes("A20") != "accept":
        raise RefusedError(EventCode.CONTENT_CHECK_FAILED, "the counter in the payload is not the header's")
    when = asked.execution_date_time
    if when is None:
        outcome = _activate(device, asked.manufacturer_image_hash, command.originator)
        return encode(ACTIVATE_FIRMWARE_RESPONSE, outcome)
    work = work_name(command.role, _DUE)
    if is_cancellation(when):
        held = device.schedule.cancel(work)
        device.note("dated activation cancelled" if held else "no dated activation to cancel")
    else:
        body = {
            "hash": asked.manufacturer_image_hash.hex(),
            "party": str(command.originator),
            "counter": command.counter,
        }
        device.schedule.put(work, when, _DUE, body)
        device.note(f"activation stored for {when:%Y-%m-%dT%H:%M:%SZ}")
    return encode(ACTIVATE_FIRMWARE_RESPONSE, True)


def activate_dated(device: Device, body: dict[str, Any]) -> None:
    """Carry out a stored activation and tell its sender with alert 00CA."""
    party = Eui64(body["party"])
    outcome = _activate(device, bytes.fromhex(body["hash"]), party)
    done = outcome.response_code == ActivateImageResponseCode.SUCCESS
    code = EventCode.FUTURE_DATED_DONE if done else EventCode.FUTURE_DATED_FAILED
    device.events.record(code, "firmware activation")
    now = device.device_clock.now().replace(microsecond=0)
    payload = ACTIVATE_FIRMWARE_ALERT.encode(ActivateFirmwareAlert(code, now, body["counter"], outcome))
    device.events.send_payload(party, _ALERT, payload)


def _activate(device: Device, image_hash: bytes, party: Eui64) -> ActivationOutcome:
    fault = device.fault("activation")
    code = device.firmware.activate(image_hash, party) if fault is None else ActivateImageResponseCode(fault)
    device.note(f"firmware activation: {code.name}, version {device.firmware.version.hex()}")
    return ActivationOutcome(code, device.firmware.version)


def read_version(device: Device, command: Command) -> bytes:
    """The running version."""
    decode(NULL, command.payload)
    fault = device.fault("firmware version")
    if fault is not None:
        return FIRMWARE_VERSION_RESPONSE.encode(FirmwareVersionResponse(bytes(4), fault))
    return FIRMWARE_VERSION_RESPONSE.encode(FirmwareVersionResponse(device.firmware.version, 0))
