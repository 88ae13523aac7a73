"""Short names for what tests say most: values of some commands, responses and alerts as Python values.

``request("ECS39a", esme, mpan="1200000000000")`` in place of ``MeterPointAdministrationNumber(...): value``,
and ``values["registers"]["active_import_wh"]`` in place of a number, a scaler and a place. Rows in
``short_commands`` and ``short_answers`` say which name stands for what; everything else has the
specification's names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocols.dlms.notification import parse_notification
from protocols.errors import EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag
from protocols.gbcs.named import UNNAMED, build_named, decode_named
from protocols.gbcs.named.filling import fill
from protocols.gbcs.named.header import decode_header
from protocols.gbcs.named.short_answers import ALERT_HEADS, ALERTS, RESPONSES
from protocols.gbcs.named.short_commands import COMMANDS, message_code_of_mode
from protocols.gbcs.named.short_forms import LEFT_OUT, REQUIRED
from protocols.gbcs.named.short_rows import Row, read_rows
from protocols.gbcs.payload import payload_kind

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.header import GroupingHeader
    from protocols.gbcs.message import Message
    from protocols.gbcs.named import Decrypt
    from protocols.gbcs.named.filling import At

# Alerts whose further elements come as DLMS data: ``further``.
_FURTHER = frozenset((0x0061, 0x0067, 0x0110, 0x0111, 0x0112, 0x0113, 0x0115, 0x0121, 0x0122, 0x0123))


def message_code(use_case: UseCase, values: Mapping[str, Any], chosen: int | None = None) -> int:
    """Message code of a command: ``chosen``, that of the ``mode`` of CS02b or CS02g, or the only one."""
    if use_case.is_alert or use_case.payload_kind is None:
        raise EncodeError("has no command", element=use_case.code)
    known = use_case.message_codes
    if chosen is None and "mode" in values and len(known) > 1:
        chosen = message_code_of_mode(values["mode"])
    if chosen in known or (chosen is None and len(known) == 1):
        return known[0] if chosen is None else chosen
    problem = "choose one of several" if chosen is None else f"{chosen:04X} is not {use_case.code}'s"
    shown = ", ".join(f"0x{code:04X}" for code in known)
    raise EncodeError(f"{problem}: {shown}", element="message_code")


def command_payload(
    use_case: UseCase,
    header: GroupingHeader,
    values: Mapping[str, Any],
    *,
    payload: Mapping[str, Any] | None = None,
    at: At | None = None,
    strict: bool | None = None,
) -> bytes:
    """Payload of a command from values by short names or by the specification's.

    ``payload`` and ``at`` are those of ``filling.fill``. What is said by short names alone may break rules of
    the specification (``strict`` False), so that tests can; with the specification's names it may not, unless
    ``strict`` says so. EncodeError names the value that does not fit.
    """
    rows = COMMANDS.get(use_case.code, [])
    short = {row.name: values[row.name] for row in rows if row.name in values}
    rest = {name: value for name, value in values.items() if name not in short}
    only_short = bool(rows) and not rest and payload is None
    places = _places(rows, header, short, complete=only_short)
    document = {
        "message_code": f"0x{header.message_code:04X}",
        "header": decode_header(header),
        "payload_kind": use_case.payload_kind,
        "payload": fill(use_case, header, places | rest, payload=payload, at=at),
    }
    return build_named(document, strict=not only_short if strict is None else strict).payload


def _places(
    rows: list[Row], header: GroupingHeader, given: Mapping[str, Any], *, complete: bool
) -> dict[str, Any]:
    """Values by their places; ``complete``: those that are not given have their usual value."""
    places: dict[str, Any] = {}
    for row in rows:
        if row.name not in given and not complete:
            continue
        value = given.get(row.name, row.default)
        if value is REQUIRED:
            raise EncodeError("value missing", element=row.name)
        if callable(value):
            value = value(header)
        if value is LEFT_OUT or (value is None and row.default is not REQUIRED):
            continue
        leaves = row.form.write(value, row.name)
        for place, written in _leaves(row.place, leaves).items() if leaves is not LEFT_OUT else ():
            # Two names of one place are two parts of its text.
            places[place] = places[place] + written if place in places else written
    return places


def _leaves(place: str, value: Any) -> dict[str, Any]:
    """An object stands for its members."""
    if not isinstance(value, Mapping):
        return {place: value}
    return {f"{place}/{key}" if place else key: each for key, each in value.items()}


def short_values(message: Message, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values of a response or an alert by their short names, from its named ``payload``.

    None where it has none.
    """
    if UNNAMED in payload:
        return None
    header = message.header
    if header.cra_flag is CraFlag.RESPONSE:
        use_case = load_catalogue().by_message_code(header.message_code, header.cra_flag)
        rows = RESPONSES.get(use_case.code) if use_case is not None else None
        return None if rows is None else read_rows(rows, payload)
    if header.cra_flag is not CraFlag.ALERT:
        return None
    head = ALERT_HEADS[payload_kind(message)]
    if header.message_code in _FURTHER:
        return read_rows(head, payload) | {"further": parse_notification(message.payload).body.value[2:]}
    rows = ALERTS.get(header.message_code)
    return None if rows is None else read_rows([*head, *rows], payload)


def has_short_names(message_code: int, flag: CraFlag) -> bool:
    """Whether a response or alert has short names."""
    if flag is CraFlag.ALERT:
        return message_code in ALERTS or message_code in _FURTHER
    use_case = load_catalogue().by_message_code(message_code, flag)
    return use_case is not None and use_case.code in RESPONSES


def values_of(message: Message, decrypt: Decrypt | None = None) -> dict[str, Any]:
    """Values of a response or an alert by short names, by the specification's where it has none."""
    payload: dict[str, Any] = decode_named(message, decrypt)["payload"]
    short = short_values(message, payload)
    return payload if short is None else short
