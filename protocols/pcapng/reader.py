"""Reading pcapng of either byte order."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from protocols.errors import DecodeError
from protocols.pcapng import codes
from protocols.pcapng.blocks import (
    BYTE_ORDER,
    KEPT_FLAGS,
    LARGEST_BLOCK,
    NANOSECONDS,
    Block,
    BlockType,
    Direction,
    Interface,
    Option,
    OtherBlock,
    Packet,
    Section,
    Statistics,
)


@dataclass(slots=True)
class _Context:
    """What one section has told so far."""

    order: str = "<"
    interfaces: list[Interface] = field(default_factory=list)


def read_pcapng(octets: bytes, *, whole: bool = True) -> Iterator[Block]:
    """The blocks of a file, in order.

    DecodeError for octets that are no pcapng; not ``whole``: a last block that was cut off ends it quietly.
    """
    if octets[:4] != struct.pack("<I", BlockType.SECTION):
        raise DecodeError("a pcapng file begins with a section header block", offset=0, path="section")
    context, at = _Context(), 0
    while at < len(octets):
        if len(octets) - at < 12:
            if whole:
                raise DecodeError("the file ends within a block", offset=at, path="block")
            return
        if octets[at : at + 4] == b"\n\r\r\n":
            context = _Context(_byte_order(octets, at))
        kind, length = struct.unpack_from(context.order + "II", octets, at)
        if length % 4 or not 12 <= length <= LARGEST_BLOCK:
            raise DecodeError(f"a block of {length} octets", offset=at + 4, path="block.length")
        if at + length > len(octets):
            if whole:
                raise DecodeError("the file ends within a block", offset=at, path="block")
            return
        (again,) = struct.unpack_from(context.order + "I", octets, at + length - 4)
        if again != length:
            problem = f"a block of {length} octets ends as one of {again}"
            raise DecodeError(problem, offset=at + length - 4, path="block.length")
        yield _open_block(kind, octets[at + 8 : at + length - 4], context, at + 8)
        at += length


def _byte_order(octets: bytes, at: int) -> str:
    magic = octets[at + 8 : at + 12]
    for order in "<>":
        if magic == struct.pack(order + "I", BYTE_ORDER):
            return order
    raise DecodeError("neither byte order has this magic", offset=at + 8, path="section.byte_order")


def _open_block(kind: int, body: bytes, context: _Context, offset: int) -> Block:
    reader = _READERS.get(kind)
    return OtherBlock(kind, body) if reader is None else reader(_Body(body, context, offset))


@cache
def _layout(letters: str) -> struct.Struct:
    return struct.Struct(letters)


class _Body:
    """Reads the body of one block; errors have offsets in the file."""

    def __init__(self, octets: bytes, context: _Context, offset: int) -> None:
        self.octets = octets
        self.context = context
        self.offset = offset
        self.at = 0

    def fail(self, problem: str, path: str) -> DecodeError:
        return DecodeError(problem, offset=self.offset + self.at, path=path)

    def take(self, letters: str, path: str) -> tuple[int, ...]:
        layout = _layout(self.context.order + letters)
        end = self.at + layout.size
        if end > len(self.octets):
            raise self.fail("the block ends here", path)
        found = layout.unpack_from(self.octets, self.at)
        self.at = end
        return found

    def data(self, length: int, path: str) -> bytes:
        padded = length + -length % 4
        if self.at + padded > len(self.octets):
            raise self.fail(f"{length} octets do not fit into the block", path)
        found = self.octets[self.at : self.at + length]
        self.at += padded
        return found

    def options(self) -> Iterator[Option]:
        while self.at < len(self.octets):
            code, length = self.take("HH", "option")
            if code == codes.END:
                return
            yield code, self.data(length, f"option.{code}")

    def number(self, letter: str, value: bytes, path: str) -> int:
        layout = self.context.order + letter
        if len(value) != struct.calcsize(layout):
            raise self.fail(f"{len(value)} octets where {struct.calcsize(layout)} belong", path)
        return int(struct.unpack(layout, value)[0])

    def text(self, value: bytes, path: str) -> str:
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise self.fail("no UTF-8", path) from None

    def interface(self, number: int) -> Interface:
        if number >= len(self.context.interfaces):
            raise self.fail(f"no interface {number} was described", "interface")
        return self.context.interfaces[number]

    def time(self, interface: Interface, high: int, low: int) -> int:
        ticks = high << 32 | low
        return ticks * NANOSECONDS // interface.ticks + interface.offset_s * NANOSECONDS


def _read_section(body: _Body) -> Section:
    _, major, _, _ = body.take("IHHq", "section")
    if major != 1:
        raise body.fail(f"version {major} of the format", "section.version")
    section = Section()
    for code, value in body.options():
        if code == codes.COMMENT:
            section.comments += (body.text(value, "comment"),)
        elif code == codes.HARDWARE and not section.hardware:
            section.hardware = body.text(value, "section.hardware")
        elif code == codes.OS and not section.os:
            section.os = body.text(value, "section.os")
        elif code == codes.APPLICATION and not section.application:
            section.application = body.text(value, "section.application")
        else:
            section.more += ((code, value),)
    return section


def _read_interface(body: _Body) -> Interface:
    link_type, _, snap_length = body.take("HHI", "interface")
    interface = Interface(link_type, snap_length=snap_length, resolution=6)
    for code, value in body.options():
        if code == codes.COMMENT:
            interface.comments += (body.text(value, "comment"),)
        elif code == codes.NAME and not interface.name:
            interface.name = body.text(value, "interface.name")
        elif code == codes.DESCRIPTION and not interface.description:
            interface.description = body.text(value, "interface.description")
        elif code == codes.RESOLUTION:
            interface.resolution = body.number("B", value, "interface.resolution")
        elif code == codes.OFFSET:
            interface.offset_s = body.number("q", value, "interface.offset")
        else:
            interface.more += ((code, value),)
    body.context.interfaces.append(interface)
    return interface


def _read_packet(body: _Body) -> Packet:
    number, high, low, captured, length = body.take("IIIII", "packet")
    time_ns = body.time(body.interface(number), high, low)
    octets = body.data(captured, "packet.data")
    packet = Packet(number, time_ns, octets, length=None if length == captured else length)
    for code, value in body.options():
        if code == codes.COMMENT:
            packet.comments += (body.text(value, "comment"),)
        elif code == codes.FLAGS:
            flags = body.number("I", value, "packet.flags")
            low_bits = flags & 3
            packet.direction = Direction(low_bits) if low_bits < 3 else Direction.UNKNOWN
            packet.flags = flags & KEPT_FLAGS
        else:
            packet.more += ((code, value),)
    return packet


def _read_statistics(body: _Body) -> Statistics:
    number, high, low = body.take("III", "statistics")
    interface = body.interface(number)
    found = Statistics(number, body.time(interface, high, low))
    for code, value in body.options():
        if code == codes.COMMENT:
            found.comments += (body.text(value, "comment"),)
        elif code in {codes.START, codes.STOP}:
            if len(value) != 8:
                raise body.fail("a time has 8 octets", "statistics.time")
            time_ns = body.time(interface, *struct.unpack(body.context.order + "II", value))
            if code == codes.START:
                found.start_ns = time_ns
            else:
                found.end_ns = time_ns
        elif code == codes.RECEIVED:
            found.received = body.number("Q", value, "statistics.received")
        elif code == codes.LOST:
            found.dropped = body.number("Q", value, "statistics.dropped")
        else:
            found.more += ((code, value),)
    return found


_READERS: dict[int, Callable[[_Body], Block]] = {
    BlockType.SECTION: _read_section,
    BlockType.INTERFACE: _read_interface,
    BlockType.PACKET: _read_packet,
    BlockType.STATISTICS: _read_statistics,
}
