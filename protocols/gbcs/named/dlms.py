"""DLMS payloads as named values (see the package): access-requests, access-responses, data-notifications.

Command::

    {"elements": {name: value}}            values set, parameters of methods, ranges of selective reads
    {"omitted": [name]}                    reads and fixed actions left out, which the use case always has

Reads without a parameter follow from the use case and have no entry.

Response::

    {"results": {name: result}}            per item, 0 is success (``dlms.access.AccessResult``)
    {"elements": {name: value}}            what was read, and what methods gave back
    {"assumed_elements": true}             the names rest on an assumption (see ``dlms_match``)

Alert::

    {"elements": {"AlertCode": ..., "Timestamp": ..., name: value}}

``invoke_id`` stands where it is not the low 24 bits of the Originator Counter. A payload that is not what the
use case's table says is ``{"unnamed": octets}`` as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.access import (
    AccessRequest,
    AccessResponse,
    AccessResult,
    AccessSpecification,
    build_access_request,
    build_access_response,
    parse_access_request,
    parse_access_response,
)
from protocols.dlms.axdr import Data, Tag
from protocols.dlms.notification import DataNotification, build_notification, parse_notification
from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.elements import DlmsElement, DlmsNode
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named import dlms_alerts, dlms_protected
from protocols.gbcs.named.dlms_leaves import CLAUSE, UNNAMED, build_unnamed, hex_octets, is_unnamed, unnamed
from protocols.gbcs.named.dlms_match import KINDS, match_request, match_response, result_kind
from protocols.gbcs.named.dlms_nodes import build_node, check_keys, clause_of, decode_node

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message
    from protocols.gbcs.named.dlms_nodes import See

    Open = Callable[[bytes], bytes]

_ELEMENTS, _RESULTS, _OMITTED, _ASSUMED = "elements", "results", "omitted", "assumed_elements"
_INVOKE_ID = "invoke_id"


def decode(message: Message, use_case: UseCase | None, decrypt: Open | None = None) -> dict[str, Any]:
    """Named values of a payload; DecodeError (offset in the payload) where it is no DLMS payload."""
    return read(message, use_case, decrypt, None)


def read(message: Message, use_case: UseCase | None, decrypt: Open | None, see: See | None) -> dict[str, Any]:
    """``decode``, telling ``see`` of every single value on the way."""
    header, payload = message.header, message.payload
    table = [] if use_case is None else load_catalogue().dlms_message(use_case.code)
    if header.cra_flag is CraFlag.COMMAND:
        request = parse_access_request(payload)
        values = _decode_request(request, table, header, see)
        invoke_id = request.invoke_id
    elif header.cra_flag is CraFlag.RESPONSE:
        response = parse_access_response(payload)
        values = _decode_response(response, table, message, decrypt, see)
        invoke_id = response.invoke_id
    else:
        notification = parse_notification(payload)
        values = dlms_alerts.decode_body(notification.body, header, decrypt, see)
        invoke_id = notification.invoke_id
    if values is None:
        return {UNNAMED: payload.hex().upper()}
    if invoke_id != header.originator_counter & 0xFFFFFF:
        values[_INVOKE_ID] = invoke_id
    return values


def build(
    values: Mapping[str, Any],
    header: GroupingHeader,
    use_case: UseCase | None,
    *,
    strict: bool = True,
    encrypt: Open | None = None,
) -> bytes:
    """Payload of named values; EncodeError with element and clause for what does not fit."""
    if UNNAMED in values:
        if strict or len(values) > 1:
            raise EncodeError("the catalogue has no names for this payload", element=UNNAMED, clause=CLAUSE)
        return hex_octets(values[UNNAMED])
    invoke_id = _invoke_id(values, header, strict=strict)
    if header.cra_flag is CraFlag.ALERT:
        check_keys(values, (_ELEMENTS, _INVOKE_ID), "")
        body = dlms_alerts.build_body(_part(values, _ELEMENTS), header, encrypt, strict=strict)
        return build_notification(DataNotification(invoke_id, body))
    table = [] if use_case is None else load_catalogue().dlms_message(use_case.code)
    if not table:
        raise EncodeError(
            "the catalogue has no DLMS elements for this message code", element="message_code", clause=CLAUSE
        )
    if header.cra_flag is CraFlag.COMMAND:
        check_keys(values, (_ELEMENTS, _OMITTED, _INVOKE_ID), "")
        return build_access_request(_build_request(values, table, header, invoke_id, strict=strict))
    check_keys(values, (_ELEMENTS, _RESULTS, _ASSUMED, _INVOKE_ID), "")
    return build_access_response(_build_response(values, table, header, invoke_id, encrypt, strict=strict))


def _invoke_id(values: Mapping[str, Any], header: GroupingHeader, *, strict: bool) -> int:
    usual = header.originator_counter & 0xFFFFFF
    found = values.get(_INVOKE_ID, usual)
    if not isinstance(found, int) or (strict and found != usual):
        raise EncodeError(f"{found!r} instead of {usual}", element=_INVOKE_ID, clause=CLAUSE)
    return found


def _part(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = check_keys(values.get(name, {}), values.get(name, {}), name)
    return found


def _is_implied(element: DlmsElement) -> bool:
    """Whether a command has an item without being given a value for it."""
    if element.optional:
        return False
    given = element.given
    if given is None or given.fixed is not None:
        return True
    return bool(element.protected) and not given.of


def _decode_request(
    request: AccessRequest, table: list[DlmsElement], header: GroupingHeader, see: See | None
) -> dict[str, Any] | None:
    matched = match_request(table, request.specifications)
    if not table or matched is None:
        return None
    elements = {}
    for element, specification, data in zip(matched, request.specifications, request.data, strict=True):
        if see is not None:
            see(_item(element), element.key, None, specification.offset, specification.end)
        value = _decode_given(element, specification, data, header, see)
        if value is None and element.access == "select":
            return None
        # What follows from the use case is not said: reads, and protected reads without dates.
        said = value is not None if element.given is None else value != {} or not _is_implied(element)
        if said:
            elements[element.key] = value
    values: dict[str, Any] = {_ELEMENTS: elements}
    there = {id(each) for each in matched}
    omitted = [each.key for each in table if _is_implied(each) and id(each) not in there]
    return values | {_OMITTED: omitted} if omitted else values


def _item(element: DlmsElement) -> DlmsNode:
    node = element.given or element.answer or (element.protected[0].answer if element.protected else None)
    return DlmsNode(element.key, element.access, element.key, "" if node is None else clause_of(node))


def _decode_given(
    element: DlmsElement,
    specification: AccessSpecification,
    data: Data,
    header: GroupingHeader,
    see: See | None,
) -> Any:
    """Value of a command's item; None where it has none, or where it is not what the table says."""
    given = element.given
    if given is None:
        return None if data.tag == Tag.NULL_DATA else unnamed(data)
    if specification.selection is not None:
        if data.tag != Tag.NULL_DATA or specification.selector != dlms_protected.RANGE_DESCRIPTOR:
            return None
        return dlms_protected.decode_range(given, specification.selection, element.key, see)
    if element.protected:
        found = dlms_protected.decode_parameter(element, data, header, see)
        return unnamed(data) if found is None else found
    return decode_node(given, data, element.key, see)


