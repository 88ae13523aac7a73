"""What a GBZ reference reply has that the device's answer lacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hil.replay.wanted import numbered
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
from rigs.emulated.objects.zse_queries import FAULTY, NO_ANSWER, QUERIES, calendar_slot
from rigs.emulated.objects.zse_records import record_key
from rigs.emulated.prepayment.zse_commands import RESULT_TYPE
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
_EVENT_LOG = CommandPlace(0x0709, False, 0x00)
_MODE_ATTRIBUTES = {"Emergency Credit Limit": 0x0010, "Emergency Credit Threshold": 0x0011}

Values = dict[str, Any]


def wanted_gbz(wanted: Wanted, command: Message, ours: Opened | None, theirs: Opened) -> None:
    """Component by component: attributes, records, and the status of what fails."""
    reference = _by_sequence(theirs)
    own = _by_sequence(ours) if ours is not None else {}
    reader = _Reader(wanted)
    components = parse_gbz(command.payload).components
    names = numbered(_name(each) for each in components)
    for component, name in zip(components, names, strict=True):
        answers, mine = reference.get(component.sequence, []), own.get(component.sequence, [])
        if _said(answers) == _said(mine):
            continue
        for at, answer in enumerate(answers):
            same = at < len(mine) and mine[at].command == answer.command
            reader.take(name, component, answer, mine[at] if same else None)
    for key, (where, slot, found) in reader.records.items():
        wanted.give(key, found, partial(_put_records, where, slot, found))


class _Reader:
    """Collects what components of the reply say."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self.records: dict[str, tuple[CommandPlace, str, list[Values]]] = {}

    def take(self, name: str, asked: Component, answer: Component, mine: Component | None) -> None:
        """One component of the reply to the command ``name``; ``mine`` is the device's of the same form."""
        profile_wide = not answer.frame_control & _CLUSTER_COMMAND
        if profile_wide and answer.command == DEFAULT_RESPONSE:
            code, status = decode_default_response(answer.payload)
            if status != Status.SUCCESS and code != _NOT_TRIED:
                element = _part(name, NO_ANSWER) if _place(asked) in FAULTY else name
                self._wanted.refuse(element, status)
        elif profile_wide and answer.command == READ_ATTRIBUTES_RESPONSE:
            self._attributes(answer, mine)
        else:
            self._values(name, asked, answer, mine)

    def _attributes(self, answer: Component, mine: Component | None) -> None:
        held = [] if mine is None else decode_attribute_records(mine.payload)
        for record in decode_attribute_records(answer.payload):
            place = AttributePlace(answer.cluster, record.attribute)
            if record in held:
                continue
            if record.status == Status.SUCCESS:
                self._wanted.give(str(place), record.value, partial(_put_attribute, place, record.value))
            else:
                self._wanted.refuse(str(place), record.status)

    def _values(self, name: str, asked: Component, answer: Component, mine: Component | None) -> None:
        place, where = _place(asked), _place(answer)
        said, request = _fields(answer), _fields(asked)
        held = None if mine is None else _fields(mine)
        if said is None or request is None:
            self._wanted.why.append(f"no fields known for {name}")
        elif place in FAULTY and said == FAULTY[place]:
            self._wanted.refuse(name, Status.HARDWARE_FAILURE)
        elif place == _TOP_UP:
            _top_up(self._wanted, name, where, said, held)
        elif place == _PAYMENT_MODE:
            _payment_mode(self._wanted, said)
        elif place in QUERIES and place not in FAULTY and not _same_entries(said, held):
            self._record(place, where, request, said)
        else:
            _answer(self._wanted, where, said, held)

    def _record(self, place: CommandPlace, where: CommandPlace, request: Values, said: Values) -> None:
        slot, found = _slot(place, request), _entries(said)
        held = self.records.setdefault(record_key(where, slot), (where, slot, []))[2]
        # One that is asked for by its place in the log has others before it; what they are nobody asked.
        missing = request.get("Snapshot Offset", 0) - len(held)
        held += found[:1] * missing + found


