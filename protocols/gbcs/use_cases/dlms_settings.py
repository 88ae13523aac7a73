"""ECS39a set the MPANs shown by the ESME."""

from __future__ import annotations

from typing import Any

from protocols.dlms.access import SpecKind
from protocols.dlms.axdr import Tag, octet_string
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.use_cases import Context, Decrypt, UseCaseCodec, Values
from protocols.gbcs.use_cases.dlms_common import (
    Item,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
    expect,
    octets,
    take_results,
)
from protocols.gbcs.use_cases.values import Fields

_MPAN_DIGITS = 13
_SET_MPAN = [Item(SpecKind.SET, 1, "00005E2C220B", 2)]


def _mpan(fields: Fields, name: str) -> bytes:
    text = fields.text(name)
    if len(text) != _MPAN_DIGITS or not (text.isascii() and text.isdigit()):
        raise EncodeError(f"{text!r} is not {_MPAN_DIGITS} digits", element=name)
    return text.encode("ascii")


def _encode_command(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    mpans = _mpan(fields, "mpan")
    if fields.given("second_mpan"):
        mpans += _mpan(fields, "second_mpan")
    fields.done()
    return encode_request(context, _SET_MPAN, [octet_string(mpans)])


def _decode_command(payload: bytes) -> dict[str, Any]:
    (data,) = decode_request(payload, _SET_MPAN)
    raw = octets(data, (_MPAN_DIGITS, 2 * _MPAN_DIGITS), "data.0")
    if not raw.isdigit():
        raise DecodeError("not only digits", offset=data.offset, path="data.0")
    text = raw.decode("ascii")
    values = {"mpan": text[:_MPAN_DIGITS]}
    if len(text) > _MPAN_DIGITS:
        values["second_mpan"] = text[_MPAN_DIGITS:]
    return values


def _encode_response(context: Context, values: Values) -> bytes:
    fields = Fields(values)
    results = take_results(fields)
    fields.done()
    return encode_response(context, _SET_MPAN, [None], results)


def _decode_response(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
    results, (data,) = decode_response(payload, _SET_MPAN)
    expect(data, Tag.NULL_DATA, "data.0")
    return {"results": results}


CODECS = [
    UseCaseCodec("ECS39a", 0x004C, _encode_command, _decode_command, _encode_response, _decode_response)
]
