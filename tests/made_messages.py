"""Payloads that tests make from named values, strict or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named import build_named
from protocols.gbcs.named.header import decode_header
from protocols.gbcs.named.short import command_payload, message_code

if TYPE_CHECKING:
    from collections.abc import Callable

SUPPLIER = Eui64("90-B3-D5-1F-30-01-00-00")
METER = Eui64("00-DB-12-34-56-78-90-A0")


def header_of(flag: CraFlag, code: int, counter: int = 5, user: Eui64 = SUPPLIER) -> GroupingHeader:
    """A header between the supplier and the meter."""
    ends = (user, METER) if flag is CraFlag.COMMAND else (METER, user)
    return GroupingHeader(flag, counter, *ends, code)


def command(use_case: str, counter: int = 5, **values: Any) -> bytes:
    """Payload of a command from short names or the specification's."""
    found = load_catalogue()[use_case]
    header = header_of(CraFlag.COMMAND, message_code(found, values), counter)
    return command_payload(found, header, values)


def payload_of(
    header: GroupingHeader,
    values: dict[str, Any],
    *,
    kind: str = "dlms",
    encrypt: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """Payload of a response or an alert; ``kind`` where the message code does not say it."""
    use_case = load_catalogue().by_message_code(header.message_code, header.cra_flag)
    document = {
        "message_code": f"0x{header.message_code:04X}",
        "header": decode_header(header),
        "payload_kind": (use_case.payload_kind if use_case else None) or kind,
        "payload": values,
    }
    return build_named(document, strict=False, encrypt=encrypt).payload


def firmware_version(version: bytes = b"\x01\x02\x03\x04", counter: int = 5) -> bytes:
    """What answers ECS52."""
    values = {
        "results": {"FirmwareVersion: value": 0},
        "elements": {"FirmwareVersion: value": version.hex().upper()},
    }
    return payload_of(header_of(CraFlag.RESPONSE, 0x0059, counter), values)


def generic_alert(code: int, time: str = "2026-01-02T03:04:05Z", counter: int = 5) -> bytes:
    """A generic critical alert of an ESME."""
    elements = {"AlertCode": code, "Timestamp": time}
    return payload_of(header_of(CraFlag.ALERT, 0x1000, counter), {"elements": elements})
