"""Current and power factor of an ESME: optional events of some products (GBCS-EV-8010, 8014, 8015, 8016)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode as Code

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_SECTION = "current"
# Figures of this bench: a product's own are on its plate, or nobody's to know.
OVER_CURRENT_A, LOW_POWER_FACTOR = 100.0, 0.8
_OVER = (Code.OVER_CURRENT, Code.OVER_CURRENT_L1, Code.OVER_CURRENT_L2, Code.OVER_CURRENT_L3)


def register(device: Device, *, phases: list[int]) -> None:
    """The knobs ``current`` (amperes, ``@`` phase, or ``reverse``) and ``power-factor``."""
    device.knobs["current"] = partial(_current, device, phases)
    device.knobs["power-factor"] = partial(_power_factor, device)


def _current(device: Device, phases: list[int], text: str) -> knobs.Answer:
    if text == "reverse":
        device.events.record(Code.REVERSE_CURRENT)
        return knobs.done(text)
    amperes, _, phase = text.partition("@")
    numbers = [int(phase)] if phase else phases
    if not set(numbers) <= set(phases):
        raise ValueError(f"not one of the phases {phases}")
    for number in numbers:
        if _crossed(device, f"over.{number}", float(amperes) > OVER_CURRENT_A) is True:
            device.events.record(_OVER[number], f"{amperes} A")
    return knobs.done(f"{amperes} A")


def _power_factor(device: Device, text: str) -> knobs.Answer:
    crossed = _crossed(device, "power-factor", float(text) < LOW_POWER_FACTOR)
    if crossed is not None:
        device.events.record(Code.POWER_FACTOR_LOW if crossed else Code.POWER_FACTOR_OK, text)
    return knobs.done(text)


def _crossed(device: Device, key: str, now: bool) -> bool | None:
    """The new side of a threshold, None where it is the old one."""
    before = bool(device.storage.get_json(_SECTION, key, default=False))
    device.storage.put_json(_SECTION, key, now)
    return None if now == before else now
