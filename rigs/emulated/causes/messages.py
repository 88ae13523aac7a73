"""The supplier's message on a meter's display, and the consumer who takes note of it (GBCS-ECS10-01)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_COSEM_MESSAGE = Place(1, bytes.fromhex("0002600D01FF"), 2)
_ZSE_MESSAGE = CommandPlace(0x0703, True, 0x00)


def register(device: Device) -> None:
    """The knob ``acknowledge``: somebody presses the button of the meter, or of a display on the HAN."""
    device.knobs["acknowledge"] = partial(_acknowledge, device)
    device.display_lines.append(partial(_lines, device))


def message_of(device: Device) -> str:
    """The message that was sent last, the empty text where there is none."""
    if device.payload_kind == "gbz":
        records = device.records.get(_ZSE_MESSAGE)
        return str(records[-1].get("Message", "")) if records else ""
    value = device.cosem.value(_COSEM_MESSAGE)
    text = "" if value is None else value.value
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text or "")


def _lines(device: Device) -> list[str]:
    text = message_of(device)
    return [f"MESSAGE {text}"] if text and not device.storage.get_json("message", text[:64]) else []


def _acknowledge(device: Device, _text: str) -> knobs.Answer:
    """Nothing sounds any more; and where there is a message, it was read."""
    device.events.acknowledge()
    if not _lines(device):
        return knobs.done("nothing to take note of")
    device.storage.put_json("message", message_of(device)[:64], value=True)
    device.events.record(EventCode.MESSAGE_ACKNOWLEDGED)
    return knobs.done("message read")
