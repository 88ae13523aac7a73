"""ASN.1 replies changed as another real reply could differ (``changed_replies`` has the other two kinds)."""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from protocols.eui64 import Eui64
from protocols.gbcs.asn1.credentials import CellDetails, RemotePartyDetails, ReplacementOutcome
from protocols.gbcs.asn1.firmware import ActivationOutcome, FirmwareVersionResponse
from protocols.gbcs.asn1.joining import DeviceLogEntry, JoinDetailsResponse
from protocols.gbcs.asn1.registry import COMMANDS_AND_RESPONSES
from protocols.gbcs.asn1.schema import decode, encode
from protocols.gbcs.asn1.types import RemotePartyRole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from protocols.gbcs.message import Message

_OTHER = Eui64("90-B3-D5-1F-30-0F-00-0F")
_STATUSES = (5, 10)
# Roles of who sends such a command: with other cells the device would not take it.
_SENDERS = (RemotePartyRole.SUPPLIER, RemotePartyRole.ACCESS_CONTROL_BROKER)
_CODES = (1, 2)


def changed_asn1(reply: Message) -> Iterator[tuple[str, bytes]]:
    """Payloads of changed replies, each with what was changed."""
    answered = COMMANDS_AND_RESPONSES[reply.header.message_code][1]
    said = decode(answered, reply.payload)
    for what, other in _others(said):
        yield what, encode(answered, other)


def _others(said: Any) -> Iterator[tuple[str, Any]]:
    """The same value with one thing in it changed."""
    if isinstance(said, bool | bytes):
        return
    if isinstance(said, int):
        yield from ((f"code {code}", code) for code in _CODES if code != said)
    elif isinstance(said, list):
        for at, each in enumerate(said):
            if isinstance(each, CellDetails | DeviceLogEntry):  # else the command says how many there are
                yield f"without {at}", said[:at] + said[at + 1 :]
            for what, other in _others(each):
                yield f"{at} {what}", [*said[:at], other, *said[at + 1 :]]
    elif is_dataclass(said):
        yield from _OF.get(type(said), _members)(said)


def _members(said: Any) -> Iterator[tuple[str, Any]]:
    for name in said.__slots__:
        value = getattr(said, name)
        if isinstance(value, datetime):
            yield name, replace(said, **{name: value + timedelta(seconds=1)})
        elif name in _REPEATED or value is None:
            continue
        else:
            for what, other in _others(value):
                yield f"{name} {what}", replace(said, **{name: other})


# What the command itself says, or makes so.
_REPEATED = frozenset(
    ("mode", "authorising_seq_number", "changes", "command_accepted", "entry", "device_time_status")
)


def _role(said: RemotePartyDetails) -> Iterator[tuple[str, Any]]:
    for status in _STATUSES:
        yield f"status {status}", RemotePartyDetails(said.role, status)
    if said.cells:
        yield "counter", replace(said, current_seq_number=(said.current_seq_number or 0) + 7)
    if said.cells and said.role not in _SENDERS:
        for what, cells in _others(said.cells):
            if cells:
                yield what, replace(said, cells=cells)


def _cell(said: CellDetails) -> Iterator[tuple[str, Any]]:
    other = said.subject_key_identifier[::-1]
    yield "key", replace(said, subject_key_identifier=other)
    yield "holder", replace(said, subject_key_identifier=other, subject_unique_id=_OTHER)


def _replacement(said: ReplacementOutcome) -> Iterator[tuple[str, Any]]:
    existing = (said.existing_subject_unique_id, said.existing_subject_key_identifier)
    for status in _STATUSES:
        yield (
            f"status {status}",
            replace(
                said,
                status=status,
                replacing_subject_unique_id=existing[0],
                replacing_subject_key_identifier=existing[1],
            ),
        )


def _activation(said: ActivationOutcome) -> Iterator[tuple[str, Any]]:
    for code in range(4):
        yield f"code {code}", ActivationOutcome(code, said.firmware_version)
    yield "version", replace(said, firmware_version=b"\x07\x06\x05\x04")


def _version(said: FirmwareVersionResponse) -> Iterator[tuple[str, Any]]:
    yield "version", FirmwareVersionResponse(b"\x07\x06\x05\x04", 0)


def _log(said: JoinDetailsResponse) -> Iterator[tuple[str, Any]]:
    if said.device_log is not None:
        for what, entries in _others(said.device_log):
            yield what, replace(said, device_log=entries)
    yield "failed", JoinDetailsResponse(1)


_OF: dict[type, Any] = {
    RemotePartyDetails: _role,
    CellDetails: _cell,
    ReplacementOutcome: _replacement,
    ActivationOutcome: _activation,
    FirmwareVersionResponse: _version,
    JoinDetailsResponse: _log,
}
