"""Auxiliary controllers of an ESME or SAPC: their log, and the alerts about them (GBCS-ALC-05, GBCS-ALC-07).

``controller=N:stuck`` has one of them not follow any more, ``controller=N:free`` lets it; an operational
update of the device comes by ``operational-update=TEXT``.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, null_data, octet_string, unsigned
from protocols.dlms.date_time import decode_date_time, encode_date_time
from protocols.errors import DecodeError
from rigs.emulated import knobs
from rigs.emulated.auxiliary import Auxiliary, switching
from rigs.emulated.event_rules import EventCode as Code
from rigs.emulated.objects.definition import Place

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

_SECTION, _DUE = "controllers", "level-limit"
_SCRIPTS = 9
_STATE, _LEVEL = "00000A0067FF", "00000A006BFF"
_NUMBERS = range(1, 6)
_NUMBER = 0x0F  # of the octet with number and, for proportional controllers, direction
# Outcomes in the log (dlms.md 7): a switch on the HAN has not answered yet, done, failed.
_ASKED, _DONE, _FAILED = range(3)
_ANSWER = tuple[AccessResult, Data]


def register(device: Device) -> Auxiliary:
    """Methods of the controllers' script tables, as far as the device's type has them, and the knobs."""
    auxiliary = Auxiliary(device)
    for obis, call in ((_STATE, _switch), (_LEVEL, _limit)):
        if Place(_SCRIPTS, bytes.fromhex(obis), 1, is_method=True) in device.cosem.objects.members:
            device.cosem.method(_SCRIPTS, obis, 1, partial(call, device, auxiliary))
    device.due_handlers[_DUE] = partial(_limit_over, auxiliary)
    device.knobs["controller"] = partial(_turn, device)
    device.knobs["operational-update"] = partial(_operational_update, device)
    return auxiliary


def _turn(device: Device, text: str) -> knobs.Answer:
    number, _, state = text.partition(":")
    if int(number) not in _NUMBERS or state not in {"stuck", "free"}:
        raise ValueError("a number from 1 to 5, a colon, stuck or free")
    device.storage.put_json(_SECTION, f"stuck.{int(number)}", state == "stuck")
    return knobs.done(text)


def _switch(device: Device, auxiliary: Auxiliary, command: Command, parameter: Data) -> _ANSWER:
    """ECS47: number and state; an entry in the controllers' log, and 0x811A where nothing moves."""
    if parameter.tag != Tag.LONG_UNSIGNED:
        return AccessResult.TYPE_UNMATCHED, null_data()
    which, state = divmod(int(parameter.value), 256)
    asked = switching(which, state)
    if asked is None:
        return AccessResult.OTHER_REASON, null_data()
    number, command_id = asked.number, command.counter & 0xFFFF_FFFF
    if device.storage.get_json(_SECTION, f"stuck.{number}", default=False):
        other = bytes((which, state, _FAILED)) + command_id.to_bytes(4, "big")
        device.events.record(Code.AUXILIARY_SWITCH_FAILURE, f"controller {number} does not move", other=other)
    elif not auxiliary.command(asked):
        device.events.controlled(which, state, _DONE)
    else:
        # As in the reference log: the HAN command's number is its time.
        device.events.controlled(which, state, _ASKED, int(device.device_clock.now().timestamp()))
    return AccessResult.SUCCESS, null_data()


def _limit(device: Device, auxiliary: Auxiliary, _command: Command, parameter: Data) -> _ANSWER:
    """ECS47e: number and direction, then the level, for the period that was set before (ECS101, ECS102)."""
    if parameter.tag != Tag.LONG_UNSIGNED:
        return AccessResult.TYPE_UNMATCHED, null_data()
    which, level = divmod(int(parameter.value), 256)
    if which & _NUMBER not in _NUMBERS:
        return AccessResult.OTHER_REASON, null_data()
    start, end = (_moment(device, which & _NUMBER, attribute) for attribute in (3, 4))
    now = device.device_clock.now().replace(microsecond=0)
    body = {"which": which, "level": level}
    if end is None or end <= now:
        device.schedule.cancel(f"{_DUE} {which}")
        _limit_over(auxiliary, device, body)
        return AccessResult.SUCCESS, null_data()
    times = [octet_string(encode_date_time(each)) for each in (start or now, end)]
    further = [unsigned(which), *times, unsigned(level)]
    device.events.record(Code.LEVEL_LIMIT_PROCESSED, values={"further": further})
    device.schedule.put(f"{_DUE} {which}", end, _DUE, body)
    auxiliary.limit(which, level, end)
    return AccessResult.SUCCESS, null_data()


def _moment(device: Device, number: int, attribute: int) -> datetime | None:
    place = Place(1, bytes.fromhex(f"00005E2C{0x74 + number:02X}{attribute:02X}"), 2)
    value = device.cosem.value(place)
    try:
        return None if value is None else decode_date_time(value.value).to_datetime()
    except DecodeError:
        return None


def _limit_over(auxiliary: Auxiliary, device: Device, body: dict[str, Any]) -> None:
    """The period is over, or the limit was taken back by one that is over already."""
    auxiliary.limit(body["which"], body["level"], None)
    further = [unsigned(body["which"]), unsigned(body["level"])]
    device.events.record(Code.LEVEL_LIMIT_ENDED, values={"further": further})


def _operational_update(device: Device, text: str) -> knobs.Answer:
    further = [Data(Tag.UTF8_STRING, text.encode())]
    device.events.record(Code.OPERATIONAL_UPDATE, text, values={"further": further})
    return knobs.done(text)
