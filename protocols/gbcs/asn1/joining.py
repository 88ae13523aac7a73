"""Device logs and joining: CS03A1/A2/B/C, CS07 (0013), GCS59 (008C), alert GCS62 (00B2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from protocols.gbcs.asn1.schema import (
    ALERT_CODE,
    CERTIFICATE,
    EUI64,
    SMALL_NUMBER,
    TIME,
    Element,
    Record,
    SequenceOf,
)

if TYPE_CHECKING:
    from datetime import datetime

    from protocols.eui64 import Eui64


class JoinMethodAndRole(IntEnum):
    """How two devices join: A between each other, B an entry in a log, C with a certificate."""

    METHOD_A_INITIATOR = 0
    METHOD_A_RESPONDER = 1
    METHOD_B = 2
    METHOD_C = 3


class JoinResponseCode(IntEnum):
    """Outcome of a join command."""

    SUCCESS = 0
    INVALID_MESSAGE_CODE_FOR_JOIN_METHOD_AND_ROLE = 1
    INVALID_JOIN_METHOD_AND_ROLE = 2
    INCOMPATIBLE_WITH_EXISTING_ENTRY = 3
    DEVICE_LOG_FULL = 4
    WRITE_FAILURE = 5
    KEY_AGREEMENT_NO_RESOURCES = 6
    KEY_AGREEMENT_UNKNOWN_ISSUER = 7
    KEY_AGREEMENT_UNSUPPORTED_SUITE = 8
    KEY_AGREEMENT_BAD_MESSAGE = 9
    KEY_AGREEMENT_BAD_KEY_CONFIRM = 10
    INVALID_OR_MISSING_CERTIFICATE = 11
    NO_PARTNER_LINK_KEY_RECEIVED = 12
    NO_CBKE_RESPONSE = 13


class DeviceLogEntry(NamedTuple):
    """A device another one may talk to, with its kind (``DeviceType``)."""

    device_id: Eui64
    device_type: int


@dataclass(slots=True)
class JoinCommand:
    """CS03 command; the certificate (DER) only for GSME and PPMID (method C)."""

    join_method_and_role: int
    other_device_id: Eui64
    other_device_type: int
    other_device_certificate: bytes | None = None


@dataclass(slots=True)
class JoinDetailsResponse:
    """CS07 response; the log is absent where reading failed (code 1)."""

    response_code: int
    device_log: list[DeviceLogEntry] | None = None


@dataclass(slots=True)
class RestoreDeviceLogCommand:
    """GCS59 command."""

    device_log: list[DeviceLogEntry]


class RestoredEntry(NamedTuple):
    """GCS59 answer for one entry."""

    entry: DeviceLogEntry
    join_response_code: int


@dataclass(slots=True)
class RestoreDeviceLogResponse:
    """GCS59 response."""

    outcomes: list[RestoredEntry]


@dataclass(slots=True)
class BackupDeviceLogAlert:
    """GCS62: the GPF's device log after a change."""

    alert_code: int
    backup_date_time: datetime
    device_log: list[DeviceLogEntry]


DEVICE_LOG_ENTRY = Record(DeviceLogEntry, Element("device_id", EUI64), Element("device_type", SMALL_NUMBER))
JOIN_COMMAND = Record(
    JoinCommand,
    Element("join_method_and_role", SMALL_NUMBER),
    Element("other_device_id", EUI64),
    Element("other_device_type", SMALL_NUMBER),
    Element("other_device_certificate", CERTIFICATE, optional=True),
)
JOIN_RESPONSE = SMALL_NUMBER
JOIN_DETAILS_RESPONSE = Record(
    JoinDetailsResponse,
    Element("response_code", SMALL_NUMBER),
    Element("device_log", SequenceOf(DEVICE_LOG_ENTRY), optional=True),
)
RESTORE_DEVICE_LOG_COMMAND = Record(
    RestoreDeviceLogCommand, Element("device_log", SequenceOf(DEVICE_LOG_ENTRY))
)
RESTORED_ENTRY = Record(
    RestoredEntry, Element("entry", DEVICE_LOG_ENTRY), Element("join_response_code", SMALL_NUMBER)
)
RESTORE_DEVICE_LOG_RESPONSE = Record(
    RestoreDeviceLogResponse, Element("outcomes", SequenceOf(RESTORED_ENTRY))
)
BACKUP_DEVICE_LOG_ALERT = Record(
    BackupDeviceLogAlert,
    Element("alert_code", ALERT_CODE),
    Element("backup_date_time", TIME),
    Element("device_log", SequenceOf(DEVICE_LOG_ENTRY)),
)
