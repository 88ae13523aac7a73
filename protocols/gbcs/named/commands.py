"""Building and reading messages of one use case, behind ``catalogue["ECS27"]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import CraFlag, GroupingHeader
from protocols.gbcs.named import build_named, decode_named, describe
from protocols.gbcs.named.filling import fill
from protocols.gbcs.named.header import decode_header

if TYPE_CHECKING:
    from protocols.eui64 import Eui64
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message
    from protocols.gbcs.named import Decrypt


def build_command(
    use_case: UseCase,
    parties: tuple[Eui64, Eui64],
    counter: int,
    values: Mapping[str, Any],
    *,
    message_code: int | None,
    strict: bool,
    sender_role: str | None,
) -> Message:
    """See ``UseCase.command``; ``parties`` are originator and target."""
    if use_case.is_alert or use_case.payload_kind is None:
        raise EncodeError("has no command", element=use_case.code)
    if message_code is None:
        message_code = use_case.message_codes[0]
    if message_code not in use_case.message_codes:
        raise EncodeError(f"{message_code:04X} is not {use_case.code}'s", element="message_code")
    header = GroupingHeader(CraFlag.COMMAND, counter, *parties, message_code)
    document = {
        "use_case": use_case.code,
        "message_code": f"0x{message_code:04X}",
        "header": decode_header(header),
        "payload_kind": use_case.payload_kind,
        "payload": fill(use_case, header, values),
    }
    return build_named(document, strict=strict, sender_role=sender_role)


def values_of(use_case: UseCase, message: Message, decrypt: Decrypt | None) -> dict[str, Any]:
    """See ``UseCase.values``."""
    _check(use_case, message)
    payload: dict[str, Any] = decode_named(message, decrypt)["payload"]
    return payload


def elements_of(use_case: UseCase, message: Message, decrypt: Decrypt | None) -> list[dict[str, Any]]:
    """See ``UseCase.elements``."""
    _check(use_case, message)
    return describe(message, decrypt)


def _check(use_case: UseCase, message: Message) -> None:
    code = message.header.message_code
    found = load_catalogue().by_message_code(code, message.header.cra_flag)
    # Codes of alerts that several use cases share lead to none.
    if code not in use_case.message_codes or (found is not None and found.code != use_case.code):
        problem = f"message code {code:04X} is not {use_case.code}'s"
        raise DecodeError(problem, offset=0, path="message.grouping_header.message_code")
