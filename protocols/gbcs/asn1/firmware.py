"""Firmware: CS06 (0012, alert 00CA), CS08 (0129), alerts CCS08 (0128) and CS09 (012B)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from protocols.gbcs.asn1.schema import (
    ALERT_CODE,
    EUI64,
    NULL,
    SEQ_NUMBER,
    SMALL_NUMBER,
    TIME,
    Choice,
    Element,
    Octets,
    Record,
)

if TYPE_CHECKING:
    from datetime import datetime

    from protocols.eui64 import Eui64


class ActivateImageResponseCode(IntEnum):
    """Outcome of activating an image."""

    SUCCESS = 0
    NO_IMAGE_HELD = 1
    HASH_MISMATCH = 2
    ACTIVATION_FAILURE = 3


class TransferResponseCode(IntEnum):
    """Outcome of handing an image to a device on the HAN (CCS08)."""

    SUCCESS = 0
    IMAGE_DISCARDED = 1
    HARDWARE_VERSION_MISMATCH = 2
    FILE_TRANSFER_FAILURE = 3


@dataclass(slots=True)
class ActivateFirmwareCommand:
    """CS06 command; the hash is SHA-256 over the manufacturer image."""

    manufacturer_image_hash: bytes
    originator_counter: int
    execution_date_time: datetime | None = None


@dataclass(slots=True)
class ActivationOutcome:
    """What became of an activation, and the version that runs now."""

    response_code: int
    firmware_version: bytes


@dataclass(slots=True)
class ActivateFirmwareAlert:
    """Alert 00CA once a stored CS06 was carried out."""

    alert_code: int
    execution_date_time: datetime
    originator_counter: int
    outcome: ActivationOutcome


@dataclass(slots=True)
class FirmwareTransferAlert:
    """CCS08: the hub tells what became of the transfer to a PPMID or HCALCS."""

    alert_code: int
    date_time: datetime
    device_id: Eui64
    firmware_version: bytes
    response_code: int


@dataclass(slots=True)
class FirmwareVersionResponse:
    """CS08 response; version 00000000 where the read failed (code 1)."""

    firmware_version: bytes
    response_code: int


@dataclass(slots=True)
class FirmwareActivationAlert:
    """CS09: a PPMID has activated its image (code 0) or failed to (1)."""

    alert_code: int
    date_time: datetime
    firmware_version: bytes
    response_code: int


_VERSION = Octets(4)

ACTIVATE_FIRMWARE_COMMAND = Record(
    ActivateFirmwareCommand,
    Element("manufacturer_image_hash", Octets(32)),
    Element("originator_counter", SEQ_NUMBER),
    Element("execution_date_time", TIME, optional=True),
)
ACTIVATION_OUTCOME = Record(
    ActivationOutcome, Element("response_code", SMALL_NUMBER), Element("firmware_version", _VERSION)
)
# NULL (value True) says that a dated command was accepted.
ACTIVATE_FIRMWARE_RESPONSE = Choice((bool, NULL, None), (ActivationOutcome, ACTIVATION_OUTCOME, None))
ACTIVATE_FIRMWARE_ALERT = Record(
    ActivateFirmwareAlert,
    Element("alert_code", ALERT_CODE),
    Element("execution_date_time", TIME),
    Element("originator_counter", SEQ_NUMBER),
    Element("outcome", ACTIVATION_OUTCOME),
)
FIRMWARE_TRANSFER_ALERT = Record(
    FirmwareTransferAlert,
    Element("alert_code", ALERT_CODE),
    Element("date_time", TIME),
    Element("device_id", EUI64),
    Element("firmware_version", _VERSION),
    Element("response_code", SMALL_NUMBER),
)
FIRMWARE_VERSION_RESPONSE = Record(
    FirmwareVersionResponse, Element("firmware_version", _VERSION), Element("response_code", SMALL_NUMBER)
)
FIRMWARE_ACTIVATION_ALERT = Record(
    FirmwareActivationAlert,
    Element("alert_code", ALERT_CODE),
    Element("date_time", TIME),
    Element("firmware_version", _VERSION),
    Element("response_code", SMALL_NUMBER),
)
