"""Data Protection objects: attributes that leave encrypted for their reader (dlms.md 4; GBCS 8.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.dlms.access import AccessResult
from protocols.dlms.axdr import Data, Tag, encode_data, null_data, octet_string, structure
from protocols.dlms.protection import (
    DATA_PROTECTION_CLASS,
    GET_PROTECTED_ATTRIBUTES,
    ProtectionParameters,
    protection_parameters,
    read_protection_parameters,
)
from protocols.errors import DecodeError
from rigs.emulated import replies
from rigs.emulated.objects.definition import Place
from rigs.emulated.objects.selection import in_window, window

if TYPE_CHECKING:
    from rigs.emulated.command import Command
    from rigs.emulated.device import Device

CLASS = DATA_PROTECTION_CLASS
_BY_DATE = 1


def read(device: Device, command: Command, place: Place, parameter: Data) -> tuple[AccessResult, Data]:
    """Method get_protected_attributes: a structure of the values asked for, encrypted for the reader."""
    failed = AccessResult.OTHER_REASON, null_data()
    if place.number != GET_PROTECTED_ATTRIBUTES:
        return failed
    if parameter.tag != Tag.STRUCTURE or len(parameter.value) != 2:
        return failed
    asked, parties = parameter.value[0], read_protection_parameters(parameter.value[1])
    # An unknown remote party's request names that party, or the Access Control Broker that passes it on.
    readers = {command.header.supplementary_remote_party_id, command.originator}
    if (parties.counter, parties.recipient) != (command.counter, device.eui64):
        return failed
    if parties.originator not in readers:
        return failed
    allowed = _readable(device, command, place)
    values = []
    for entry in asked.value:
        where, restriction = attribute_asked(entry)
        value = device.cosem.value(where) if where in allowed else None
        if value is None:
            return AccessResult.OBJECT_UNDEFINED, null_data()
        values.append(_restricted(value, restriction))
    block = replies.encrypt(device, command, encode_data(structure(*values)))
    # The reference reply to an unknown party names the broker here, whatever the request named.
    answered = ProtectionParameters(command.counter, device.eui64, command.originator)
    protection = protection_parameters(answered)
    return AccessResult.SUCCESS, structure(protection, octet_string(block))


def _readable(device: Device, command: Command, place: Place) -> set[Place]:
    return {
        Place(each.class_id, each.obis, each.number)
        for element in device.cosem.objects.scopes[command.use_case.code]
        if (element.class_id, element.obis) == (place.class_id, place.obis)
        for each in element.protected
    }


def attribute_asked(entry: Data) -> tuple[Place, Data]:
    """One entry of the list of protected attributes: which one, and the restriction of its entries."""
    if entry.tag != Tag.STRUCTURE or len(entry.value) != 5:
        raise DecodeError("not an attribute's description", offset=entry.offset, path="attributes")
    class_id, obis, member = (element.value for element in entry.value[:3])
    if not isinstance(class_id, int) or not isinstance(obis, bytes) or not isinstance(member, int):
        raise DecodeError("not class, OBIS code and number", offset=entry.offset, path="attributes")
    return Place(class_id, obis, member), entry.value[4]


def _restricted(value: Data, restriction: Data) -> Data:
    if restriction.tag != Tag.STRUCTURE or len(restriction.value) != 2:
        raise DecodeError("not a restriction", offset=restriction.offset, path="attributes.restriction")
    kind, limits = restriction.value
    if kind.value != _BY_DATE:
        return value
    if limits.tag != Tag.STRUCTURE or [each.tag for each in limits.value] != [Tag.OCTET_STRING] * 2:
        raise DecodeError("not a range of dates", offset=limits.offset, path="attributes.restriction")
    return in_window(value, window(*(each.value for each in limits.value)))