def _build_request(
    values: Mapping[str, Any],
    table: list[DlmsElement],
    header: GroupingHeader,
    invoke_id: int,
    *,
    strict: bool,
) -> AccessRequest:
    elements, omitted = _part(values, _ELEMENTS), _omitted(values, table, strict=strict)
    check_keys(elements, [each.key for each in table], "", _given_nodes(table))
    request = AccessRequest(invoke_id, [], [])
    for element in table:
        if not _is_there(element, elements, omitted, strict=strict):
            continue
        specification, data = _build_given(element, elements, header, strict=strict)
        request.specifications.append(specification)
        request.data.append(data)
    if strict and not request.data:
        raise EncodeError("at least one of the optional elements", element=table[0].key, clause=CLAUSE)
    return request


def _given_nodes(table: list[DlmsElement]) -> list[DlmsNode]:
    return [each.given for each in table if each.given is not None]


def _omitted(values: Mapping[str, Any], table: list[DlmsElement], *, strict: bool) -> list[str]:
    omitted = values.get(_OMITTED, [])
    if not isinstance(omitted, list):
        raise EncodeError(f"{omitted!r} is no list", element=_OMITTED, clause=CLAUSE)
    known = {each.key for each in table if _is_implied(each)}
    for key in omitted:
        if strict:
            raise EncodeError("the use case always has this item", element=str(key), clause=CLAUSE)
        if key not in known:
            raise EncodeError(
                "no item that a command has by itself", element=f"{_OMITTED}.{key}", clause=CLAUSE
            )
    return omitted


def _is_there(element: DlmsElement, elements: Any, omitted: Any, *, strict: bool) -> bool:
    if element.key in elements:
        return True
    if _is_implied(element):
        return element.key not in omitted
    if strict and not element.optional:
        clause = CLAUSE if element.given is None else clause_of(element.given)
        raise EncodeError("the value is missing", element=element.key, clause=clause)
    return False


