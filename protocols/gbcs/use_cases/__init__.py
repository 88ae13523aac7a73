"""Use cases as codecs between named values and payload octets.

Each ``dlms_*``, ``asn1_*`` and ``gbz_*`` module beside this file declares ``CODECS`` and ``ALERTS``; this
module collects them on first use. Values are plain Python objects under snake_case names; a missing, surplus
or out-of-range value is an ``EncodeError`` whose ``element`` is the value's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.payload import kind_by_octets

if TYPE_CHECKING:
    from protocols.eui64 import Eui64

Decrypt = Callable[[bytes], bytes]
"""Ciphered block (31 00000000, ciphertext, tag) to plaintext; raises DecodeError on a bad tag."""

Values = Mapping[str, Any]

_KINDS = ("dlms", "asn1", "gbz")
_MODULES = (
    "dlms_hub",
    "dlms_clock",
    "dlms_reads",
    "dlms_settings",
    "dlms_alerts",
    "asn1_credentials",
    "asn1_firmware",
    "asn1_joining",
    "asn1_clock",
    "gbz_reads",
    "gbz_settings",
    "gbz_alerts",
)


@dataclass(slots=True)
class Context:
    """What a payload repeats from its Grouping Header.

    For a response these are the command's values: ``business_originator_id`` is who asked and
    ``business_target_id`` the device. For an alert the device is the originator.
    ``supplementary_remote_party_id`` names the party an Access Control Broker asks for.
    """

    originator_counter: int
    business_originator_id: Eui64
    business_target_id: Eui64
    supplementary_remote_party_id: Eui64 | None = None


@dataclass(slots=True)
class UseCaseCodec:
    """One use case with a command: its code, message code and four conversions.

    ``choose_message_code`` is for the use cases whose values choose among several codes (CS02b: 0x0100 +
    mode).
    """

    use_case: str
    message_code: int
    encode_command: Callable[[Context, Values], bytes]
    decode_command: Callable[[bytes], dict[str, Any]]
    encode_response: Callable[[Context, Values], bytes] | None
    decode_response: Callable[[bytes, Decrypt | None], dict[str, Any]]
    choose_message_code: Callable[[Values], int] | None = None


@dataclass(slots=True)
class AlertCodec:
    """One alert message code in one payload kind (``dlms``, ``gbz`` or ``asn1``).

    ``decode`` gives a dict with at least ``alert_code`` (int) and ``time`` (datetime, UTC).
    """

    message_code: int
    payload_kind: str
    encode: Callable[[Context, Values], bytes]
    decode: Callable[[bytes, Decrypt | None], dict[str, Any]]


@cache
def _modules(kind: str) -> tuple[Any, ...]:
    """Modules whose name starts with this payload kind; importing only those keeps ``hil decode`` quick."""
    names = (module for module in _MODULES if module.startswith(f"{kind}_"))
    return tuple(import_module(f"{__name__}.{name}") for name in names)


@cache
def _codecs_of(kind: str) -> dict[str, UseCaseCodec]:
    return {codec.use_case: codec for module in _modules(kind) for codec in getattr(module, "CODECS", ())}


@cache
def _alerts_of(kind: str) -> dict[int, AlertCodec]:
    return {alert.message_code: alert for module in _modules(kind) for alert in getattr(module, "ALERTS", ())}


@cache
def codecs() -> dict[str, UseCaseCodec]:
    """All use case codecs by use case code (``"ECS70"``)."""
    return {code: codec for kind in _KINDS for code, codec in _codecs_of(kind).items()}


@cache
def alert_codecs() -> dict[tuple[int, str], AlertCodec]:
    """All alert codecs by message code and payload kind; 0x1000 and 0x1001 exist as ``dlms`` and ``gbz``."""
    return {(code, kind): alert for kind in _KINDS for code, alert in _alerts_of(kind).items()}


def find_codec(use_case: str, kind: str) -> UseCaseCodec | None:
    """The codec of one use case whose payload kind is known, without loading the other kinds."""
    return _codecs_of(kind).get(use_case)


def find_alert_codec(message_code: int, kind: str) -> AlertCodec | None:
    """The codec of one alert message code and payload kind, without loading the other kinds."""
    return _alerts_of(kind).get(message_code)


def codec(use_case: str) -> UseCaseCodec:
    """The codec of one use case; EncodeError when there is none."""
    found = codecs().get(use_case)
    if found is None:
        raise EncodeError(f"no codec for use case {use_case!r}", element="use_case")
    return found


def message_code(use_case: str, values: Values) -> int:
    """Message code of a command with these values."""
    found = codec(use_case)
    return found.choose_message_code(values) if found.choose_message_code else found.message_code


def encode_command(use_case: str, context: Context, values: Values) -> bytes:
    """Command payload from values; EncodeError names the value that does not fit."""
    return codec(use_case).encode_command(context, values)


def decode_command(use_case: str, payload: bytes) -> dict[str, Any]:
    """Values of a command payload; DecodeError with offset and path."""
    return codec(use_case).decode_command(payload)


def encode_response(use_case: str, context: Context, values: Values) -> bytes:
    """Response payload from values; EncodeError where the use case has no response encoder."""
    encode = codec(use_case).encode_response
    if encode is None:
        raise EncodeError(f"responses of {use_case} cannot be encoded", element="use_case")
    return encode(context, values)


def decode_response(use_case: str, payload: bytes, decrypt: Decrypt | None = None) -> dict[str, Any]:
    """Values of a response payload; without ``decrypt`` its encrypted parts stay closed."""
    return codec(use_case).decode_response(payload, decrypt)


def encode_alert(message_code: int, context: Context, values: Values) -> bytes:
    """Alert payload from values; ``payload_kind`` among them chooses where a code has two (default dlms)."""
    kinds = [kind for code, kind in alert_codecs() if code == message_code]
    if not kinds:
        raise EncodeError(f"no codec for alert message code {message_code:#06x}", element="message_code")
    rest = dict(values)
    kind = rest.pop("payload_kind", "dlms" if "dlms" in kinds else kinds[0])
    if kind not in kinds:
        raise EncodeError(f"{kind!r} is not among {', '.join(sorted(kinds))}", element="payload_kind")
    return alert_codecs()[message_code, kind].encode(context, rest)


def decode_alert(message_code: int, payload: bytes, decrypt: Decrypt | None = None) -> dict[str, Any]:
    """Values of an alert payload, at least ``alert_code`` and ``time``; DecodeError without a codec."""
    found = find_alert_codec(message_code, kind_by_octets(payload))
    if found is None:
        raise DecodeError(f"no codec for alert message code {message_code:#06x}", offset=0, path="payload")
    return found.decode(payload, decrypt)
