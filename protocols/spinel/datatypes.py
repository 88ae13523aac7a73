"""Spinel's data types: packed unsigned integers, and values described by a format string.

====== ================================= ======================= ==========================
letter meaning                           octets                  Python
====== ================================= ======================= ==========================
``b``  boolean                           1                       bool
``Cc`` unsigned, signed                  1                       int
``Ss`` unsigned, signed                  2, little-endian        int
``Ll`` unsigned, signed                  4, little-endian        int
``Xx`` unsigned, signed                  8, little-endian        int
``i``  packed unsigned integer           1 to 5                  int
``6``  IPv6 address                      16                      bytes
``E``  EUI-64, as printed                8                       Eui64
``e``  EUI-48, as printed                6                       bytes
``U``  UTF-8 text                        and a zero              str
``d``  data after its length (2 octets)  2 + n                   bytes
``D``  data: the rest; before another    n                       bytes
       item as ``d``
``t()`` structure after its length       2 + n                   tuple
``T()`` structure without length: rest   n                       tuple
``A()`` array: items up to the end                               list of tuples (of values, when one item)
``.``  nothing                           0                       (not in the values)
====== ================================= ======================= ==========================
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64

_NUMBERS = {letter: struct.Struct("<" + code) for letter, code in zip("CcSsLlXx", "BbHhIiQq", strict=True)}
_FIXED = {"6": 16, "E": 8, "e": 6}
_LARGEST_PACKED = 0xFFFF_FFFF


def pack_uint(value: int) -> bytes:
    """A packed unsigned integer (7 bits an octet, lowest first)."""
    if not 0 <= value <= _LARGEST_PACKED:
        raise EncodeError(f"{value} is not within 0 to {_LARGEST_PACKED}", element="packed integer")
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def unpack_uint(octets: bytes, offset: int = 0, path: str = "") -> tuple[int, int]:
    """Value and the offset after it. Octets that say no more (81 00 for 1) are accepted."""
    value = 0
    for count in range(5):
        at = offset + count
        if at >= len(octets):
            raise DecodeError("the packed integer is cut off", offset=len(octets), path=path)
        octet = octets[at]
        value |= (octet & 0x7F) << 7 * count
        if octet < 0x80:
            if value > _LARGEST_PACKED:
                break
            return value, at + 1
    raise DecodeError("the packed integer is larger than 32 bits", offset=offset, path=path)


def pack(form: str, *values: Any) -> bytes:
    """The octets of values in this format; EncodeError says which item does not fit."""
    return _pack(_items(form), values)


def unpack(form: str, octets: bytes, offset: int = 0) -> tuple[Any, ...]:
    """The values of this format. Octets after the last item are allowed, as Spinel demands."""
    return unpack_from(form, octets, offset)[0]


def unpack_from(form: str, octets: bytes, offset: int = 0) -> tuple[tuple[Any, ...], int]:
    """The values of this format and the offset after them."""
    reader = _Reader(octets, offset)
    return tuple(reader.items(_items(form))), reader.at


_Item = tuple[str, tuple[Any, ...], bool]  # letter, inner items, whether it is the last


@lru_cache(maxsize=256)
def _items(form: str) -> tuple[_Item, ...]:
    items: list[tuple[str, tuple[_Item, ...]]] = []
    at = 0
    while at < len(form):
        letter = form[at]
        at += 1
        inner: tuple[_Item, ...] = ()
        if letter in "tTA":
            end = _closing(form, at)
            inner = _items(form[at + 1 : end])
            at = end + 1
        elif letter not in _NUMBERS and letter not in _FIXED and letter not in "bidDU.":
            raise EncodeError(f"{letter!r} is no Spinel data type", element="format")
        if letter != ".":
            items.append((letter, inner))
    return tuple((letter, inner, index == len(items) - 1) for index, (letter, inner) in enumerate(items))


def _closing(form: str, at: int) -> int:
    depth = 0
    for index in range(at, len(form)):
        depth += {"(": 1, ")": -1}.get(form[index], 0)
        if depth == 0:
            return index
    raise EncodeError("a bracket is not closed", element="format")


def _pack(items: tuple[_Item, ...], values: Sequence[Any]) -> bytes:
    if len(items) != len(values):
        raise EncodeError(f"{len(values)} values for {len(items)} items", element="values")
    out = bytearray()
    for index, (letter, inner, last) in enumerate(items):
        try:
            out += _pack_item(letter, inner, last, values[index])
        except (struct.error, TypeError, ValueError, UnicodeError) as error:
            if isinstance(error, EncodeError):
                raise
            raise EncodeError(
                f"{values[index]!r} does not fit {letter!r}: {error}", element=str(index)
            ) from error
    return bytes(out)


def _pack_item(letter: str, inner: tuple[_Item, ...], last: bool, value: Any) -> bytes:
    if letter in _SIMPLE:
        return _SIMPLE[letter](value)
    if letter in _FIXED:
        if len(value) != _FIXED[letter]:
            raise EncodeError(f"{_FIXED[letter]} octets expected, not {len(value)}", element=letter)
        return bytes(value)
    if letter == "A":
        return b"".join(_pack(inner, (item,) if len(inner) == 1 else item) for item in value)
    body = bytes(value) if letter in "dD" else _pack(inner, value)
    if letter in "dt" or not last:
        return _NUMBERS["S"].pack(len(body)) + body
    return body


def _pack_text(value: str) -> bytes:
    octets = value.encode()
    if 0 in octets:
        raise EncodeError("text holds a zero", element="U")
    return octets + b"\x00"


_SIMPLE: dict[str, Callable[[Any], bytes]] = {
    **{letter: number.pack for letter, number in _NUMBERS.items()},
    "b": lambda value: b"\x01" if value else b"\x00",
    "i": pack_uint,
    "U": _pack_text,
}


class _Reader:
    """Octets up to ``end`` of which those before ``at`` are read."""

    def __init__(self, octets: bytes, at: int) -> None:
        self.octets = octets
        self.at = at
        self.end = len(octets)

    def items(self, items: tuple[_Item, ...]) -> list[Any]:
        return [self._item(letter, inner, last) for letter, inner, last in items]

    def _item(self, letter: str, inner: tuple[_Item, ...], last: bool) -> Any:
        number = _NUMBERS.get(letter)
        if number is not None:
            return number.unpack_from(self.octets, self._take(number.size, letter))[0]
        if letter in _FIXED:
            start = self._take(_FIXED[letter], letter)
            field = self.octets[start : self.at]
            return Eui64(field) if letter == "E" else field
        if letter in self._READERS:
            return self._READERS[letter](self)
        return self._array(inner) if letter == "A" else self._block(letter, inner, last)

    def _take(self, count: int, letter: str) -> int:
        start = self.at
        if start + count > self.end:
            raise DecodeError(f"{count} octets needed, {self.end - start} left", offset=start, path=letter)
        self.at = start + count
        return start

    def _boolean(self) -> bool:
        return self.octets[self._take(1, "b")] != 0

    def _packed(self) -> int:
        value, self.at = unpack_uint(self.octets[: self.end], self.at, "i")
        return value

    def _text(self) -> str:
        start, zero = self.at, self.octets.find(0, self.at, self.end)
        if zero < 0:
            raise DecodeError("the text has no end", offset=start, path="U")
        self.at = zero + 1
        try:
            return self.octets[start:zero].decode()
        except UnicodeDecodeError as error:
            raise DecodeError("the text is not UTF-8", offset=start + error.start, path="U") from error

    def _array(self, inner: tuple[_Item, ...]) -> list[Any]:
        out: list[Any] = []
        while self.at < self.end:
            start = self.at
            values = self.items(inner)
            if self.at == start:
                raise DecodeError("the array's items have no octets", offset=start, path="A")
            out.append(values[0] if len(inner) == 1 else tuple(values))
        return out

    def _block(self, letter: str, inner: tuple[_Item, ...], last: bool) -> Any:
        stop = self.end
        if letter in "dt" or not last:
            start = self._take(2, letter)
            size = self.octets[start] | self.octets[start + 1] << 8
            stop = self._take(size, letter) + size
            self.at = start + 2
        outer, self.end = self.end, stop
        content = self.octets[self.at : stop] if letter in "dD" else tuple(self.items(inner))
        self.at, self.end = stop, outer
        return content

    _READERS: ClassVar[dict[str, Callable[[_Reader], Any]]] = {"b": _boolean, "i": _packed, "U": _text}
