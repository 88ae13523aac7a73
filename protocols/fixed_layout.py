"""Fixed binary layouts declared with construct (never compiled), with our errors.

construct says only that a stream ended; here the field that is missing is named, with its octet offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from construct import Bytes, ConstructError

from protocols.errors import DecodeError, EncodeError

if TYPE_CHECKING:
    from construct import Construct, Struct


def parse_fixed(layout: Struct, data: bytes, offset: int = 0, path: str = "") -> Any:
    """The layout's fields as a Container; every field has a fixed size.

    Octets after the layout are left alone. DecodeError names the first field that is cut off or not allowed.
    """
    at = offset
    for field in layout.subcons:
        after = at + field.sizeof()
        if after > len(data):
            problem = f"the data ends within {field.name} ({len(data) - at} of {after - at} octets)"
            raise DecodeError(problem, offset=len(data), path=_join(path, field.name))
        at = after
    try:
        return layout.parse(data[offset:at])
    except ConstructError as error:
        raise DecodeError(str(error), offset=offset, path=path) from None


def build_fixed(layout: Construct, values: dict[str, Any], path: str = "") -> bytes:
    """The layout's octets; EncodeError names a field whose value does not fit."""
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
            problem = f"{value!r} does not fit {field.sizeof()} octets"
            raise EncodeError(problem, element=_join(path, field.name))
        out += octets
    return bytes(out)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
