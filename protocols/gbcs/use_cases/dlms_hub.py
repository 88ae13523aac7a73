"""CCS01 add, CCS02 remove and CCS06 read devices in the Communications Hub's device log."""

from __future__ import annotations

from typing import Any

from protocols.dlms.access import SpecKind
from protocols.dlms.axdr import (
    BitString,
    Data,
    Tag,
    array,
    bit_string,
    boolean,
    enum,
    long_unsigned,
    octet_string,
    structure,
    unsigned,
)
from protocols.dlms.date_time import encode_date_time
from protocols.errors import DecodeError
from protocols.gbcs.use_cases import Context, Decrypt, UseCaseCodec, Values
from protocols.gbcs.use_cases.dlms_common import (
    Item,
    decode_request,
    decode_response,
    elements,
    encode_request,
    encode_response,
    eui64,
    expect,
    moment,
    octets,
    take_results,
)
from protocols.gbcs.use_cases.values import Fields

# ZigBee Network Control object of the device log, 0-0:30.3.0.255.
_DEVICE_LOG = (104, "00001E0300FF")
_ADD = [
    Item(SpecKind.ACTION, *_DEVICE_LOG, 1),
    Item(SpecKind.SET, *_DEVICE_LOG, 3),
    Item(SpecKind.SET, *_DEVICE_LOG, 2),
]
_REMOVE = [Item(SpecKind.ACTION, *_DEVICE_LOG, 2)]
_READ = [Item(SpecKind.GET, *_DEVICE_LOG, 4)]

# Device types of this object; the ASN.1 payloads have other numbers.
DEVICE_TYPES = {
    "esme": 0,
    "gsme": 1,
    "hcalcs": 13,
    "ihd": 128,
    "cad": 130,
    "ppmid": 132,
    "gpf": 254,
}
_DEVICE_TYPE_NAMES = {code: name for name, code in DEVICE_TYPES.items()}
_INSTALL_CODE = 1

# Members 3 to 8 and 10 to 14 of an entry in the device log: name, tag, lowest, highest.
_SIGNAL = [
    ("max_rssi", Tag.INTEGER, -128, 127),
    ("average_rssi", Tag.INTEGER, -128, 127),
    ("min_rssi", Tag.INTEGER, -128, 127),
    ("max_lqi", Tag.UNSIGNED, 0, 255),
    ("average_lqi", Tag.UNSIGNED, 0, 255),
    ("min_lqi", Tag.UNSIGNED, 0, 255),
]
_TRAFFIC = (
    "number_of_hops",
    "transmission_failures",
    "transmission_successes",
    "application_version",
    "stack_version",
)


def _encode_add(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    entry = structure(
        octet_string(fields.eui64("device_id")),
        enum(_INSTALL_CODE),
        octet_string(fields.octets("install_code", 16)),
        enum(fields.choice("device_type", DEVICE_TYPES)),
    )
    join_time = long_unsigned(fields.integer("join_time_s", 0, 0xFFFF))
    fields.done()
    return encode_request(context, _ADD, [entry, join_time, boolean(True)])


def _decode_add(payload: bytes) -> dict[str, Any]:
    entry, join_time, joining = decode_request(payload, _ADD)
    device, key_type, key, device_type = elements(entry, 4, "data.0")
    if expect(key_type, Tag.ENUM, "data.0.1") != _INSTALL_CODE:
        raise DecodeError("the key type is not install code", offset=key_type.offset, path="data.0.1")
    code = expect(device_type, Tag.ENUM, "data.0.3")
    if code not in _DEVICE_TYPE_NAMES:
        raise DecodeError(f"{code} is no device type", offset=device_type.offset, path="data.0.3")
    if not expect(joining, Tag.BOOLEAN, "data.2"):
        raise DecodeError("joining is not allowed", offset=joining.offset, path="data.2")
    return {
        "device_id": eui64(device, "data.0.0"),
        "install_code": octets(key, (16,), "data.0.2"),
        "device_type": _DEVICE_TYPE_NAMES[code],
        "join_time_s": expect(join_time, Tag.LONG_UNSIGNED, "data.1"),
    }


def _encode_remove(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    device = octet_string(fields.eui64("device_id"))
    fields.done()
    return encode_request(context, _REMOVE, [device])


def _decode_remove(payload: bytes) -> dict[str, Any]:
    (device,) = decode_request(payload, _REMOVE)
    return {"device_id": eui64(device, "data.0")}


def _encode_read(context: Context, values: Values) -> bytes:
    Fields(values).done()
    return encode_request(context, _READ, [None])


def _decode_read(payload: bytes) -> dict[str, Any]:
    decode_request(payload, _READ)
    return {}


def _results_only(items: list[Item]) -> tuple[Any, Any]:
    """Response conversions for use cases whose data items are all null-data."""

    def encode(context: Context, values: Values) -> bytes:
        fields = Fields(values)
        results = take_results(fields)
        fields.done()
        return encode_response(context, items, [None] * len(items), results)

    def decode(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
        results, data = decode_response(payload, items)
        for index, item in enumerate(data):
            expect(item, Tag.NULL_DATA, f"data.{index}")
        return {"results": results}

    return encode, decode


def _encode_entry(fields: Fields) -> Data:
    """One device of the log; everything but its id and last communication may be left out."""
    members = [
        octet_string(fields.eui64("device_id")),
        bit_string(bytes((fields.integer("status", 0, 255, 0),))),
    ]
    members += [Data(tag, fields.integer(name, low, high, 0)) for name, tag, low, high in _SIGNAL]
    last = fields.moment("last_communication") if fields.given("last_communication") else None
    members.append(octet_string(encode_date_time(last)))
    members += [unsigned(fields.integer(name, 0, 255, 0)) for name in _TRAFFIC]
    fields.done()
    return structure(*members)


def _decode_entry(data: Data, path: str) -> dict[str, Any]:
    members = elements(data, 14, path)
    status: BitString = expect(members[1], Tag.BIT_STRING, f"{path}.1")
    entry: dict[str, Any] = {
        "device_id": eui64(members[0], f"{path}.0"),
        "status": int.from_bytes(status.octets, "big"),
    }
    for index, (name, tag, _, _) in enumerate(_SIGNAL, start=2):
        entry[name] = expect(members[index], tag, f"{path}.{index}")
    entry["last_communication"] = moment(members[8], f"{path}.8")
    for index, name in enumerate(_TRAFFIC, start=9):
        entry[name] = expect(members[index], Tag.UNSIGNED, f"{path}.{index}")
    return entry


def _encode_devices(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    results = take_results(fields)
    devices = fields.entries("devices", [])
    fields.done()
    failed = bool(results and results[0])
    log = None if failed else array([_encode_entry(device) for device in devices])
    return encode_response(context, _READ, [log], results)


def _decode_devices(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    results, (log,) = decode_response(payload, _READ)
    if log.tag == Tag.NULL_DATA:
        return {"results": results, "devices": []}
    entries: list[Data] = expect(log, Tag.ARRAY, "data.0")
    devices = [_decode_entry(entry, f"data.0.{index}") for index, entry in enumerate(entries)]
    return {"results": results, "devices": devices}


CODECS = [
    UseCaseCodec("CCS01", 0x0001, _encode_add, _decode_add, *_results_only(_ADD)),
    UseCaseCodec("CCS02", 0x0002, _encode_remove, _decode_remove, *_results_only(_REMOVE)),
    UseCaseCodec("CCS06", 0x010F, _encode_read, _decode_read, _encode_devices, _decode_devices),
]
