"""The ZigBee Cluster Library inside GBZ components: attribute reads, default responses, typed values.

Everything here is little-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError

READ_ATTRIBUTES = 0x00
READ_ATTRIBUTES_RESPONSE = 0x01
DEFAULT_RESPONSE = 0x0B

# Frame control: bit 0 cluster command, bit 3 server to client, bit 4 no default response wanted.
PROFILE_TO_SERVER = 0x00
PROFILE_TO_CLIENT = 0x08
CLUSTER_TO_SERVER = 0x01


class Cluster(IntEnum):
    """Clusters of the Smart Energy profile that GBCS uses."""

    BASIC = 0x0000
    PRICE = 0x0700
    METERING = 0x0702
    MESSAGING = 0x0703
    PREPAYMENT = 0x0705
    CALENDAR = 0x0707
    DEVICE_MANAGEMENT = 0x0708
    EVENTS = 0x0709


class Status(IntEnum):
    """Status of an attribute or command."""

    SUCCESS = 0x00
    FAILURE = 0x01
    NOT_AUTHORISED = 0x7E
    RESERVED_FIELD_NOT_ZERO = 0x7F
    MALFORMED_COMMAND = 0x80
    UNSUPPORTED_CLUSTER_COMMAND = 0x81
    UNSUPPORTED_GENERAL_COMMAND = 0x82
    INVALID_FIELD = 0x85
    UNSUPPORTED_ATTRIBUTE = 0x86
    INVALID_VALUE = 0x87
    READ_ONLY = 0x88
    INSUFFICIENT_SPACE = 0x89
    DUPLICATE_EXISTS = 0x8A
    NOT_FOUND = 0x8B
    INVALID_DATA_TYPE = 0x8D
    WRITE_ONLY = 0x8F
    ACTION_DENIED = 0x93
    TIMEOUT = 0x94
    ABORT = 0x95
    INVALID_IMAGE = 0x96
    WAIT_FOR_DATA = 0x97
    NO_IMAGE_AVAILABLE = 0x98
    REQUIRE_MORE_IMAGE = 0x99
    HARDWARE_FAILURE = 0xC0
    SOFTWARE_FAILURE = 0xC1


class DataType(IntEnum):
    """Types of attribute values that occur in GBCS."""

    BITMAP8 = 0x18
    BITMAP16 = 0x19
    UINT8 = 0x20
    UINT16 = 0x21
    UINT24 = 0x22
    UINT32 = 0x23
    UINT48 = 0x25
    INT32 = 0x2B
    ENUM8 = 0x30
    OCTET_STRING = 0x41
    CHARACTER_STRING = 0x42
    UTC_TIME = 0xE2


_NUMBERS = {
    0x10: 1,
    **{0x08 + i: i + 1 for i in range(8)},  # general data, 8 to 64 bits
    **{0x18 + i: i + 1 for i in range(8)},  # bitmaps
    **{0x20 + i: i + 1 for i in range(8)},  # unsigned
    0x30: 1,
    0x31: 2,
    0xE0: 4,
    0xE1: 4,
    0xE2: 4,
}
_SIGNED = {0x28 + i: i + 1 for i in range(8)}
_STRINGS = (DataType.OCTET_STRING, DataType.CHARACTER_STRING)
_NO_STRING = 0xFF  # length octet of a string without value


@dataclass(slots=True)
class AttributeRecord:
    """One attribute of a Read Attributes Response; type and value only where the status is success.

    Numbers are int, strings bytes (None where the string says it has no value).
    """

    attribute: int
    status: int = Status.SUCCESS
    data_type: int | None = None
    value: int | bytes | None = None


def encode_read_attributes(attributes: list[int]) -> bytes:
    """ZCL payload of Read Attributes."""
    return b"".join(_number(attribute, 2, "attribute") for attribute in attributes)


def decode_read_attributes(payload: bytes) -> list[int]:
    """Attribute identifiers asked for."""
    if len(payload) % 2:
        problem = "an attribute identifier is cut off"
        raise DecodeError(problem, offset=len(payload), path="zcl.attribute")
    return [int.from_bytes(payload[at : at + 2], "little") for at in range(0, len(payload), 2)]


def encode_attribute_records(records: list[AttributeRecord]) -> bytes:
    """ZCL payload of Read Attributes Response."""
    out = bytearray()
    for record in records:
        name = f"attribute {record.attribute:04X}"
        out += _number(record.attribute, 2, "attribute") + _number(record.status, 1, f"{name}.status")
        if record.status == Status.SUCCESS:
            if record.data_type is None:
                raise EncodeError("a type is needed", element=f"{name}.data_type")
            out += _number(record.data_type, 1, f"{name}.data_type")
            out += encode_value(record.data_type, record.value, name)
    return bytes(out)


def decode_attribute_records(payload: bytes) -> list[AttributeRecord]:
    """Records of a Read Attributes Response; DecodeError with the octet within the ZCL payload."""
    records: list[AttributeRecord] = []
    at = 0
    while at < len(payload):
        path = f"zcl.records[{len(records)}]"
        head = _take(payload, at, 3, path)
        record = AttributeRecord(int.from_bytes(head[:2], "little"), head[2])
        at += 3
        if record.status == Status.SUCCESS:
            record.data_type = _take(payload, at, 1, f"{path}.data_type")[0]
            record.value, at = decode_value(record.data_type, payload, at + 1, f"{path}.value")
        records.append(record)
    return records


def encode_default_response(command: int, status: int) -> bytes:
    """ZCL payload of Default Response."""
    return _number(command, 1, "command") + _number(status, 1, "status")


def decode_default_response(payload: bytes) -> tuple[int, int]:
    """Command and status of a Default Response."""
    if len(payload) != 2:
        problem = f"{len(payload)} octets instead of command and status"
        raise DecodeError(problem, offset=0, path="zcl.default_response")
    return payload[0], payload[1]


def encode_value(data_type: int, value: int | bytes | None, element: str = "value") -> bytes:
    """One typed value without its type octet."""
    if data_type in _STRINGS:
        return encode_string(value, element)
    size = _NUMBERS.get(data_type) or _SIGNED.get(data_type)
    if size is None:
        raise EncodeError(f"type {data_type:02X} is not supported", element=element)
    return _number(value, size, element, signed=data_type in _SIGNED)


def decode_value(data_type: int, data: bytes, at: int, path: str = "value") -> tuple[int | bytes | None, int]:
    """One typed value and the offset after it."""
    if data_type in _STRINGS:
        return decode_string(data, at, path)
    size = _NUMBERS.get(data_type) or _SIGNED.get(data_type)
    if size is None:
        raise DecodeError(f"type {data_type:02X} is not supported", offset=at - 1, path=path)
    octets = _take(data, at, size, path)
    return int.from_bytes(octets, "little", signed=data_type in _SIGNED), at + size


def octets_of_type(data_type: int) -> int | None:
    """How many octets a value of a type has; 0 for strings, None for a type that is not supported."""
    return 0 if data_type in _STRINGS else _NUMBERS.get(data_type) or _SIGNED.get(data_type)


def encode_string(value: int | bytes | None, element: str) -> bytes:
    """Length octet and octets; None is a string without value."""
    if value is None:
        return bytes((_NO_STRING,))
    if not isinstance(value, bytes) or len(value) >= _NO_STRING:
        raise EncodeError(f"{value!r} is no string of at most 254 octets", element=element)
    return bytes((len(value),)) + value


def decode_string(data: bytes, at: int, path: str) -> tuple[bytes | None, int]:
    """Octets of a string and the offset after it."""
    length = _take(data, at, 1, path)[0]
    if length == _NO_STRING:
        return None, at + 1
    return _take(data, at + 1, length, path), at + 1 + length


def _take(data: bytes, at: int, count: int, path: str) -> bytes:
    if at + count > len(data):
        raise DecodeError(f"{count} octets expected, {len(data) - at} left", offset=len(data), path=path)
    return data[at : at + count]


def _number(value: int | bytes | None, size: int, element: str, *, signed: bool = False) -> bytes:
    try:
        return int.to_bytes(value, size, "little", signed=signed)  # type: ignore[arg-type]  # TypeError is caught
    except (OverflowError, TypeError):
        raise EncodeError(f"{value!r} does not fit {size} octets", element=element) from None
