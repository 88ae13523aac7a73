"""The Grouping Header as named values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named.dlms_time import date_time_octets, date_time_text

_CLAUSE = "GBCS 7.2.7"
_LARGEST_COUNTER = 0xFFFF_FFFF_FFFF_FFFF
_REQUIRED = ("cra_flag", "originator_counter", "business_originator_id", "business_target_id")
_OPTIONAL = (
    "date_time",
    "supplementary_remote_party_id",
    "supplementary_remote_party_counter",
    "supplementary_originator_counter",
    "certificate",
)


def decode_header(header: GroupingHeader) -> dict[str, Any]:
    """Named values of a header; fields that are absent have no key.

    ``date_time`` is text as in ``dlms_time``: ``2026-11-22T12:00:00Z#04`` with a clock status of 04.
    """
    values: dict[str, Any] = {
        "cra_flag": header.cra_flag.name.lower(),
        "originator_counter": header.originator_counter,
        "business_originator_id": str(header.business_originator_id),
        "business_target_id": str(header.business_target_id),
    }
    if header.date_time:
        values["date_time"] = _time_text(header.date_time)
    party = header.supplementary_remote_party_id
    optional = {
        "supplementary_remote_party_id": None if party is None else str(party),
        "supplementary_remote_party_counter": header.supplementary_remote_party_counter,
        "supplementary_originator_counter": header.supplementary_originator_counter,
        "certificate": header.certificate.hex().upper() or None,
    }
    return values | {name: value for name, value in optional.items() if value is not None}


def build_header(values: Any, message_code: int) -> GroupingHeader:
    """Header from named values; EncodeError names what is missing, surplus or does not fit."""
    if not isinstance(values, Mapping):
        raise EncodeError(f"{values!r} is no object", element="header", clause=_CLAUSE)
    for name in values:
        if name not in _REQUIRED and name not in _OPTIONAL:
            raise EncodeError("no such field", element=f"header.{name}", clause=_CLAUSE)
    for name in _REQUIRED:
        if name not in values:
            raise EncodeError("the field is missing", element=f"header.{name}", clause=_CLAUSE)
    return GroupingHeader(
        _flag(values["cra_flag"]),
        _counter(values, "originator_counter"),
        _eui64(values, "business_originator_id"),
        _eui64(values, "business_target_id"),
        message_code,
        _build_time(values),
        _eui64(values, "supplementary_remote_party_id")
        if "supplementary_remote_party_id" in values
        else None,
        _optional_counter(values, "supplementary_remote_party_counter"),
        _optional_counter(values, "supplementary_originator_counter"),
        hex_octets(values.get("certificate", ""), "header.certificate"),
    )


def hex_octets(text: Any, element: str, clause: str = "") -> bytes:
    """Octets from hexadecimal text."""
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise EncodeError(f"{text!r} is not hexadecimal", element=element, clause=clause) from None


def _time_text(octets: bytes) -> str:
    try:
        return date_time_text(octets)
    except DecodeError as error:
        raise DecodeError(error.problem, offset=0, path="message.grouping_header.date_time") from None


def _build_time(values: Mapping[str, Any]) -> bytes:
    text = values.get("date_time", "")
    if not isinstance(text, str):
        raise EncodeError(f"{text!r} is no text", element="header.date_time", clause=_CLAUSE)
    try:
        return date_time_octets(text) if text else b""
    except EncodeError as error:
        raise EncodeError(error.problem, element="header.date_time", clause=_CLAUSE) from None


def _flag(value: Any) -> CraFlag:
    found = next((flag for flag in CraFlag if flag.name.lower() == value), None)
    if found is None:
        known = ", ".join(flag.name.lower() for flag in CraFlag)
        raise EncodeError(f"{value!r} is not among {known}", element="header.cra_flag", clause=_CLAUSE)
    return found


def _eui64(values: Mapping[str, Any], name: str) -> Eui64:
    try:
        return Eui64(str(values[name]))
    except ValueError as error:
        raise EncodeError(str(error), element=f"header.{name}", clause=_CLAUSE) from None


def _optional_counter(values: Mapping[str, Any], name: str) -> int | None:
    return _counter(values, name) if name in values else None


def _counter(values: Mapping[str, Any], name: str) -> int:
    value = values[name]
    if not _is_number(value, _LARGEST_COUNTER):
        raise EncodeError(f"{value!r} is no number of 64 bits", element=f"header.{name}", clause=_CLAUSE)
    return int(value)


def _is_number(value: Any, highest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= highest
