"""Selective access and Data Protection in DLMS messages as named values.

What follows from the header (who protects for whom, with which counter) is not repeated. Where a message
deviates, ``protection`` has counter, originator and recipient. Without the key an answer is one octet string,
``ciphered``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import (
    Data,
    Tag,
    array,
    encode_data,
    enum,
    integer,
    long_unsigned,
    null_data,
    octet_string,
    parse_data,
    structure,
)
from protocols.dlms.protection import (
    ProtectionParameters,
    protection_parameters,
    read_protected,
    read_protection_parameters,
)
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named.dlms_leaves import (
    build_unnamed,
    decode_leaf,
    hex_octets,
    is_unnamed,
    unnamed,
)
from protocols.gbcs.named.dlms_nodes import build_members, build_node, check_keys, clause_of, decode_node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocols.gbcs.catalogue.elements import DlmsElement, DlmsNode
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.named.dlms_nodes import See

    Open = Callable[[bytes], bytes]

CIPHERED, PROTECTION = "ciphered", "protection"
RANGE_DESCRIPTOR = 1
_PROTECTION_CLAUSE = "GBCS 8.3.5"
_LARGEST_COUNTER = 0xFFFF_FFFF_FFFF_FFFF
# The clock that restricts a range of log entries: class 1, 0-0:94.44.100.255, attribute 2.
_RESTRICTING_OBJECT = structure(
    long_unsigned(1), octet_string(bytes.fromhex("00005E2C64FF")), integer(2), long_unsigned(0)
)
_ALL_VALUES = array(())
_NO_DATES = structure(enum(0), null_data())


def decode_range(node: DlmsNode, selection: Data, path: str, see: See | None) -> dict[str, Any] | None:
    """First and last time of a range descriptor; None where it is none."""
    parts = selection.value
    if selection.tag != Tag.STRUCTURE or len(parts) != 4:
        return None
    if parts[0] != _RESTRICTING_OBJECT or parts[3] != _ALL_VALUES:
        return None
    pairs = zip(node.of, parts[1:3], strict=True)
    return {each.key: decode_node(each, item, f"{path}.{each.key}", see) for each, item in pairs}


def build_range(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    """Range descriptor from first and last time."""
    first, last = build_members(node.of, value, path, strict=strict)
    return structure(_RESTRICTING_OBJECT, first, last, _ALL_VALUES)


def decode_parameter(
    element: DlmsElement, data: Data, header: GroupingHeader, see: See | None
) -> dict[str, Any] | None:
    """Restriction dates, and protection where it deviates; None where the parameter is another."""
    if data.tag != Tag.STRUCTURE:
        return None
    try:
        asked, parameters = data.value
        restrictions = [
            _restriction(one, each) for one, each in zip(asked.value, element.protected, strict=True)
        ]
        protection = read_protection_parameters(parameters)
    except (TypeError, ValueError, AttributeError):
        return None
    if asked.tag != Tag.ARRAY or any(each is None or each != restrictions[0] for each in restrictions):
        return None
    values: dict[str, Any] = {}
    dates = restrictions[0]
    given = element.given.of if element.given is not None else []
    if dates:
        if len(given) != 2:
            return None
        for node, date in zip(given, dates, strict=True):
            values[node.key] = decode_leaf(node, date)
            if see is not None:
                see(node, f"{element.key}.{node.key}", values[node.key], date.offset, date.end)
    if protection != _usual(header):
        values[PROTECTION] = _protection_values(protection)
    return values


def _restriction(asked: Data, element: DlmsElement) -> list[Data] | None:
    """Dates that restrict one attribute: none or two."""
    if asked.tag != Tag.STRUCTURE or len(asked.value) != 5:
        return None
    if asked.value[:4] != _attribute(element):
        return None
    restriction = asked.value[4]
    if restriction == _NO_DATES:
        return []
    if restriction.tag != Tag.STRUCTURE or len(restriction.value) != 2 or restriction.value[0] != enum(1):
        return None
    dates: list[Data] = restriction.value[1].value
    if restriction.value[1].tag != Tag.STRUCTURE or [each.tag for each in dates] != [Tag.OCTET_STRING] * 2:
        return None
    return dates


def _attribute(element: DlmsElement) -> list[Data]:
    return [
        long_unsigned(element.class_id),
        octet_string(element.obis),
        integer(element.number),
        long_unsigned(0),
    ]


def build_parameter(element: DlmsElement, value: Any, header: GroupingHeader, *, strict: bool) -> Data:
    """Parameter of ``get_protected_attributes``."""
    given = element.given.of if element.given is not None else []
    values = check_keys(value, [each.key for each in given], element.key, given, (PROTECTION,))
    restriction = _NO_DATES
    if given and (strict or any(each.key in values for each in given)):
        dates = build_members(given, value, element.key, strict=strict, further=(PROTECTION,))
        restriction = structure(enum(1), structure(*dates))
    asked = [structure(*_attribute(each), restriction) for each in element.protected]
    return structure(array(asked), _build_protection(values, header, element.key, strict=strict))


def decode_answer(
    key: str,
    inside: Sequence[tuple[str, DlmsNode]],
    data: Data,
    header: GroupingHeader,
    *,
    decrypt: Open | None,
    see: See | None,
) -> dict[str, Any]:
    """Protected answer: the values inside by key, or ``ciphered``."""
    try:
        found = read_protected(data)
    except DecodeError:
        return unnamed(data)
    plaintext = None if decrypt is None else _plaintext(found.block, decrypt, len(inside))
    if plaintext is None:
        values: dict[str, Any] = {CIPHERED: found.block.hex().upper()}
        if see is not None:
            end = found.offset + len(found.block)
            see(inside[0][1], f"{key}.{CIPHERED}", values[CIPHERED], found.offset, end)
    else:
        inner = None if see is None else partial(see, plaintext=True)
        values = {
            name: decode_node(node, item, name, inner)
            for (name, node), item in zip(inside, plaintext, strict=True)
        }
    if found.parameters != _usual(header):
        values[PROTECTION] = _protection_values(found.parameters)
    return values


def _plaintext(block: bytes, decrypt: Open, count: int) -> list[Data] | None:
    """Values in a block; None where it does not open or holds something else."""
    try:
        octets = decrypt(block)
        inner, end = parse_data(octets)
    except DecodeError:
        return None
    if end != len(octets) or inner.tag != Tag.STRUCTURE or len(inner.value) != count:
        return None
    items: list[Data] = inner.value
    return items


def build_answer(
    key: str,
    inside: Sequence[tuple[str, DlmsNode]],
    value: Any,
    header: GroupingHeader,
    encrypt: Open | None,
    *,
    strict: bool,
) -> Data:
    """Protected answer from the values inside, or from ``ciphered``."""
    if is_unnamed(value):
        return build_unnamed(value, key, strict=strict)
    values = check_keys(value, [name for name, _ in inside], key, (), (CIPHERED, PROTECTION))
    protection = _build_protection(values, header, key, strict=strict)
    if CIPHERED in values:
        if any(name in values for name, _ in inside):
            raise EncodeError(
                "either ciphered or the values themselves",
                element=f"{key}.{CIPHERED}",
                clause=_PROTECTION_CLAUSE,
            )
        return structure(protection, octet_string(_hex(values[CIPHERED], f"{key}.{CIPHERED}")))
    plaintext = encode_data(Data(Tag.STRUCTURE, _build_inside(inside, values, strict=strict)))
    if encrypt is None:
        raise EncodeError(
            "without a key only ciphered octets can stand here", element=key, clause=_PROTECTION_CLAUSE
        )
    return structure(protection, octet_string(encrypt(plaintext)))


def _build_inside(inside: Sequence[tuple[str, DlmsNode]], values: Any, *, strict: bool) -> list[Data]:
    found = []
    for name, node in inside:
        if name not in values:
            raise EncodeError("the value is missing", element=name, clause=clause_of(node))
        found.append(build_node(node, values[name], name, strict=strict))
    return found


def _usual(header: GroupingHeader) -> ProtectionParameters:
    """Who protects for whom, as the header says: reader to device in commands, the other way in answers.

    A command for an unknown remote party names that party; the answer names its own target, the broker.
    """
    originator, target = header.business_originator_id, header.business_target_id
    if header.cra_flag is CraFlag.COMMAND:
        originator = header.supplementary_remote_party_id or originator
    return ProtectionParameters(header.originator_counter, bytes(originator), bytes(target))


def _is_allowed(found: ProtectionParameters, header: GroupingHeader) -> bool:
    """Whether parties and counter are the header's, the supplementary ones included."""
    usual = _usual(header)
    party = header.supplementary_remote_party_id
    others = set() if party is None else {bytes(party)}
    if header.cra_flag is CraFlag.COMMAND:
        return (
            found.counter == usual.counter
            and found.recipient == usual.recipient
            and found.originator in others | {bytes(header.business_originator_id)}
        )
    return (
        found.counter in {usual.counter, header.supplementary_originator_counter}
        and found.originator == usual.originator
        and found.recipient in others | {usual.recipient}
    )


