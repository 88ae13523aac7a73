"""Reads of the GSME and GPF: GCS13a consumption register (encrypted), GCS38 firmware version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.gbz import Component
from protocols.gbcs.use_cases import UseCaseCodec
from protocols.gbcs.use_cases import gbz_common as common
from protocols.gbcs.use_cases.values import Fields
from protocols.gbcs.zcl import AttributeRecord, Cluster, DataType

if TYPE_CHECKING:
    from protocols.gbcs.use_cases import Context, Decrypt, Values

# In the order of the command: attribute, value's name, type, largest value.
_REGISTER = (
    (0x0302, "divisor", DataType.UINT24, 0xFF_FFFF),
    (0x0301, "multiplier", DataType.UINT24, 0xFF_FFFF),
    (0x0300, "unit", DataType.ENUM8, 0xFF),
    (0x0000, "consumption", DataType.UINT48, 0xFFFF_FFFF_FFFF),
)
_REGISTER_ATTRIBUTES = [attribute for attribute, *_ in _REGISTER]
_CURRENT_METER_ID = 0x0206
_TO_CLIENT = (zcl.PROFILE_TO_CLIENT, zcl.PROFILE_TO_CLIENT | zcl.NO_DEFAULT_RESPONSE)


def _encode_read_register(_context: Context, values: Values) -> bytes:
    """No values."""
    Fields(values).done()
    return common.read_command(Cluster.METERING, _REGISTER_ATTRIBUTES)


def _decode_read_register(payload: bytes) -> dict[str, Any]:
    common.check_read_command(payload, Cluster.METERING, _REGISTER_ATTRIBUTES)
    return {}


def _encode_register(_context: Context, values: Values) -> bytes:
    """Values: ``consumption``, ``multiplier``, ``divisor``, ``unit``, and ``encrypt`` (plaintext to block).

    ``results`` holds a ZCL status for divisor, multiplier, unit and consumption, in this order; where one is
    not 0 its value is left out.
    """
    fields = Fields(values)
    results = common.take_results(fields, len(_REGISTER))
    records = []
    for (attribute, name, data_type, largest), status in zip(_REGISTER, results, strict=True):
        record = AttributeRecord(attribute, status)
        if status:
            fields.any(name, None)
        else:
            record.data_type = data_type
            record.value = fields.integer(name, 0, largest)
        records.append(record)
    encrypt = fields.any("encrypt", None)
    fields.done()
    if encrypt is None:
        raise EncodeError("needed to protect the register", element="encrypt")
    return common.build_component(
        Component(
            Cluster.METERING,
            zcl.READ_ATTRIBUTES_RESPONSE,
            frame_control=zcl.PROFILE_TO_CLIENT | zcl.NO_DEFAULT_RESPONSE,
            ciphered=encrypt(zcl.encode_attribute_records(records)),
        )
    )


def _decode_register(payload: bytes, decrypt: Decrypt | None) -> dict[str, Any]:
    component = common.parse_component(payload, Cluster.METERING)
    if component.command != zcl.DEFAULT_RESPONSE:
        common.expect_command(component, _TO_CLIENT, zcl.READ_ATTRIBUTES_RESPONSE)
    records = common.read_records(component, _REGISTER_ATTRIBUTES, decrypt)
    values: dict[str, Any] = {"decrypted": records is not None, "results": None}
    values |= {name: None for _, name, *_ in _REGISTER}
    if records is None:
        return values
    values["results"] = [record.status for record in records]
    for (_attribute, name, data_type, _largest), record in zip(_REGISTER, records, strict=True):
        if record.data_type not in {None, data_type}:
            problem = f"{name} has type {record.data_type:02X} instead of {data_type:02X}"
            raise DecodeError(problem, offset=component.payload_offset, path=f"gbz.components[0].{name}")
        values[name] = record.value
    return values


def _encode_read_version(_context: Context, values: Values) -> bytes:
    """No values."""
    Fields(values).done()
    return common.read_command(Cluster.METERING, [_CURRENT_METER_ID])


def _decode_read_version(payload: bytes) -> dict[str, Any]:
    common.check_read_command(payload, Cluster.METERING, [_CURRENT_METER_ID])
    return {}


def _encode_version(_context: Context, values: Values) -> bytes:
    """Values: ``firmware_version`` (octets), or ``results`` [status] where reading failed."""
    fields = Fields(values)
    (status,) = common.take_results(fields, 1)
    record = AttributeRecord(_CURRENT_METER_ID, status)
    if status:
        fields.any("firmware_version", None)
    else:
        record.data_type = DataType.OCTET_STRING
        record.value = fields.octets("firmware_version")
    fields.done()
    payload = zcl.encode_attribute_records([record])
    return common.build_component(
        Component(
            Cluster.METERING,
            zcl.READ_ATTRIBUTES_RESPONSE,
            payload,
            frame_control=zcl.PROFILE_TO_CLIENT,
        )
    )


def _decode_version(payload: bytes, decrypt: Decrypt | None) -> dict[str, Any]:
    component = common.parse_component(payload, Cluster.METERING)
    if component.command != zcl.DEFAULT_RESPONSE:
        common.expect_command(component, _TO_CLIENT, zcl.READ_ATTRIBUTES_RESPONSE)
    records = common.read_records(component, [_CURRENT_METER_ID], decrypt)
    if records is None:
        raise DecodeError("encrypted", offset=component.offset, path="gbz.components[0]")
    (record,) = records
    if record.data_type not in {None, DataType.OCTET_STRING}:
        problem = f"type {record.data_type:02X} instead of an octet-string"
        raise DecodeError(problem, offset=component.payload_offset, path="gbz.components[0].firmware_version")
    return {"results": [record.status], "firmware_version": record.value}


CODECS = [
    UseCaseCodec(
        "GCS13a", 0x0074, _encode_read_register, _decode_read_register, _encode_register, _decode_register
    ),
    UseCaseCodec(
        "GCS38", 0x0084, _encode_read_version, _decode_read_version, _encode_version, _decode_version
    ),
]
