"""Alerts with a DLMS payload: alert code, time, and what the message code adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, Tag, array, long_unsigned, octet_string, structure
from protocols.dlms.date_time import encode_date_time
from protocols.dlms.notification import DataNotification, build_notification, parse_notification
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.use_cases import AlertCodec, Context, Decrypt, Values
from protocols.gbcs.use_cases.dlms_common import elements, eui64, expect, known_moment, octets
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from collections.abc import Callable

_UINT16, _UINT64 = 0xFFFF, 0xFFFFFFFFFFFFFFFF


@dataclass(slots=True)
class _Extra:
    """What follows alert code and time: how many elements, and the conversions of them."""

    count: int
    encode: Callable[[Fields], list[Data]]
    decode: Callable[[list[Data]], dict[str, Any]]


def _codec(message_code: int, extra: _Extra | None) -> AlertCodec:
    def encode(context: Context, values: Values) -> bytes:
        fields = Fields(values)
        head = [
            long_unsigned(fields.integer("alert_code", 0, _UINT16)),
            octet_string(encode_date_time(fields.moment("time"))),
        ]
        body = structure(*head, *(extra.encode(fields) if extra else _encode_further(fields)))
        fields.done()
        return build_notification(DataNotification(context.originator_counter & 0xFFFFFF, body))

    def decode(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
        body = parse_notification(payload).body
        found: list[Data] = expect(body, Tag.STRUCTURE, "body")
        if len(found) < 2 or (extra and len(found) != 2 + extra.count):
            problem = f"{len(found)} elements, not {2 + (extra.count if extra else 0)}"
            raise DecodeError(problem, offset=body.offset, path="body")
        values = {
            "alert_code": expect(found[0], Tag.LONG_UNSIGNED, "body.0"),
            "time": known_moment(found[1], "body.1"),
        }
        return values | (extra.decode(found[2:]) if extra else {"further": found[2:]})

    return AlertCodec(message_code, "dlms", encode, decode)


def _encode_further(fields: Fields) -> list[Data]:
    """Elements without a conversion of their own are given as Data."""
    further: list[Data] = fields.any("further", [])
    return further


_NOTHING = _Extra(0, lambda _: [], lambda _: {})


def _encode_backup(fields: Fields) -> list[Data]:
    devices = []
    for device in fields.entries("devices"):
        eui = octet_string(device.eui64("device_id"))
        devices.append(structure(eui, octet_string(device.octets("hashed_link_key", 0, 16))))
        device.done()
    return [
        structure(
            octet_string(encode_date_time(fields.moment("backup_time"))),
            octet_string(fields.octets("extended_pan_id", 8)),
            array(devices),
        )
    ]


def _decode_backup(found: list[Data]) -> dict[str, Any]:
    time, pan_id, devices = elements(found[0], 3, "body.2")
    listed = []
    for index, device in enumerate(expect(devices, Tag.ARRAY, "body.2.2")):
        path = f"body.2.2.{index}"
        eui, key = elements(device, 2, path)
        entry = {"device_id": eui64(eui, f"{path}.0"), "hashed_link_key": octets(key, (0, 16), f"{path}.1")}
        listed.append(entry)
    return {
        "backup_time": known_moment(time, "body.2.0"),
        "extended_pan_id": octets(pan_id, (8,), "body.2.1"),
        "devices": listed,
    }


def _encode_hash(fields: Fields) -> list[Data]:
    return [octet_string(fields.octets("image_hash", 32))]


def _decode_hash(found: list[Data]) -> dict[str, Any]:
    return {"image_hash": octets(found[0], (32,), "body.2")}


def _encode_instruction(fields: Fields) -> list[Data]:
    return [
        octet_string(
            fields.integer("command_message_code", 0, _UINT16).to_bytes(2, "big")
            + fields.integer("command_originator_counter", 0, _UINT64).to_bytes(8, "big")
            + fields.integer("class_id", 0, _UINT16).to_bytes(2, "big")
            + fields.octets("obis", 6)
            + bytes((fields.integer("member", 0, 0xFF),))
        )
    ]


def _decode_instruction(found: list[Data]) -> dict[str, Any]:
    raw = octets(found[0], (19,), "body.2")
    return {
        "command_message_code": int.from_bytes(raw[:2], "big"),
        "command_originator_counter": int.from_bytes(raw[2:10], "big"),
        "class_id": int.from_bytes(raw[10:12], "big"),
        "obis": raw[12:18],
        "member": raw[18],
    }


def _encode_undelivered(fields: Fields) -> list[Data]:
    return [
        octet_string(
            fields.eui64("originator_id")
            + fields.eui64("target_id")
            + bytes((fields.integer("cra_flag", 1, 3),))
            + fields.integer("undelivered_originator_counter", 0, _UINT64).to_bytes(8, "big")
        )
    ]


def _decode_undelivered(found: list[Data]) -> dict[str, Any]:
    raw = octets(found[0], (25,), "body.2")
    return {
        "originator_id": Eui64(raw[:8]),
        "target_id": Eui64(raw[8:16]),
        "cra_flag": raw[16],
        "undelivered_originator_counter": int.from_bytes(raw[17:], "big"),
    }


def _encode_integrity(fields: Fields) -> list[Data]:
    return [octet_string(fields.integer("other_information", 0, _UINT16).to_bytes(2, "big"))]


def _decode_integrity(found: list[Data]) -> dict[str, Any]:
    return {"other_information": int.from_bytes(octets(found[0], (2,), "body.2"), "big")}


def _encode_unsupported(fields: Fields) -> list[Data]:
    return [
        octet_string(
            fields.integer("command_message_code", 0, _UINT16).to_bytes(2, "big")
            + fields.integer("command_originator_counter", 0, _UINT64).to_bytes(8, "big")
        )
    ]


def _decode_unsupported(found: list[Data]) -> dict[str, Any]:
    raw = octets(found[0], (10,), "body.2")
    return {
        "command_message_code": int.from_bytes(raw[:2], "big"),
        "command_originator_counter": int.from_bytes(raw[2:], "big"),
    }


_UNDELIVERED = _Extra(1, _encode_undelivered, _decode_undelivered)
# Billing data log, supply outage, sub GHz alerts, APC levels, operational update: elements as they are.
_WITHOUT_NAMES = (0x0061, 0x0067, 0x0110, 0x0111, 0x0112, 0x0113, 0x0115, 0x0121, 0x0122, 0x0123)

ALERTS = [
    _codec(0x0018, _Extra(1, _encode_backup, _decode_backup)),
    _codec(0x00CC, _Extra(1, _encode_instruction, _decode_instruction)),
    _codec(0x00CE, _Extra(1, _encode_hash, _decode_hash)),
    _codec(0x00D5, _UNDELIVERED),
    _codec(0x00F0, _Extra(1, _encode_integrity, _decode_integrity)),
    _codec(0x0114, _UNDELIVERED),
    _codec(0x0120, _Extra(1, _encode_unsupported, _decode_unsupported)),
    _codec(0x1000, _NOTHING),
    _codec(0x1001, _NOTHING),
    *(_codec(code, None) for code in _WITHOUT_NAMES),
]
