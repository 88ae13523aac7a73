"""What a device says it is: identifier, variant, model and manufacturer (ECS26e, ECS26m, ECS26n).

The variant is the letter of its part of SMETS section 5: A single element, B twin element, C polyphase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, octet_string
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_DATA, _VALUE = 1, 2
_IDENTIFIER, _VARIANT, _MODEL, _MANUFACTURER = (f"00006001{last}FF" for last in ("01", "02", "04", "06"))
_VARIANTS = {"single": b"A", "twin": b"B", "poly": b"C"}
_MODEL_OCTETS = 8


def register(device: Device) -> None:
    """Those of the objects that the device's type has; manufacturer and model are fixed by its file."""
    about = device.description
    variant = next((letter for word, letter in _VARIANTS.items() if word in about.variant), b"")
    model = f"{about.device_type.upper()} {about.hardware_version}".encode()[:_MODEL_OCTETS]
    values = {
        _IDENTIFIER: bytes(about.eui64),
        _VARIANT: variant,
        _MODEL: model.ljust(_MODEL_OCTETS),
        _MANUFACTURER: f"{about.manufacturer_code:04X}".encode(),
    }
    for obis, octets in values.items():
        if Place(_DATA, bytes.fromhex(obis), _VALUE) in device.cosem.objects.members:
            _fix(device, obis, octet_string(octets))


def _fix(device: Device, obis: str, value: Data) -> None:
    device.cosem.attribute(_DATA, obis, _VALUE, read=lambda: value)
