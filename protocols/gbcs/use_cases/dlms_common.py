"""What the DLMS use cases share: fixed lists of attributes and methods, checked on the way in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import (
    AccessRequest,
    AccessResponse,
    AccessSpecification,
    SpecKind,
    build_access_request,
    build_access_response,
    parse_access_request,
    parse_access_response,
)
from protocols.dlms.axdr import TYPE_NAMES, Data, Tag, null_data
from protocols.dlms.date_time import decode_date_time
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from protocols.gbcs.use_cases import Context
    from protocols.gbcs.use_cases.values import Fields

_LOW_24_BITS = 0xFFFFFF


@dataclass(slots=True)
class Item:
    """One entry of a use case's list: kind, class, OBIS code, attribute or method number."""

    kind: SpecKind
    class_id: int
    obis: bytes
    member: int

    def __init__(self, kind: SpecKind, class_id: int, obis: str, member: int) -> None:
        self.kind, self.class_id, self.obis, self.member = kind, class_id, bytes.fromhex(obis), member

    def specification(self) -> AccessSpecification:
        """As an access specification."""
        return AccessSpecification(self.kind, self.class_id, self.obis, self.member)


def encode_request(context: Context, items: Sequence[Item], data: Sequence[Data | None]) -> bytes:
    """Access-request of these items; None among ``data`` is null-data (gets)."""
    return build_access_request(
        AccessRequest(
            context.originator_counter & _LOW_24_BITS,
            [item.specification() for item in items],
            [item or null_data() for item in data],
        )
    )


def decode_request(payload: bytes, items: Sequence[Item]) -> list[Data]:
    """Data of an access-request that has to name exactly these items."""
    request = parse_access_request(payload)
    for index, (found, item) in enumerate(zip(request.specifications, items, strict=False)):
        if found != item.specification():
            problem = f"not the use case's {item.kind.name.lower()} of class {item.class_id}"
            raise DecodeError(problem, offset=found.offset, path=f"specifications.{index}")
    if len(request.specifications) != len(items):
        problem = f"{len(request.specifications)} specifications, the use case has {len(items)}"
        raise DecodeError(problem, offset=6, path="specifications.count")
    for index, (item, data) in enumerate(zip(items, request.data, strict=True)):
        if item.kind == SpecKind.GET:
            expect(data, Tag.NULL_DATA, f"data.{index}")
    return request.data


def encode_response(
    context: Context, items: Sequence[Item], data: Sequence[Data | None], results: Sequence[int] | None
) -> bytes:
    """Access-response to these items; None in ``data`` is null-data, None for ``results`` all success."""
    if results is None:
        results = [0] * len(items)
    if len(results) != len(items):
        raise EncodeError(f"{len(results)} for {len(items)} items", element="results")
    return build_access_response(
        AccessResponse(
            context.originator_counter & _LOW_24_BITS,
            [item or null_data() for item in data],
            [(item.kind, result) for item, result in zip(items, results, strict=True)],
        )
    )


def take_results(fields: Fields) -> list[int] | None:
    """The optional ``results`` of a response's values, one octet each."""
    if not fields.given("results"):
        return None
    results: list[int] = fields.any("results")
    if not set(results) <= set(range(0x100)):
        raise EncodeError(f"{results!r} are not result octets", element="results")
    return results


def decode_response(payload: bytes, items: Sequence[Item]) -> tuple[list[int], list[Data]]:
    """Results and data of an access-response that has to answer exactly these items."""
    response = parse_access_response(payload)
    kinds = [kind for kind, _ in response.results]
    if kinds != [item.kind for item in items]:
        problem = f"{len(kinds)} results do not answer the use case's {len(items)} items in order"
        raise DecodeError(problem, offset=max(len(payload) - 2 * len(kinds), 0), path="results")
    return [result for _, result in response.results], response.data


def expect(data: Data, tag: int, path: str) -> Any:
    """Value of a Data of this type."""
    if data.tag != tag:
        problem = f"{TYPE_NAMES[data.tag]} where {TYPE_NAMES[tag]} belongs"
        raise DecodeError(problem, offset=data.offset, path=path)
    return data.value


def elements(data: Data, count: int, path: str) -> list[Data]:
    """Elements of a structure of ``count``."""
    found: list[Data] = expect(data, Tag.STRUCTURE, path)
    if len(found) != count:
        raise DecodeError(f"{len(found)} elements, not {count}", offset=data.offset, path=path)
    return found


def octets(data: Data, lengths: tuple[int, ...], path: str) -> bytes:
    """Octet-string of one of these lengths."""
    found: bytes = expect(data, Tag.OCTET_STRING, path)
    if len(found) not in lengths:
        allowed = " or ".join(map(str, lengths))
        raise DecodeError(f"{len(found)} octets, not {allowed}", offset=data.offset, path=path)
    return found


def eui64(data: Data, path: str) -> Eui64:
    """Octet-string of 8 as EUI-64."""
    return Eui64(octets(data, (8,), path))


def moment(data: Data, path: str) -> datetime | None:
    """Octet-string of 12 as a moment; None where its fields name none."""
    raw = octets(data, (12,), path)
    try:
        return decode_date_time(raw).to_datetime()
    except DecodeError as error:
        raise error.moved(data.end - 12, path) from None


def known_moment(data: Data, path: str) -> datetime:
    """Octet-string of 12 that has to name a moment."""
    found = moment(data, path)
    if found is None:
        raise DecodeError("names no moment", offset=data.offset, path=path)
    return found


def optional(data: Data, tag: int, path: str) -> Any:
    """Value of a Data of this type, or None for null-data (a failed read)."""
    return None if data.tag == Tag.NULL_DATA else expect(data, tag, path)
