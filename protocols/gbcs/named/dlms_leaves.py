"""Single DLMS values as JSON, typed by their catalogue node; see ``TYPES`` for the forms.

==============================  ===========  ========================================================
type                            JSON         on the wire
==============================  ===========  ========================================================
integer, long, unsigned, enum   number       that type
boolean                         boolean      FF is true; an octet other than 00 and FF is a number
octet-string(n), (n..m)         hexadecimal  octet-string
text(n), (n..m)                 text         octet-string that holds characters (ISO 8859-1)
visible-string, utf8-string     text         that type
date-time, date, time           text         octet-string of 12, 5 and 4 (``dlms_time``)
utc-time                        text         double-long-unsigned, seconds since 2000
bit-string(n)                   hexadecimal  bit-string of n bits
bits(n), (n..m)                 0 and 1      bit-string, first bit first
==============================  ===========  ========================================================

Null-data is null everywhere. A single value of another type than the catalogue's keeps its name and says what
it is: ``{"long-unsigned": 5}``. What is no single value becomes ``{"unnamed": octets}``: no name fits its
parts. Only a builder that is not strict takes either back.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from protocols.dlms.axdr import BitString, Data, Tag, encode_data, parse_data
from protocols.errors import DecodeError, EncodeError
from protocols.gbcs.named import dlms_time

if TYPE_CHECKING:
    from protocols.gbcs.catalogue.elements import DlmsNode

UNNAMED = "unnamed"
# Where no element has a clause of its own: how GBCS carries DLMS.
CLAUSE = "GBCS 7.3"
_TYPE_FORM = re.compile(r"([a-z0-9-]+?)(?:\((\d+)(?:\.\.(\d+))?\))?", re.ASCII)
_INTEGERS = {
    "integer": (Tag.INTEGER, -0x80, 0x7F),
    "long": (Tag.LONG, -0x8000, 0x7FFF),
    "double-long": (Tag.DOUBLE_LONG, -0x8000_0000, 0x7FFF_FFFF),
    "unsigned": (Tag.UNSIGNED, 0, 0xFF),
    "long-unsigned": (Tag.LONG_UNSIGNED, 0, 0xFFFF),
    "double-long-unsigned": (Tag.DOUBLE_LONG_UNSIGNED, 0, 0xFFFF_FFFF),
    "enum": (Tag.ENUM, 0, 0xFF),
}
_OTHERS = {
    "boolean": Tag.BOOLEAN,
    "octet-string": Tag.OCTET_STRING,
    "text": Tag.OCTET_STRING,
    "visible-string": Tag.VISIBLE_STRING,
    "utf8-string": Tag.UTF8_STRING,
    "date-time": Tag.OCTET_STRING,
    "date": Tag.OCTET_STRING,
    "time": Tag.OCTET_STRING,
    "utc-time": Tag.DOUBLE_LONG_UNSIGNED,
    "bit-string": Tag.BIT_STRING,
    "bits": Tag.BIT_STRING,
}
TYPES = frozenset(_INTEGERS) | frozenset(_OTHERS)
_READ_TIME: dict[str, Callable[[bytes], str]] = {
    "date-time": dlms_time.date_time_text,
    "date": dlms_time.date_text,
    "time": dlms_time.time_text,
}
_WRITE_TIME: dict[str, Callable[[str], bytes]] = {
    "date-time": dlms_time.date_time_octets,
    "date": dlms_time.date_octets,
    "time": dlms_time.time_octets,
}
_CHARACTERS = {"text": "iso-8859-1", "visible-string": "iso-8859-1", "utf8-string": "utf-8"}


@dataclass(slots=True)
class TypeForm:
    """A node's type taken apart: its word, and how many octets, bits or elements fit."""

    base: str
    low: int
    high: int


@cache
def type_form(text: str) -> TypeForm:
    """``"array(1..4)"`` taken apart; without numbers everything fits."""
    found = _TYPE_FORM.fullmatch(text)
    if found is None:
        raise EncodeError(f"{text!r} is no type", element="catalogue")
    base, low, high = found.groups()
    if low is None:
        return TypeForm(base, 0 if base not in _READ_TIME else 1, 0xFFFF_FFFF)
    return TypeForm(base, int(low), int(high or low))


