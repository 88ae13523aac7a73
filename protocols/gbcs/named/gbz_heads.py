"""What a component is: cluster, direction and command, by name and by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from protocols.errors import EncodeError
from protocols.gbcs import zcl
from protocols.gbcs.catalogue.zcl import Command, Field, zcl_tables
from protocols.gbcs.zcl_values import number_octets

CLUSTER_NAMES = {cluster.value: cluster.name.replace("_", " ").title() for cluster in zcl.Cluster}
CLUSTER, COMMAND = "Cluster", "Command"
FRAME_CONTROL, SEQUENCE = "Frame Control", "Transaction Sequence Number"
FROM_DATE_TIME = "From Date Time"
HEADER_CONTROL, FRAME_COUNTER = "Additional Header Control", "Additional Header Frame Counter"
CIPHERED = "Ciphered Information"
ATTRIBUTES = "Attributes"
COMMAND_IDENTIFIER, STATUS = "Command Identifier", "Status"
HEAD_KEYS = {CLUSTER, COMMAND, FRAME_CONTROL, SEQUENCE}
_FRAME_TYPE, _FROM_SERVER = 0x03, 0x08
_CLUSTER_FRAME = 1
_PROFILE_COMMANDS = (
    Command(zcl.READ_ATTRIBUTES, "Read Attributes"),
    Command(zcl.READ_ATTRIBUTES_RESPONSE, "Read Attributes Response"),
    Command(zcl.DEFAULT_RESPONSE, "Default Response", [Field(COMMAND_IDENTIFIER, "u8"), Field(STATUS, "e8")]),
)


@dataclass(slots=True)
class Head:
    """A component's kind; ``table`` is None for a command that the tables do not know."""

    cluster: int
    frame_control: int
    command: int
    table: Command | None

    @property
    def profile_wide(self) -> bool:
        """Whether the command is one of ZCL's own, which all clusters have."""
        return not self.frame_control & _FRAME_TYPE

    @property
    def is_default_response(self) -> bool:
        """Whether it says only how another command went."""
        return self.profile_wide and self.command == zcl.DEFAULT_RESPONSE

    @property
    def attributes(self) -> bool:
        """Whether it reads attributes or carries them."""
        return self.profile_wide and self.command in {zcl.READ_ATTRIBUTES, zcl.READ_ATTRIBUTES_RESPONSE}


def head_of(cluster: int, frame_control: int, command: int) -> Head:
    """Head of a component as the wire has it."""
    return Head(cluster, frame_control, command, _find(cluster, frame_control, command))


def head_values(head: Head) -> dict[str, Any]:
    """Cluster and command, by name where they have one."""
    return {
        CLUSTER: CLUSTER_NAMES.get(head.cluster, head.cluster),
        COMMAND: head.table.name if head.table else head.command,
        FRAME_CONTROL: head.frame_control,
    }


def build_head(values: Any, element: str, clause: str, *, strict: bool) -> Head:
    """Head from named values; EncodeError where they name none."""
    if not isinstance(values, Mapping):
        raise EncodeError(f"{values!r} is no object", element=element, clause=clause)
    for name in (CLUSTER, COMMAND, FRAME_CONTROL, SEQUENCE):
        if name not in values:
            raise EncodeError("the value is missing", element=f"{element}.{name}", clause=clause)
    frame_control = values[FRAME_CONTROL]
    number_octets(frame_control, 1, f"{element}.{FRAME_CONTROL}")
    cluster = _number(values[CLUSTER], {name: number for number, name in CLUSTER_NAMES.items()}, 2)
    if cluster is None:
        raise EncodeError(f"{values[CLUSTER]!r} is no cluster", element=f"{element}.{CLUSTER}", clause=clause)
    named = _named(cluster, frame_control, values[COMMAND])
    command = named.command if named else _number(values[COMMAND], {}, 1)
    if command is None or (strict and _find(cluster, frame_control, command) is None):
        problem = f"{values[COMMAND]!r} is no command of cluster {cluster:04X} in this direction"
        raise EncodeError(problem, element=f"{element}.{COMMAND}", clause=clause)
    return Head(cluster, frame_control, command, named or _find(cluster, frame_control, command))


def _find(cluster: int, frame_control: int, command: int) -> Command | None:
    if not frame_control & _FRAME_TYPE:
        return next((each for each in _PROFILE_COMMANDS if each.command == command), None)
    if frame_control & _FRAME_TYPE != _CLUSTER_FRAME:
        return None
    return zcl_tables().command(cluster, command, from_server=bool(frame_control & _FROM_SERVER))


def _named(cluster: int, frame_control: int, name: Any) -> Command | None:
    if not isinstance(name, str):
        return None
    if not frame_control & _FRAME_TYPE:
        return next((each for each in _PROFILE_COMMANDS if each.name == name), None)
    return zcl_tables().command_named(cluster, name, from_server=bool(frame_control & _FROM_SERVER))


def _number(value: Any, names: dict[str, int], size: int) -> int | None:
    if isinstance(value, str):
        return names.get(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 8 * size:
        return value
    return None
