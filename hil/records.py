"""What stands in the journal about messages: the same keys for all, so that every view can rely on them.

``message.sent`` and ``message.received`` have: device, peer, message_kind, use_case, title, message_code,
originator_counter, business_originator_id, business_target_id, values, octets (hex), payload_offset, mac,
signature. Sent ones add faults; received ones encrypted, problem, and for alerts alert_code and alert_name,
for responses match (number of the command's record, 0 when unsolicited), late and duplicate. Times stand
under ``volatile``.
"""

from __future__ import annotations

from typing import Any

from hil.canonical import plain
from hil.commands import Order
from hil.exchange import Alert, Received
from protocols.gbcs.catalogue import Catalogue
from protocols.gbcs.message import Message


def safe_values(values: dict[str, Any]) -> Any:
    """Decoded values for the journal; one that has no JSON form is kept as its text, not lost."""
    try:
        return plain(values)
    except TypeError:
        return {str(key): _text_if_needed(value) for key, value in values.items()}


def _text_if_needed(value: Any) -> Any:
    try:
        return plain(value)
    except TypeError:
        return repr(value)


def header_body(message: Message) -> dict[str, Any]:
    """The header's fields, as far as they are there."""
    header = message.header
    body: dict[str, Any] = {
        "message_kind": message.kind,
        "message_code": header.message_code,
        "originator_counter": header.originator_counter,
        "business_originator_id": header.business_originator_id,
        "business_target_id": header.business_target_id,
        "payload_offset": message.payload_offset,
    }
    for name in ("supplementary_remote_party_id", "supplementary_remote_party_counter"):
        if getattr(header, name) is not None:
            body[name] = getattr(header, name)
    if header.date_time:
        body["date_time"] = header.date_time
    return body


def sent_body(order: Order, message: Message, octets: bytes, catalogue: Catalogue) -> dict[str, Any]:
    """Body of ``message.sent``."""
    body = header_body(message) | {
        "device": order.device.name,
        "peer": order.user.name,
        "use_case": order.use_case,
        "title": catalogue[order.use_case].title,
        "values": safe_values(dict(order.values)),
        "octets": octets,
        "mac": "none" if message.mac is None else "made",
        "signature": "made" if message.signature else "none",
    }
    if order.behalf is not None:
        body["on_behalf_of"] = order.behalf.user.name
    if order.faults.names():
        body["faults"] = order.faults.names()
    return body


def received_body(opened: Received, peer: str, catalogue: Catalogue) -> dict[str, Any]:
    """Body of ``message.received``."""
    body: dict[str, Any] = {
        "device": opened.device,
        "peer": peer,
        "use_case": opened.use_case,
        "title": _title(opened, catalogue),
        "values": safe_values(opened.values),
        "octets": opened.octets,
        "mac": opened.mac,
        "signature": opened.signature,
        "encrypted": opened.encrypted,
        "problem": opened.problem,
        "volatile": {"received_at": opened.received_at},
    }
    if opened.message is not None:
        body |= header_body(opened.message)
    if isinstance(opened, Alert):
        body |= {"alert_code": opened.alert_code, "alert_number": opened.number}
        if opened.alert_code is not None:
            body["alert_name"] = catalogue.alert_name(opened.alert_code)
    return body


def _title(opened: Received, catalogue: Catalogue) -> str:
    if isinstance(opened, Alert):
        return str(catalogue.alert_message(opened.message_code) or "")
    return catalogue[opened.use_case].title if opened.use_case in catalogue else ""