def wire_tag(node: DlmsNode) -> int:
    """Tag of a single value's type on the wire."""
    base = type_form(node.type).base
    return int(_INTEGERS[base][0] if base in _INTEGERS else _OTHERS[base])


def unnamed(data: Data) -> dict[str, str]:
    """What no name fits: its octets, tag included."""
    return {UNNAMED: encode_data(data).hex().upper()}


def is_unnamed(value: Any) -> bool:
    """Whether a value is what ``unnamed`` makes."""
    return isinstance(value, dict) and set(value) == {UNNAMED}


def build_unnamed(value: dict[str, Any], path: str, *, strict: bool) -> Data:
    """Data of ``unnamed`` octets; refused where building is strict."""
    if strict:
        raise EncodeError("the catalogue has no such type here", element=path, clause=CLAUSE)
    try:
        octets = bytes.fromhex(value[UNNAMED])
        data, end = parse_data(octets)
    except (DecodeError, TypeError, ValueError) as error:
        raise EncodeError(f"no data: {error}", element=path, clause=CLAUSE) from None
    if end != len(octets):
        raise EncodeError(f"{len(octets) - end} octets left over", element=path, clause=CLAUSE)
    return data


def decode_leaf(node: DlmsNode, data: Data) -> Any:
    """JSON value of a single value."""
    if data.tag == Tag.NULL_DATA:
        return None
    form = type_form(node.type)
    if data.tag != wire_tag(node):
        return decode_typed(data)
    if form.base in _INTEGERS:
        return data.value
    try:
        return _READERS[form.base](form, data.value)
    except (UnicodeDecodeError, DecodeError):
        return decode_typed(data)


def decode_typed(data: Data) -> dict[str, Any]:
    """A single value with its type beside it; ``unnamed`` where it is none, or none that comes back."""
    base = _BASES.get(data.tag)
    if base is None:
        return unnamed(data)
    if data.tag in _PLAIN:
        return {base: data.value}
    try:
        return {base: _READERS[base](TypeForm(base, 0, 0xFFFF_FFFF), data.value)}
    except (UnicodeDecodeError, DecodeError):
        return unnamed(data)


def is_single(tag: int) -> bool:
    """Whether a tag is that of a single value."""
    return tag in _BASES


