"""802.15.4 MAC frames of 2003 and 2006 (frame versions 0 and 1), without FCS unless said.

Addresses are short (a number) or extended (`Eui64`). A MAC-secured frame keeps its auxiliary header in the
payload: ZigBee does not secure the MAC.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.crc import crc16_itu

BROADCAST_PAN = 0xFFFF
BROADCAST = 0xFFFF
NO_SHORT_ADDRESS = 0xFFFE
FCS_OCTETS = 2
MAX_OCTETS = 125  # aMaxPHYPacketSize without FCS

# Frame control: type in bits 0 to 2, destination mode from 10 on, version from 12 on, source mode from 14 on.
_SECURITY, _PENDING, _ACK_REQUEST, _COMPRESSION = 0x0008, 0x0010, 0x0020, 0x0040
_NOT_OURS = 0x2004  # a reserved frame type, or a later frame version
_ADDRESSING = 0xCC40
_BOTH_SHORT_ONE_PAN = 0x8840
_NONE, _RESERVED_MODE, _SHORT, _EXTENDED = range(4)
_HEAD = struct.Struct("<HB").unpack_from
_SHORTS = struct.Struct("<HHH").unpack_from


class FrameType(IntEnum):
    """Frame types (7.2.1.1.1)."""

    BEACON = 0
    DATA = 1
    ACK = 2
    COMMAND = 3


_TYPES = tuple(FrameType)


@dataclass(slots=True)
class MacFrame:
    """A frame; addresses that are absent are None, and so is the PAN that belongs to them.

    ``source_pan`` is filled in also where the frame leaves it out. ``pan_id_compression`` None: leave it out
    exactly where both addresses are there and the PANs are the same; a bool says what the frame's bit is
    instead. ``reserved`` are frame control bits 7 to 9.
    """

    frame_type: FrameType
    sequence: int
    destination_pan: int | None = None
    destination: int | Eui64 | None = None
    source_pan: int | None = None
    source: int | Eui64 | None = None
    payload: bytes = b""
    ack_request: bool = False
    frame_pending: bool = False
    security_enabled: bool = False
    frame_version: int = 0
    pan_id_compression: bool | None = None
    reserved: int = 0

    def build(self) -> bytes:
        """As `build_mac`."""
        return build_mac(self)


@dataclass(slots=True)
class Ack:
    """An immediate acknowledgement."""

    sequence: int
    frame_pending: bool = False

    def build(self) -> bytes:
        """Three octets."""
        return build_mac(MacFrame(FrameType.ACK, self.sequence, frame_pending=self.frame_pending))


def parse_mac(octets: bytes) -> MacFrame:
    """A frame without FCS."""
    try:
        control, sequence = _HEAD(octets)
    except struct.error:
        raise DecodeError("the data ends within the frame control or sequence", offset=len(octets)) from None
    if control & _NOT_OURS:
        raise _refused(control)
    addressing = control & _ADDRESSING
    compression = None
    if addressing == _BOTH_SHORT_ONE_PAN:
        try:
            destination_pan, destination, source = _SHORTS(octets, 3)
        except struct.error:
            raise _cut(octets, "addresses") from None
        source_pan, end = destination_pan, 9
    else:
        destination_pan, destination, end = _read_address(octets, 3, control >> 10 & 3, None, "destination")
        compressed = control & _COMPRESSION and destination is not None
        known = destination_pan if compressed else None
        source_pan, source, end = _read_address(octets, end, control >> 14, known, "source")
        natural = destination is not None and source is not None and source_pan == destination_pan
        if bool(control & _COMPRESSION) != natural:
            compression = bool(control & _COMPRESSION)
    return MacFrame(
        _TYPES[control & 7],
        sequence,
        destination_pan,
        destination,
        source_pan,
        source,
        octets[end:],
        control & _ACK_REQUEST != 0,
        control & _PENDING != 0,
        control & _SECURITY != 0,
        control >> 12 & 3,
        compression,
        control >> 7 & 7,
    )


def build_mac(frame: MacFrame) -> bytes:
    """The octets, without FCS."""
    destination_mode, destination = _address(frame.destination, frame.destination_pan, "destination")
    source_mode, source = _address(frame.source, frame.source_pan, "source")
    both = bool(destination_mode and source_mode)
    compressed = frame.pan_id_compression
    if compressed is None:
        compressed = both and frame.source_pan == frame.destination_pan
    if compressed and both:
        if frame.source_pan != frame.destination_pan:
            raise EncodeError(
                "differs from the destination's, so it cannot be left out", element="source_pan"
            )
        source = source[2:]
    if not 0 <= frame.frame_version <= 1:
        raise EncodeError(f"{frame.frame_version!r} is not 0 or 1", element="frame_version")
    if not 0 <= frame.reserved <= 7:
        raise EncodeError(f"{frame.reserved!r} does not fit 3 bits", element="reserved")
    control = (
        frame.frame_type
        | frame.security_enabled << 3
        | frame.frame_pending << 4
        | frame.ack_request << 5
        | compressed << 6
        | frame.reserved << 7
        | destination_mode << 10
        | frame.frame_version << 12
        | source_mode << 14
    )
    try:
        head = struct.pack("<HB", control, frame.sequence)
    except struct.error:
        raise EncodeError(f"{frame.sequence!r} does not fit 1 octet", element="sequence") from None
    return head + destination + source + frame.payload


def _refused(control: int) -> DecodeError:
    if control & 4:
        return DecodeError(f"frame type {control & 7} is reserved", offset=0, path="frame_type")
    problem = f"frame version {control >> 12 & 3} is not 0 (2003) or 1 (2006)"
    return DecodeError(problem, offset=1, path="frame_version")


def _cut(octets: bytes, path: str) -> DecodeError:
    return DecodeError(f"the data ends within the {path}", offset=len(octets), path=path)


def _read_address(
    octets: bytes, offset: int, mode: int, pan: int | None, path: str
) -> tuple[int | None, int | Eui64 | None, int]:
    """PAN, address and their end; ``pan`` is known where the frame leaves it out."""
    if mode == _NONE:
        return None, None, offset
    if mode == _RESERVED_MODE:
        raise DecodeError("addressing mode 1 is reserved", offset=1, path=path)
    if pan is None:
        if offset + 2 > len(octets):
            raise _cut(octets, f"{path}_pan")
        pan = octets[offset] | octets[offset + 1] << 8
        offset += 2
    end = offset + (2 if mode == _SHORT else 8)
    if end > len(octets):
        raise _cut(octets, path)
    if mode == _SHORT:
        return pan, octets[offset] | octets[offset + 1] << 8, end
    return pan, Eui64(octets[offset:end][::-1]), end


def _address(address: int | Eui64 | None, pan: int | None, path: str) -> tuple[int, bytes]:
    """Addressing mode, and the octets of PAN and address."""
    if (address is None) != (pan is None):
        raise EncodeError("an address and its PAN go together", element=path)
    if address is None or pan is None:
        return _NONE, b""
    try:
        if isinstance(address, Eui64):
            return _EXTENDED, struct.pack("<H", pan) + address[::-1]
        return _SHORT, struct.pack("<HH", pan, address)
    except struct.error:
        raise EncodeError(f"{pan!r}, {address!r} do not fit 2 octets each", element=path) from None


def fcs(octets: bytes) -> bytes:
    """The two FCS octets that follow a frame."""
    return crc16_itu(octets).to_bytes(FCS_OCTETS, "little")


def check_fcs(octets: bytes) -> bytes:
    """The frame without its FCS; DecodeError where that is wrong."""
    if len(octets) < FCS_OCTETS or fcs(octets[:-FCS_OCTETS]) != octets[-FCS_OCTETS:]:
        raise DecodeError("the FCS is wrong", offset=max(0, len(octets) - FCS_OCTETS), path="fcs")
    return octets[:-FCS_OCTETS]
