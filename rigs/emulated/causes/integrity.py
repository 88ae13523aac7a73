"""Hardware and program faults of a meter: events, and the warning 0x81A0 with its cause (GBCS-16-14)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode as Code

if TYPE_CHECKING:
    from rigs.emulated.device import Device


@dataclass(slots=True)
class Fault:
    """``cause`` is the number that 0x81A0 carries; ``code`` the event that names the fault, if one does."""

    cause: int
    code: Code | None


# Numbers of alerts.json, "meter_integrity_other_info".
FAULTS = {
    "other": Fault(0x0000, None),
    "non-volatile-memory": Fault(0x0001, Code.NON_VOLATILE_MEMORY_ERROR),
    "program-execution": Fault(0x0002, Code.PROGRAM_EXECUTION_ERROR),
    "program-storage": Fault(0x0003, Code.PROGRAM_STORAGE_ERROR),
    "ram": Fault(0x0004, Code.RAM_ERROR),
    "reset": Fault(0x0005, Code.UNEXPECTED_RESET),
    "watchdog": Fault(0x0006, Code.WATCHDOG_ERROR),
    "metrology-firmware": Fault(0x0007, Code.METROLOGY_FIRMWARE_BAD),
    "measurement": Fault(0x0008, Code.MEASUREMENT_FAULT),
    "integrity": Fault(0x0009, None),
}


def register(device: Device) -> None:
    """The knob ``fault=NAME`` of a meter."""
    device.knobs["fault"] = partial(_fail, device)


def _fail(device: Device, name: str) -> knobs.Answer:
    fault = FAULTS.get(name or "other")
    if fault is None:
        raise ValueError(f"not one of {', '.join(FAULTS)}")
    if fault.code is not None:
        device.events.record(fault.code)
    cause = fault.cause.to_bytes(2, "big")
    device.events.record(Code.INTEGRITY_WARNING, name, other=cause, values={"cause": cause})
    return knobs.done(f"cause 0x{fault.cause:04X}")
