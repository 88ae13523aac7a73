"""ECS17b import registers (encrypted), ECS27 load limit data, ECS52 firmware version: reads of the ESME."""

from __future__ import annotations

from typing import Any

from protocols.dlms.access import SpecKind
from protocols.dlms.axdr import (
    Data,
    Tag,
    boolean,
    double_long_unsigned,
    encode_data,
    enum,
    integer,
    octet_string,
    parse_data,
    structure,
)
from protocols.dlms.protection import (
    DATA_PROTECTION_CLASS,
    GET_PROTECTED_ATTRIBUTES,
    ProtectionParameters,
    protection_parameters,
    read_protected,
    read_protection_parameters,
    unrestricted_attribute,
)
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.use_cases import Context, Decrypt, UseCaseCodec, Values
from protocols.gbcs.use_cases.dlms_common import (
    Item,
    decode_request,
    decode_response,
    elements,
    encode_request,
    encode_response,
    expect,
    octets,
    optional,
    take_results,
)
from protocols.gbcs.use_cases.values import Fields

_UINT32 = 0xFFFFFFFF
_READ_REGISTERS = [
    Item(SpecKind.ACTION, DATA_PROTECTION_CLASS, "00002B0208FF", GET_PROTECTED_ATTRIBUTES),
]
# What the protection object is asked for: import register collection, 0-0:94.44.34.10.
_REGISTERS = unrestricted_attribute(1, bytes.fromhex("00005E2C220A"), 2)
_WATT_HOUR, _VAR_HOUR = 30, 32

_LIMITER = (71, "0000110000FF")
_COUNTER = (3, "00005E2C2AFF")
_READ_LOAD_LIMIT = [
    Item(SpecKind.GET, 0x2328, "00005E2C0003", 2),
    Item(SpecKind.GET, *_COUNTER, 2),
    Item(SpecKind.GET, *_COUNTER, 3),
    Item(SpecKind.GET, *_LIMITER, 4),
    Item(SpecKind.GET, *_LIMITER, 6),
    Item(SpecKind.GET, *_LIMITER, 7),
]
# Unit 255: a plain number.
_COUNT = 255
_LIMITER_NAMES = (
    "load_limit_power_threshold_w",
    "load_limit_period_s",
    "load_limit_restoration_period_s",
)

_READ_FIRMWARE = [Item(SpecKind.GET, 1, "0000000201FF", 2)]


def _no_values(items: list[Item]) -> tuple[Any, Any]:
    """Command conversions of a use case that only reads."""

    def encode(context: Context, values: Values) -> bytes:
        Fields(values).done()
        return encode_request(context, items, [None] * len(items))

    def decode(payload: bytes) -> dict[str, Any]:
        decode_request(payload, items)
        return {}

    return encode, decode


def _encode_registers_command(context: Context, values: Values) -> bytes:
    Fields(values).done()
    reader = context.supplementary_remote_party_id or context.business_originator_id
    parties = ProtectionParameters(context.originator_counter, reader, context.business_target_id)
    parameter = structure(_REGISTERS, protection_parameters(parties))
    return encode_request(context, _READ_REGISTERS, [parameter])


def _decode_registers_command(payload: bytes) -> dict[str, Any]:
    (parameter,) = decode_request(payload, _READ_REGISTERS)
    asked, protection = elements(parameter, 2, "data.0")
    if asked != _REGISTERS:
        raise DecodeError("asks for something else", offset=asked.offset, path="data.0.0")
    try:
        read_protection_parameters(protection)
    except DecodeError as error:
        raise error.moved(0, "data.0.1") from None
    return {}


def encode_registers_plaintext(values: Values) -> bytes:
    """What ECS17b encrypts.

    Values: ``active_import_wh``, ``reactive_import_varh`` and, on a twin-element meter,
    ``secondary_active_import_wh``.
    """
    fields = Fields(values, "registers")
    members = [
        double_long_unsigned(fields.integer("active_import_wh", 0, _UINT32)),
        structure(integer(0), enum(_WATT_HOUR)),
        double_long_unsigned(fields.integer("reactive_import_varh", 0, _UINT32)),
        structure(integer(0), enum(_VAR_HOUR)),
    ]
    if fields.given("secondary_active_import_wh"):
        members.append(double_long_unsigned(fields.integer("secondary_active_import_wh", 0, _UINT32)))
    fields.done()
    return encode_data(structure(structure(*members)))


def decode_registers_plaintext(plaintext: bytes) -> dict[str, float | int]:
    """Registers in Wh and varh; offsets in errors count in the plaintext."""
    data, end = parse_data(plaintext)
    if end != len(plaintext):
        raise DecodeError(f"{len(plaintext) - end} octets left over", offset=end, path="plaintext")
    (collection,) = elements(data, 1, "plaintext")
    members: list[Data] = expect(collection, Tag.STRUCTURE, "plaintext.0")
    if len(members) not in {4, 5}:
        problem = f"{len(members)} registers and units, not 4 or 5"
        raise DecodeError(problem, offset=collection.offset, path="plaintext.0")
    registers = {
        "active_import_wh": _scaled(members[0], members[1], _WATT_HOUR, "plaintext.0.0"),
        "reactive_import_varh": _scaled(members[2], members[3], _VAR_HOUR, "plaintext.0.2"),
    }
    if len(members) == 5:
        registers["secondary_active_import_wh"] = _scaled(members[4], members[1], _WATT_HOUR, "plaintext.0.4")
    return registers


