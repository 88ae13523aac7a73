"""Firmware: CS06 Activate Firmware, CS08 Read PPMID/HCALCS Firmware Version; alerts 00CA, 0128, 012B."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError
from protocols.gbcs.asn1 import firmware as asn1
from protocols.gbcs.asn1 import schema
from protocols.gbcs.asn1.schema import LARGEST_SEQ_NUMBER
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import asn1_common as common
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from protocols.gbcs.use_cases import Context, Decrypt, Values


def _encode_activate(context: Context, values: Values) -> bytes:
    """Values: ``image_hash`` (SHA-256 of the manufacturer image), ``execution_time``."""
    fields = Fields(values)
    command = asn1.ActivateFirmwareCommand(
        fields.octets("image_hash", 32),
        fields.integer("originator_counter", 0, LARGEST_SEQ_NUMBER, context.originator_counter),
        common.take_execution_time(fields),
    )
    fields.done()
    return common.encode(asn1.ACTIVATE_FIRMWARE_COMMAND, command)


def _decode_activate(payload: bytes) -> dict[str, Any]:
    command = asn1.ACTIVATE_FIRMWARE_COMMAND.decode(payload)
    return {
        "image_hash": command.manufacturer_image_hash,
        "originator_counter": command.originator_counter,
        "execution_time": common.execution_time(command.execution_date_time),
    }


def _read_outcome(fields: Fields) -> asn1.ActivationOutcome:
    return asn1.ActivationOutcome(
        fields.integer("response_code", 0, 0xFF), fields.octets("firmware_version", 4)
    )


def _show_outcome(outcome: asn1.ActivationOutcome) -> dict[str, Any]:
    return {
        "response_code": outcome.response_code,
        "response_name": common.code_name(asn1.ActivateImageResponseCode, outcome.response_code),
        "firmware_version": outcome.firmware_version,
    }


def _encode_activated(_context: Context, values: Values) -> bytes:
    """Values: ``accepted`` True (dated or cancelled), or ``response_code`` and ``firmware_version``."""
    fields = Fields(values)
    value: Any = True
    if not fields.flag("accepted", default=False):
        value = _read_outcome(fields)
    fields.done()
    return common.encode(asn1.ACTIVATE_FIRMWARE_RESPONSE, value)


def _decode_activated(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    outcome = schema.decode(asn1.ACTIVATE_FIRMWARE_RESPONSE, payload)
    return {"accepted": True} if outcome is True else _show_outcome(outcome)


def _encode_read_version(_context: Context, values: Values) -> bytes:
    common.no_values(values)
    return common.encode(schema.NULL, None)


def _decode_read_version(payload: bytes) -> dict[str, Any]:
    schema.decode(schema.NULL, payload)
    return {}


def _encode_version(_context: Context, values: Values) -> bytes:
    """Values: ``firmware_version``; ``read_failure`` True with version 00000000 where reading failed."""
    fields = Fields(values)
    failed = fields.flag("read_failure", default=False)
    version = fields.octets("firmware_version", 4, default=bytes(4) if failed else None)
    fields.done()
    return common.encode(asn1.FIRMWARE_VERSION_RESPONSE, asn1.FirmwareVersionResponse(version, int(failed)))


def _decode_version(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    response = asn1.FIRMWARE_VERSION_RESPONSE.decode(payload)
    if response.response_code > 1:
        raise DecodeError(f"response code {response.response_code}", offset=0, path="payload.response_code")
    return {"firmware_version": response.firmware_version, "read_failure": response.response_code == 1}


def _read_activation_alert(fields: Fields) -> asn1.ActivateFirmwareAlert:
    return asn1.ActivateFirmwareAlert(
        fields.integer("alert_code", 0, common.UINT16),
        fields.moment("time"),
        fields.integer("originator_counter", 0, LARGEST_SEQ_NUMBER),
        _read_outcome(fields),
    )


def _show_activation_alert(alert: asn1.ActivateFirmwareAlert) -> dict[str, Any]:
    return {
        "alert_code": alert.alert_code,
        "time": alert.execution_date_time,
        "originator_counter": alert.originator_counter,
        **_show_outcome(alert.outcome),
    }


def _read_transfer_alert(fields: Fields) -> asn1.FirmwareTransferAlert:
    return asn1.FirmwareTransferAlert(
        fields.integer("alert_code", 0, common.UINT16),
        fields.moment("time"),
        fields.eui64("device_id"),
        fields.octets("firmware_version", 4),
        fields.integer("response_code", 0, 0xFF),
    )


def _show_transfer_alert(alert: asn1.FirmwareTransferAlert) -> dict[str, Any]:
    return {
        "alert_code": alert.alert_code,
        "time": alert.date_time,
        "device_id": alert.device_id,
        "firmware_version": alert.firmware_version,
        "response_code": alert.response_code,
        "response_name": common.code_name(asn1.TransferResponseCode, alert.response_code),
    }


def _read_ppmid_alert(fields: Fields) -> asn1.FirmwareActivationAlert:
    return asn1.FirmwareActivationAlert(
        fields.integer("alert_code", 0, common.UINT16),
        fields.moment("time"),
        fields.octets("firmware_version", 4),
        fields.integer("response_code", 0, 0xFF),
    )


def _show_ppmid_alert(alert: asn1.FirmwareActivationAlert) -> dict[str, Any]:
    return {
        "alert_code": alert.alert_code,
        "time": alert.date_time,
        "firmware_version": alert.firmware_version,
        "response_code": alert.response_code,
    }


CODECS = [
    UseCaseCodec("CS06", 0x0012, _encode_activate, _decode_activate, _encode_activated, _decode_activated),
    UseCaseCodec(
        "CS08", 0x0129, _encode_read_version, _decode_read_version, _encode_version, _decode_version
    ),
]
ALERTS = [
    common.alert(0x00CA, asn1.ACTIVATE_FIRMWARE_ALERT, _read_activation_alert, _show_activation_alert),
    common.alert(0x0128, asn1.FIRMWARE_TRANSFER_ALERT, _read_transfer_alert, _show_transfer_alert),
    common.alert(0x012B, asn1.FIRMWARE_ACTIVATION_ALERT, _read_ppmid_alert, _show_ppmid_alert),
]
