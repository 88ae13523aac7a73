"""GBZ payloads answered component by component from a device's ZSE attributes and records (gbz.md 1).

Which attributes and commands there are, which use case may bring them, and what answers them in which form
comes from the catalogue (``objects.zse``); what a command does is in ``objects.zse_queries`` and
``objects.zse_settings``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.gbz import Component, GbzPayload, build_gbz, parse_gbz
from protocols.gbcs.zcl import (
    DEFAULT_RESPONSE,
    PROFILE_TO_CLIENT,
    PROFILE_TO_SERVER,
    READ_ATTRIBUTES,
    READ_ATTRIBUTES_RESPONSE,
    AttributeRecord,
    Status,
    decode_read_attributes,
    decode_value,
    encode_attribute_records,
    encode_default_response,
    encode_value,
)
from protocols.gbcs.zcl_fields import UNNAMED_OCTETS, Rules, read_fields, write_fields
from rigs.emulated import replies
from rigs.emulated.objects import dated, one_date, zse_queries, zse_settings
from rigs.emulated.objects.zse import AttributePlace, CommandPlace, ZseObjects, zse_objects

if TYPE_CHECKING:
    from protocols.gbcs.catalogue.elements import GbzElement
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

Value = int | bytes | None
_FRAME_TYPE = 0x03
_FROM_SERVER = 0x08
_OVERLAY = "zcl"
# Statuses that say the device is broken, not the request: nothing after them is tried.
_FAULTS = frozenset((Status.FAILURE, Status.TIMEOUT, Status.HARDWARE_FAILURE, Status.SOFTWARE_FAILURE))
# Default response of what comes after a fault: no command, failure.
_NOT_TRIED = 0xFF


class ZclServer:
    """Attributes and commands of one device: its type's definition, an overlay of values, behaviour."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._reads: dict[AttributePlace, Callable[[], Value | Status]] = {}
        self.checks: dict[CommandPlace, zse_settings.Check] = {}
        self.settings: dict[CommandPlace, zse_settings.Setting] = {}
        self.followers: dict[CommandPlace, list[Callable[[dict[str, Any]], None]]] = {}

    @property
    def objects(self) -> ZseObjects:
        """The definition that the device shares with all of its type."""
        return zse_objects(self._device.description.device_type, self._device.catalogue.version)

    # ------------------------------------------------------------------ building a device

    def attribute(self, cluster: int, number: int, read: Callable[[], Value | Status]) -> None:
        """An attribute computed by the device; a Status where it cannot be read now."""
        self._reads[AttributePlace(cluster, number)] = read

    def before(self, place: CommandPlace, check: zse_settings.Check) -> None:
        """Ask before a command is taken over; a status other than success refuses it."""
        self.checks[place] = check

    def setting(self, place: CommandPlace, carry_out: zse_settings.Setting) -> None:
        """What this device does on a command, in place of what every device does."""
        self.settings[place] = carry_out

    def taking_over(self, place: CommandPlace, follow: Callable[[dict[str, Any]], None]) -> None:
        """Act when a command comes into force, at once or at its date; before its values are taken over."""
        self.followers.setdefault(place, []).append(follow)

    def serves(self, code: str) -> bool:
        """Whether a use case is one of those that the catalogue has for this type of device."""
        return code in self.objects.scopes

    # ------------------------------------------------------------------ values

    def value(self, cluster: int, number: int) -> Value | Status:
        """An attribute's present value: what was put there, what the device computes, or the default."""
        place = AttributePlace(cluster, number)
        attribute = self.objects.attributes.get(place)
        if attribute is None:
            return Status.UNSUPPORTED_ATTRIBUTE
        octets = self._device.storage.get(_OVERLAY, place.key)
        if octets is not None:
            return decode_value(attribute.data_type, octets, 0)[0]
        return self._reads[place]() if place in self._reads else attribute.default()

    def number(self, place: AttributePlace) -> int:
        """The value of an attribute that holds a number."""
        value = self.value(*place)
        return value if isinstance(value, int) else 0

    def put(self, place: AttributePlace, value: Value) -> None:
        """Put a value into the device's store; EncodeError where it is not of the attribute's type."""
        octets = encode_value(self.objects.attributes[place].data_type, value, str(place))
        self._device.storage.put(_OVERLAY, place.key, octets)

    # ------------------------------------------------------------------ answering

    def execute(self, _device: Device, command: Command) -> bytes:
        """Check that the components are the use case's, then answer them in order."""
        request = parse_gbz(command.payload)
        scope = self.objects.scopes[command.use_case.code]
        for each in request.components:
            if not scope.allows(each.cluster, each.frame_control, each.command):
                problem = f"not what {command.use_case.code} is for"
                raise DecodeError(problem, offset=each.offset, path="gbz.components")
        if command.use_case.future_datable:
            one_date.check_zse(request.components)
        answers: list[Component] = []
        broken, ciphered = False, 0
        for component in request.components:
            element = scope.answer(component.cluster, component.frame_control, component.command)
            if broken:
                answers.append(_default_response(component, element, Status.FAILURE, _NOT_TRIED))
                continue
            made, failed = self._answer(command, component, element)
            broken |= failed
            for answer in made:
                if element is not None and element.encrypted and answer.command != DEFAULT_RESPONSE:
                    self._encrypt(command, answer, ciphered)
                    ciphered += 1
                answers.append(answer)
        return build_gbz(GbzPayload(answers))

    def _answer(
        self, command: Command, asked: Component, element: GbzElement | None
    ) -> tuple[list[Component], bool]:
        """Components that answer one, and whether something was broken."""
        if asked.frame_control & _FRAME_TYPE == PROFILE_TO_SERVER:
            if asked.command != READ_ATTRIBUTES:
                return [_default_response(asked, element, Status.UNSUPPORTED_GENERAL_COMMAND)], False
            return self._read(asked, element)
        return self._carry_out(command, asked, element)

    def _read(self, asked: Component, element: GbzElement | None) -> tuple[list[Component], bool]:
        records, broken = [], False
        for number in decode_read_attributes(asked.payload):
            fault = self._device.faults.take(str(AttributePlace(asked.cluster, number)))
            broken = broken or fault in _FAULTS
            records.append(
                self._record(asked.cluster, number) if fault is None else AttributeRecord(number, fault)
            )
        answer = Component(
            asked.cluster,
            READ_ATTRIBUTES_RESPONSE,
            encode_attribute_records(records),
            frame_control=PROFILE_TO_CLIENT if element is None else element.frame_control,
            sequence=asked.sequence,
        )
        return [answer], broken

    def _record(self, cluster: int, number: int) -> AttributeRecord:
        value = self.value(cluster, number)
        if isinstance(value, Status):
            return AttributeRecord(number, value)
        data_type = self.objects.attributes[AttributePlace(cluster, number)].data_type
        return AttributeRecord(number, Status.SUCCESS, data_type, value)

    def _carry_out(
        self, command: Command, asked: Component, element: GbzElement | None
    ) -> tuple[list[Component], bool]:
        place = CommandPlace(asked.cluster, bool(asked.frame_control & _FROM_SERVER), asked.command)
        fault, silent = self._fault(place)
        found: Status | list[dict[str, Any]]
        if fault is None:
            found = self._carried_out(command, asked, element, place)
        elif place in zse_queries.FAULTY and element is not None and not silent:
            found = [zse_queries.FAULTY[place]]
        else:
            self._device.command_log.failed()
            return [_default_response(asked, element, fault)], fault in _FAULTS
        if isinstance(found, Status) and found != Status.SUCCESS:
            self._device.command_log.failed()
        if isinstance(found, Status) or element is None:
            status = found if isinstance(found, Status) else Status.SUCCESS
            return [_default_response(asked, element, status)], False
        return [_component(asked, element, each) for each in found], fault in _FAULTS

    def _fault(self, place: CommandPlace) -> tuple[int | None, bool]:
        """The fault injected into a command, and whether it leaves even its usual failing answer out."""
        fault = self._device.faults.take(str(place))
        if fault is None and place in zse_queries.FAULTY:
            fault = self._device.faults.take(f"{place}/{zse_queries.NO_ANSWER}")
            return fault, True
        return fault, False

    def _carried_out(
        self, command: Command, asked: Component, element: GbzElement | None, place: CommandPlace
    ) -> Status | list[dict[str, Any]]:
        """Named values of the answers, or the status of a default response."""
        definition = zcl_tables().command(place.cluster, place.number, from_server=place.from_server)
        if definition is None:
            return Status.UNSUPPORTED_CLUSTER_COMMAND
        try:
            values = read_fields(definition.fields, asked.payload)
            if UNNAMED_OCTETS in values:
                return Status.MALFORMED_COMMAND
            return self._do(command, asked, element, place, values)
        except DecodeError:
            return Status.MALFORMED_COMMAND
        except EncodeError as error:
            self._device.note(f"{place} refused: {error}")
            return Status.INVALID_VALUE

    def _do(
        self,
        command: Command,
        asked: Component,
        element: GbzElement | None,
        place: CommandPlace,
        values: dict[str, Any],
    ) -> Status | list[dict[str, Any]]:
        query = zse_queries.QUERIES.get(place)
        if query is not None and element is not None:
            answer = CommandPlace(
                element.cluster, bool(element.frame_control & _FROM_SERVER), element.command
            )
            return query(self._device, zse_queries.Asked(values, asked.from_date_time or 0, answer))
        check = self.checks.get(place)
        found: Status | list[dict[str, Any]] = Status.SUCCESS
        if check is not None:
            found = check(self._device, command, values)
        setting = self.settings.get(place) or zse_settings.SETTINGS.get(place)
        if setting is not None and found == Status.SUCCESS:
            found = setting(self._device, command, values)
        if found == Status.SUCCESS or not isinstance(found, Status):
            zse_settings.apply(self._device, place, values, asked.from_date_time)
            dated.arrange_component(self._device, command, asked, place, values)
        return found

    def _encrypt(self, command: Command, answer: Component, number: int) -> None:
        answer.ciphered = replies.encrypt(self._device, command, answer.payload)
        answer.payload = b""
        answer.frame_counter = number


def _component(asked: Component, element: GbzElement, values: dict[str, Any]) -> Component:
    """An answer of the catalogue's form with these values."""
    from_server = bool(element.frame_control & _FROM_SERVER)
    definition = zcl_tables().command(element.cluster, element.command, from_server=from_server)
    fields = definition.fields if definition is not None else []
    return Component(
        element.cluster,
        element.command,
        write_fields(fields, values, "answer", Rules()),
        frame_control=element.frame_control,
        sequence=asked.sequence,
    )


def _default_response(
    asked: Component, element: GbzElement | None, status: int, command: int | None = None
) -> Component:
    direction = PROFILE_TO_SERVER if asked.frame_control & _FROM_SERVER else PROFILE_TO_CLIENT
    if element is not None and element.default_frame_control is not None:
        direction = element.default_frame_control
    return Component(
        asked.cluster,
        DEFAULT_RESPONSE,
        encode_default_response(asked.command if command is None else command, status),
        frame_control=direction,
        sequence=asked.sequence,
    )