def _build_given(
    element: DlmsElement, elements: Any, header: GroupingHeader, *, strict: bool
) -> tuple[AccessSpecification, Data]:
    given, key = element.given, element.key
    specification = AccessSpecification(KINDS[element.access], element.class_id, element.obis, element.number)
    value = elements.get(key)
    if key in elements and is_unnamed(value):
        return specification, build_unnamed(value, key, strict=strict)
    if element.access == "select" and given is not None:
        specification.selector = dlms_protected.RANGE_DESCRIPTOR
        specification.selection = dlms_protected.build_range(given, value, key, strict=strict)
        return specification, Data(Tag.NULL_DATA)
    if element.protected:
        value = elements.get(key, {})
        return specification, dlms_protected.build_parameter(element, value, header, strict=strict)
    if given is None:
        if value is not None:
            raise EncodeError("this item has no value in a command", element=key, clause=CLAUSE)
        return specification, Data(Tag.NULL_DATA)
    value = elements.get(key, given.fixed)
    return specification, build_node(given, value, key, strict=strict)


def _inside(element: DlmsElement) -> list[tuple[str, DlmsNode]]:
    return [(each.key, each.answer) for each in element.protected if each.answer is not None]


def _decode_response(
    response: AccessResponse,
    table: list[DlmsElement],
    message: Message,
    decrypt: Open | None,
    see: See | None,
) -> dict[str, Any] | None:
    match = match_response(table, response)
    if not table or match is None:
        return None
    matched, assumed = match
    elements, results = {}, {}
    # Results are the last of the payload, two octets each.
    at = len(message.payload) - 2 * len(matched)
    for element, data, (_, result) in zip(matched, response.data, response.results, strict=True):
        results[element.key] = result
        if see is not None:
            see(_item(element), element.key, result, at, at + 2)
        at += 2
        if data.tag != Tag.NULL_DATA:
            elements[element.key] = _decode_answer(element, data, message.header, decrypt, see)
        elif result == AccessResult.SUCCESS and (element.answer is not None or element.protected):
            elements[element.key] = None
    values: dict[str, Any] = {_RESULTS: results, _ELEMENTS: elements}
    return values | {_ASSUMED: True} if assumed else values


def _decode_answer(
    element: DlmsElement, data: Data, header: GroupingHeader, decrypt: Open | None, see: See | None
) -> Any:
    if element.protected:
        return dlms_protected.decode_answer(
            element.key, _inside(element), data, header, decrypt=decrypt, see=see
        )
    return unnamed(data) if element.answer is None else decode_node(element.answer, data, element.key, see)


def _build_response(
    values: Mapping[str, Any],
    table: list[DlmsElement],
    header: GroupingHeader,
    invoke_id: int,
    encrypt: Open | None,
    *,
    strict: bool,
) -> AccessResponse:
    elements, results = _part(values, _ELEMENTS), _part(values, _RESULTS)
    keys = [each.key for each in table]
    if values.get(_ASSUMED, True) is not True:
        raise EncodeError("true or absent", element=_ASSUMED, clause=CLAUSE)
    check_keys(results, keys, _RESULTS)
    check_keys(elements, keys, "")
    response = AccessResponse(invoke_id, [], [])
    for element in table:
        key = element.key
        if key not in results:
            if key in elements or (strict and not element.optional):
                raise EncodeError("the result is missing", element=f"{_RESULTS}.{key}", clause=CLAUSE)
            continue
        result = _result(results[key], key, strict=strict)
        data = _build_answer(element, elements, result, header, encrypt, strict=strict)
        response.results.append((result_kind(element), result))
        response.data.append(data)
    return response


def _result(value: Any, key: str, *, strict: bool) -> int:
    known = value in tuple(AccessResult) if strict else isinstance(value, int) and 0 <= value <= 0xFF
    if isinstance(value, bool) or not known:
        raise EncodeError(f"{value!r} is no result", element=f"{_RESULTS}.{key}", clause=CLAUSE)
    return int(value)


def _build_answer(
    element: DlmsElement,
    elements: Any,
    result: int,
    header: GroupingHeader,
    encrypt: Open | None,
    *,
    strict: bool,
) -> Data:
    key, answer = element.key, element.answer
    gives = answer is not None or bool(element.protected)
    if key not in elements:
        if strict and gives and result == AccessResult.SUCCESS:
            clause = CLAUSE if answer is None else clause_of(answer)
            raise EncodeError("the value is missing", element=key, clause=clause)
        return Data(Tag.NULL_DATA)
    value = elements[key]
    if strict and (result != AccessResult.SUCCESS or not gives):
        raise EncodeError("this item has no value in the response", element=key, clause=CLAUSE)
    if value is None and not strict:
        return Data(Tag.NULL_DATA)
    if element.protected:
        inside = _inside(element)
        return dlms_protected.build_answer(key, inside, value, header, encrypt, strict=strict)
    if answer is None:
        if not is_unnamed(value):
            raise EncodeError("this item has no value in the response", element=key, clause=CLAUSE)
        return build_unnamed(value, key, strict=strict)
    return build_node(answer, value, key, strict=strict)
