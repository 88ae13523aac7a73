"""Whole ZCL messages: the general commands and those of the clusters, as names and values.

::

octets = build_general("Read Attributes", {"Attributes": [0x0000]}, sequence=7)
message = parse_message(0x0702, octets)
message.name, message.values
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.zigbee.zcl.clusters import Command, Span, load
from protocols.zigbee.zcl.fields import UNNAMED_OCTETS, Note, fields_from
from protocols.zigbee.zcl.frame import FrameType, ZclFrame, parse_zcl
from protocols.zigbee.zcl.tables import read_table
from protocols.zigbee.zcl.types import BY_NUMBER, write_value

SUCCESS = 0x00
READ_ATTRIBUTES = 0x00
READ_ATTRIBUTES_RESPONSE = 0x01
WRITE_ATTRIBUTES = 0x02
REPORT_ATTRIBUTES = 0x0A
DEFAULT_RESPONSE = 0x0B


class Status(IntEnum):
    """Status of an attribute or command, as far as the bench acts on it; ``statuses()`` names them all."""

    SUCCESS = 0x00
    FAILURE = 0x01
    NOT_AUTHORISED = 0x7E
    MALFORMED_COMMAND = 0x80
    UNSUPPORTED_CLUSTER_COMMAND = 0x81
    UNSUPPORTED_GENERAL_COMMAND = 0x82
    INVALID_FIELD = 0x85
    UNSUPPORTED_ATTRIBUTE = 0x86
    INVALID_VALUE = 0x87
    READ_ONLY = 0x88
    INSUFFICIENT_SPACE = 0x89
    NOT_FOUND = 0x8B
    INVALID_DATA_TYPE = 0x8D
    TIMEOUT = 0x94
    ABORT = 0x95
    INVALID_IMAGE = 0x96
    WAIT_FOR_DATA = 0x97
    NO_IMAGE_AVAILABLE = 0x98
    REQUIRE_MORE_IMAGE = 0x99


@dataclass(slots=True)
class Message:
    """A ZCL frame with what its command is called and carries.

    ``name`` is empty and ``values`` hold only ``unnamed octets`` where the tables know no such command
    (manufacturer specific ones, other clusters, frame types the library has no use for).
    """

    cluster: int
    frame: ZclFrame
    name: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list, compare=False)

    def build(self) -> bytes:
        """The octets again, with the values as they are now; EncodeError."""
        command = command_of(self.cluster, self.frame)
        if command is None:
            self.frame.payload = self.values.get(UNNAMED_OCTETS, b"")
        else:
            self.frame.payload = command.build(self.values)
        return self.frame.build()


@cache
def general_commands() -> dict[int, Command]:
    """The general commands by number."""
    return {
        int(number, 16): Command(int(number, 16), name, fields=fields_from(fields))
        for number, (name, fields) in read_table("general")["commands"].items()
    }


@cache
def _general_names() -> dict[str, Command]:
    return {command.name: command for command in general_commands().values()}


@cache
def statuses() -> dict[int, str]:
    """Names of all statuses."""
    rows = read_table("general")["enumerations"]["Status"]
    return {int(number): name for number, name in rows.items()}


def command_of(cluster: int, frame: ZclFrame) -> Command | None:
    """What a frame's command is; None where the tables do not know it."""
    if frame.frame_type == FrameType.GENERAL:
        return general_commands().get(frame.command)
    known = frame.frame_type == FrameType.CLUSTER and frame.manufacturer is None and cluster in load()
    if not known:
        return None
    return load()[cluster].commands(from_server=frame.from_server).get(frame.command)


def parse_message(cluster: int, octets: bytes, *, with_spans: bool = False) -> Message:
    """A whole frame of a cluster; DecodeError with the octet in it and the path of names.

    ``with_spans`` adds where each value stands, counted from the frame's first octet.
    """
    frame = parse_zcl(octets)
    command = command_of(cluster, frame)
    start = frame.payload_offset
    if command is None:
        values = {UNNAMED_OCTETS: frame.payload} if frame.payload else {}
        return Message(cluster, frame, "", values)
    message = Message(cluster, frame, command.name)
    try:
        if with_spans:
            message.values = command.parse(frame.payload, _noting(message.spans, start))
        else:
            message.values = command.parse(frame.payload)
    except DecodeError as error:
        raise error.moved(start, command.name) from None
    return message


def _noting(found: list[Span], start: int) -> Note:
    def note(path: str, _: object, value: Any, begin: int, end: int) -> None:
        found.append(Span(path, value, start + begin, start + end))

    return note


def build_command(
    cluster: int,
    name: str,
    values: Mapping[str, Any] | None = None,
    *,
    sequence: int,
    from_server: bool = False,
    disable_default_response: bool = False,
) -> bytes:
    """A frame with a cluster's command; EncodeError names what is wrong with its values."""
    if cluster not in load():
        raise EncodeError("there is no table of this cluster", element=f"{cluster:04X}")
    known = load()[cluster]
    command = known.generated(name) if from_server else known.received(name)
    payload = command.build(values)
    return ZclFrame(
        FrameType.CLUSTER, sequence, command.number, payload, from_server, disable_default_response
    ).build()


def build_general(
    name: str,
    values: Mapping[str, Any] | None = None,
    *,
    sequence: int,
    from_server: bool = False,
    disable_default_response: bool = False,
    manufacturer: int | None = None,
) -> bytes:
    """A frame with a general command; EncodeError names what is wrong with its values."""
    command = _general_names().get(name)
    if command is None:
        raise EncodeError("there is no such general command", element=name)
    payload = command.build(values)
    return ZclFrame(
        FrameType.GENERAL,
        sequence,
        command.number,
        payload,
        from_server,
        disable_default_response,
        manufacturer,
    ).build()


def attribute_record(cluster: int, attribute: int, value: Any, *, client: bool = False) -> dict[str, Any]:
    """A record for Read Attributes Response, Report or Write Attributes, with the type from the table.

    EncodeError where there is no such attribute or the value does not fit its type.
    """
    known = load()[cluster].client_attributes if client else load()[cluster].attributes
    if attribute not in known:
        raise EncodeError("there is no such attribute", element=f"{cluster:04X}.{attribute:04X}")
    number = known[attribute].type.number
    write_value(number, value, known[attribute].name)
    return {"Attribute": attribute, "Data Type": number, "Value": value}


def read_response(records: Mapping[int, tuple[int, Any] | int]) -> dict[str, Any]:
    """Values of Read Attributes Response: by attribute (type, value), or the status of a failure."""
    rows: list[dict[str, Any]] = []
    for attribute, answer in records.items():
        if isinstance(answer, int):
            rows.append({"Attribute": attribute, "Status": answer})
        else:
            number, value = answer
            rows.append({"Attribute": attribute, "Status": SUCCESS, "Data Type": number, "Value": value})
    return {"Records": rows}


def attribute_values(message: Message) -> dict[int, Any]:
    """Values by attribute from a response to a read, a report or a write; those that failed are left out."""
    return {
        record["Attribute"]: record["Value"]
        for record in message.values.get("Records", ())
        if "Value" in record and record.get("Data Type") in BY_NUMBER
    }
