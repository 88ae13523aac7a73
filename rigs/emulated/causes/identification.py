"""The Customer Identification Number on a meter's display (ECS50, GCS36; SMETS 4.6.4.7, 5.7.4.10).

It is sent so that whoever stands before the meter can tell it back; no use case reads it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_COSEM = Place(1, bytes.fromhex("0003600D01FF"), 2)
_ZSE = CommandPlace(0x0708, True, 0x06)


def register(device: Device) -> None:
    """One more line of the display."""
    device.display_lines.append(partial(_lines, device))


def _lines(device: Device) -> list[str]:
    octets = _number(device)
    return [f"CIN {octets.decode('utf-8', 'replace')}"] if octets else []


def _number(device: Device) -> bytes:
    if device.payload_kind == "gbz":
        record = device.records.last(_ZSE)
        return bytes.fromhex((record or {}).get("Customer ID Number") or "")
    value = device.cosem.value(_COSEM)
    number = b"" if value is None else value.value
    return bytes(number) if isinstance(number, bytes) else str(number or "").encode()
