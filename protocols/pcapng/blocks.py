"""The blocks of a pcapng file as values; times are nanoseconds since 1970 (UTC)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

NANOSECONDS = 1_000_000_000
LARGEST_BLOCK = 16 * 1024 * 1024  # what is longer is no capture of ours, but a length gone wrong
BYTE_ORDER = 0x1A2B3C4D
KEPT_FLAGS = 0xFFFFFFFC  # of the flags of a packet, those beside the direction
Option = tuple[int, bytes]


class LinkType(IntEnum):
    """What the octets of an interface's packets are (LINKTYPE_ of tcpdump.org)."""

    IEEE802_15_4_WITHFCS = 195
    EXPORTED_PDU = 252
    IEEE802_15_4_TAP = 283


class BlockType(IntEnum):
    """Blocks that are read and written here."""

    SECTION = 0x0A0D0D0A
    INTERFACE = 1
    STATISTICS = 5
    PACKET = 6


class Direction(IntEnum):
    """Which way a packet went, as its flags say."""

    UNKNOWN = 0
    INBOUND = 1
    OUTBOUND = 2


@dataclass(slots=True)
class Section:
    """Begins a file, and interface numbers anew. ``more``: options that are not named here."""

    comments: tuple[str, ...] = ()
    hardware: str = ""
    os: str = ""
    application: str = ""
    more: tuple[Option, ...] = ()


@dataclass(slots=True)
class Interface:
    """Where packets come from. ``resolution`` as ``if_tsresol``: 10**-n seconds, with 0x80 set 2**-n."""

    link_type: int
    name: str = ""
    description: str = ""
    comments: tuple[str, ...] = ()
    snap_length: int = 0  # no limit
    resolution: int = 9
    offset_s: int = 0
    more: tuple[Option, ...] = ()

    @property
    def ticks(self) -> int:
        """Ticks a second."""
        return 1 << (self.resolution & 0x7F) if self.resolution & 0x80 else 10**self.resolution


@dataclass(slots=True)
class Packet:
    """One packet of an interface. ``length`` is its own, where not all of it was captured.

    ``flags`` holds the bits beside the direction.
    """

    interface: int
    time_ns: int
    octets: bytes
    comments: tuple[str, ...] = ()
    direction: Direction = Direction.UNKNOWN
    length: int | None = None
    flags: int = 0
    more: tuple[Option, ...] = ()


@dataclass(slots=True)
class Statistics:
    """What an interface has counted by ``time_ns``."""

    interface: int
    time_ns: int
    received: int | None = None
    dropped: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    comments: tuple[str, ...] = ()
    more: tuple[Option, ...] = ()


@dataclass(slots=True)
class OtherBlock:
    """A block that is not opened here."""

    block_type: int
    body: bytes


Block = Section | Interface | Packet | Statistics | OtherBlock
