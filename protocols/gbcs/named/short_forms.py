"""Python values behind short names: how each kind stands in a payload's named values, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, IntEnum
from typing import Any

from protocols.dlms.date_time import decode_date_time
from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.gbcs.asn1.types import DeviceType, RemotePartyRole
from protocols.gbcs.gbz import to_datetime
from protocols.gbcs.named.asn1_engine import usage_bits, usage_text
from protocols.gbcs.named.dlms_time import date_time_octets
from protocols.gbcs.named.filling import NEVER_TEXT, document_value
from protocols.gbcs.zcl_values import time_number, time_text

CANCEL = "cancel"


class Default(Enum):
    """What stands for a value that is not there."""

    REQUIRED = "required"  # of a command: it has to be given; of an answer: None
    LEFT_OUT = "left out"


REQUIRED, LEFT_OUT = Default.REQUIRED, Default.LEFT_OUT
_ASN1_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _same(value: Any) -> Any:
    return value


def _plain(value: Any, _element: str) -> Any:
    return document_value(value)


@dataclass(slots=True)
class Form:
    """``read`` makes the Python value, ``write`` the one in the payload (or LEFT_OUT); its errors name it."""

    read: Callable[[Any], Any] = field(default=_same)
    write: Callable[[Any, str], Any] = field(default=_plain)


def octets(*lengths: int) -> Form:
    """Octets of one of these lengths, any without."""

    def write(value: Any, element: str) -> str:
        if not isinstance(value, bytes | bytearray):
            raise EncodeError(f"{value!r} is not octets", element=element)
        if lengths and len(value) not in lengths:
            allowed = " or ".join(map(str, lengths))
            raise EncodeError(f"{allowed} octets, not {len(value)}", element=element)
        return value.hex().upper()

    return Form(bytes.fromhex, write)


def _write_eui64(value: Any, element: str) -> str:
    try:
        return Eui64(value).hex().upper()
    except (ValueError, TypeError) as error:
        raise EncodeError(str(error), element=element) from None


EUI64 = Form(Eui64, _write_eui64)


def _write_moment(value: Any, element: str) -> Any:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise EncodeError(f"{value!r} is not a time with zone", element=element)
    return document_value(value)


def _read_dlms_moment(text: str) -> datetime | None:
    try:
        return decode_date_time(date_time_octets(text)).to_datetime()
    except (DecodeError, EncodeError):
        return None


def _read_asn1_moment(text: str) -> datetime | str:
    return CANCEL if text == NEVER_TEXT else datetime.strptime(text, _ASN1_TIME).replace(tzinfo=UTC)


def _write_execution_time(value: Any, element: str) -> Any:
    return NEVER_TEXT if value == CANCEL else _write_moment(value, element)


DLMS_MOMENT = Form(_read_dlms_moment, _write_moment)
GBZ_MOMENT = Form(lambda text: to_datetime(time_number(text, "time")), _write_moment)
ASN1_MOMENT = Form(_read_asn1_moment, _write_moment)
EXECUTION_TIME = Form(_read_asn1_moment, _write_execution_time)
GBZ_SECONDS = Form(write=lambda value, _: time_text(value))


def digits(*lengths: int, shown: str) -> Callable[[Any, str], str]:
    """What takes text of so many digits."""

    def write(value: Any, element: str) -> str:
        if (
            not isinstance(value, str)
            or len(value) not in lengths
            or not (value.isascii() and value.isdigit())
        ):
            raise EncodeError(f"{value!r} is not {shown}", element=element)
        return str(value)

    return write


def named(codes: Mapping[str, int]) -> Form:
    """A code by its name; a number where it has none."""
    names = {code: name for name, code in reversed(list(codes.items()))}

    def write(value: Any, element: str) -> int:
        if isinstance(value, str) and value in codes:
            return codes[value]
        if isinstance(value, bool) or not isinstance(value, int):
            raise EncodeError(f"{value!r} is no number and not among {', '.join(codes)}", element=element)
        return int(value)

    return Form(lambda code: names.get(code, code), write)


_ROLES = named({each.name.lower(): int(each) for each in RemotePartyRole})
ROLE = Form(write=_ROLES.write)
# Displays and consumer access devices are Type 2 devices and go by either name.
_DEVICE_TYPES = {each.name.lower(): int(each) for each in DeviceType} | {
    "ihd": DeviceType.TYPE_2,
    "cad": DeviceType.TYPE_2,
}
DEVICE_TYPE = named(_DEVICE_TYPES)
KEY_USAGE = Form(usage_bits, lambda value, _: usage_text(value))
BITS = Form(lambda text: int(text, 16))


def name_of(codes: type[IntEnum]) -> Form:
    """Only read: the lower-case name of a code, ``unknown`` where it has none."""
    return Form(lambda code: codes(code).name.lower() if code in list(codes) else "unknown")


def each(form: Form) -> Form:
    """A list of such values."""

    def write(values: Any, element: str) -> list[Any]:
        if not isinstance(values, list | tuple):
            raise EncodeError(f"{values!r} is not a list", element=element)
        return [form.write(value, f"{element}.{index}") for index, value in enumerate(values)]

    return Form(lambda values: [form.read(value) for value in values], write)
