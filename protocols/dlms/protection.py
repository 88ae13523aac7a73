"""Protected reads through class 30 objects: the command's parameter and the protected answer (GBCS 8.3.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    enum,
    integer,
    long_unsigned,
    null_data,
    octet_string,
    structure,
)
from protocols.errors import DecodeError

if TYPE_CHECKING:
    from protocols.dlms.access import AccessResponse
    from protocols.dlms.notification import DataNotification

DATA_PROTECTION_CLASS = 30
GET_PROTECTED_ATTRIBUTES = 1
# First octet of the transaction id in protection parameters, where a message has its CRA flag.
_ENCRYPTION_FLAG = b"\x04"
_AUTHENTICATION_AND_ENCRYPTION = 2
_AGREED_KEY = 2


class ProtectionParameters(NamedTuple):
    """Who protects for whom: 8-octet EUI-64s and the Originator Counter."""

    counter: int
    originator: bytes
    recipient: bytes


class ProtectedBlock(NamedTuple):
    """A ciphered block with its protection parameters; ``offset`` is where the block's first octet stands."""

    parameters: ProtectionParameters
    block: bytes
    offset: int


def protection_parameters(parameters: ProtectionParameters) -> Data:
    """The array of one that stands in the command and, with the parties swapped, in the answer."""
    agreed_key = structure(octet_string(b"\x02"), octet_string(b""))
    return array(
        [
            structure(
                enum(_AUTHENTICATION_AND_ENCRYPTION),
                structure(
                    octet_string(_ENCRYPTION_FLAG + parameters.counter.to_bytes(8, "big")),
                    octet_string(parameters.originator),
                    octet_string(parameters.recipient),
                    octet_string(b""),
                    structure(enum(_AGREED_KEY), agreed_key),
                ),
            )
        ]
    )


def unrestricted_attribute(class_id: int, obis: bytes, attribute: int) -> Data:
    """The array of one that names the attribute to read, without a restriction by date."""
    return array(
        [
            structure(
                long_unsigned(class_id),
                octet_string(obis),
                integer(attribute),
                long_unsigned(0),
                structure(enum(0), null_data()),
            )
        ]
    )


def read_protection_parameters(data: Data) -> ProtectionParameters:
    """The parties and the counter; DecodeError where ``data`` is not what ``protection_parameters`` makes."""
    found = _parties(data)
    # One layout is in use, so that what was found has to give the same data again.
    if found is None or protection_parameters(found) != data:
        raise DecodeError("not the usual protection parameters", offset=data.offset, path="protection")
    return found


def _parties(data: Data) -> ProtectionParameters | None:
    try:
        transaction, originator, recipient = (item.value for item in data.value[0].value[1].value[:3])
        if not isinstance(originator, bytes) or not isinstance(recipient, bytes):
            return None  # a number here must not become as many octets
        return ProtectionParameters(int.from_bytes(transaction[1:9], "big"), originator, recipient)
    except (TypeError, IndexError, AttributeError, ValueError):
        return None


def read_protected(data: Data) -> ProtectedBlock:
    """The protected answer in a response's data item; DecodeError where it is none."""
    if data.tag != Tag.STRUCTURE or len(data.value) != 2 or data.value[1].tag != Tag.OCTET_STRING:
        problem = "not a structure of protection parameters and ciphered block"
        raise DecodeError(problem, offset=data.offset, path="protected")
    return _block(data.value[0], data.value[1])


def _block(parameters: Data, block: Data) -> ProtectedBlock:
    found = read_protection_parameters(parameters)
    return ProtectedBlock(found, block.value, block.end - len(block.value))


def response_blocks(response: AccessResponse) -> list[ProtectedBlock]:
    """Every ciphered block in a response; data items that are something else are passed over."""
    return [block for item in response.data for block in _look(item)]


def notification_blocks(notification: DataNotification) -> list[ProtectedBlock]:
    """The ciphered block of an alert whose last two elements are protection parameters and block."""
    elements = notification.body.value
    if notification.body.tag != Tag.STRUCTURE or len(elements) < 2 or elements[-1].tag != Tag.OCTET_STRING:
        return []
    try:
        return [_block(elements[-2], elements[-1])]
    except DecodeError:
        return []


def _look(item: Data) -> list[ProtectedBlock]:
    try:
        return [read_protected(item)]
    except DecodeError:
        return []
