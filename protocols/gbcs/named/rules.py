"""Rules about a whole message that the strict builder enforces: payload kind, protection, header fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protocols.errors import EncodeError
from protocols.gbcs.header import CraFlag

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.message import Message

_CLAUSE = "GBCS 6"
_HEADER_CLAUSE = "GBCS 7.2.7"
_BROKER = "access_control_broker"
_SIGNED, _MACED, _BOTH = "a signature", "a MAC", "a signature and a MAC"
# Use cases whose protection depends on who asks (CS02a, CS02f) or on the replacement mode (CS02b).
_VARIANT = {
    "CS02a": {_SIGNED, _MACED},
    "CS02f": {_SIGNED, _MACED},
    "CS02b": {_SIGNED, _MACED, _BOTH},
}
# Alert message codes that belong to no use case, by how they are protected.
_CRITICAL_ALERTS = frozenset((0x00CA, 0x00CB, 0x00CC, 0x00CD, 0x00CE, 0x00CF, 0x0124, 0x1000))
_OTHER_ALERTS = frozenset((0x00F0, 0x00F2, 0x1001))


# Message codes of CS02b for replacements whose commands are signed, or MACed, alone.
_SIGNED_ONLY = frozenset((0x0108, 0x0109))
_MACED_ONLY = frozenset((0x0104,))


def command_protection(
    use_case: UseCase, message_code: int, *, by_broker: bool, to_hub: bool = False
) -> tuple[bool, bool]:
    """Whether a command is signed, and whether it has a MAC; ``by_broker`` says who sends it.

    ``to_hub``: the broker's replacement of its own credentials is signed for a CHF, and for no other device.
    """
    if use_case.code in {"CS02a", "CS02f"}:
        return not by_broker, by_broker
    if message_code in _SIGNED_ONLY:
        return True, False
    return use_case.critical and (to_hub or message_code not in _MACED_ONLY), True


def check_rules(message: Message, use_case: UseCase | None, kind: str) -> None:
    """EncodeError with element and clause for the first rule that a message breaks."""
    if use_case is not None and use_case.payload_kind not in {None, kind}:
        problem = f"{kind!r}, but {use_case.code} has {use_case.payload_kind}"
        raise EncodeError(problem, element="payload_kind", clause=f"GBCS {use_case.code}")
    if use_case is None and message.header.cra_flag is not CraFlag.ALERT:
        problem = f"{message.header.message_code:04X} is no {message.kind} of the catalogue"
        raise EncodeError(problem, element="message_code", clause=_HEADER_CLAUSE)
    _check_header(message, use_case)
    _check_protection(message, use_case)


def check_sender(message: Message, use_case: UseCase | None, role: str) -> None:
    """EncodeError where a sender of this role has no authority to send a command, or sends it for another."""
    header = message.header
    if header.cra_flag is not CraFlag.COMMAND or use_case is None:
        return
    if role not in use_case.roles:
        problem = f"{role} has no authority for {use_case.code}, only {', '.join(use_case.roles)}"
        clause = f"GBCS use case {use_case.code}"
        raise EncodeError(problem, element="header.business_originator_id", clause=clause)
    if header.supplementary_remote_party_id is not None and role != _BROKER:
        problem = f"{role} sends for nobody else, only {_BROKER} does"
        raise EncodeError(problem, element="header.supplementary_remote_party_id", clause=_HEADER_CLAUSE)


def _check_header(message: Message, use_case: UseCase | None) -> None:
    header = message.header
    flag = header.cra_flag
    if header.date_time and flag is not CraFlag.RESPONSE:
        raise EncodeError("only responses have one", element="header.date_time", clause=_HEADER_CLAUSE)
    encrypted = use_case is not None and use_case.encrypted
    if header.certificate and not (flag is CraFlag.COMMAND and encrypted):
        problem = "only commands for encrypted data carry one"
        raise EncodeError(problem, element="header.certificate", clause=_HEADER_CLAUSE)
    if header.supplementary_originator_counter is not None and not (flag is CraFlag.RESPONSE and encrypted):
        problem = "only responses with encrypted data carry one"
        raise EncodeError(problem, element="header.supplementary_originator_counter", clause=_HEADER_CLAUSE)


def _check_protection(message: Message, use_case: UseCase | None) -> None:
    """Which of signature and MAC there are; a message without either has yet to be protected."""
    found = _found(message)
    if found is None:
        return
    allowed = _allowed(message, use_case)
    if allowed and found not in allowed:
        code = f"{message.header.message_code:04X}" if use_case is None else use_case.code
        problem = f"{found} where a {message.kind} of {code} has {' or '.join(sorted(allowed))}"
        signature_fits = any((form != _MACED) == bool(message.signature) for form in allowed)
        element = "mac" if signature_fits else "signature"
        raise EncodeError(problem, element=element, clause=_CLAUSE)


def _found(message: Message) -> str | None:
    if message.signature:
        return _SIGNED if message.mac is None else _BOTH
    return None if message.mac is None else _MACED


def _allowed(message: Message, use_case: UseCase | None) -> set[str]:
    """What the use case allows; empty where nothing is known."""
    flag, code = message.header.cra_flag, message.header.message_code
    if use_case is None:
        return {_SIGNED} if code in _CRITICAL_ALERTS else {_MACED} if code in _OTHER_ALERTS else set()
    variant = _VARIANT.get(use_case.code)
    if variant is not None:
        return variant - {_BOTH} if flag is not CraFlag.COMMAND else variant
    if not use_case.critical:
        return {_MACED}
    return {_BOTH} if flag is CraFlag.COMMAND else {_SIGNED}
