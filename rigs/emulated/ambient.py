"""Low, medium or high: what displays say of the power that is drawn (ECS34; SMETS 5.7.4.24, 5.7.4.29)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Tag
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.device import Device

_THRESHOLDS = Place(21, bytes.fromhex("0000100000FF"), 2)


class Usage(IntEnum):
    """As ZSE numbers them (metering attribute 0207, Ambient Consumption Indicator)."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


def usage(device: Device, watts: int) -> Usage:
    """Where a power stands between the two thresholds; what equals one has not crossed it."""
    value = device.cosem.value(_THRESHOLDS)
    if value is None or value.tag not in {Tag.ARRAY, Tag.STRUCTURE}:
        return Usage.LOW
    return Usage(sum(watts > int(each.value) for each in value.value[:2]))
