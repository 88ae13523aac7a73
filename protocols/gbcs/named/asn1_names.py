"""Names of the ASN.1 elements as GBCS has them, and the meaning of their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1 import clock, credentials, firmware, joining, registry
from protocols.gbcs.asn1.types import (
    CellUsage,
    CredentialsReplacementMode,
    DeviceType,
    RemotePartyRole,
    StatusCode,
)

if TYPE_CHECKING:
    from protocols.gbcs.asn1.schema import Record


class CPVChecks(IntEnum):
    """Whether the time-based checks of certification path validation apply."""

    APPLY = 0
    DISAPPLY = 1


class SpecialistUsage(IntEnum):
    """What a specialist sequence number is for."""

    PREPAYMENT_TOP_UP = 0


class CredentialsAlert(IntEnum):
    """Outcome of a future dated command."""

    SUCCESS = 0x8F66
    FAILURE = 0x8F67


class TransferAlert(IntEnum):
    """Events of a firmware transfer."""

    SUCCESS = 0x8F8A
    FAILURE = 0x8F89


class ActivationAlert(IntEnum):
    """Event of a firmware activation on a PPMID."""

    FIRMWARE_ACTIVATION = 0x8F8B


class BackupAlert(IntEnum):
    """Event of a changed device log of the GPF."""

    DEVICE_LOG_BACKUP = 0x8071


class ReadOutcome(IntEnum):
    """Outcome of a read (CS07, CS08) or of an activation (CS09)."""

    SUCCESS = 0
    FAILURE = 1


@dataclass(slots=True)
class Field:
    """Name of an element, and the enumeration of its numbers where they have meanings."""

    name: str
    codes: type[IntEnum] | None = None


_CELL = "authorisingRemotePartyTACellIdentifier"
_DEVICE_ID = Field("deviceId")
_EXECUTION_TIME = Field("executionDateTime")
_VERSION = Field("firmwareVersion")
_COUNTER = Field("originatorCounter")
_DEVICE_LOG = Field("deviceLog")
_CHANGES = Field("remotePartySeqNumberChanges")

_NAMES: dict[Record[Any], tuple[Field, ...]] = {
    credentials.TRUST_ANCHOR_CELL: (
        Field("trustAnchorCellRemotePartyRole", RemotePartyRole),
        Field("trustAnchorCellKeyUsage"),
        Field("trustAnchorCellUsage", CellUsage),
    ),
    credentials.SPECIALIST_SEQ_NUMBER: (
        Field("seqNumberUsage", SpecialistUsage),
        Field("seqNumber"),
    ),
    credentials.SEQ_NUMBER_CHANGE: (
        Field("otherRemotePartyRole", RemotePartyRole),
        Field("otherRemotePartyFloorSeqNumber"),
        Field("newRemotePartySpecialistFloorSeqNumber"),
    ),
    credentials.PROVIDE_CREDENTIALS_COMMAND: (
        Field(_CELL),
        Field("remotePartyRolesCredentialsRequired", RemotePartyRole),
    ),
    credentials.CELL_DETAILS: (
        Field("trustAnchorCellKeyUsage"),
        Field("trustAnchorCellUsage", CellUsage),
        Field("subjectUniqueID"),
        Field("subjectKeyIdentifier"),
    ),
    credentials.REMOTE_PARTY_DETAILS: (
        Field("remotePartyRole", RemotePartyRole),
        Field("statusCode", StatusCode),
        Field("currentSeqNumber"),
        Field("trustAnchorCellsDetails"),
    ),
    credentials.AUTHORISING_CONTROL: (
        Field("credentialsReplacementMode", CredentialsReplacementMode),
        Field("plaintextSymmetricKey"),
        Field("applyTimeBasedCPVChecks", CPVChecks),
        Field(_CELL),
        Field("authorisingRemotePartySeqNumber"),
        Field("newRemotePartyFloorSeqNumber"),
        Field("newRemotePartySpecialistFloorSeqNumber"),
        Field("otherRemotePartySeqNumberChanges"),
    ),
    credentials.REPLACEMENT: (Field("replacementCertificate"), Field("targetTrustAnchorCell")),
    credentials.UPDATE_CREDENTIALS_COMMAND: (
        Field("authorisingRemotePartyControl"),
        Field("replacements"),
        Field("certificationPathCertificates"),
        _EXECUTION_TIME,
    ),
    credentials.REPLACEMENT_OUTCOME: (
        Field("affectedTrustAnchorCell"),
        Field("statusCode", StatusCode),
        Field("existingSubjectUniqueID"),
        Field("existingSubjectKeyIdentifier"),
        Field("replacingSubjectUniqueID"),
        Field("replacingSubjectKeyIdentifier"),
    ),
    credentials.EXECUTION_OUTCOME: (
        Field("authorisingRemotePartySeqNumber"),
        Field("credentialsReplacementMode", CredentialsReplacementMode),
        _CHANGES,
        Field("replacementOutcomes"),
    ),
    credentials.UPDATE_CREDENTIALS_RESPONSE: (Field("commandAccepted"), Field("executionOutcome")),
    credentials.UPDATE_CREDENTIALS_ALERT: (
        Field("alertCode", CredentialsAlert),
        _EXECUTION_TIME,
        Field("executionOutcome"),
    ),
    registry.KEY_USAGE_COMMAND: (Field("keyUsage"),),
    joining.DEVICE_LOG_ENTRY: (_DEVICE_ID, Field("deviceType", DeviceType)),
    joining.JOIN_COMMAND: (
        Field("joinMethodAndRole", joining.JoinMethodAndRole),
        Field("otherDeviceEntityIdentifier"),
        Field("otherDeviceType", DeviceType),
        Field("otherDeviceCertificate"),
    ),
    joining.JOIN_DETAILS_RESPONSE: (Field("readDeviceLogResponseCode", ReadOutcome), _DEVICE_LOG),
    joining.RESTORE_DEVICE_LOG_COMMAND: (_DEVICE_LOG,),
    joining.RESTORED_ENTRY: (
        Field("deviceLogEntry"),
        Field("joinResponseCode", joining.JoinResponseCode),
    ),
    joining.RESTORE_DEVICE_LOG_RESPONSE: (Field("restoreOutcomes"),),
    joining.BACKUP_DEVICE_LOG_ALERT: (
        Field("alertCode", BackupAlert),
        Field("backupDateTime"),
        _DEVICE_LOG,
    ),
    firmware.ACTIVATE_FIRMWARE_COMMAND: (Field("manufacturerImageHash"), _COUNTER, _EXECUTION_TIME),
    firmware.ACTIVATION_OUTCOME: (
        Field("activateImageResponseCode", firmware.ActivateImageResponseCode),
        _VERSION,
    ),
    firmware.ACTIVATE_FIRMWARE_ALERT: (
        Field("alertCode", CredentialsAlert),
        _EXECUTION_TIME,
        _COUNTER,
        Field("executionOutcome"),
    ),
    firmware.FIRMWARE_TRANSFER_ALERT: (
        Field("alertCode", TransferAlert),
        Field("dateTime"),
        _DEVICE_ID,
        _VERSION,
        Field("responseCode", firmware.TransferResponseCode),
    ),
    firmware.FIRMWARE_VERSION_RESPONSE: (_VERSION, Field("readFirmwareVersionResponseCode", ReadOutcome)),
    firmware.FIRMWARE_ACTIVATION_ALERT: (
        Field("alertCode", ActivationAlert),
        Field("dateTime"),
        _VERSION,
        Field("responseCode", ReadOutcome),
    ),
    clock.SET_CLOCK_COMMAND: (Field("validityIntervalStart"), Field("validityIntervalEnd")),
    clock.SET_CLOCK_RESPONSE: (
        Field("deviceTime"),
        Field("deviceTimeStatus", clock.DeviceTimeStatus),
    ),
}


def names_of(record: Record[Any]) -> tuple[Field, ...]:
    """Names of a record's elements, in order."""
    return _NAMES[record]
