"""Whether two replies have the same structure, and whether they say the same.

MACs and signatures are made by other keys and not compared; encrypted parts are compared as plaintext. DER is
compared as values: some reference replies write lengths in more octets than DER allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from protocols.dlms.access import parse_access_response
from protocols.dlms.axdr import Data, Tag, parse_data
from protocols.dlms.protection import read_protected
from protocols.errors import DecodeError
from protocols.gbcs.crypto import decrypt_block
from protocols.gbcs.der import parse_der
from protocols.gbcs.gbz import parse_gbz
from protocols.gbcs.zcl import (
    DEFAULT_RESPONSE,
    READ_ATTRIBUTES_RESPONSE,
    decode_attribute_records,
    octets_of_type,
)

if TYPE_CHECKING:
    from protocols.dlms.access import AccessResponse
    from protocols.gbcs.der import Node
    from protocols.gbcs.gbz import GbzPayload
    from protocols.gbcs.message import Message

_SIGNATURE_OID = bytes.fromhex("2A8648CE3D040302")
_CONTAINERS = frozenset((Tag.ARRAY, Tag.STRUCTURE))


@dataclass(slots=True)
class Opened:
    """A reply with its encrypted parts in the clear: one of the three, by its payload's kind."""

    message: Message
    dlms: AccessResponse | None = None
    gbz: GbzPayload | None = None
    asn1: Node | None = None


def open_reply(message: Message, kind: str, secret: bytes | None) -> Opened:
    """Parse a reply and decrypt it with the secret of reader and device; DecodeError where that fails."""
    if kind == "dlms":
        response = parse_access_response(message.payload)
        response.data = [_open_data(each, message, secret) for each in response.data]
        return Opened(message, dlms=response)
    if kind == "gbz":
        payload = parse_gbz(message.payload)
        for each in payload.components:
            if each.ciphered is not None:
                each.payload = _decrypt(message, secret, each.ciphered)
        return Opened(message, gbz=payload)
    return Opened(message, asn1=parse_der(message.payload, strict=False))


def _decrypt(message: Message, secret: bytes | None, block: bytes) -> bytes:
    if secret is None:
        raise DecodeError("no key of the reader", offset=0, path="ciphered_block")
    return decrypt_block(secret, message.header, block)


def _open_data(item: Data, message: Message, secret: bytes | None) -> Data:
    """A protected answer as a structure of its parameters and its plaintext."""
    try:
        found = read_protected(item)
    except DecodeError:
        return item
    plaintext, _ = parse_data(_decrypt(message, secret, found.block))
    return Data(Tag.STRUCTURE, [item.value[0], plaintext])


# ---------------------------------------------------------------------- structure


def structure_difference(ours: Opened, theirs: Opened) -> str:
    """What is differently built, empty where nothing is."""
    for name, get in (
        ("message code", lambda m: m.header.message_code),
        ("CRA flag", lambda m: m.header.cra_flag),
        ("form of other information", _other_form),
    ):
        if get(ours.message) != get(theirs.message):
            return f"{name}: {get(ours.message)!r} instead of {get(theirs.message)!r}"
    mine, reference = _shape(ours), _shape(theirs)
    if len(mine) != len(reference):
        return f"{len(mine)} parts instead of {len(reference)}"
    for at, (one, other) in enumerate(zip(mine, reference, strict=True)):
        if one != other:
            return f"part {at}: {one} instead of {other}"
    return ""


def _other_form(message: Message) -> tuple[bool, ...]:
    header = message.header
    supplementary = (
        header.supplementary_remote_party_id,
        header.supplementary_remote_party_counter,
        header.supplementary_originator_counter,
        header.certificate or None,
    )
    return tuple(each is not None for each in supplementary)


def _shape(opened: Opened) -> list[Any]:
    if opened.dlms is not None:
        response = opened.dlms
        return [
            (kind.name, result, _tree(data))
            for (kind, result), data in zip(response.results, response.data, strict=True)
        ]
    if opened.gbz is not None:
        return [_component_shape(each) for each in opened.gbz.components]
    assert opened.asn1 is not None
    return [_der_tags(opened.asn1)]


def _tree(data: Data) -> Any:
    """Tags with the lengths of arrays."""
    if data.tag in _CONTAINERS:
        return [int(data.tag), *map(_tree, data.value)]
    if data.tag == Tag.COMPACT_ARRAY:
        return [int(data.tag), repr(data.value.description), len(data.value.items)]
    return int(data.tag)


def _component_shape(component: Any) -> tuple[Any, ...]:
    head = (
        component.cluster,
        component.frame_control,
        component.command,
        component.encrypted,
        component.from_date_time is not None,
        component.additional_header_control,
        component.frame_counter,
    )
    payload = component.payload
    if component.command == DEFAULT_RESPONSE:
        return (*head, payload.hex())
    if not component.frame_control & 0x03 and component.command == READ_ATTRIBUTES_RESPONSE:
        records = decode_attribute_records(payload)
        return (*head, [(each.attribute, each.status, each.data_type, _size(each)) for each in records])
    return (*head, len(payload))


def _size(record: Any) -> int | None:
    if record.data_type is None:
        return None
    return octets_of_type(record.data_type) or len(record.value or b"")


def _der_tags(node: Node) -> Any:
    return [node.tag, *map(_der_tags, node.children)]


# ---------------------------------------------------------------------- payload


def payload_difference(ours: Opened, theirs: Opened) -> str:
    """What is said differently, empty where nothing is."""
    if ours.dlms is not None and theirs.dlms is not None:
        return _differing(
            [(ours.dlms.invoke_id, ""), *zip(ours.dlms.results, ours.dlms.data, strict=True)],
            [(theirs.dlms.invoke_id, ""), *zip(theirs.dlms.results, theirs.dlms.data, strict=True)],
        )
    if ours.gbz is not None and theirs.gbz is not None:
        return _differing(*(list(map(_said, each.components)) for each in (ours.gbz, theirs.gbz)))
    assert ours.asn1 is not None
    assert theirs.asn1 is not None
    return _differing([_der_values(ours.asn1)], [_der_values(theirs.asn1)])


def _said(component: Any) -> tuple[Any, ...]:
    return (*_component_shape(component)[:7], component.sequence, component.payload.hex())


def _differing(ours: list[Any], theirs: list[Any]) -> str:
    if len(ours) != len(theirs):
        return f"{len(ours)} parts instead of {len(theirs)}"
    for at, (mine, reference) in enumerate(zip(ours, theirs, strict=True)):
        if mine != reference:
            return f"part {at} differs"
    return ""


def _der_values(node: Node) -> Any:
    """Tags and values, without the octets of a signature by ecdsa-with-SHA256 that ends a sequence."""
    parts = node.children
    if not parts:
        return node.tag, bytes(node.value)
    if len(parts) == 3 and _names_signature(parts[1]) and _is_request(parts[0]):
        parts = parts[:2]
    return (node.tag, *map(_der_values, parts))


def _names_signature(node: Node) -> bool:
    return bool(node.children) and node.children[0].value == _SIGNATURE_OID


def _is_request(body: Node) -> bool:
    """A certification request begins with its version; its signature is by a key that nobody here has."""
    return bool(body.children) and body.children[0].tag == 0x02
