"""What a GBZ reference reply has that the device's answer lacks."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.zcl import (
    DEFAULT_RESPONSE,
    READ_ATTRIBUTES_RESPONSE,
    Status,
    decode_attribute_records,
    decode_default_response,
)
from protocols.gbcs.zcl_fields import read_fields
from rigs.emulated.objects.zse import AttributePlace, CommandPlace
from rigs.emulated.objects.zse_queries import FAULTY, QUERIES, calendar_slot
from rigs.emulated.objects.zse_records import record_key
from rigs.emulated.prepayment.zse_side import CREDIT

if TYPE_CHECKING:
    from hil.replay.compare import Opened
    from hil.replay.wanted import Wanted
    from protocols.gbcs.gbz import Component
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device

_CLUSTER_COMMAND, _FROM_SERVER = 0x01, 0x08
_NOT_TRIED = 0xFF
_TOP_UP, _PAYMENT_MODE = CommandPlace(0x0705, False, 0x04), CommandPlace(0x0705, False, 0x06)
_MODE_ATTRIBUTES = {"Emergency Credit Limit": 0x0010, "Emergency Credit Threshold": 0x0011}


def wanted_gbz(wanted: Wanted, command: Message, ours: Opened | None, theirs: Opened) -> None:
    """Component by component: attributes, records, and the status of what fails."""
    reference = _by_sequence(theirs)
    own = _by_sequence(ours) if ours is not None else {}
    reader = _Reader(wanted)
    seen: Counter[str] = Counter()
    for component in parse_gbz(command.payload).components:
        place = _place(component)
        number = seen[str(place)]
        seen[str(place)] += 1
        answers = reference.get(component.sequence, [])
        if _said(answers) != _said(own.get(component.sequence, [])):
            reader.name = str(place) + (f"#{number}" if number else "")
            for answer in answers:
                reader.take(component, place, answer)
    for key, (where, slot, found) in reader.records.items():
        wanted.give(key, found, partial(_put_records, where, slot, found))


class _Reader:
    """Collects what components of the reply say; ``name`` is the command that the present one answers."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.name = ""
        self.records: dict[str, tuple[CommandPlace, str, list[dict[str, Any]]]] = {}

    def take(self, asked: Component, place: CommandPlace, answer: Component) -> None:
        """One component of the reply."""
        profile_wide = not answer.frame_control & _CLUSTER_COMMAND
        if profile_wide and answer.command == DEFAULT_RESPONSE:
            code, status = decode_default_response(answer.payload)
            if status != Status.SUCCESS and code != _NOT_TRIED:
                self._wanted.refuse(self.name, status)
        elif profile_wide and answer.command == READ_ATTRIBUTES_RESPONSE:
            self._attributes(answer)
        else:
            self._values(asked, place, answer)

    def _attributes(self, answer: Component) -> None:
        for record in decode_attribute_records(answer.payload):
            place = AttributePlace(answer.cluster, record.attribute)
            if record.status == Status.SUCCESS:
                self._wanted.give(str(place), record.value, partial(_put_attribute, place, record.value))
            else:
                self._wanted.refuse(str(place), record.status)

    def _values(self, asked: Component, place: CommandPlace, answer: Component) -> None:
        said, request = _fields(answer), _fields(asked)
        if said is None or request is None:
            self._wanted.why.append(f"no fields known for {self.name}")
        elif place in FAULTY and said == FAULTY[place]:
            self._wanted.refuse(self.name, Status.HARDWARE_FAILURE)
        elif place == _TOP_UP:
            _top_up(self._wanted, self.name, said)
        elif place == _PAYMENT_MODE:
            _payment_mode(self._wanted, said)
        elif place in QUERIES:
            where, slot = _place(answer), _slot(request)
            for entry, kept in _kept(where, said, slot):
                self.records.setdefault(record_key(where, kept), (where, kept, []))[2].append(entry)


def _by_sequence(opened: Opened) -> dict[int, list[Component]]:
    found: dict[int, list[Component]] = {}
    for each in opened.gbz.components if opened.gbz is not None else ():
        found.setdefault(each.sequence, []).append(each)
    return found


def _said(components: list[Component]) -> list[tuple[int, bytes]]:
    return [(each.command, each.payload) for each in components]


def _place(component: Component) -> CommandPlace:
    return CommandPlace(component.cluster, bool(component.frame_control & _FROM_SERVER), component.command)


def _kept(where: CommandPlace, said: dict[str, Any], slot: str) -> list[tuple[dict[str, Any], str]]:
    """Records as a device keeps them: a log or a report has one for each entry."""
    if where == CommandPlace(0x0709, True, 0x01):
        return [(each, f"{each['Log ID']}") for each in said["Log Entries"]]
    if where == CommandPlace(0x0708, False, 0x04):
        return [(each, "") for each in said["Event Configuration Entries"]]
    return [(said, slot)]


def _slot(request: dict[str, Any]) -> str:
    calendar = request.get("Issuer Calendar ID")
    return calendar_slot(calendar) if calendar is not None else ""


def _top_up(wanted: Wanted, name: str, said: dict[str, Any]) -> None:
    if said["Result Type"]:
        wanted.refuse(name, said["Result Type"])
        return
    before = said["Credit Remaining"] - said["Top Up Value"]
    wanted.give(str(CREDIT), before, partial(_put_attribute, CREDIT, before))


def _payment_mode(wanted: Wanted, said: dict[str, Any]) -> None:
    for name, number in _MODE_ATTRIBUTES.items():
        place = AttributePlace(0x0705, number)
        wanted.give(str(place), said[name], partial(_put_attribute, place, said[name]))
    friendly = {name: value for name, value in said.items() if name not in _MODE_ATTRIBUTES}
    where = CommandPlace(0x0705, True, 0x02)
    wanted.give(str(where), friendly, partial(_put_records, where, "", [friendly]))


def _fields(component: Component) -> dict[str, Any] | None:
    place = _place(component)
    known = zcl_tables().command(place.cluster, place.number, from_server=place.from_server)
    return None if known is None else read_fields(known.fields, component.payload)


def _put_attribute(place: AttributePlace, value: Any, device: Device) -> None:
    device.zcl.put(place, value)


def _put_records(place: CommandPlace, slot: str, records: list[dict[str, Any]], device: Device) -> None:
    device.records.put(place, records, slot)
