"""ECS70 set clock on the ESME: the meter takes its own time from the hub if it lies in the range given."""

from __future__ import annotations

from typing import Any

from protocols.dlms.access import SpecKind
from protocols.dlms.axdr import Data, Tag, enum, integer, octet_string, structure, unsigned
from protocols.dlms.date_time import NEVER, encode_date_time
from protocols.errors import DecodeError
from protocols.gbcs.use_cases import Context, Decrypt, UseCaseCodec, Values
from protocols.gbcs.use_cases.dlms_common import (
    Item,
    decode_request,
    decode_response,
    elements,
    encode_request,
    encode_response,
    expect,
    known_moment,
    moment,
    octets,
    optional,
    take_results,
)
from protocols.gbcs.use_cases.values import Fields

# Clock object, 0-0:1.0.0.255.
_CLOCK = (8, "0000010000FF")
_SET_CLOCK = [
    Item(SpecKind.SET, *_CLOCK, 9),
    Item(SpecKind.ACTION, *_CLOCK, 5),
    Item(SpecKind.ACTION, *_CLOCK, 4),
    Item(SpecKind.GET, *_CLOCK, 2),
    Item(SpecKind.GET, *_CLOCK, 4),
]
# Clock base 5: the time comes from the network.
_CLOCK_BASE = 5
_INVALID, _DOUBTFUL = 0x01, 0x02


def status_name(status: int) -> str:
    """Name of a clock status octet as SMETS has it: ``"invalid"``, ``"unreliable"`` or ``"reliable"``."""
    if status & _INVALID:
        return "invalid"
    return "unreliable" if status & _DOUBTFUL else "reliable"


def _encode_command(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    start = encode_date_time(fields.moment("validity_start"))
    end = encode_date_time(fields.moment("validity_end"))
    fields.done()
    window = structure(octet_string(NEVER), octet_string(start), octet_string(end))
    return encode_request(context, _SET_CLOCK, [enum(_CLOCK_BASE), window, integer(0), None, None])


def _decode_command(payload: bytes) -> dict[str, Any]:
    base, window, adjust, _, _ = decode_request(payload, _SET_CLOCK)
    if expect(base, Tag.ENUM, "data.0") != _CLOCK_BASE:
        raise DecodeError("the clock base is not 5", offset=base.offset, path="data.0")
    if expect(adjust, Tag.INTEGER, "data.2") != 0:
        raise DecodeError("the parameter is not 0", offset=adjust.offset, path="data.2")
    preset, start, end = elements(window, 3, "data.1")
    if octets(preset, (12,), "data.1.0") != NEVER:
        raise DecodeError("the preset time is not unspecified", offset=preset.offset, path="data.1.0")
    return {
        "validity_start": known_moment(start, "data.1.1"),
        "validity_end": known_moment(end, "data.1.2"),
    }


def _encode_response(context: Context, values: Values) -> bytes:
    """Values: ``device_time`` and ``status``, each None where it could not be read; optional ``results``."""
    fields = Fields(values)
    results = take_results(fields)
    data: list[Data | None] = [None] * len(_SET_CLOCK)
    if fields.given("device_time"):
        data[3] = octet_string(encode_date_time(fields.moment("device_time")))
    if fields.given("status"):
        data[4] = unsigned(fields.integer("status", 0, 255))
    fields.done()
    return encode_response(context, _SET_CLOCK, data, results)


def _decode_response(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    results, data = decode_response(payload, _SET_CLOCK)
    for index in range(3):
        expect(data[index], Tag.NULL_DATA, f"data.{index}")
    status = optional(data[4], Tag.UNSIGNED, "data.4")
    return {
        "results": results,
        "device_time": None if data[3].tag == Tag.NULL_DATA else moment(data[3], "data.3"),
        "status": status,
        "status_name": None if status is None else status_name(status),
    }


CODECS = [UseCaseCodec("ECS70", 0x0062, _encode_command, _decode_command, _encode_response, _decode_response)]