def _protection_values(found: ProtectionParameters) -> dict[str, Any]:
    return {
        "counter": found.counter,
        "originator": found.originator.hex().upper(),
        "recipient": found.recipient.hex().upper(),
    }


def _build_protection(values: Any, header: GroupingHeader, key: str, *, strict: bool) -> Data:
    usual = _usual(header)
    given = values.get(PROTECTION)
    if given is None:
        return protection_parameters(usual)
    path = f"{key}.{PROTECTION}"
    check_keys(given, ("counter", "originator", "recipient"), path)
    counter = given.get("counter", usual.counter)
    if not isinstance(counter, int) or not 0 <= counter <= _LARGEST_COUNTER:
        problem = f"{counter!r} is no number of 64 bits"
        raise EncodeError(problem, element=f"{path}.counter", clause=_PROTECTION_CLAUSE)
    found = ProtectionParameters(
        counter,
        _hex(given.get("originator", usual.originator.hex()), f"{path}.originator"),
        _hex(given.get("recipient", usual.recipient.hex()), f"{path}.recipient"),
    )
    if strict and not _is_allowed(found, header):
        problem = "parties and counter are those of the header"
        raise EncodeError(problem, element=path, clause=_PROTECTION_CLAUSE)
    return protection_parameters(found)


def _hex(value: Any, path: str) -> bytes:
    try:
        return hex_octets(value)
    except EncodeError as error:
        raise EncodeError(error.problem, element=path, clause=_PROTECTION_CLAUSE) from None
