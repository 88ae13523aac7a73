"""A message as a tree of named values with offsets, ready for JSON; what ``hil decode`` shows.

Every node is a dict: ``name`` where known, ``offset`` and ``octets`` (position and count in the whole
message), ``type``, and ``value`` or ``children``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from protocols.dlms.length import encode_length
from protocols.errors import DecodeError
from protocols.gbcs.blocks import ciphered_blocks
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, encode_grouping_header
from protocols.gbcs.message import build_message
from protocols.gbcs.named import decode_named, describe
from protocols.gbcs.payload import parse_payload, payload_kind
from protocols.gbcs.plain import plain

if TYPE_CHECKING:
    from protocols.gbcs.message import Message
    from protocols.gbcs.named import Decrypt
    from protocols.gbcs.protect import Verdicts

Node = dict[str, Any]
_DECIDED = {"ok", "bad"}  # verdicts that a key stands behind


def decode_tree(
    message: Message,
    verdicts: Verdicts | None = None,
    decrypt: Decrypt | None = None,
    *,
    whole: bool = True,
) -> Node:
    """Tree of a message; DecodeError where its payload does not parse.

    Keys: ``kind``, ``octets``, ``message_code``, ``use_case``, ``title``, ``header``, ``payload``, ``named``
    (the whole message as ``named`` has it) and ``elements`` (every element with name, clause, unit and
    scaling), ``signature``, ``mac``, ``encrypted``. A payload that has no such form has ``named_problem`` in
    place of the two. Without ``verdicts`` protection is shown and not judged; ``decrypt`` opens ciphered
    blocks. Not ``whole``, the payload's own tree is left out where named elements take its place.
    """
    use_case, title = _title(message)
    kind = payload_kind(message)
    named = _named(message, decrypt)
    tree: Node = {
        "kind": message.kind,
        "octets": len(build_message(message)),
        "message_code": f"0x{message.header.message_code:04X}",
        "use_case": use_case,
        "title": title,
        "header": _header(message),
        "payload": {
            "kind": kind,
            "offset": message.payload_offset,
            "octets": len(message.payload),
        },
    }
    if whole or not named.get("elements"):
        tree["payload"]["elements"] = _payload_nodes(message, use_case, decrypt)
    tree |= named
    tree["signature"], tree["mac"] = _protection(message, verdicts)
    tree["encrypted"] = _encrypted(message, verdicts, decrypt)
    return tree


def _payload_nodes(message: Message, use_case: str | None, decrypt: Decrypt | None) -> list[Node]:
    from protocols.gbcs.tree_payload import payload_nodes

    return payload_nodes(message, parse_payload(message), use_case, decrypt)


def _named(message: Message, decrypt: Decrypt | None) -> Node:
    try:
        return {"named": decode_named(message, decrypt), "elements": describe(message, decrypt)}
    except DecodeError as error:
        return {"named_problem": str(error)}


def _title(message: Message) -> tuple[str | None, str]:
    catalogue = load_catalogue()
    code, flag = message.header.message_code, message.header.cra_flag
    use_case = catalogue.by_message_code(code, flag)
    if use_case is not None:
        return use_case.code, use_case.title
    return None, catalogue.alert_message(code) if flag is CraFlag.ALERT else "unknown message code"


def _header(message: Message) -> Node:
    """Fields of the Grouping Header; ``offsets`` says where each starts."""
    header = message.header
    size = len(encode_grouping_header(header))
    start = message.payload_offset - len(encode_length(len(message.payload))) - size
    fields: Node = {
        "cra_flag": header.cra_flag.name.lower(),
        "originator_counter": header.originator_counter,
        "business_originator_id": str(header.business_originator_id),
        "business_target_id": str(header.business_target_id),
    }
    offsets = {name: start + at for name, at in zip(fields, (2, 3, 12, 21), strict=True)}
    at = start + 30
    if header.date_time:
        fields["date_time"], offsets["date_time"] = _date_time(header.date_time), at
        at += len(header.date_time)
    rest: list[tuple[str, Any, int]] = [
        ("message_code", f"0x{header.message_code:04X}", 2),
        ("supplementary_remote_party_id", header.supplementary_remote_party_id, 8),
        ("supplementary_remote_party_counter", header.supplementary_remote_party_counter, 8),
        ("supplementary_originator_counter", header.supplementary_originator_counter, 8),
        ("certificate", header.certificate or None, len(header.certificate)),
    ]
    present = [item for item in rest if item[1] is not None]
    at += len(encode_length(sum(octets for _, _, octets in present)))
    for name, value, octets in present:
        fields[name], offsets[name] = plain(value), at
        at += octets
    fields["offsets"] = offsets
    return fields


def _date_time(octets: bytes) -> Node:
    from protocols.dlms.date_time import decode_date_time

    node: Node = {"value": octets.hex().upper()}
    try:
        decoded = decode_date_time(octets)
    except DecodeError as error:
        return node | {"problem": error.problem}
    return node | {"time": plain(decoded.to_datetime()), "status": decoded.status}


def _protection(message: Message, verdicts: Verdicts | None) -> tuple[Node | None, Node | None]:
    at = message.payload_offset + len(message.payload)
    signature: Node | None = None
    if message.signature is not None:
        signature = {
            "offset": at + 1,
            "octets": len(message.signature),
            "value": message.signature.hex().upper(),
        }
        at += 1 + len(message.signature)
    mac = None
    if message.mac is not None:
        mac = {"offset": at, "octets": len(message.mac), "value": message.mac.hex().upper()}
    if verdicts:
        signer = [f"ds {message.header.business_originator_id}"]
        parties = [f"ka {party}" for party in verdicts.mac_parties or ()]
        for node, verdict, keys in ((signature, verdicts.signature, signer), (mac, verdicts.mac, parties)):
            if node:
                node |= {"verdict": verdict, "keys": keys if verdict in _DECIDED else []}
    return signature, mac


def _encrypted(message: Message, verdicts: Verdicts | None, decrypt: Decrypt | None) -> list[Node]:
    nodes = []
    header = message.header
    for index, block in enumerate(ciphered_blocks(message)):
        node: Node = {"offset": message.payload_offset + block.offset, "octets": len(block.octets)}
        if verdicts:
            verdict = verdicts.encrypted[index]
            parties = [f"ka {header.reader}", f"ka {header.business_originator_id}"]
            node |= {"verdict": verdict, "keys": parties if verdict in _DECIDED else []}
        if decrypt:
            node["plaintext"] = _opened(block.octets, decrypt)
        nodes.append(node)
    return nodes


def _opened(block: bytes, decrypt: Decrypt) -> str | None:
    try:
        return decrypt(block).hex().upper()
    except DecodeError:
        return None