def _scaled(value: Data, scaler_unit: Data, unit: int, path: str) -> float | int:
    number: int = expect(value, Tag.DOUBLE_LONG_UNSIGNED, path)
    scaler, found = elements(scaler_unit, 2, path)
    if expect(found, Tag.ENUM, path) != unit:
        raise DecodeError(f"unit {found.value}, not {unit}", offset=found.offset, path=path)
    exponent: int = expect(scaler, Tag.INTEGER, path)
    power: int = 10 ** abs(exponent)
    return number * power if exponent >= 0 else number / power


def _encode_registers_response(context: Context, values: Values) -> bytes:
    """Values: ``registers`` and ``encrypt`` (plaintext to ciphered block), or only ``results``."""
    fields = Fields(values)
    results = take_results(fields)
    registers, encrypt = fields.any("registers", None), fields.any("encrypt", None)
    fields.done()
    if registers is None:
        return encode_response(context, _READ_REGISTERS, [None], results)
    if encrypt is None:
        raise EncodeError("needed to protect the registers", element="encrypt")
    reader = context.supplementary_remote_party_id or context.business_originator_id
    parties = ProtectionParameters(context.originator_counter, context.business_target_id, reader)
    block = octet_string(encrypt(encode_registers_plaintext(registers)))
    answer = structure(protection_parameters(parties), block)
    return encode_response(context, _READ_REGISTERS, [answer], results)


def _decode_registers_response(payload: bytes, decrypt: Decrypt | None) -> dict[str, Any]:
    results, (data,) = decode_response(payload, _READ_REGISTERS)
    values: dict[str, Any] = {"results": results, "registers": None, "decrypted": False}
    if data.tag == Tag.NULL_DATA:
        return values
    try:
        protected = read_protected(data)
    except DecodeError as error:
        raise error.moved(0, "data.0") from None
    if decrypt is None:
        return values
    try:
        values["registers"] = decode_registers_plaintext(decrypt(protected.block))
    except DecodeError as error:
        # The block's own octets are the last place that can be pointed at.
        raise DecodeError(error.problem, offset=protected.offset, path=f"data.0.{error.path}") from None
    values["decrypted"] = True
    return values


def _encode_load_limit_response(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    results = take_results(fields)
    data: list[Data | None] = [None]
    if fields.given("load_limit_supply_state"):
        data[0] = boolean(fields.flag("load_limit_supply_state"))
    data.append(_number(fields, "load_limit_counter"))
    scaler = fields.integer("load_limit_counter_scaler", -128, 127, 0)
    unit = fields.integer("load_limit_counter_unit", 0, 255, _COUNT)
    data.append(structure(integer(scaler), enum(unit)))
    data += [_number(fields, name) for name in _LIMITER_NAMES]
    fields.done()
    return encode_response(context, _READ_LOAD_LIMIT, data, results)


def _number(fields: Fields, name: str) -> Data | None:
    """A 32-bit number; None is a read that failed."""
    return double_long_unsigned(fields.integer(name, 0, _UINT32)) if fields.given(name) else None


def _decode_load_limit_response(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    results, data = decode_response(payload, _READ_LOAD_LIMIT)
    supply = optional(data[0], Tag.BOOLEAN, "data.0")
    values: dict[str, Any] = {
        "results": results,
        "load_limit_supply_state": None if supply is None else bool(supply),
        "load_limit_counter": optional(data[1], Tag.DOUBLE_LONG_UNSIGNED, "data.1"),
        "load_limit_counter_scaler": None,
        "load_limit_counter_unit": None,
    }
    if data[2].tag != Tag.NULL_DATA:
        scaler, unit = elements(data[2], 2, "data.2")
        values["load_limit_counter_scaler"] = expect(scaler, Tag.INTEGER, "data.2.0")
        values["load_limit_counter_unit"] = expect(unit, Tag.ENUM, "data.2.1")
    for index, name in enumerate(_LIMITER_NAMES, start=3):
        values[name] = optional(data[index], Tag.DOUBLE_LONG_UNSIGNED, f"data.{index}")
    return values


def _encode_firmware_response(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    results = take_results(fields)
    data = octet_string(fields.octets("firmware_version", 4)) if fields.given("firmware_version") else None
    fields.done()
    return encode_response(context, _READ_FIRMWARE, [data], results)


def _decode_firmware_response(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    results, (data,) = decode_response(payload, _READ_FIRMWARE)
    version = None if data.tag == Tag.NULL_DATA else octets(data, (4,), "data.0")
    return {"results": results, "firmware_version": version}


CODECS = [
    UseCaseCodec(
        "ECS17b",
        0x0027,
        _encode_registers_command,
        _decode_registers_command,
        _encode_registers_response,
        _decode_registers_response,
    ),
    UseCaseCodec(
        "ECS27",
        0x0042,
        *_no_values(_READ_LOAD_LIMIT),
        _encode_load_limit_response,
        _decode_load_limit_response,
    ),
    UseCaseCodec(
        "ECS52", 0x0059, *_no_values(_READ_FIRMWARE), _encode_firmware_response, _decode_firmware_response
    ),
]
