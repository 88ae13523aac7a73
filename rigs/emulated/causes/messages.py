"""The supplier's message on a meter's display, and the consumer who takes note of it (GBCS-ECS10-01)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rigs.emulated import knobs
from rigs.emulated.event_rules import EventCode
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.zse import CommandPlace

if TYPE_CHECKING:
    from protocols.dlms.axdr import Data
    from rigs.emulated.device import Device

_COSEM_MESSAGE = Place(1, bytes.fromhex("0002600D01FF"), 2)
_ZSE_MESSAGE = CommandPlace(0x0703, True, 0x00)
_SECTION = "message"


def register(device: Device) -> None:
    """The knob ``acknowledge``: somebody presses the button of the meter, or of a display on the HAN."""
    device.knobs["acknowledge"] = lambda _text: acknowledge(device)
    device.display_lines.append(partial(_lines, device))
    place = _COSEM_MESSAGE
    empty = device.cosem.value(place) if device.payload_kind == "dlms" else None
    if empty is not None:
        obis = place.obis.hex().upper()
        device.cosem.stored(place.class_id, obis, place.number, empty, check=partial(_comes, device))


def _comes(device: Device, value: Data) -> bool:
    """Any message may come, and is unread then, though it were the same as the one before."""
    device.storage.put_json("messages", "number", message_number(device) + 1)
    device.storage.delete(_SECTION, _text(value)[:64])
    return True


def message_number(device: Device) -> int:
    """How many messages have come to an ESME: what tells them apart for displays (a choice of ours)."""
    return int(device.storage.get_json("messages", "number", default=0))


def message_of(device: Device, *, unread: bool = False) -> str:
    """The message that was sent last, the empty text where there is none, or (``unread``) it was read."""
    text = _sent_last(device)
    return "" if unread and text and device.storage.get_json(_SECTION, text[:64]) else text


def _sent_last(device: Device) -> str:
    if device.payload_kind == "gbz":
        records = device.records.get(_ZSE_MESSAGE)
        return str(records[-1].get("Message", "")) if records else ""
    value = device.cosem.value(_COSEM_MESSAGE)
    return "" if value is None else _text(value)


def _text(value: Data) -> str:
    text = value.value
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text or "")


def _lines(device: Device) -> list[str]:
    text = message_of(device, unread=True)
    return [f"MESSAGE {text}"] if text else []


def acknowledge(device: Device) -> knobs.Answer:
    """Nothing sounds any more; and where there is a message, it was read."""
    device.events.acknowledge()
    if not _lines(device):
        return knobs.done("nothing to take note of")
    device.storage.put_json(_SECTION, message_of(device)[:64], value=True)
    device.events.record(EventCode.MESSAGE_ACKNOWLEDGED)
    return knobs.done("message read")
