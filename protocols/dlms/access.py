"""Access-request and access-response: DLMS commands and their responses (IEC 62056-5-3, GBCS section 7.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import TYPE_CHECKING

from protocols.dlms.axdr import Data, encode_data, encode_items, parse_data, parse_items
from protocols.dlms.lazy_layout import lazy_layouts
from protocols.dlms.length import encode_length, read_length, take
from protocols.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from protocols.dlms.layout import Layout

ACCESS_REQUEST_TAG = 0xD9
ACCESS_RESPONSE_TAG = 0xDA
# Octet before the 24-bit invoke id: self-descriptive, unconfirmed bits as GBCS fixes them.
INVOKE_FLAGS = 0x20


class SpecKind(IntEnum):
    """Choice of an access specification, and of its result (which has no GET_WITH_SELECTION)."""

    GET = 1
    SET = 2
    ACTION = 3
    GET_WITH_SELECTION = 4


_KINDS = {kind.value: kind for kind in SpecKind}
_GET_WITH_SELECTION = SpecKind.GET_WITH_SELECTION.value
_RESULT_KINDS = {number: kind for number, kind in _KINDS.items() if number != _GET_WITH_SELECTION}
# Tag, flags, invoke id, empty date-time.
_HEAD = struct.Struct(">BIB")
# Kind, class, OBIS code, attribute or method.
_SPECIFICATION = struct.Struct(">BH6sB")


class AccessResult(IntEnum):
    """Results of get, set and action, under their DLMS names."""

    SUCCESS = 0
    HARDWARE_FAULT = 1
    TEMPORARY_FAILURE = 2
    READ_WRITE_DENIED = 3
    OBJECT_UNDEFINED = 4
    OBJECT_CLASS_INCONSISTENT = 9
    OBJECT_UNAVAILABLE = 11
    TYPE_UNMATCHED = 12
    SCOPE_OF_ACCESS_VIOLATED = 13
    DATA_BLOCK_UNAVAILABLE = 14
    LONG_ACTION_ABORTED = 15
    NO_LONG_ACTION_IN_PROGRESS = 16
    LONG_SET_ABORTED = 17
    NO_LONG_SET_IN_PROGRESS = 18
    DATA_BLOCK_NUMBER_INVALID = 19
    OTHER_REASON = 250


def result_name(result: int) -> str:
    """DLMS name of a result octet, such as ``"hardware-fault"``."""
    try:
        return AccessResult(result).name.lower().replace("_", "-")
    except ValueError:
        return f"unknown ({result})"


@dataclass(slots=True)
class AccessSpecification:
    """One attribute or method: class, OBIS code (6 octets), attribute or method number.

    ``selector`` and ``selection`` stand only with GET_WITH_SELECTION.
    """

    kind: SpecKind
    class_id: int
    obis: bytes
    member: int
    selector: int | None = None
    selection: Data | None = None
    offset: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(slots=True)
class AccessRequest:
    """A DLMS command: as many data items as specifications, null-data for gets.

    ``invoke_id`` is the low 24 bits of the Originator Counter.
    """

    invoke_id: int
    specifications: list[AccessSpecification]
    data: list[Data]


@dataclass(slots=True)
class AccessResponse:
    """A DLMS response: one data item and one result (kind, result octet) per specification of the command."""

    invoke_id: int
    data: list[Data]
    results: list[tuple[SpecKind, int]]


def parse_head(payload: bytes, offset: int, tag: int) -> tuple[int, int]:
    """Invoke id and the offset after the empty date-time that every GBCS DLMS payload starts with."""
    after = offset + _HEAD.size
    if after <= len(payload):
        found, invoke_id, date_time = _HEAD.unpack_from(payload, offset)
        if found == tag and invoke_id >> 24 == INVOKE_FLAGS and not date_time:
            return invoke_id & 0xFFFFFF, after
    octets, at = take(payload, offset, 1, "tag")
    if octets[0] != tag:
        raise DecodeError(f"0x{octets[0]:02X} where 0x{tag:02X} belongs", offset=offset, path="tag")
    octets, after = take(payload, at, 4, "long_invoke_id")
    if octets[0] != INVOKE_FLAGS:
        raise DecodeError(f"0x{octets[0]:02X} where 0x20 belongs", offset=at, path="long_invoke_id")
    _expect_zero(payload, after, "date_time")
    return int.from_bytes(octets[1:], "big"), after + 1


def encode_head(tag: int, invoke_id: int) -> bytes:
    """Tag, flags and invoke id, empty date-time."""
    if not 0 <= invoke_id < 1 << 24:
        raise EncodeError(f"{invoke_id} does not fit 24 bits", element="invoke_id")
    return _HEAD.pack(tag, INVOKE_FLAGS << 24 | invoke_id, 0)


def _expect_zero(payload: bytes, offset: int, path: str) -> None:
    octets, _ = take(payload, offset, 1, path)
    if octets[0]:
        raise DecodeError(f"0x{octets[0]:02X} where 0x00 (absent) belongs", offset=offset, path=path)


def read_access_request(payload: bytes, offset: int = 0) -> tuple[AccessRequest, int]:
    """Access-request at ``offset`` and the offset after it."""
    invoke_id, at = parse_head(payload, offset, ACCESS_REQUEST_TAG)
    count, at = read_length(payload, at, "specifications.count")
    specifications: list[AccessSpecification] = []
    try:
        for _ in range(count):
            specification, at = _parse_specification(payload, at)
            specifications.append(specification)
    except DecodeError as error:
        raise error.moved(0, f"specifications.{len(specifications)}") from None
    data, at = _parse_items(payload, at, count)
    return AccessRequest(invoke_id, specifications, data), at


def _parse_specification(payload: bytes, offset: int) -> tuple[AccessSpecification, int]:
    try:
        number, class_id, obis, member = _SPECIFICATION.unpack_from(payload, offset)
    except struct.error:
        take(payload, offset, _SPECIFICATION.size)
        raise
    kind = _KINDS.get(number)
    if kind is None:
        raise DecodeError(f"0x{number:02X} is no access choice", offset=offset, path="kind")
    at = offset + _SPECIFICATION.size
    specification = AccessSpecification(kind, class_id, obis, member, None, None, offset, at)
    if number == _GET_WITH_SELECTION:
        selector, at = take(payload, at, 1, "selector")
        specification.selector = selector[0]
        try:
            specification.selection, at = parse_data(payload, at)
        except DecodeError as error:
            raise error.moved(0, "selection") from None
        specification.end = at
    return specification, at


def _parse_items(payload: bytes, at: int, expected: int | None) -> tuple[list[Data], int]:
    start = at
    count, at = read_length(payload, at, "data.count")
    if expected is not None and count != expected:
        raise DecodeError(
            f"{count} data items for {expected} specifications", offset=start, path="data.count"
        )
    try:
        return parse_items(payload, at, count)
    except DecodeError as error:
        raise error.moved(0, "data") from None


def _end(payload: bytes, at: int) -> None:
    if at != len(payload):
        raise DecodeError(f"{len(payload) - at} octets left over", offset=at)


def parse_access_request(payload: bytes) -> AccessRequest:
    """The access-request that is the whole payload; DecodeError with offset and path."""
    request, at = read_access_request(payload)
    _end(payload, at)
    return request


def build_access_request(request: AccessRequest) -> bytes:
    """Payload of an access-request; EncodeError where the parts do not fit each other."""
    if len(request.data) != len(request.specifications):
        problem = f"{len(request.data)} items for {len(request.specifications)} specifications"
        raise EncodeError(problem, element="data")
    out = [
        encode_head(ACCESS_REQUEST_TAG, request.invoke_id),
        encode_length(len(request.specifications), "specifications"),
    ]
    pack = _SPECIFICATION.pack
    for each in request.specifications:
        kind, obis = each.kind, each.obis
        if (
            each.selector is None
            and each.selection is None
            and len(obis) == 6
            and kind != _GET_WITH_SELECTION
        ):
            try:
                out.append(pack(kind, each.class_id, obis, each.member))
                continue
            except struct.error:  # a number that does not fit: said below
                pass
        out.append(_encode_specification(each))
    out.append(encode_length(len(request.data), "data"))
    out.append(encode_items(request.data))
    return b"".join(out)


def _encode_specification(specification: AccessSpecification) -> bytes:
    if len(specification.obis) != 6:
        raise EncodeError(f"6 octets, not {len(specification.obis)}", element="obis")
    if not (0 <= specification.class_id <= 0xFFFF and 0 <= specification.member <= 0xFF):
        raise EncodeError("class has 16 bits, member 8", element="specification")
    out = _SPECIFICATION.pack(
        specification.kind, specification.class_id, bytes(specification.obis), specification.member
    )
    selecting = specification.kind == SpecKind.GET_WITH_SELECTION
    if selecting != (specification.selector is not None and specification.selection is not None):
        raise EncodeError("stands with GET_WITH_SELECTION and only there", element="selection")
    if specification.selector is not None and specification.selection is not None:
        out += bytes((specification.selector,)) + encode_data(specification.selection)
    return out


def read_access_response(payload: bytes, offset: int = 0) -> tuple[AccessResponse, int]:
    """Access-response at ``offset`` and the offset after it."""
    invoke_id, at = parse_head(payload, offset, ACCESS_RESPONSE_TAG)
    _expect_zero(payload, at, "access_request_specification")
    data, at = _parse_items(payload, at + 1, None)
    start = at
    count, at = read_length(payload, at, "results.count")
    if count != len(data):
        raise DecodeError(f"{count} results for {len(data)} data items", offset=start, path="results.count")
    results: list[tuple[SpecKind, int]] = []
    end = at + 2 * count
    for start in range(at, end, 2):
        if start + 2 > len(payload):
            take(payload, start, 2, f"results.{len(results)}")
        kind = _RESULT_KINDS.get(payload[start])
        if kind is None:
            problem = f"0x{payload[start]:02X} is no result choice"
            raise DecodeError(problem, offset=start, path=f"results.{len(results)}.kind")
        results.append((kind, payload[start + 1]))
    return AccessResponse(invoke_id, data, results), end


def parse_access_response(payload: bytes) -> AccessResponse:
    """The access-response that is the whole payload; DecodeError with offset and path."""
    response, at = read_access_response(payload)
    _end(payload, at)
    return response


def build_access_response(response: AccessResponse) -> bytes:
    """Payload of an access-response; EncodeError where the parts do not fit each other."""
    if len(response.data) != len(response.results):
        raise EncodeError(f"{len(response.results)} for {len(response.data)} data items", element="results")
    out = [
        encode_head(ACCESS_RESPONSE_TAG, response.invoke_id),
        b"\x00",
        encode_length(len(response.data), "data"),
    ]
    out.append(encode_items(response.data))
    out.append(encode_length(len(response.results), "results"))
    try:
        results = bytes(chain.from_iterable(response.results))
    except ValueError:
        results = b""
    if len(results) != 2 * len(response.results) or _GET_WITH_SELECTION in results[::2]:
        raise _wrong_result(response.results)
    out.append(results)
    return b"".join(out)


def _wrong_result(results: list[tuple[SpecKind, int]]) -> EncodeError:
    kind, result = next(
        (kind, result)
        for kind, result in results
        if kind == SpecKind.GET_WITH_SELECTION or not 0 <= result <= 0xFF
    )
    return EncodeError(f"({kind!r}, {result}) is no result", element="results")


ACCESS_REQUEST: Layout
ACCESS_RESPONSE: Layout
if not TYPE_CHECKING:
    __getattr__ = lazy_layouts(
        ACCESS_REQUEST=(read_access_request, build_access_request),
        ACCESS_RESPONSE=(read_access_response, build_access_response),
    )
