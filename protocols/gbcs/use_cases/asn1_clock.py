"""GCS28 Set Clock on GSME."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.gbcs.asn1 import clock as asn1
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import asn1_common as common
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from protocols.gbcs.use_cases import AlertCodec, Context, Decrypt, Values


def _encode_set(_context: Context, values: Values) -> bytes:
    """Values: ``validity_start``, ``validity_end``."""
    fields = Fields(values)
    command = asn1.SetClockCommand(fields.moment("validity_start"), fields.moment("validity_end"))
    fields.done()
    return common.encode(asn1.SET_CLOCK_COMMAND, command)


def _decode_set(payload: bytes) -> dict[str, Any]:
    command = asn1.SET_CLOCK_COMMAND.decode(payload)
    return {"validity_start": command.validity_interval_start, "validity_end": command.validity_interval_end}


def _encode_answer(_context: Context, values: Values) -> bytes:
    """Values: ``device_time``, ``status`` (0 reliable, 1 invalid, 2 unreliable)."""
    fields = Fields(values)
    response = asn1.SetClockResponse(fields.moment("device_time"), fields.integer("status", 0, 0xFF))
    fields.done()
    return common.encode(asn1.SET_CLOCK_RESPONSE, response)


def _decode_answer(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    response = asn1.SET_CLOCK_RESPONSE.decode(payload)
    status = response.device_time_status
    return {
        "device_time": response.device_time,
        "status": status,
        "status_name": common.code_name(asn1.DeviceTimeStatus, status),
    }


CODECS = [UseCaseCodec("GCS28", 0x007F, _encode_set, _decode_set, _encode_answer, _decode_answer)]
ALERTS: list[AlertCodec] = []
