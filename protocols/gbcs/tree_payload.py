"""Payload elements as nodes of the tree (see ``tree``), one function per payload kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.access import AccessRequest, AccessResponse, result_name
from protocols.dlms.axdr import TYPE_NAMES, BitString, CompactArray, Data, Tag, parse_data
from protocols.dlms.date_time import decode_date_time
from protocols.dlms.notification import DataNotification
from protocols.dlms.protection import DATA_PROTECTION_CLASS, read_protected
from protocols.errors import DecodeError
from protocols.gbcs import zcl
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.catalogue.zcl import zcl_tables
from protocols.gbcs.gbz import Component, GbzPayload, decrypted, to_datetime
from protocols.gbcs.plain import plain
from protocols.gbcs.tree_der import der_node

if TYPE_CHECKING:
    from protocols.dlms.access import AccessSpecification, SpecKind
    from protocols.gbcs.catalogue.elements import DlmsElement
    from protocols.gbcs.message import Message
    from protocols.gbcs.named import Decrypt
    from protocols.gbcs.payload import Payload

Node = dict[str, Any]


def payload_nodes(
    message: Message, payload: Payload, use_case: str | None, decrypt: Decrypt | None
) -> list[Node]:
    """Elements of a parsed payload, in order, with offsets in the whole message."""
    base = message.payload_offset
    if isinstance(payload, AccessRequest):
        return _request(payload, base, use_case)
    if isinstance(payload, AccessResponse):
        return _response(payload, base, use_case, decrypt)
    if isinstance(payload, DataNotification):
        return _notification(payload, base)
    if isinstance(payload, GbzPayload):
        return _gbz(payload, base, decrypt)
    nodes = [der_node(payload.node, base)]
    if payload.structure is not None:
        nodes[0]["structure"] = plain(payload.structure)
    return nodes


def obis_text(obis: bytes) -> str:
    """OBIS code as people write it: ``0-0:1.0.0.255``."""
    return f"{obis[0]}-{obis[1]}:{'.'.join(map(str, obis[2:]))}"


def _request(request: AccessRequest, base: int, use_case: str | None) -> list[Node]:
    elements = load_catalogue().dlms_elements(use_case or "")
    nodes = []
    for specification, data in zip(request.specifications, request.data, strict=True):
        element = next((each for each in elements if _same(each, specification)), None)
        node = _named(specification.kind, specification.class_id, specification.obis, specification.member)
        node |= {"offset": base + specification.offset, "octets": specification.end - specification.offset}
        if specification.selection is not None:
            node["selector"] = specification.selector
            node["selection"] = data_node(specification.selection, base)
        node["children"] = [_with_leaves(data_node(data, base), element)]
        nodes.append(node)
    return nodes


def _same(element: DlmsElement, specification: AccessSpecification) -> bool:
    return (element.class_id, element.obis, element.number) == (
        specification.class_id,
        specification.obis,
        specification.member,
    )


def _named(kind: SpecKind, class_id: int, obis: bytes, member: int) -> Node:
    """Head of a node for an attribute or method."""
    access = kind.name.lower().replace("_", "-")
    known = load_catalogue().cosem_object(class_id, obis)
    members = {} if known is None else known.methods if access == "action" else known.attributes
    name = known.name if known else "unknown object"
    return {
        "name": f"{name}.{members.get(member, member)}",
        "access": access,
        "class_id": class_id,
        "obis": obis_text(obis),
        "number": member,
    }


def _response(
    response: AccessResponse, base: int, use_case: str | None, decrypt: Decrypt | None
) -> list[Node]:
    elements = load_catalogue().dlms_elements(use_case or "")
    protected: list[DlmsElement] = []
    if elements and elements[0].class_id == DATA_PROTECTION_CLASS:
        elements, protected = elements[:1], elements[1:]
    # A response does not repeat what was asked; the names fit only where everything was.
    fits = len(elements) == len(response.data)
    nodes = []
    for index, (data, (kind, result)) in enumerate(zip(response.data, response.results, strict=True)):
        element = elements[index] if fits else None
        node: Node = {"name": f"item {index}", "access": kind.name.lower()}
        if element:
            node = _named(kind, element.class_id, element.obis, element.number)
        node |= {"result": result, "result_name": result_name(result)}
        node |= {"offset": base + data.offset, "octets": data.end - data.offset}
        node["children"] = [_with_leaves(data_node(data, base), element)]
        node |= _opened(data, decrypt, protected)
        nodes.append(node)
    return nodes


def _opened(data: Data, decrypt: Decrypt | None, protected: list[DlmsElement]) -> Node:
    """What a protected answer holds; offsets under ``plaintext`` count in the plaintext."""
    try:
        block = read_protected(data).block
        if decrypt is None:
            return {"encrypted": True}
        inner, _ = parse_data(decrypt(block))
    except DecodeError:
        return {}
    plaintext = data_node(inner, 0)
    for element in protected:
        _with_leaves(plaintext, element)
    return {"encrypted": True, "plaintext": plaintext}


def _notification(notification: DataNotification, base: int) -> list[Node]:
    body = notification.body
    if body.tag != Tag.STRUCTURE:
        return [data_node(body, base)]
    nodes = [data_node(element, base) for element in body.value]
    for node, name in zip(nodes, ("alert code", "time"), strict=False):
        node["name"] = name
    if nodes and isinstance(nodes[0].get("value"), int):
        nodes[0]["text"] = load_catalogue().alert_name(nodes[0]["value"])
    return nodes


def data_node(data: Data, base: int) -> Node:
    """Node of an A-XDR tree; ``base`` is added to its offsets."""
    node: Node = {
        "type": TYPE_NAMES[data.tag],
        "offset": base + data.offset,
        "octets": data.end - data.offset,
    }
    value = data.value
    if isinstance(value, CompactArray):
        value = value.items
    if isinstance(value, list):
        node["children"] = [data_node(item, base) for item in value]
    elif isinstance(value, BitString):
        node |= {"bits": value.bits, "value": value.octets.hex().upper()}
    elif isinstance(value, bytes):
        node |= {"value": value.hex().upper()} | _reading(value, data.tag)
    elif data.tag == Tag.BOOLEAN:
        node["value"] = bool(value)
    else:
        node["value"] = value
    return node


def _reading(value: bytes, tag: int) -> Node:
    """What octets look like: a date-time, or printable text."""
    if len(value) == 12:
        try:
            moment = decode_date_time(value).to_datetime()
        except DecodeError:
            moment = None
        if moment is not None:
            return {"time": moment.isoformat()}
    if value and (tag != Tag.OCTET_STRING or len(value) > 3) and value.isascii():
        text = value.decode("ascii")
        if text.isprintable():
            return {"text": text}
    return {}


def _with_leaves(node: Node, element: DlmsElement | None) -> Node:
    """Name the single values below a node where the catalogue has as many rows as there are values."""
    leaves = [leaf for leaf in element.leaves if leaf.type] if element else []
    found = _single_values(node)
    if len(found) < len(leaves):
        # Elements such as a twin-element meter's second register may be absent.
        leaves = [leaf for leaf in leaves if "[[" not in leaf.type]
    if len(leaves) == len(found):
        for leaf, single in zip(leaves, found, strict=True):
            single["name"] = leaf.name
            if leaf.clause and leaf.clause != "(DLMS)":
                single["clause"] = leaf.clause
    return node


def _single_values(node: Node) -> list[Node]:
    if "children" not in node:
        return [] if node["type"] == "null-data" else [node]
    return [single for child in node["children"] for single in _single_values(child)]


def _gbz(payload: GbzPayload, base: int, decrypt: Decrypt | None) -> list[Node]:
    nodes: list[Node] = []
    if payload.alert:
        code, alert = payload.alert.alert_code, payload.alert
        name = load_catalogue().alert_name(code)
        nodes.append({"name": "alert code", "offset": base + 3, "octets": 2, "value": code, "text": name})
        time = to_datetime(alert.time).isoformat()
        nodes.append({"name": "time", "offset": base + 5, "octets": 4, "value": alert.time, "time": time})
        if alert.content:
            at, size = base + alert.content_offset, len(alert.content)
            value = alert.content.hex().upper()
            nodes.append({"name": "content", "offset": at, "octets": size, "value": value})
    return nodes + [_component(component, base, decrypt) for component in payload.components]


def _component(component: Component, base: int, decrypt: Decrypt | None) -> Node:
    content = component.payload if component.ciphered is None else component.ciphered
    end = component.payload_offset + len(content)
    node: Node = {
        "name": _command_name(component),
        "cluster": f"0x{component.cluster:04X}",
        "cluster_name": _cluster_name(component.cluster),
        "frame_control": component.frame_control,
        "sequence": component.sequence,
        "command": component.command,
        "offset": base + component.offset,
        "octets": end - component.offset,
        "payload_offset": base + component.payload_offset,
    }
    if component.from_date_time is not None:
        node["from_date_time"] = component.from_date_time
    if component.encrypted:
        node |= {"encrypted": True, "frame_counter": component.frame_counter}
        if decrypt is None:
            return node
    try:
        content = decrypted(component, decrypt) if decrypt else component.payload
        node["value"] = content.hex().upper()
        node |= _zcl(component, content)
    except DecodeError as error:
        node["problem"] = str(error)
    return node


def _cluster_name(cluster: int) -> str:
    names = {member.value: member.name.lower().replace("_", "-") for member in zcl.Cluster}
    return names.get(cluster, "unknown")


def _is_profile_wide(component: Component) -> bool:
    return not component.frame_control & 0x03


def _command_name(component: Component) -> str:
    if _is_profile_wide(component):
        return {
            zcl.READ_ATTRIBUTES: "Read Attributes",
            zcl.READ_ATTRIBUTES_RESPONSE: "Read Attributes Response",
            zcl.DEFAULT_RESPONSE: "Default Response",
        }.get(component.command, f"profile-wide command 0x{component.command:02X}")
    from_server = bool(component.frame_control & 0x08)
    known = zcl_tables().command(component.cluster, component.command, from_server=from_server)
    return known.name if known else f"command 0x{component.command:02X}"


def _zcl(component: Component, content: bytes) -> Node:
    """Fields of the profile-wide commands; the cluster's own stay as octets."""
    if not _is_profile_wide(component):
        return {}
    if component.command == zcl.READ_ATTRIBUTES:
        return {"attributes": [f"0x{each:04X}" for each in zcl.decode_read_attributes(content)]}
    if component.command == zcl.READ_ATTRIBUTES_RESPONSE:
        return {"records": plain(zcl.decode_attribute_records(content))}
    if component.command == zcl.DEFAULT_RESPONSE:
        command, status = zcl.decode_default_response(content)
        return {"answers_command": command, "status": status}
    return {}
