"""A-XDR lengths and counts: one octet below 0x80, else 0x81 nn or 0x82 nn nn; shortest form only."""

from __future__ import annotations

from protocols.errors import DecodeError, EncodeError


def read_length(data: bytes, offset: int, path: str = "") -> tuple[int, int]:
    """Length at ``offset`` and the offset after it; DecodeError if it is cut or longer than needed."""
    try:
        first = data[offset]
    except IndexError:
        raise DecodeError("data ends before the length", offset=offset, path=path) from None
    if first < 0x80:
        return first, offset + 1
    octets = first & 0x7F
    if not 1 <= octets <= 2:
        raise DecodeError(f"length form {first:#04x} is not used", offset=offset, path=path)
    end = offset + 1 + octets
    if end > len(data):
        raise DecodeError("data ends inside the length", offset=len(data), path=path)
    length = int.from_bytes(data[offset + 1 : end], "big")
    if length < (0x80 if octets == 1 else 0x100):
        raise DecodeError(f"length {length} is not in its shortest form", offset=offset, path=path)
    return length, end


def encode_length(length: int, element: str = "length") -> bytes:
    """Length or count in its shortest form; EncodeError above 65535."""
    if length < 0x80:
        return bytes((length,))
    if length < 0x100:
        return bytes((0x81, length))
    if length < 0x10000:
        return bytes((0x82, length >> 8, length & 0xFF))
    raise EncodeError(f"{length} is more than 65535", element=element)


def take(data: bytes, offset: int, count: int, path: str = "") -> tuple[bytes, int]:
    """``count`` octets at ``offset`` and the offset after them; DecodeError when fewer are left."""
    end = offset + count
    if end > len(data):
        raise DecodeError(f"{count} octets expected, {len(data) - offset} left", offset=len(data), path=path)
    return data[offset:end], end
