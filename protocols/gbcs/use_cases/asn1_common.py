"""What the ASN.1 use cases share: times that may be "cancel", named codes, structures to and from octets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from protocols.errors import EncodeError
from protocols.gbcs.asn1 import schema
from protocols.gbcs.asn1.types import DeviceType, RemotePartyRole
from protocols.gbcs.use_cases import AlertCodec
from protocols.gbcs.use_cases.values import Fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import IntEnum

    from protocols.gbcs.use_cases import Context, Decrypt, Values

UINT16 = 0xFFFF
CANCEL = "cancel"
# What cancels a stored command, as an execution time (GeneralizedTime 99991231235959Z).
_NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)

_DEVICE_TYPES = {each.name.lower(): int(each) for each in DeviceType}
# Displays and consumer access devices are Type 2 devices and go by either name.
DEVICE_TYPE_NAMES = _DEVICE_TYPES | {"ihd": DeviceType.TYPE_2, "cad": DeviceType.TYPE_2}
_ROLES = {each.name.lower(): int(each) for each in RemotePartyRole}


def encode(structure: schema.Type, value: Any) -> bytes:
    """Octets of a structure; EncodeError elements start at the structure's own members."""
    try:
        return schema.encode(structure, value)
    except EncodeError as error:
        raise EncodeError(error.problem, element=error.element.removeprefix("payload.")) from None


def take_execution_time(fields: Fields) -> datetime | None:
    """``execution_time``: None for at once, a time, or ``"cancel"``."""
    value = fields.any("execution_time", None)
    if value is None:
        return None
    if value == CANCEL:
        return _NEVER
    return fields_moment(value, fields.name("execution_time"))


def fields_moment(value: Any, element: str) -> datetime:
    """A timezone-aware time."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise EncodeError(f"{value!r} is no time with a zone, nor None, nor {CANCEL!r}", element=element)
    return value


def execution_time(moment: datetime | None) -> datetime | str | None:
    """The value for an execution time on the wire."""
    return CANCEL if moment == _NEVER else moment


def role(value: Any, element: str) -> int:
    """A remote party role from its number or name (``"supplier"``)."""
    if isinstance(value, str) and value in _ROLES:
        return _ROLES[value]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFF:
        raise EncodeError(f"{value!r} is no number and not among {', '.join(_ROLES)}", element=element)
    return int(value)


def code_name(codes: type[IntEnum], value: int) -> str:
    """Lower-case name of a code, ``"unknown"`` where it has none."""
    return codes(value).name.lower() if value in list(codes) else "unknown"


def device_type_name(value: int) -> str | int:
    """Name of a device type, its number where it has none."""
    return DeviceType(value).name.lower() if value in list(DeviceType) else value


def alert(
    message_code: int,
    structure: schema.Type,
    read: Callable[[Fields], Any],
    show: Callable[[Any], dict[str, Any]],
) -> AlertCodec:
    """An alert codec from a structure and the conversions between it and values."""

    def encode_alert(_context: Context, values: Values) -> bytes:
        fields = Fields(values)
        value = read(fields)
        fields.done()
        return encode(structure, value)

    def decode_alert(payload: bytes, _decrypt: Decrypt | None) -> dict[str, Any]:
        return show(schema.decode(structure, payload))

    return AlertCodec(message_code, "asn1", encode_alert, decode_alert)


def no_values(values: Mapping[str, Any]) -> None:
    """Refuse any value."""
    for name in values:
        raise EncodeError("no such value here", element=name)