def is_typed(value: Any) -> bool:
    """Whether a value is what ``decode_typed`` makes of a single value."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _TAGS


def build_typed(value: dict[str, Any], path: str, clause: str, *, strict: bool) -> Data:
    """Data of a single value with its type beside it."""
    base, inner = next(iter(value.items()))
    try:
        if _TAGS[base] in _PLAIN:
            return Data(_TAGS[base], _number(inner, *_LIMITS[_TAGS[base]]))
        return Data(_TAGS[base], _wire_value(TypeForm(base, 0, 0xFFFF_FFFF), inner, strict=strict))
    except EncodeError as error:
        raise EncodeError(error.problem, element=f"{path}.{base}", clause=clause) from None


def _read_time(form: TypeForm, value: bytes) -> str:
    # Some times may be left empty; their type has room for no octets.
    return "" if not value and form.low == 0 else _READ_TIME[form.base](value)


def _read_text(form: TypeForm, value: bytes) -> str:
    return value.decode(_CHARACTERS[form.base])


def _read_bit_string(form: TypeForm, value: BitString) -> str:
    if value.bits != form.low:
        raise DecodeError(f"{value.bits} bits instead of {form.low}", offset=0)
    return value.octets.hex().upper()


def _read_bits(_form: TypeForm, value: BitString) -> str:
    text = "".join(f"{octet:08b}" for octet in value.octets)
    if "1" in text[value.bits :]:
        raise DecodeError("padding is not zero", offset=0)
    return text[: value.bits]


_READERS: dict[str, Callable[[TypeForm, Any], Any]] = {
    "utc-time": lambda _, value: dlms_time.utc_text(value),
    "boolean": lambda _, value: {0: False, 0xFF: True}.get(value, value),
    "octet-string": lambda _, value: value.hex().upper(),
    "bit-string": _read_bit_string,
    "bits": _read_bits,
    **dict.fromkeys(_READ_TIME, _read_time),
    **dict.fromkeys(_CHARACTERS, _read_text),
}


# Types as their own names say, for values whose type the catalogue leaves open or has otherwise.
_TAGS = {
    **{base: int(tag) for base, (tag, _, _) in _INTEGERS.items()},
    "long64": int(Tag.LONG64),
    "long64-unsigned": int(Tag.LONG64_UNSIGNED),
    "boolean": int(Tag.BOOLEAN),
    "octet-string": int(Tag.OCTET_STRING),
    "visible-string": int(Tag.VISIBLE_STRING),
    "utf8-string": int(Tag.UTF8_STRING),
    "bits": int(Tag.BIT_STRING),
}
_BASES = {tag: base for base, tag in _TAGS.items()}
_LIMITS = {int(tag): (low, high) for tag, low, high in _INTEGERS.values()}
_LIMITS[int(Tag.LONG64)] = (-(1 << 63), (1 << 63) - 1)
_LIMITS[int(Tag.LONG64_UNSIGNED)] = (0, (1 << 64) - 1)
_PLAIN = frozenset(_LIMITS)


def build_leaf(node: DlmsNode, value: Any, path: str, *, strict: bool) -> Data:
    """Data of a single value; EncodeError with element and clause where it does not fit."""
    if is_unnamed(value):
        return build_unnamed(value, path, strict=strict)
    if not strict and is_typed(value):
        return build_typed(value, path, node.clause, strict=False)
    if strict and node.fixed is not None and (value != node.fixed or type(value) is not type(node.fixed)):
        raise EncodeError(f"{value!r} where only {node.fixed!r} may stand", element=path, clause=node.clause)
    if value is None and not strict:
        return Data(Tag.NULL_DATA)
    try:
        return Data(wire_tag(node), _wire_value(type_form(node.type), value, strict=strict))
    except EncodeError as error:
        raise EncodeError(error.problem, element=path, clause=node.clause) from None


def _wire_value(form: TypeForm, value: Any, *, strict: bool) -> Any:
    if form.base in _INTEGERS:
        _, low, high = _INTEGERS[form.base]
        return _number(value, low, high)
    if form.base == "boolean":
        return _boolean(value, strict=strict)
    if not isinstance(value, str):
        raise EncodeError(f"{value!r} is no text")
    if form.base == "utc-time":
        return dlms_time.utc_seconds(value)
    if form.base in _WRITE_TIME:
        return b"" if not value and form.low == 0 else _WRITE_TIME[form.base](value)
    if form.base in ("bits", "bit-string"):
        return _bits(form, value, strict=strict)
    octets = _octets(form, value)
    if strict and not form.low <= len(octets) <= form.high:
        fits = form.low if form.low == form.high else f"{form.low} to {form.high}"
        raise EncodeError(f"{len(octets)} octets instead of {fits}")
    return octets


def _number(value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise EncodeError(f"{value!r} is no number from {low} to {high}")
    return value


def _boolean(value: Any, *, strict: bool) -> int:
    if isinstance(value, bool):
        return 0xFF if value else 0
    if strict:
        raise EncodeError(f"{value!r} is neither true nor false")
    return _number(value, 0, 0xFF)


def _octets(form: TypeForm, value: str) -> bytes:
    if form.base in _CHARACTERS:
        try:
            return value.encode(_CHARACTERS[form.base])
        except UnicodeEncodeError:
            raise EncodeError(f"{value!r} has characters that do not fit") from None
    return hex_octets(value)


def hex_octets(value: Any) -> bytes:
    """Octets of hexadecimal text without spaces."""
    try:
        if not value or value.isalnum():
            return bytes.fromhex(value)
    except (AttributeError, TypeError, ValueError):
        pass
    raise EncodeError(f"{value!r} is not hexadecimal")


def _bits(form: TypeForm, value: str, *, strict: bool) -> BitString:
    if form.base == "bit-string":
        octets = hex_octets(value)
        if len(octets) != (form.low + 7) // 8:
            raise EncodeError(f"{len(octets)} octets instead of {(form.low + 7) // 8}")
        return BitString(form.low, octets)
    if set(value) - set("01"):
        raise EncodeError(f"{value!r} is not made of 0 and 1")
    if strict and not form.low <= len(value) <= form.high:
        raise EncodeError(f"{len(value)} bits instead of {form.low} to {form.high}")
    padded = value + "0" * (-len(value) % 8)
    return BitString(len(value), bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)))
