"""GCS28 Set Clock on GSME (007F)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.gbcs.asn1.schema import SMALL_NUMBER, TIME, Element, Record

if TYPE_CHECKING:
    from datetime import datetime


class DeviceTimeStatus(IntEnum):
    """How far a device's time is to be believed."""

    RELIABLE = 0
    INVALID = 1
    UNRELIABLE = 2


@dataclass(slots=True)
class SetClockCommand:
    """The interval in which the command may set the clock."""

    validity_interval_start: datetime
    validity_interval_end: datetime


@dataclass(slots=True)
class SetClockResponse:
    """The device's time after the command."""

    device_time: datetime
    device_time_status: int


SET_CLOCK_COMMAND = Record(
    SetClockCommand, Element("validity_interval_start", TIME), Element("validity_interval_end", TIME)
)
SET_CLOCK_RESPONSE = Record(
    SetClockResponse, Element("device_time", TIME), Element("device_time_status", SMALL_NUMBER)
)
