"""ZCL attributes and commands of a device, and GBZ payloads of them answered (gbz.md 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from protocols.gbcs.gbz import Component, GbzPayload, build_gbz, parse_gbz
from protocols.gbcs.use_cases import codecs, decode_command
from protocols.gbcs.zcl import (
    CLUSTER_TO_SERVER,
    DEFAULT_RESPONSE,
    NO_DEFAULT_RESPONSE,
    PROFILE_TO_CLIENT,
    PROFILE_TO_SERVER,
    READ_ATTRIBUTES,
    READ_ATTRIBUTES_RESPONSE,
    AttributeRecord,
    Status,
    decode_read_attributes,
    encode_attribute_records,
    encode_default_response,
)
from rigs.emulated import replies
from rigs.emulated.object_store import StoredOctets

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Value = int | bytes | None
_FRAME_TYPE = 0x03
_FROM_SERVER = 0x08


ClusterCommand = Callable[["Command", bytes], "Status"]


@dataclass(slots=True)
class Attribute:
    """One ZCL attribute; ``read`` gives int or octets, a Status where it cannot be read now."""

    data_type: int
    read: Callable[[], Value | Status]


class ZclServer:
    """Attributes by cluster and identifier, commands by cluster, direction and command identifier.

    ``from_server`` commands are those of the "Publish" kind, which a supplier sends playing the server.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self._attributes: dict[tuple[int, int], Attribute] = {}
        self._commands: dict[tuple[int, bool, int], ClusterCommand] = {}

    # ------------------------------------------------------------------ building a device

    def attribute(
        self, cluster: int, identifier: int, data_type: int, read: Callable[[], Value | Status]
    ) -> None:
        """An attribute computed by the device."""
        self._attributes[cluster, identifier] = Attribute(data_type, read)

    def stored(self, cluster: int, identifier: int, data_type: int, default: bytes) -> StoredOctets:
        """A string attribute that keeps its value."""
        store = StoredOctets(self._device.storage, f"{cluster:04x}/{identifier:04x}", default)
        self.attribute(cluster, identifier, data_type, store.read)
        return store

    def command(self, cluster: int, identifier: int, call: ClusterCommand, *, from_server: bool) -> None:
        """A cluster command; ``call`` gets the command and the ZCL payload."""
        self._commands[cluster, from_server, identifier] = call

    def value(self, cluster: int, identifier: int) -> Value | Status:
        """An attribute's present value, for whoever mirrors this device; a Status where it has none."""
        attribute = self._attributes.get((cluster, identifier))
        return Status.UNSUPPORTED_ATTRIBUTE if attribute is None else attribute.read()

    def serve(self, *use_cases: str) -> None:
        """Let attributes and commands answer these use cases."""
        for code in use_cases:
            self._device.handlers[code] = self.execute

    # ------------------------------------------------------------------ answering

    def execute(self, _device: Device, command: Command) -> bytes:
        """Check that the payload is the use case's, then answer it component by component."""
        request = parse_gbz(command.payload)
        if command.use_case.code in codecs():
            decode_command(command.use_case.code, command.payload)
        answers: list[Component] = []
        ciphered = 0
        for component in request.components:
            answer = self._answer(command, component)
            if command.use_case.encrypted and answer.command != DEFAULT_RESPONSE:
                self._encrypt(command, answer, ciphered)
                ciphered += 1
            answers.append(answer)
        return build_gbz(GbzPayload(answers))

    def _answer(self, command: Command, asked: Component) -> Component:
        if asked.frame_control & _FRAME_TYPE == PROFILE_TO_SERVER:
            if asked.command != READ_ATTRIBUTES:
                return _default_response(asked, Status.UNSUPPORTED_GENERAL_COMMAND)
            records = [self._record(asked.cluster, each) for each in decode_read_attributes(asked.payload)]
            return Component(
                asked.cluster,
                READ_ATTRIBUTES_RESPONSE,
                encode_attribute_records(records),
                frame_control=PROFILE_TO_CLIENT,
                sequence=asked.sequence,
            )
        call = self._commands.get((asked.cluster, bool(asked.frame_control & _FROM_SERVER), asked.command))
        if call is None or asked.frame_control & _FRAME_TYPE != CLUSTER_TO_SERVER:
            return _default_response(asked, Status.UNSUPPORTED_CLUSTER_COMMAND)
        return _default_response(asked, call(command, asked.payload))

    def _record(self, cluster: int, identifier: int) -> AttributeRecord:
        attribute = self._attributes.get((cluster, identifier))
        if attribute is None:
            return AttributeRecord(identifier, Status.UNSUPPORTED_ATTRIBUTE)
        value = attribute.read()
        if isinstance(value, Status):
            return AttributeRecord(identifier, value)
        return AttributeRecord(identifier, Status.SUCCESS, attribute.data_type, value)

    def _encrypt(self, command: Command, answer: Component, number: int) -> None:
        answer.ciphered = replies.encrypt(self._device, command, answer.payload)
        answer.payload = b""
        answer.frame_counter = number
        # Encrypted answers in the reference messages all say that no default response is wanted.
        answer.frame_control |= NO_DEFAULT_RESPONSE


def _default_response(asked: Component, status: Status) -> Component:
    direction = PROFILE_TO_SERVER if asked.frame_control & _FROM_SERVER else PROFILE_TO_CLIENT
    return Component(
        asked.cluster,
        DEFAULT_RESPONSE,
        encode_default_response(asked.command, status),
        frame_control=direction,
        sequence=asked.sequence,
    )
