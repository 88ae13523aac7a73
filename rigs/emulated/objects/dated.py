"""Commands to be carried out later: stored, replaced, cancelled, done at their time (GBCS 9.2.2.7).

Each instruction of a command (an activation date of an object, a dated component) is work of its own, and
when it is done its sender is told by an alert of its own: 0x8F66 done, 0x8F67 failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import Data, Tag, array
from protocols.dlms.date_time import NEVER, NOW, decode_date_time
from protocols.errors import DecodeError
from protocols.eui64 import Eui64
from protocols.gbcs.gbz import to_datetime
from rigs.emulated.event_rules import EventCode
from rigs.emulated.objects import zse_settings
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.passive import pairs
from rigs.emulated.objects.zse import CommandPlace
from rigs.emulated.schedule import work_name

if TYPE_CHECKING:
    from datetime import datetime

    from protocols.gbcs.gbz import Component
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_COSEM, _ZSE = "cosem activation", "zse command"
_DLMS_ALERT, _GBZ_ALERT = 0x00CC, 0x00CD
_GBZ_NEVER = 0xFFFF_FFFF


def register_cosem(device: Device) -> None:
    """Work that waits for activation dates of COSEM objects."""
    device.due_handlers[_COSEM] = _activate_dated


def register_zse(device: Device) -> None:
    """Dated cluster commands."""
    device.due_handlers[_ZSE] = _apply_dated


# ---------------------------------------------------------------------- COSEM


def date_set(device: Device, command: Command, place: Place, when: Data) -> None:
    """An activation date was set: take over now, forget what waits, or wait."""
    if when.value == NOW:
        activate(device, place)
        return
    body = {"class_id": place.class_id, "obis": place.obis.hex(), "member": place.number}
    due = None if when.value == NEVER else _moment(when.value)
    _arrange(device, command, str(place), due, (_COSEM, body))


def _moment(octets: bytes) -> datetime | None:
    try:
        return decode_date_time(octets).to_datetime()
    except DecodeError:
        return None


def activate(device: Device, place: Place) -> None:
    """Passive values that belong to a date, as far as they were ever set, become the active ones."""
    for passive, active in pairs(device.cosem.objects, place):
        value = device.cosem.value(passive)
        if value is None or not device.cosem.was_put(passive):
            continue
        before = device.cosem.value(active)
        if before is not None and before.tag == Tag.ARRAY and value.tag != Tag.ARRAY:
            value = array([value])
        device.cosem.put(active, value)
    for heard in device.cosem.activated:
        heard(place)


def _activate_dated(device: Device, body: dict[str, Any]) -> None:
    place = Place(body["class_id"], bytes.fromhex(body["obis"]), body["member"])
    failed = device.fault(str(place)) is not None
    if not failed:
        activate(device, place)
    values = {"class_id": place.class_id, "obis": place.obis, "member": place.number}
    _tell(device, body, _DLMS_ALERT, values, failed=failed)


# ---------------------------------------------------------------------- ZSE


def arrange_component(
    device: Device, command: Command, component: Component, place: CommandPlace, values: dict[str, Any]
) -> None:
    """Store or cancel a dated component; one that applies now is not dated."""
    moment = zse_settings.moment_of(values, component.from_date_time)
    if not moment or not command.use_case.future_datable or _ZSE not in device.due_handlers:
        return
    body = {
        "cluster": place.cluster,
        "from_server": place.from_server,
        "command": place.number,
        "frame_control": component.frame_control,
        "values": values,
    }
    due = None if moment == _GBZ_NEVER else to_datetime(moment)
    _arrange(device, command, str(place), due, (_ZSE, body))


def _apply_dated(device: Device, body: dict[str, Any]) -> None:
    place = CommandPlace(body["cluster"], body["from_server"], body["command"])
    failed = device.fault(str(place)) is not None
    if not failed:
        zse_settings.take_over(device, place, body["values"])
    values = {name: body[name] for name in ("cluster", "frame_control", "command")}
    _tell(device, body, _GBZ_ALERT, values, failed=failed)


# ---------------------------------------------------------------------- both


def _arrange(
    device: Device, command: Command, element: str, due: datetime | None, work: tuple[str, dict[str, Any]]
) -> None:
    """Store work under its element, in place of what waits there; without a date only forget that."""
    kind, body = work
    name = work_name(command.role, f"{kind} {element}")
    if due is None:
        if device.schedule.cancel(name):
            device.note(f"{element}: dated change cancelled")
        return
    sender = {
        "party": str(command.originator),
        "message_code": command.header.message_code,
        "counter": command.counter,
    }
    device.schedule.put(name, due, kind, {**body, **sender})
    device.command_log.dated()
    device.note(f"{element}: change stored for {due:%Y-%m-%dT%H:%M:%SZ}")


def _tell(
    device: Device, body: dict[str, Any], message_code: int, instruction: dict[str, Any], *, failed: bool
) -> None:
    code = EventCode.FUTURE_DATED_FAILED if failed else EventCode.FUTURE_DATED_DONE
    command_code: int = body["message_code"]
    counter: int = body["counter"]
    # By example in the reference logs: message code and counter (devices.md 7).
    device.events.record(code, other=command_code.to_bytes(2, "big") + counter.to_bytes(8, "big")[-6:])
    values = {
        "command_message_code": command_code,
        "command_originator_counter": counter,
        **instruction,
    }
    device.events.send(code, Eui64(body["party"]), message_code=message_code, values=values)
