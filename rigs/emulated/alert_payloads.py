"""Payloads of alerts: alert code, time, and what each message code adds (dlms.md 3, gbz.md 2, asn1.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, array, long_unsigned, octet_string, structure
from protocols.dlms.date_time import encode_date_time
from protocols.dlms.notification import DataNotification, build_notification
from protocols.gbcs.asn1.firmware import FIRMWARE_TRANSFER_ALERT, FirmwareTransferAlert
from protocols.gbcs.asn1.joining import BACKUP_DEVICE_LOG_ALERT, BackupDeviceLogAlert, DeviceLogEntry
from protocols.gbcs.gbz import AlertHead, GbzPayload, build_gbz, from_datetime

if TYPE_CHECKING:
    from datetime import datetime

Values = Mapping[str, Any]

_HASH_HEAD = bytes((0x09, 0x20))
_INSTRUCTION_OCTETS = 14


def alert_payload(
    kind: str, message_code: int, counter: int, *, code: int, time: datetime, values: Values
) -> bytes:
    """Payload of an alert; ``kind`` (dlms or gbz) counts where a message code exists in both.

    ``counter`` is the alert's own. ``values`` by message code: see the functions of this module; codes
    without one take ``further`` (elements, DLMS) or ``content`` (octets, GBZ) as they are.
    """
    if message_code in _ASN1:
        return _ASN1[message_code](code, time, values)
    if message_code in _GBZ or (kind == "gbz" and message_code not in _DLMS):
        content = _GBZ[message_code](values) if message_code in _GBZ else values.get("content", b"")
        head = AlertHead(code, from_datetime(time), 1 if content else 0, content)
        return build_gbz(GbzPayload(alert=head))
    further = _DLMS[message_code](values) if message_code in _DLMS else values.get("further", [])
    body = structure(long_unsigned(code), octet_string(encode_date_time(time)), *further)
    return build_notification(DataNotification(counter & 0xFFFFFF, body))


def _backup(values: Values) -> list[Data]:
    """CS14: backup_time, extended_pan_id, devices with device_id and hashed_link_key."""
    devices = [
        structure(octet_string(each["device_id"]), octet_string(each["hashed_link_key"]))
        for each in values["devices"]
    ]
    time = octet_string(encode_date_time(values["backup_time"]))
    return [structure(time, octet_string(values["extended_pan_id"]), array(devices))]


def _undelivered(values: Values) -> list[Data]:
    """00D5: originator_id, target_id, cra_flag and undelivered_originator_counter of a message."""
    return [
        octet_string(
            bytes(values["originator_id"])
            + bytes(values["target_id"])
            + bytes((values["cra_flag"],))
            + values["undelivered_originator_counter"].to_bytes(8, "big")
        )
    ]


def _command(values: Values) -> bytes:
    counter: int = values["command_originator_counter"]
    code: int = values["command_message_code"]
    return code.to_bytes(2, "big") + counter.to_bytes(8, "big")


def _unsupported(values: Values) -> list[Data]:
    """ECS100: command_message_code and command_originator_counter."""
    return [octet_string(_command(values))]


def _image_hash(values: Values) -> list[Data]:
    """00CE: image_hash."""
    return [octet_string(values["image_hash"])]


def _instruction(values: Values) -> list[Data]:
    """00CC: the command, and class_id, obis and member of one instruction of it."""
    class_id: int = values["class_id"]
    return [
        octet_string(
            _command(values) + class_id.to_bytes(2, "big") + values["obis"] + bytes((values["member"],))
        )
    ]


def _integrity(values: Values) -> list[Data]:
    """00F0: cause, two octets."""
    return [octet_string(values["cause"])]


def _gbz_integrity(values: Values) -> bytes:
    """00F2: cause, two octets."""
    return bytes(values["cause"])


def _entity(values: Values) -> list[Data]:
    """DBCH06 and DBCH11: entity, the device that it is about."""
    return [octet_string(values["entity"])]


def _gbz_image_hash(values: Values) -> bytes:
    """00CF: image_hash."""
    return _HASH_HEAD + bytes(values["image_hash"])


def _gbz_instruction(values: Values) -> bytes:
    """00CD: the command, and cluster, frame_control and command of one component of it."""
    cluster: int = values["cluster"]
    rest = cluster.to_bytes(2, "big") + bytes((values["frame_control"], values["command"]))
    return bytes((_INSTRUCTION_OCTETS,)) + _command(values) + rest


def _transfer(code: int, time: datetime, values: Values) -> bytes:
    """CCS08: device_id, firmware_version, response_code."""
    return FIRMWARE_TRANSFER_ALERT.encode(
        FirmwareTransferAlert(
            code, time, values["device_id"], values["firmware_version"], values["response_code"]
        )
    )


def _gpf_backup(code: int, time: datetime, values: Values) -> bytes:
    """GCS62: devices with device_id and device_type."""
    entries = [DeviceLogEntry(each["device_id"], each["device_type"]) for each in values["devices"]]
    return BACKUP_DEVICE_LOG_ALERT.encode(BackupDeviceLogAlert(code, time, entries))


_DLMS: dict[int, Callable[[Values], list[Data]]] = {
    0x0018: _backup,
    0x00CC: _instruction,
    0x00CE: _image_hash,
    0x00D5: _undelivered,
    0x00F0: _integrity,
    0x0110: _entity,
    0x0114: _undelivered,
    0x0115: _entity,
    0x0120: _unsupported,
}
_GBZ: dict[int, Callable[[Values], bytes]] = {
    0x00CD: _gbz_instruction,
    0x00CF: _gbz_image_hash,
    0x00F2: _gbz_integrity,
}
_ASN1: dict[int, Callable[[int, datetime, Values], bytes]] = {0x00B2: _gpf_backup, 0x0128: _transfer}
