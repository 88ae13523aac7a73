"""Fixed binary layouts with our errors: the field that is missing or does not fit is named, with its octet.

``parse_fixed`` and ``build_fixed`` take layouts declared with construct (never compiled), which by itself
says only that a stream ended. ``Numbers`` is for what every message has: unsigned numbers, read and written
at once.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from protocols.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from construct import Construct, Struct

_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}


class Numbers:
    """Unsigned numbers one after another, each of 1, 2, 4 or 8 octets; ``size`` counts all octets.

    Big-endian unless ``order`` is ``"<"``.
    """

    __slots__ = ("_fields", "_struct", "_unpack", "size")

    def __init__(self, order: str = ">", /, **octets: int) -> None:
        self._fields = octets
        self._struct = struct.Struct(order + "".join(_FORMATS[count] for count in octets.values()))
        self.size = self._struct.size
        self._unpack = self._struct.unpack_from

    def read(self, data: bytes, offset: int, end: int, path: str = "") -> tuple[int, ...]:
        """The numbers at ``offset``; DecodeError names the first that reaches beyond ``end``."""
        if offset + self.size > end:
            _expect_room(self._fields, offset, end, path)
        return self._unpack(data, offset)

    def read_named(self, data: bytes, offset: int = 0) -> dict[str, int]:
        """The numbers by name, from data that goes on to its end."""
        return dict(zip(self._fields, self.read(data, offset, len(data)), strict=True))

    def write(self, path: str, *values: int) -> bytes:
        """The octets; EncodeError names the first number that does not fit."""
        try:
            return self._struct.pack(*values)
        except struct.error:
            for (name, count), value in zip(self._fields.items(), values, strict=True):
                try:
                    value.to_bytes(count)
                except (OverflowError, AttributeError):
                    raise _does_not_fit(value, count, _join(path, name)) from None
            raise


def _expect_room(fields: Mapping[str, int], offset: int, end: int, path: str) -> None:
    """DecodeError for the first field (sizes by name) that ``end`` cuts off."""
    for name, octets in fields.items():
        if offset + octets > end:
            problem = f"the data ends within {name} ({end - offset} of {octets} octets)"
            raise DecodeError(problem, offset=end, path=_join(path, name))
        offset += octets


def _does_not_fit(value: object, octets: int, element: str) -> EncodeError:
    return EncodeError(f"{value!r} does not fit {octets} octets", element=element)


def parse_fixed(layout: Struct, data: bytes, offset: int = 0, path: str = "") -> Any:
    """The layout's fields as a Container; every field has a fixed size.

    Octets after the layout are left alone. DecodeError names the first field that is cut off or not allowed.
    """
    from construct import ConstructError

    sizes = {field.name: field.sizeof() for field in layout.subcons}
    _expect_room(sizes, offset, len(data), path)
    try:
        return layout.parse(data[offset : offset + sum(sizes.values())])
    except ConstructError as error:
        raise DecodeError(str(error), offset=offset, path=path) from None


def build_fixed(layout: Construct, values: dict[str, Any], path: str = "") -> bytes:
    """The layout's octets; EncodeError names a field whose value does not fit."""
    from construct import Bytes, ConstructError

    out = bytearray()
    for field in layout.subcons:
        value = values[field.name]
        # construct's Bytes would take a number and write it big-endian.
        fits = isinstance(value, bytes) or not isinstance(field.subcon, Bytes)
        try:
            octets = field.build(value) if fits else None
        except (ConstructError, TypeError, ValueError):
            octets = None
        if octets is None:
            raise _does_not_fit(value, field.sizeof(), _join(path, field.name))
        out += octets
    return bytes(out)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
