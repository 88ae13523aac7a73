"""Joining and device logs: CS03A1/A2/B/C, CS04AC/B, CS07 Read Device Join Details; alert 00B2 (GCS62)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.asn1 import joining as asn1
from protocols.gbcs.asn1 import schema
from protocols.gbcs.asn1.joining import JoinMethodAndRole
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import asn1_common as common
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from protocols.gbcs.use_cases import Context, Decrypt, Values

_UNJOIN_OUTCOMES = ("success", "other_device_not_in_device_log", "other_failure")


def _join(use_case: str, message_code: int, method: JoinMethodAndRole) -> UseCaseCodec:
    def encode_command(_context: Context, values: Values) -> bytes:
        """Values: other device's id, type (name), certificate; ``method`` follows from the use case."""
        fields = Fields(values)
        command = asn1.JoinCommand(
            fields.integer("method", 0, 0xFF, int(method)),
            fields.eui64("other_device_id"),
            _take_device_type(fields, "other_device_type"),
            fields.octets("other_device_certificate", default=b"") or None,
        )
        fields.done()
        return common.encode(asn1.JOIN_COMMAND, command)

    return UseCaseCodec(
        use_case, message_code, encode_command, _decode_join, _encode_join_outcome, _decode_join_outcome
    )


def _take_device_type(fields: Fields, name: str) -> int:
    value = fields.any(name)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0xFF:
        return int(value)
    return Fields({name: value}).choice(name, common.DEVICE_TYPE_NAMES)


def _decode_join(payload: bytes) -> dict[str, Any]:
    command = asn1.JOIN_COMMAND.decode(payload)
    return {
        "method": command.join_method_and_role,
        "other_device_id": command.other_device_id,
        "other_device_type": common.device_type_name(command.other_device_type),
        "other_device_certificate": command.other_device_certificate or b"",
    }


def _encode_join_outcome(_context: Context, values: Values) -> bytes:
    """Values: ``outcome``."""
    fields = Fields(values)
    outcome = fields.integer("outcome", 0, 0xFF)
    fields.done()
    return common.encode(asn1.JOIN_RESPONSE, outcome)


def _decode_join_outcome(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    outcome = schema.decode(asn1.JOIN_RESPONSE, payload)
    return {"outcome": outcome, "outcome_name": common.code_name(asn1.JoinResponseCode, outcome)}


def _encode_unjoin(_context: Context, values: Values) -> bytes:
    """Values: ``other_device_id``."""
    fields = Fields(values)
    device_id = fields.eui64("other_device_id")
    fields.done()
    return common.encode(schema.EUI64, device_id)


def _decode_unjoin(payload: bytes) -> dict[str, Any]:
    return {"other_device_id": schema.decode(schema.EUI64, payload)}


def _decode_unjoin_outcome(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    outcome = schema.decode(schema.SMALL_NUMBER, payload)
    name = _UNJOIN_OUTCOMES[outcome] if outcome < len(_UNJOIN_OUTCOMES) else "unknown"
    return {"outcome": outcome, "outcome_name": name}


def _encode_read_log(_context: Context, values: Values) -> bytes:
    common.no_values(values)
    return common.encode(schema.NULL, None)


def _decode_read_log(payload: bytes) -> dict[str, Any]:
    schema.decode(schema.NULL, payload)
    return {}


def _read_devices(fields: Fields) -> list[asn1.DeviceLogEntry]:
    devices = []
    for entry in fields.entries("devices"):
        devices.append(asn1.DeviceLogEntry(entry.eui64("device_id"), _take_device_type(entry, "device_type")))
        entry.done()
    return devices


def _show_devices(entries: list[asn1.DeviceLogEntry]) -> list[dict[str, Any]]:
    return [
        {"device_id": each.device_id, "device_type": common.device_type_name(each.device_type)}
        for each in entries
    ]


def _encode_log(_context: Context, values: Values) -> bytes:
    """Values: ``devices`` [{device_id, device_type}], or ``read_failure`` True."""
    fields = Fields(values)
    failed = fields.flag("read_failure", default=False)
    response = asn1.JoinDetailsResponse(int(failed))
    if not failed:
        response.device_log = _read_devices(fields)
    elif fields.any("devices", None):
        raise EncodeError("only without read_failure", element="devices")
    fields.done()
    return common.encode(asn1.JOIN_DETAILS_RESPONSE, response)


def _decode_log(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    response = asn1.JOIN_DETAILS_RESPONSE.decode(payload)
    return {"read_failure": response.response_code != 0, "devices": _show_devices(response.device_log or [])}


def _read_backup(fields: Fields) -> asn1.BackupDeviceLogAlert:
    return asn1.BackupDeviceLogAlert(
        fields.integer("alert_code", 0, common.UINT16), fields.moment("time"), _read_devices(fields)
    )


def _show_backup(alert: asn1.BackupDeviceLogAlert) -> dict[str, Any]:
    return {
        "alert_code": alert.alert_code,
        "time": alert.backup_date_time,
        "devices": _show_devices(alert.device_log),
    }


def _unjoin(use_case: str, message_code: int) -> UseCaseCodec:
    return UseCaseCodec(
        use_case,
        message_code,
        _encode_unjoin,
        _decode_unjoin,
        _encode_join_outcome,
        _decode_unjoin_outcome,
    )


CODECS = [
    _join("CS03A1", 0x000D, JoinMethodAndRole.METHOD_A_INITIATOR),
    _join("CS03A2", 0x00AB, JoinMethodAndRole.METHOD_A_RESPONDER),
    _join("CS03B", 0x000E, JoinMethodAndRole.METHOD_B),
    _join("CS03C", 0x00AF, JoinMethodAndRole.METHOD_C),
    _unjoin("CS04AC", 0x000F),
    _unjoin("CS04B", 0x0010),
    UseCaseCodec("CS07", 0x0013, _encode_read_log, _decode_read_log, _encode_log, _decode_log),
]
ALERTS = [common.alert(0x00B2, asn1.BACKUP_DEVICE_LOG_ALERT, _read_backup, _show_backup)]
