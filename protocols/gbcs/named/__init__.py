"""Whole messages as named leaf values, ready for JSON, and back to the same octets.

A document has ``use_case`` (None where a message code belongs to none), ``message_code``, ``kind``,
``header``, ``payload_kind``, ``payload``, ``signature`` and ``mac``. Values are JSON's own types: octet
strings are hexadecimal text and stand only where the catalogue types the element so; types, tags and lengths
are not stored, they follow from the catalogue. One module per payload kind (``dlms``, ``gbz``, ``asn1``)
gives ``decode``, ``build`` and ``describe`` (DLMS has that in ``dlms_describe``); it is loaded when a message
of its kind comes along.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.catalogue import load_catalogue
from protocols.gbcs.header import MAC_OCTETS, GroupingHeader
from protocols.gbcs.message import SIGNATURE_OCTETS, Message
from protocols.gbcs.named.header import build_header, decode_header, hex_octets
from protocols.gbcs.named.rules import check_rules, check_sender
from protocols.gbcs.payload import payload_kind

if TYPE_CHECKING:
    from protocols.gbcs.catalogue import UseCase
    from protocols.gbcs.crypto import SecretCache
    from protocols.gbcs.keystore import KeyStore

Decrypt = Callable[[bytes], bytes]
"""Ciphered block (31 00000000, ciphertext, tag) to plaintext; raises DecodeError on a bad tag."""
Encrypt = Callable[[bytes], bytes]
"""Plaintext to ciphered block."""

_KEYS = (
    "use_case",
    "message_code",
    "kind",
    "header",
    "payload_kind",
    "payload",
    "signature",
    "mac",
)
_KINDS = ("dlms", "gbz", "asn1")
_DESCRIBES = {"dlms": "dlms_describe", "gbz": "gbz", "asn1": "asn1"}
UNNAMED = "unnamed"


def decode_named(message: Message, decrypt: Decrypt | None = None) -> dict[str, Any]:
    """Document of a message; DecodeError (offset in the message) where its payload has no such form.

    With ``decrypt`` the encrypted parts are named as well, else they are one octet string each.
    """
    header = message.header
    use_case = load_catalogue().by_message_code(header.message_code, header.cra_flag)
    kind = payload_kind(message)
    try:
        payload = _module(kind).decode(message, use_case, decrypt)
    except DecodeError as error:
        raise error.moved(message.payload_offset, "message.payload") from None
    return {
        "use_case": None if use_case is None else use_case.code,
        "message_code": f"0x{header.message_code:04X}",
        "kind": message.kind,
        "header": decode_header(header),
        "payload_kind": kind,
        "payload": payload,
        "signature": None if message.signature is None else message.signature.hex().upper(),
        "mac": None if message.mac is None else message.mac.hex().upper(),
    }


def build_named(
    document: Mapping[str, Any],
    *,
    strict: bool = True,
    encrypt: Encrypt | None = None,
    sender_role: str | None = None,
) -> Message:
    """Message of a document; EncodeError names the element, and the clause where one is known.

    ``strict`` also enforces the rules of the catalogue (elements, fixed values, ranges, protection); without
    it only what the layout cannot carry is refused, so that tests can send what no user would. Where the
    caller knows the sender's role (``supplier``, see ``protocols.parties``), ``strict`` also asks whether it
    has authority to send the command.
    """
    for key in document:
        if key not in _KEYS:
            raise EncodeError("no such part of a message", element=str(key))
    header, use_case = _head(document, strict=strict)
    kind = _part(document, "payload_kind")
    if kind not in _KINDS:
        raise EncodeError(f"{kind!r} is not among {', '.join(_KINDS)}", element="payload_kind")
    values = _part(document, "payload")
    if not isinstance(values, Mapping):
        raise EncodeError(f"{values!r} is no object", element="payload")
    payload = _module(kind).build(values, header, use_case, strict=strict, encrypt=encrypt)
    message = Message(
        header,
        payload,
        _protection(document, "signature", (0, SIGNATURE_OCTETS)),
        _protection(document, "mac", (MAC_OCTETS,)),
    )
    if strict:
        check_rules(message, use_case, kind)
        if sender_role is not None:
            check_sender(message, use_case, sender_role)
        _check_kind(document, message)
    return message


def unnamed(document: Mapping[str, Any]) -> list[str]:
    """Paths of elements of the payload that have no name: keys that begin with ``unnamed``."""
    return [f"payload{path}" for path in _unnamed(document["payload"], "")]


def describe(message: Message, decrypt: Decrypt | None = None) -> list[dict[str, Any]]:
    """Payload elements in order: name, clause, unit, scaling, value, offset (in the message) and octets."""
    header = message.header
    use_case = load_catalogue().by_message_code(header.message_code, header.cra_flag)
    found: list[dict[str, Any]] = _module(_DESCRIBES[payload_kind(message)]).describe(
        message, use_case, decrypt
    )
    return found


def encryptor(document: Mapping[str, Any], keystore: KeyStore, cache: SecretCache) -> Encrypt | None:
    """What seals the encrypted parts of a document's message, or None without the keys for it."""
    # Only who has keys pays for loading what uses them.
    from protocols.gbcs.crypto import encrypt_block
    from protocols.gbcs.protect import secret_between

    header, _ = _head(document, strict=False)
    reader = header.reader
    z = secret_between(keystore, cache, reader, header.business_originator_id)
    return None if z is None else lambda plaintext: encrypt_block(z, header, plaintext)


def _module(kind: str) -> Any:
    return import_module(f"{__name__}.{kind}")


def _head(document: Mapping[str, Any], *, strict: bool) -> tuple[GroupingHeader, UseCase | None]:
    """Header and use case; where the document names them twice, both have to agree."""
    text = _part(document, "message_code")
    try:
        code = int(text, 16)
    except (TypeError, ValueError):
        raise EncodeError(f"{text!r} is no code like 0x0042", element="message_code") from None
    header = build_header(_part(document, "header"), code)
    use_case = load_catalogue().by_message_code(code, header.cra_flag)
    named = document.get("use_case")
    if strict and named is not None and (use_case is None or use_case.code != named):
        found = "no use case" if use_case is None else use_case.code
        raise EncodeError(f"{named!r}, but message code {code:04X} is {found}", element="use_case")
    return header, use_case


def _check_kind(document: Mapping[str, Any], message: Message) -> None:
    kind = document.get("kind", message.kind)
    if kind != message.kind:
        raise EncodeError(f"{kind!r}, but the message is a {message.kind}", element="kind")


def _part(document: Mapping[str, Any], name: str) -> Any:
    try:
        return document[name]
    except KeyError:
        raise EncodeError("the part is missing", element=name) from None


def _protection(document: Mapping[str, Any], name: str, sizes: tuple[int, ...]) -> bytes | None:
    text = document.get(name)
    if text is None:
        return None
    octets = hex_octets(text, name)
    if len(octets) not in sizes:
        allowed = " or ".join(map(str, sizes))
        raise EncodeError(f"{len(octets)} octets instead of {allowed}", element=name)
    return octets


def _unnamed(value: Any, path: str) -> list[str]:
    if isinstance(value, Mapping):
        found = []
        for key, inner in value.items():
            here = f"{path}.{key}"
            found += [here] if key.startswith(UNNAMED) else _unnamed(inner, here)
        return found
    if isinstance(value, list):
        return [each for index, inner in enumerate(value) for each in _unnamed(inner, f"{path}[{index}]")]
    return []
