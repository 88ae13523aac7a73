"""Short names of responses by use case, and of alerts by message code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.gbcs.asn1.clock import DeviceTimeStatus
from protocols.gbcs.asn1.credentials import TrustAnchorCell
from protocols.gbcs.asn1.firmware import ActivateImageResponseCode, TransferResponseCode
from protocols.gbcs.asn1.joining import JoinResponseCode
from protocols.gbcs.named.asn1_engine import usage_bits
from protocols.gbcs.named.asn1_payloads import UnjoinCode
from protocols.gbcs.named.gbz_heads import CIPHERED
from protocols.gbcs.named.short_forms import (
    ASN1_MOMENT,
    BITS,
    DEVICE_TYPE,
    DLMS_MOMENT,
    EUI64,
    GBZ_MOMENT,
    KEY_USAGE,
    LEFT_OUT,
    Form,
    each,
    name_of,
    octets,
)
from protocols.gbcs.named.short_rows import Row, record
from protocols.gbcs.named.statuses import statuses

_OCTETS = octets()
# ------------------------------------------------------------------ DLMS and GBZ

_RESULTS = Row("results", "", Form(lambda payload: list(statuses(payload).values())))
_LOG_ENTRY = record(
    Row("device_id", "entityIdentifier", EUI64),
    Row("status", "extradetails1", BITS),
    Row("max_rssi", "extradetails2"),
    Row("average_rssi", "subGHzLinkQuality"),
    Row("min_rssi", "extradetails4"),
    Row("max_lqi", "extradetails5"),
    Row("average_lqi", "extradetails6"),
    Row("min_lqi", "extradetails7"),
    Row("last_communication", "lastCommsTimestamp", DLMS_MOMENT),
    Row("number_of_hops", "extradetails8"),
    Row("transmission_failures", "extradetails9"),
    Row("transmission_successes", "extradetails10"),
    Row("application_version", "extradetails11"),
    Row("stack_version", "extradetails12"),
)
_REGISTERS = "elements/ImportRegisterCollection: read"
_REGISTER_NAMES = (
    ("active_import_wh", "active.value", "active_scal_unit_type"),
    ("reactive_import_varh", "reactive.value", "reactive_scal_unit_type"),
    # The second element's register has no scaler of its own.
    ("secondary_active_import_wh", "secondary.value", "active_scal_unit_type"),
)
_GAS = "Components/0/Attributes"
_GAS_NAMES = {
    "divisor": "Divisor",
    "multiplier": "Multiplier",
    "unit": "Unit of Measure",
    "consumption": "Current Summation Delivered",
}
_INVALID, _DOUBTFUL = 0x01, 0x02


def clock_status(status: int) -> str:
    """Name of a DLMS clock status as SMETS has it: ``"invalid"``, ``"unreliable"`` or ``"reliable"``."""
    if status & _INVALID:
        return "invalid"
    return "unreliable" if status & _DOUBTFUL else "reliable"


def _registers(value: Any) -> dict[str, Any] | None:
    collection = value.get("ImportRegisterCollection: import_register_collection")
    if not isinstance(collection, Mapping):
        return None
    return {
        name: _scaled(collection[key], collection[scaler]["scale"])
        for name, key, scaler in _REGISTER_NAMES
        if key in collection
    }


def _scaled(number: int, exponent: int) -> float | int:
    power: int = 10 ** abs(exponent)
    return number * power if exponent >= 0 else number / power


def _attribute(value: Any) -> Any:
    """None where reading failed, and where the attribute is of another type than it should be."""
    return None if isinstance(value, Mapping) else value


def _gas_results(payload: Any) -> list[int] | None:
    """A Default Response in place of attributes says it for all of them."""
    if _closed(payload):
        return None
    found = list(statuses(payload).values())
    return found * len(_GAS_NAMES) if len(found) == 1 else found


def _closed(payload: Any) -> bool:
    return any(CIPHERED in component for component in payload.get("Components", ()))


def _octets_read(value: Any) -> bytes | None:
    return bytes.fromhex(value) if isinstance(value, str) else None


RESPONSES: dict[str, list[Row]] = {
    "CCS01": [_RESULTS],
    "CCS02": [_RESULTS],
    "CCS06": [_RESULTS, Row("devices", "elements/DeviceLog(CHF): logEntries", each(_LOG_ENTRY), [])],
    "ECS17b": [
        _RESULTS,
        Row("registers", _REGISTERS, Form(_registers)),
        Row("decrypted", _REGISTERS, Form(lambda value: _registers(value) is not None), default=False),
    ],
    "ECS27": [
        _RESULTS,
        Row("load_limit_supply_state", "elements/LoadLimitSupplyState: valueCurrent"),
        Row("load_limit_counter", "elements/LoadLimitCounter: value"),
        Row("load_limit_counter_scaler", "elements/LoadLimitCounter: scal_unit_type/scale"),
        Row("load_limit_counter_unit", "elements/LoadLimitCounter: scal_unit_type/unit"),
        Row("load_limit_power_threshold_w", "elements/LoadLimitPowerThreshold: thresholdCurrent"),
        Row("load_limit_period_s", "elements/LoadLimitPeriod(Timer): valueCurrent"),
        Row("load_limit_restoration_period_s", "elements/LoadLimitRestorationPeriod(Timer): valueCurrent"),
    ],
    "ECS39a": [_RESULTS],
    "ECS52": [_RESULTS, Row("firmware_version", "elements/FirmwareVersion: value", _OCTETS)],
    "ECS70": [
        _RESULTS,
        Row("device_time", "elements/Time: methodOutput: value", DLMS_MOMENT),
        Row("status", "elements/Time: methodOutput: status"),
        Row("status_name", "elements/Time: methodOutput: status", Form(clock_status)),
    ],
    "GCS13a": [
        Row("decrypted", "", Form(lambda payload: not _closed(payload))),
        Row("results", "", Form(_gas_results)),
        *(Row(name, f"{_GAS}/{key}", Form(_attribute)) for name, key in _GAS_NAMES.items()),
    ],
    "GCS38": [
        _RESULTS,
        Row("firmware_version", f"{_GAS}/Current Meter Id", Form(_octets_read)),
    ],
    "GCS41": [_RESULTS],
}

# ------------------------------------------------------------------ ASN.1


def _cell(value: Mapping[str, Any]) -> TrustAnchorCell:
    usage = usage_bits(value["trustAnchorCellKeyUsage"])
    return TrustAnchorCell(
        value["trustAnchorCellRemotePartyRole"], usage, value.get("trustAnchorCellUsage", 0)
    )


CELL_READ = Form(_cell)
_FLOORS = each(record(Row("usage", "seqNumberUsage"), Row("counter", "seqNumber")))
_CHANGES = each(
    record(
        Row("role", "otherRemotePartyRole"),
        Row("floor_counter", "otherRemotePartyFloorSeqNumber"),
        Row("specialist_floors", "newRemotePartySpecialistFloorSeqNumber", _FLOORS),
    )
)
_REPLACED = record(
    Row("authorising_counter", "authorisingRemotePartySeqNumber"),
    Row("mode", "credentialsReplacementMode"),
    Row("changes", "remotePartySeqNumberChanges", _CHANGES, []),
    Row(
        "replacements",
        "replacementOutcomes",
        each(
            record(
                Row("cell", "affectedTrustAnchorCell", CELL_READ),
                Row("status", "statusCode"),
                Row("existing_subject_id", "existingSubjectUniqueID", EUI64),
                Row("existing_key_id", "existingSubjectKeyIdentifier", _OCTETS),
                Row("replacing_subject_id", "replacingSubjectUniqueID", EUI64),
                Row("replacing_key_id", "replacingSubjectKeyIdentifier", _OCTETS),
            )
        ),
        [],
    ),
)
_PARTY = record(
    Row("role", "remotePartyRole"),
    Row("status", "statusCode"),
    Row("current_counter", "currentSeqNumber"),
    Row(
        "cells",
        "trustAnchorCellsDetails",
        each(
            record(
                Row("key_usage", "trustAnchorCellKeyUsage", KEY_USAGE),
                Row("cell_usage", "trustAnchorCellUsage", default=0),
                Row("subject_id", "subjectUniqueID", EUI64),
                Row("key_id", "subjectKeyIdentifier", _OCTETS),
            )
        ),
        [],
    ),
)
_PARTIES = [Row("parties", "remotePartyDetails", each(_PARTY), [])]
_UPDATED = [Row("accepted", "commandAccepted"), Row("outcome", "executionOutcome", _REPLACED)]
_JOINED = [
    Row("outcome", "joinResponseCode"),
    Row("outcome_name", "joinResponseCode", name_of(JoinResponseCode)),
]
_UNJOINED = [
    Row("outcome", "unjoinResponseCode"),
    Row("outcome_name", "unjoinResponseCode", name_of(UnjoinCode)),
]
_ACTIVATION = "executionOutcome/activateImageResponseCode"
_ACTIVATED = [
    Row("response_code", _ACTIVATION, default=LEFT_OUT),
    Row("response_name", _ACTIVATION, name_of(ActivateImageResponseCode), LEFT_OUT),
    Row("firmware_version", "executionOutcome/firmwareVersion", _OCTETS, LEFT_OUT),
]
_DEVICES = Row(
    "devices",
    "deviceLog",
    each(record(Row("device_id", "deviceId", EUI64), Row("device_type", "deviceType", DEVICE_TYPE))),
    [],
)
_FAILED = Form(bool)

RESPONSES |= {
    "CS02a": _PARTIES,
    "CS02f": _PARTIES,
    "CS02b": _UPDATED,
    "CS02g": _UPDATED,
    **dict.fromkeys(("CS03A1", "CS03A2", "CS03B", "CS03C"), _JOINED),
    **dict.fromkeys(("CS04AC", "CS04B"), _UNJOINED),
    "CS06": [Row("accepted", "commandAccepted", default=LEFT_OUT), *_ACTIVATED],
    "CS07": [Row("read_failure", "readDeviceLogResponseCode", _FAILED), _DEVICES],
    "CS08": [
        Row("firmware_version", "firmwareVersion", _OCTETS),
        Row("read_failure", "readFirmwareVersionResponseCode", _FAILED),
    ],
    "GCS28": [
        Row("device_time", "deviceTime", ASN1_MOMENT),
        Row("status", "deviceTimeStatus"),
        Row("status_name", "deviceTimeStatus", name_of(DeviceTimeStatus)),
    ],
}

# ------------------------------------------------------------------ alerts

ALERT_HEADS: dict[str, list[Row]] = {
    "dlms": [Row("alert_code", "elements/AlertCode"), Row("time", "elements/Timestamp", DLMS_MOMENT)],
    "gbz": [Row("alert_code", "Alert Code"), Row("time", "Time", GBZ_MOMENT)],
    "asn1": [
        Row("alert_code", "alertCode"),
        Row("time", "executionDateTime", ASN1_MOMENT, LEFT_OUT),
        Row("time", "dateTime", ASN1_MOMENT, LEFT_OUT),
        Row("time", "backupDateTime", ASN1_MOMENT, LEFT_OUT),
    ],
}


def _undelivered(name: str) -> list[Row]:
    place = f"elements/{name}"
    return [
        Row("originator_id", f"{place}/BusinessOriginatorID", EUI64),
        Row("target_id", f"{place}/BusinessTargetID", EUI64),
        Row("cra_flag", f"{place}/CRAFlag"),
        Row("undelivered_originator_counter", f"{place}/OriginatorCounter"),
    ]


_BACKUP = "elements/DeviceLog(CHF): alertOutput"
_INSTRUCTION = "elements/FutureDatedInstruction"
ALERTS: dict[int, list[Row]] = {
    0x0018: [
        Row("backup_time", f"{_BACKUP}/backupDateTime", DLMS_MOMENT),
        Row("extended_pan_id", f"{_BACKUP}/hanIdentifier", _OCTETS),
        Row(
            "devices",
            f"{_BACKUP}/devices_to_backup",
            each(
                record(
                    Row("device_id", "deviceIdentifier", EUI64),
                    Row("hashed_link_key", "securityDetails", _OCTETS),
                )
            ),
        ),
    ],
    0x00B2: [_DEVICES],
    0x00CA: [Row("originator_counter", "originatorCounter"), *_ACTIVATED],
    0x00CB: [Row("outcome", "executionOutcome", _REPLACED)],
    0x00CC: [
        Row("command_message_code", f"{_INSTRUCTION}/MessageCode"),
        Row("command_originator_counter", f"{_INSTRUCTION}/OriginatorCounter"),
        Row("class_id", f"{_INSTRUCTION}/ClassID"),
        Row("obis", f"{_INSTRUCTION}/InstanceID", _OCTETS),
        Row("member", f"{_INSTRUCTION}/AttributeID"),
    ],
    0x00CD: [
        Row("command_message_code", "Message Code"),
        Row("command_originator_counter", "Originator Counter"),
        Row("cluster", "Cluster"),
        Row("frame_control", "Frame Control"),
        Row("command", "Command Identifier"),
    ],
    0x00CE: [Row("image_hash", "elements/ManufacturerImageHash", _OCTETS)],
    0x00CF: [Row("image_hash", "Firmware Hash", _OCTETS)],
    0x00D5: _undelivered("UndeliveredMessage"),
    0x00F0: [Row("other_information", "elements/OtherInformation/Code")],
    0x00F2: [Row("other_information", "Other Information")],
    0x0114: _undelivered("DiscardedMessage"),
    0x0120: [
        Row("command_message_code", "elements/UnsupportedCommand/MessageCode"),
        Row("command_originator_counter", "elements/UnsupportedCommand/OriginatorCounter"),
    ],
    0x0124: [Row("outcome", "executionOutcome", _REPLACED)],
    0x0128: [
        Row("device_id", "deviceId", EUI64),
        Row("firmware_version", "firmwareVersion", _OCTETS),
        Row("response_code", "responseCode"),
        Row("response_name", "responseCode", name_of(TransferResponseCode)),
    ],
    0x012B: [Row("firmware_version", "firmwareVersion", _OCTETS), Row("response_code", "responseCode")],
    0x1000: [],
    0x1001: [],
}
