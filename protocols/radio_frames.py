"""What radio firmware itself reads of an 802.15.4 frame: enough to filter it and to acknowledge it.

Unlike `protocols.zigbee.mac` this never refuses a frame, and it is quick: every frame on the emulated air
comes by here.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocols.zigbee.crc import crc16_itu

BEACON, DATA, ACK, COMMAND = range(4)
DATA_REQUEST = 4  # MAC command identifier
BROADCAST = 0xFFFF
LARGEST_PSDU = 127  # octets with FCS (aMaxPHYPacketSize)


@dataclass(slots=True)
class FrameHeader:
    """Filter fields of one frame.

    Addresses are numbers for short ones, 8 octets in printed order for extended ones, None where absent.
    ``frame_type`` is -1 for a frame that ends within its header; then nothing else holds. ``end`` counts
    the octets up to the end of the addresses.
    """

    frame_type: int
    sequence: int = -1
    ack_request: bool = False
    frame_pending: bool = False
    destination_pan: int | None = None
    destination: int | bytes | None = None
    source_pan: int | None = None
    source: int | bytes | None = None
    data_request: bool = False
    end: int = 0


UNREADABLE = FrameHeader(-1)


def read_header(octets: bytes) -> FrameHeader:
    """The header of a frame without FCS; never raises."""
    try:
        return _read(octets)
    except IndexError:
        return UNREADABLE


def _read(octets: bytes) -> FrameHeader:
    low, high, sequence = octets[0], octets[1], octets[2]
    kind = low & 0x07
    if kind == ACK:
        return FrameHeader(ACK, sequence, frame_pending=low & 0x10 != 0, end=3)
    compressed = low & 0x40
    to_mode, from_mode, version = high >> 2 & 3, high >> 6, high >> 4 & 3
    if version > 1:
        return _read_2015(octets)
    at = 3
    to_pan: int | None = None
    from_pan: int | None = None
    to: int | bytes | None = None
    sender: int | bytes | None = None
    if to_mode:
        to_pan = octets[at] | octets[at + 1] << 8
        at += 2
        to, at = _address(octets, at, to_mode)
    if from_mode:
        if compressed and to_mode:
            from_pan = to_pan
        else:
            from_pan = octets[at] | octets[at + 1] << 8
            at += 2
        sender, at = _address(octets, at, from_mode)
    data_request = kind == COMMAND and not low & 0x08 and len(octets) > at and octets[at] == DATA_REQUEST
    return FrameHeader(
        kind, sequence, low & 0x20 != 0, low & 0x10 != 0, to_pan, to, from_pan, sender, data_request, at
    )


def _address(octets: bytes, at: int, mode: int) -> tuple[int | bytes, int]:
    if mode == 2:
        return octets[at] | octets[at + 1] << 8, at + 2
    if mode == 3:
        octets[at + 7]
        return octets[at + 7 : at - 1 : -1] if at else octets[7::-1], at + 8
    raise IndexError  # a reserved mode: no receiver can tell where the fields are


def _read_2015(octets: bytes) -> FrameHeader:
    """Frame version 2: sequence number suppression and another table of PAN identifiers."""
    low, high = octets[0], octets[1]
    to_mode, from_mode = high >> 2 & 3, high >> 6
    compressed = low & 0x40 != 0
    suppressed = high & 0x01 != 0
    header = FrameHeader(
        low & 0x07, -1 if suppressed else octets[2], low & 0x20 != 0 and not suppressed, low & 0x10 != 0
    )
    at = 2 if suppressed else 3
    if (to_mode and (not compressed or (from_mode and not (to_mode == from_mode == 3)))) or (
        not to_mode and not from_mode and compressed
    ):
        header.destination_pan = octets[at] | octets[at + 1] << 8
        at += 2
    if to_mode:
        header.destination, at = _address(octets, at, to_mode)
    if from_mode:
        if not compressed and not (to_mode == from_mode == 3):
            header.source_pan = octets[at] | octets[at + 1] << 8
            at += 2
        else:
            header.source_pan = header.destination_pan
        header.source, at = _address(octets, at, from_mode)
    header.end = at
    return header


def with_fcs(octets: bytes) -> bytes:
    """A frame followed by its FCS."""
    return octets + crc16_itu(octets).to_bytes(2, "little")


def has_right_fcs(octets: bytes) -> bool:
    """Whether the last two octets are the FCS of those before."""
    return len(octets) >= 2 and crc16_itu(octets[:-2]).to_bytes(2, "little") == octets[-2:]


def acknowledgement(sequence: int, *, frame_pending: bool = False) -> bytes:
    """An immediate acknowledgement without FCS."""
    return bytes((0x12 if frame_pending else 0x02, 0x00, sequence))
