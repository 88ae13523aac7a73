"""A device's memory as few octets: what it shares with every other of its kind costs next to nothing.

The octets are the memory's dump, compressed with the dump of another device of the kind as a dictionary, in
which names, defaults and the certificates of all parties stand already. So they can be opened only with that
dictionary, in the process that made them.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from rigs.emulated.memory_storage import Contents

# Level 6 is slower by half and saves some octets in a hundred.
_LEVEL = 1
# Deflate looks no further back, and takes what stands last as nearest.
_WINDOW = 1 << 15
_RAW = -15
_LENGTHS = struct.Struct(">HHI")


class Press:
    """Packs and unpacks memories of one kind of device; ``sample`` is one that is like them."""

    def __init__(self, sample: Contents) -> None:
        self._dictionary = _plain(sample)[-_WINDOW:]

    def pack(self, contents: Contents) -> bytes:
        """The octets that a parked device is."""
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW, zdict=self._dictionary)
        return packer.compress(_plain(contents)) + packer.flush()

    def unpack(self, octets: bytes) -> Contents:
        """The memory again."""
        return _contents(zlib.decompressobj(_RAW, zdict=self._dictionary).decompress(octets))


def _plain(contents: Contents) -> bytes:
    """Section, key and value of each entry, after the lengths of the three."""
    parts: list[bytes] = []
    for (section, key), value in contents.items():
        names = section.encode(), key.encode()
        parts += (_LENGTHS.pack(*map(len, names), len(value)), *names, value)
    return b"".join(parts)


def _contents(plain: bytes) -> Contents:
    contents: Contents = {}
    at = 0
    while at < len(plain):
        section, key, value = _LENGTHS.unpack_from(plain, at)
        at += _LENGTHS.size
        middle, last = at + section, at + section + key
        names = plain[at:middle].decode(), plain[middle:last].decode()
        at = last + value
        contents[names] = plain[last:at]
    return contents


class Presses:
    """One press for each kind of device, made when the first of the kind is parked."""

    def __init__(self, samples: Callable[[str], Contents]) -> None:
        self._samples = samples
        self._made: dict[str, Press] = {}

    def __getitem__(self, kind: str) -> Press:
        if kind not in self._made:
            self._made[kind] = Press(self._samples(kind))
        return self._made[kind]
