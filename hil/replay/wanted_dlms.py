"""What a DLMS reference reply has that the device's answer lacks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from hil.replay.wanted import numbered
from protocols.dlms.access import AccessResult, SpecKind, parse_access_request
from protocols.dlms.axdr import Data, Tag, encode_data
from protocols.dlms.protection import DATA_PROTECTION_CLASS
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.protected import attribute_asked

if TYPE_CHECKING:
    from hil.replay.compare import Opened
    from hil.replay.wanted import Wanted
    from protocols.dlms.access import AccessSpecification
    from protocols.gbcs.message import Message
    from rigs.emulated.device import Device

_AFTER_A_FAULT = AccessResult.OTHER_REASON
_FAULTS = (AccessResult.HARDWARE_FAULT, AccessResult.TEMPORARY_FAILURE)


def wanted_dlms(wanted: Wanted, command: Message, ours: Opened | None, theirs: Opened) -> None:
    """Item by item: attributes' values, and results of those that fail."""
    request, reference = parse_access_request(command.payload), theirs.dlms
    assert reference is not None
    own = ours.dlms if ours is not None else None
    names = numbered(str(_place(each)) for each in request.specifications)
    broken = False
    for at, (asked, item) in enumerate(zip(request.specifications, request.data, strict=True)):
        if at >= len(reference.results):
            return
        result, data = reference.results[at][1], reference.data[at]
        mine = None
        if own is not None and at < len(own.results):
            mine = (own.results[at][1], own.data[at])
        if mine == (result, data) or (broken and result == _AFTER_A_FAULT):
            continue
        if result != AccessResult.SUCCESS:
            wanted.refuse(names[at], result)
            broken = broken or result in _FAULTS
        elif data.tag != Tag.NULL_DATA:
            _give(wanted, asked, item, data)


def _place(asked: AccessSpecification) -> Place:
    return Place(asked.class_id, asked.obis, asked.member, asked.kind is SpecKind.ACTION)


def _give(wanted: Wanted, asked: AccessSpecification, item: Data, data: Data) -> None:
    if asked.class_id != DATA_PROTECTION_CLASS:
        _put(wanted, _place(asked), data)
        return
    values = data.value[1].value
    for entry, value in zip(item.value[0].value, values, strict=False):
        where, _restriction = attribute_asked(entry)
        _put(wanted, where, value)


def _put(wanted: Wanted, place: Place, data: Data) -> None:
    wanted.give(str(place), encode_data(data), partial(_to_store, place, data))


def _to_store(place: Place, data: Data, device: Device) -> None:
    device.cosem.put(place, data)
