"""Writing pcapng: whole blocks, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from protocols.errors import EncodeError
from protocols.pcapng import codes
from protocols.pcapng.blocks import (
    BYTE_ORDER,
    KEPT_FLAGS,
    NANOSECONDS,
    BlockType,
    Interface,
    Option,
    Packet,
    Section,
    Statistics,
)


def _option(code: int, value: bytes) -> bytes:
    if len(value) > 0xFFFF:
        raise EncodeError(f"an option holds at most 65535 octets, not {len(value)}", element=f"option {code}")
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _options(*options: Option | None, more: tuple[Option, ...]) -> bytes:
    written = [_option(*option) for option in (*options, *more) if option is not None]
    if not written:
        return b""
    return b"".join((*written, struct.pack("<HH", codes.END, 0)))


def _comments(comments: tuple[str, ...]) -> list[Option]:
    return [(codes.COMMENT, comment.encode()) for comment in comments]


def _text(code: int, text: str) -> Option | None:
    return (code, text.encode()) if text else None


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def build_section(section: Section) -> bytes:
    """A section header block of unknown length."""
    options = _options(
        *_comments(section.comments),
        _text(codes.HARDWARE, section.hardware),
        _text(codes.OS, section.os),
        _text(codes.APPLICATION, section.application),
        more=section.more,
    )
    return _block(BlockType.SECTION, struct.pack("<IHHq", BYTE_ORDER, 1, 0, -1) + options)


def build_interface(interface: Interface) -> bytes:
    """An interface description block."""
    if not 0 <= interface.resolution <= 0xFF or not 0 <= interface.link_type <= 0xFFFF:
        raise EncodeError(f"resolution {interface.resolution} or link type {interface.link_type} do not fit")
    options = _options(
        *_comments(interface.comments),
        _text(codes.NAME, interface.name),
        _text(codes.DESCRIPTION, interface.description),
        None if interface.resolution == 6 else (codes.RESOLUTION, bytes((interface.resolution,))),
        (codes.OFFSET, struct.pack("<q", interface.offset_s)) if interface.offset_s else None,
        more=interface.more,
    )
    head = struct.pack("<HHI", interface.link_type, 0, interface.snap_length)
    return _block(BlockType.INTERFACE, head + options)


def _stamp(time_ns: int, interface: Interface | None) -> int:
    ticks = time_ns
    if interface is not None:
        ticks = (time_ns - interface.offset_s * NANOSECONDS) * interface.ticks // NANOSECONDS
    if not 0 <= ticks < 1 << 64:
        raise EncodeError(f"a time of {time_ns} ns has no stamp", element="timestamp")
    return ticks


def _split(ticks: int) -> tuple[int, int]:
    return ticks >> 32, ticks & 0xFFFFFFFF


def build_packet(packet: Packet, interface: Interface | None = None) -> bytes:
    """An enhanced packet block; without ``interface`` that has nanoseconds."""
    flags = packet.flags & KEPT_FLAGS | packet.direction
    options = _options(
        *_comments(packet.comments),
        (codes.FLAGS, struct.pack("<I", flags)) if flags else None,
        more=packet.more,
    )
    octets = packet.octets
    head = struct.pack(
        "<IIIII",
        packet.interface,
        *_split(_stamp(packet.time_ns, interface)),
        len(octets),
        len(octets) if packet.length is None else packet.length,
    )
    return _block(BlockType.PACKET, head + octets + bytes(-len(octets) % 4) + options)


def build_statistics(statistics: Statistics, interface: Interface | None = None) -> bytes:
    """An interface statistics block."""

    def time(code: int, time_ns: int | None) -> Option | None:
        if time_ns is None:
            return None
        return code, struct.pack("<II", *_split(_stamp(time_ns, interface)))

    def count(code: int, value: int | None) -> Option | None:
        return None if value is None else (code, struct.pack("<Q", value))

    options = _options(
        *_comments(statistics.comments),
        time(codes.START, statistics.start_ns),
        time(codes.STOP, statistics.end_ns),
        count(codes.RECEIVED, statistics.received),
        count(codes.LOST, statistics.dropped),
        more=statistics.more,
    )
    stamp = _split(_stamp(statistics.time_ns, interface))
    return _block(BlockType.STATISTICS, struct.pack("<III", statistics.interface, *stamp) + options)


@dataclass(slots=True)
class _Counted:
    interface: Interface
    packets: int = 0
    first_ns: int | None = None


class PcapngWriter:
    """Writes a capture: ``write`` gets one whole block at a time."""

    def __init__(self, write: Callable[[bytes], object], section: Section | None = None) -> None:
        self._write = write
        self._interfaces: list[_Counted] = []
        write(build_section(section or Section()))

    def add_interface(self, interface: Interface) -> int:
        """Describe an interface; the number that its packets have."""
        self._write(build_interface(interface))
        self._interfaces.append(_Counted(interface))
        return len(self._interfaces) - 1

    def packet(self, packet: Packet) -> None:
        """Add a packet; EncodeError for one of no interface."""
        if not 0 <= packet.interface < len(self._interfaces):
            raise EncodeError(f"there is no interface {packet.interface}", element="interface")
        counted = self._interfaces[packet.interface]
        self._write(build_packet(packet, counted.interface))
        counted.packets += 1
        if counted.first_ns is None:
            counted.first_ns = packet.time_ns

    def counts(self) -> list[int]:
        """Packets by interface."""
        return [counted.packets for counted in self._interfaces]

    def finish(self, time_ns: int, dropped: int = 0) -> None:
        """Write what each interface has counted; more packets may follow all the same."""
        for number, counted in enumerate(self._interfaces):
            start_ns = time_ns if counted.first_ns is None else counted.first_ns
            statistics = Statistics(number, time_ns, counted.packets, dropped, start_ns, time_ns)
            self._write(build_statistics(statistics, counted.interface))