def _by_sequence(opened: Opened) -> dict[int, list[Component]]:
    found: dict[int, list[Component]] = {}
    for each in opened.gbz.components if opened.gbz is not None else ():
        found.setdefault(each.sequence, []).append(each)
    return found


def _said(components: list[Component]) -> list[tuple[int, bytes]]:
    return [(each.command, each.payload) for each in components]


def _place(component: Component) -> CommandPlace:
    return CommandPlace(component.cluster, bool(component.frame_control & _FROM_SERVER), component.command)


def _name(component: Component) -> str:
    """What faults call a command; reading attributes is none, and its number would be taken for one's."""
    cluster_command = component.frame_control & _CLUSTER_COMMAND
    return str(_place(component)) if cluster_command else f"{component.cluster:04X} read"


def _part(name: str, part: str) -> str:
    """Name of a part of what an element does: its number stays last."""
    element, mark, number = name.partition("#")
    return f"{element}/{part}{mark}{number}"


def _entries(said: Values) -> list[Values]:
    """Records as a device keeps them: a log of events or a report has one for each entry."""
    lists = (said[name] for name in ("Log Entries", "Event Configuration Entries") if name in said)
    found: list[Values] = next(lists, [said])
    return found


def _same_entries(said: Values, mine: Values | None) -> bool:
    """Whether two answers list the same, and differ in what they say of it."""
    lists = [name for name, value in said.items() if isinstance(value, list)]
    return mine is not None and bool(lists) and all(said[name] == mine.get(name) for name in lists)


def _slot(place: CommandPlace, request: Values) -> str:
    if place == _EVENT_LOG:
        return f"{request['Event Control / Log ID'] & 0x0F}"
    calendar = request.get("Issuer Calendar ID")
    return calendar_slot(calendar) if calendar is not None else ""


def _top_up(wanted: Wanted, name: str, where: CommandPlace, said: Values, mine: Values | None) -> None:
    if mine is None or said["Result Type"] != mine["Result Type"]:
        wanted.refuse(_part(name, RESULT_TYPE), said["Result Type"])
    elif said["Credit Remaining"] != mine["Credit Remaining"] and not said["Result Type"]:
        before = said["Credit Remaining"] - mine["Top Up Value"]
        wanted.give(str(CREDIT), before, partial(_put_attribute, CREDIT, before))
    else:
        _answer(wanted, where, said, mine)


def _answer(wanted: Wanted, where: CommandPlace, said: Values, mine: Values | None) -> None:
    """What the answer to a command says and the device would not, whatever stood in its store."""
    other = [name for name, value in said.items() if mine is not None and value != mine.get(name)]
    if other:
        wanted.why.append(f"{where} answers otherwise: {', '.join(other)}")


def _payment_mode(wanted: Wanted, said: Values) -> None:
    for name, number in _MODE_ATTRIBUTES.items():
        place = AttributePlace(0x0705, number)
        wanted.give(str(place), said[name], partial(_put_attribute, place, said[name]))
    friendly = {name: value for name, value in said.items() if name not in _MODE_ATTRIBUTES}
    where = CommandPlace(0x0705, True, 0x02)
    wanted.give(str(where), friendly, partial(_put_records, where, "", [friendly]))


def _fields(component: Component) -> Values | None:
    place = _place(component)
    known = zcl_tables().command(place.cluster, place.number, from_server=place.from_server)
    return None if known is None else read_fields(known.fields, component.payload)


def _put_attribute(place: AttributePlace, value: Any, device: Device) -> None:
    # What a device of this type has no place for, its answer will lack, and the result says so.
    if place in device.zcl.objects.attributes:
        device.zcl.put(place, value)


def _put_records(place: CommandPlace, slot: str, records: list[Values], device: Device) -> None:
    device.records.put(place, records, slot)
