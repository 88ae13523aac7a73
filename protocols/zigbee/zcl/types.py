"""The data types of the ZigBee Cluster Library: sizes, invalid values, kind, and how values stand on the air.

Python values: numbers, times and identifiers are int, floats float (a NaN stays its octets), octet strings
bytes, character strings str (octets that are no UTF-8 as surrogate escapes), dates and times of day their
four octets, EUI-64 an ``Eui64``, collections an ``Array`` or a ``Structure``. None is a string or collection
whose length says that it has no value. Everything is little-endian; what is
read is written as the same octets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

Reader = Callable[[bytes, int, int], tuple[Any, int]]
"""Value and offset after it, from data, offset and end."""
Writer = Callable[[Any], bytes]
"""Octets of a value; ValueError or TypeError where it does not fit."""

DEEPEST = 15
"""Collections within one another."""


class Kind(IntEnum):
    """What the library does with changes of a value: analog values have a reportable change."""

    NULL = 0
    DISCRETE = 1
    ANALOG = 2
    COLLECTION = 3


@dataclass(slots=True)
class DataType:
    """One row of the type table.

    ``code`` is the short name in our tables, ``octets`` the size (None: the data says), ``invalid`` the value
    that means there is none, as ``read`` gives it (absent where every value is one). ``unsigned``
    are the types whose octets are a number as they stand.
    """

    number: int
    code: str
    name: str
    octets: int | None
    kind: Kind
    read: Reader
    write: Writer
    invalid: Any = None
    has_invalid: bool = True
    unsigned: bool = False

    @property
    def analog(self) -> bool:
        """Whether reporting this type has a reportable change."""
        return self.kind == Kind.ANALOG


@dataclass(slots=True)
class Array:
    """Array, set or bag: values of one type; ``elements`` None where the count says it has no value."""

    data_type: int
    elements: list[Any] | None = field(default_factory=list)


@dataclass(slots=True)
class Structure:
    """Typed values in order: (type, value); ``elements`` None where the count says it has no value."""

    elements: list[tuple[int, Any]] | None = field(default_factory=list)


def cut_off(count: int, at: int, end: int) -> DecodeError:
    """The error for data that ends too early."""
    return DecodeError(f"{count} octets expected, {max(end - at, 0)} left", offset=end)


def _number(size: int, *, signed: bool = False) -> tuple[Reader, Writer]:
    def read(data: bytes, at: int, end: int) -> tuple[int, int]:
        stop = at + size
        if stop > end:
            raise cut_off(size, at, end)
        return int.from_bytes(data[at:stop], "little", signed=signed), stop

    def write(value: int) -> bytes:
        return int.to_bytes(value, size, "little", signed=signed)

    return read, write


def _fixed(size: int) -> tuple[Reader, Writer]:
    def read(data: bytes, at: int, end: int) -> tuple[bytes, int]:
        if at + size > end:
            raise cut_off(size, at, end)
        return data[at : at + size], at + size

    def write(value: Any) -> bytes:
        if not isinstance(value, bytes) or len(value) != size:
            raise ValueError(f"{value!r} has not {size} octets")
        return value

    return read, write


def _float(form: str) -> tuple[Reader, Writer]:
    layout = struct.Struct(form)
    take, give = _fixed(layout.size)

    def read(data: bytes, at: int, end: int) -> tuple[float | bytes, int]:
        octets, stop = take(data, at, end)
        value: float = layout.unpack(octets)[0]
        return (value if value == value else octets), stop  # noqa: PLR0124  # only a NaN differs from itself

    def write(value: float | bytes) -> bytes:
        try:
            return give(value) if isinstance(value, bytes) else layout.pack(value)
        except (struct.error, OverflowError) as error:
            raise ValueError(str(error)) from None

    return read, write


def _string(size: int, *, text: bool) -> tuple[Reader, Writer]:
    read_length, _ = _number(size)
    none = (1 << 8 * size) - 1

    def read(data: bytes, at: int, end: int) -> tuple[Any, int]:
        length, start = read_length(data, at, end)
        if length == none:
            return None, start
        stop = start + length
        if stop > end:
            raise cut_off(length, start, end)
        octets = data[start:stop]
        return (octets.decode("utf-8", "surrogateescape") if text else octets), stop

    def write(value: Any) -> bytes:
        if value is None:
            return none.to_bytes(size, "little")
        octets = str.encode(value, "utf-8", "surrogateescape") if text else value
        if not isinstance(octets, bytes) or len(octets) >= none:
            raise ValueError(f"{value!r} is no string of at most {none - 1} octets")
        return len(octets).to_bytes(size, "little") + octets

    return read, write


def _read_eui64(data: bytes, at: int, end: int) -> tuple[Eui64, int]:
    if at + 8 > end:
        raise cut_off(8, at, end)
    return Eui64(data[at : at + 8][::-1]), at + 8


def _write_eui64(value: bytes) -> bytes:
    return bytes(Eui64(value))[::-1]


def _read_array(data: bytes, at: int, end: int, depth: int = 0) -> tuple[Array, int]:
    if at + 3 > end:
        raise cut_off(3, at, end)
    data_type, count = data[at], int.from_bytes(data[at + 1 : at + 3], "little")
    if count == 0xFFFF:
        return Array(data_type, None), at + 3
    start, at, elements = at, at + 3, []
    for _ in range(count):
        value, after = _read_element(data_type, data, at, end, depth)
        if after == at:
            raise DecodeError(f"elements of type {data_type:02X} take no octets", offset=start)
        elements.append(value)
        at = after
    return Array(data_type, elements), at


def _read_structure(data: bytes, at: int, end: int, depth: int = 0) -> tuple[Structure, int]:
    if at + 2 > end:
        raise cut_off(2, at, end)
    count = int.from_bytes(data[at : at + 2], "little")
    at += 2
    if count == 0xFFFF:
        return Structure(None), at
    elements: list[tuple[int, Any]] = []
    for _ in range(count):
        if at >= end:
            raise cut_off(1, at, end)
        data_type = data[at]
        value, at = _read_element(data_type, data, at + 1, end, depth)
        elements.append((data_type, value))
    return Structure(elements), at


def _read_element(data_type: int, data: bytes, at: int, end: int, depth: int) -> tuple[Any, int]:
    deeper = _COLLECTIONS.get(data_type)
    if deeper is None:
        return read_value(data_type, data, at, end)
    if depth == DEEPEST:
        raise DecodeError(f"more than {DEEPEST} collections within one another", offset=at)
    return deeper(data, at, end, depth + 1)


def _write_array(value: Array) -> bytes:
    if value.elements is None:
        return bytes((value.data_type, 0xFF, 0xFF))
    return (
        bytes((value.data_type,))
        + _count(value.elements)
        + b"".join(write_value(value.data_type, each) for each in value.elements)
    )


def _write_structure(value: Structure) -> bytes:
    if value.elements is None:
        return b"\xff\xff"
    return _count(value.elements) + b"".join(
        bytes((data_type,)) + write_value(data_type, each) for data_type, each in value.elements
    )


def _count(elements: list[Any]) -> bytes:
    if len(elements) >= 0xFFFF:
        raise ValueError(f"{len(elements)} elements, at most {0xFFFE}")
    return len(elements).to_bytes(2, "little")


def _nothing(_data: bytes, at: int, _end: int) -> tuple[None, int]:
    return None, at


def _no_octets(value: None) -> bytes:
    if value is not None:
        raise ValueError(f"{value!r} where there is no value")
    return b""


_COLLECTIONS: dict[int, Callable[[bytes, int, int, int], tuple[Any, int]]] = {
    0x48: _read_array,
    0x4C: _read_structure,
    0x50: _read_array,
    0x51: _read_array,
}


def _rows() -> list[DataType]:
    analog, discrete, collection = Kind.ANALOG, Kind.DISCRETE, Kind.COLLECTION
    rows = [DataType(0x00, "none", "no data", 0, Kind.NULL, _nothing, _no_octets, has_invalid=False)]
    for size in range(1, 9):
        bits, plain, signed = 8 * size, _number(size), _number(size, signed=True)
        top = (1 << bits) - 1
        rows += [
            DataType(0x07 + size, f"d{bits}", f"data{bits}", size, discrete, *plain, has_invalid=False),
            DataType(0x17 + size, f"b{bits}", f"map{bits}", size, discrete, *plain, has_invalid=False),
            DataType(0x1F + size, f"u{bits}", f"uint{bits}", size, analog, *plain, top),
            DataType(0x27 + size, f"i{bits}", f"int{bits}", size, analog, *signed, -(1 << (bits - 1))),
        ]
    one, two, four = _number(1), _number(2), _number(4)
    return [
        *rows,
        DataType(0x10, "bool", "bool", 1, discrete, *one, 0xFF),
        DataType(0x30, "e8", "enum8", 1, discrete, *one, 0xFF),
        DataType(0x31, "e16", "enum16", 2, discrete, *two, 0xFFFF),
        DataType(0x38, "f16", "semi", 2, analog, *_float("<e"), b"\xff\xff"),
        DataType(0x39, "f32", "single", 4, analog, *_float("<f"), b"\xff" * 4),
        DataType(0x3A, "f64", "double", 8, analog, *_float("<d"), b"\xff" * 8),
        DataType(0x41, "octets", "octstr", None, discrete, *_string(1, text=False)),
        DataType(0x42, "chars", "string", None, discrete, *_string(1, text=True)),
        DataType(0x43, "octets16", "octstr16", None, discrete, *_string(2, text=False)),
        DataType(0x44, "chars16", "string16", None, discrete, *_string(2, text=True)),
        DataType(0x48, "array", "array", None, collection, _read_array, _write_array),
        DataType(0x4C, "struct", "struct", None, collection, _read_structure, _write_structure),
        DataType(0x50, "set", "set", None, collection, _read_array, _write_array),
        DataType(0x51, "bag", "bag", None, collection, _read_array, _write_array),
        DataType(0xE0, "tod", "ToD", 4, analog, *_fixed(4), b"\xff" * 4),
        DataType(0xE1, "date", "date", 4, analog, *_fixed(4), b"\xff" * 4),
        DataType(0xE2, "time", "UTC", 4, analog, *four, 0xFFFF_FFFF),
        DataType(0xE8, "cluster", "clusterId", 2, discrete, *two, 0xFFFF),
        DataType(0xE9, "attribute", "attribId", 2, discrete, *two, 0xFFFF),
        DataType(0xEA, "bacnet", "bacOID", 4, discrete, *four, 0xFFFF_FFFF),
        DataType(0xF0, "eui64", "EUI64", 8, discrete, _read_eui64, _write_eui64, Eui64(b"\xff" * 8)),
        DataType(0xF1, "key", "key128", 16, discrete, *_fixed(16), has_invalid=False),
        DataType(0xFF, "unknown", "unk", 0, Kind.NULL, _nothing, _no_octets, has_invalid=False),
    ]


_SIGNED_OR_NO_NUMBER = {"none", "unknown", "f16", "f32", "f64", "tod", "date", "eui64", "key"}
BY_NUMBER = {row.number: row for row in _rows()}
for _row in BY_NUMBER.values():
    _row.unsigned = _row.octets is not None and _row.code[0] != "i" and _row.code not in _SIGNED_OR_NO_NUMBER
BY_CODE = {row.code: row for row in BY_NUMBER.values()}


def read_value(data_type: int, data: bytes, at: int, end: int | None = None) -> tuple[Any, int]:
    """One typed value (its type octet came before) and the offset after it; DecodeError."""
    row = BY_NUMBER.get(data_type)
    if row is None:
        raise DecodeError(f"there is no type {data_type:02X}", offset=max(at - 1, 0))
    return row.read(data, at, len(data) if end is None else end)


def write_value(data_type: int, value: Any, element: str = "value") -> bytes:
    """Octets of one typed value without its type octet; EncodeError where it does not fit."""
    row = BY_NUMBER.get(data_type)
    if row is None:
        raise EncodeError(f"there is no type {data_type!r}", element=element)
    return written(row.write, value, row.name, element)


def written(write: Writer, value: Any, name: str, element: str) -> bytes:
    """What a writer gives; EncodeError where the value does not fit."""
    try:
        return write(value)
    except EncodeError:
        raise
    except (ValueError, TypeError, OverflowError, AttributeError, UnicodeError):
        raise EncodeError(f"{value!r} does not fit {name}", element=element) from None


def is_invalid(data_type: int, value: Any) -> bool:
    """Whether a value says that there is none."""
    row = BY_NUMBER[data_type]
    if isinstance(value, Array | Structure):
        return value.elements is None
    return row.has_invalid and bool(value == row.invalid)
