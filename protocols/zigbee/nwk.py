"""ZigBee PRO network frames (05-3474-22 3.3): header, source routes, multicast control, security.

`parse_nwk` needs no key: a secured payload stays closed (``closed``: ciphertext and MIC) until `open_nwk`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.security import (
    AuxiliaryHeader,
    SecurityError,
    join_frame,
    open_payload,
    parse_auxiliary,
)

PROTOCOL_VERSION = 2
BROADCAST_ALL = 0xFFFF
BROADCAST_RX_ON = 0xFFFD
BROADCAST_ROUTERS = 0xFFFC
COORDINATOR = 0x0000
UNKNOWN_ADDRESS = 0xFFFE

# Frame control: type in bits 0 and 1, protocol version in 2 to 5, discover route in 6 and 7.
_MULTICAST, _SECURITY, _SOURCE_ROUTE = 0x0100, 0x0200, 0x0400
_DESTINATION_IEEE, _SOURCE_IEEE, _END_DEVICE_INITIATOR = 0x0800, 0x1000, 0x2000
_OPTIONAL = _MULTICAST | _SECURITY | _SOURCE_ROUTE | _DESTINATION_IEEE | _SOURCE_IEEE
_INTER_PAN_BITS = 0x003F
_HEAD = struct.Struct("<HHBB").unpack_from
_HEADER = struct.Struct("<HHHBB")


class NwkFrameType(IntEnum):
    """Frame types (3.3.1.1.1)."""

    DATA = 0
    COMMAND = 1
    INTER_PAN = 3


_TYPES = (NwkFrameType.DATA, NwkFrameType.COMMAND, None, NwkFrameType.INTER_PAN)


class SourceRoute(NamedTuple):
    """The source route subframe (3.3.1.9); the first relay is next to the destination."""

    relay_index: int
    relays: tuple[int, ...]


@dataclass(slots=True)
class NwkFrame:
    """A network frame.

    ``payload`` is plain unless ``closed``. An inter-PAN frame has a frame control and a payload, nothing
    else. ``discover_route`` 0 suppresses, 1 enables route discovery. ``reserved`` are frame control bits 14
    and 15.
    """

    frame_type: NwkFrameType
    destination: int = 0
    source: int = 0
    radius: int = 30
    sequence: int = 0
    payload: bytes = b""
    security: AuxiliaryHeader | None = None
    closed: bool = False
    destination_ieee: Eui64 | None = None
    source_ieee: Eui64 | None = None
    source_route: SourceRoute | None = None
    multicast_control: int | None = None
    discover_route: int = 0
    end_device_initiator: bool = False
    protocol_version: int = PROTOCOL_VERSION
    reserved: int = 0


def parse_nwk(octets: bytes) -> NwkFrame:
    """A frame, with a secured payload left closed."""
    try:
        control = octets[0] | octets[1] << 8
        frame_type = _TYPES[control & 3]
        if frame_type is NwkFrameType.INTER_PAN:
            return _inter_pan(control, octets)
        destination, source, radius, sequence = _HEAD(octets, 2)
    except (struct.error, IndexError):
        raise _cut(octets, "header") from None
    if frame_type is None:
        raise DecodeError("frame type 2 is reserved", offset=0, path="frame_type")
    end, destination_ieee, source_ieee, multicast, route, security = 8, None, None, None, None, None
    if control & _OPTIONAL:
        if control & _DESTINATION_IEEE:
            destination_ieee, end = _ieee(octets, end, "destination_ieee")
        if control & _SOURCE_IEEE:
            source_ieee, end = _ieee(octets, end, "source_ieee")
        if control & (_MULTICAST | _SOURCE_ROUTE):
            multicast, route, end = _subframes(octets, end, control)
        if control & _SECURITY:
            security, end = parse_auxiliary(octets, end)
    return NwkFrame(
        frame_type,
        destination,
        source,
        radius,
        sequence,
        octets[end:],
        security,
        security is not None,
        destination_ieee,
        source_ieee,
        route,
        multicast,
        control >> 6 & 3,
        control & _END_DEVICE_INITIATOR != 0,
        control >> 2 & 15,
        control >> 14,
    )


def open_nwk(frame: NwkFrame, key: bytes, source: Eui64 | None = None) -> NwkFrame:
    """The frame with its payload in plain; SecurityError where the MIC is wrong.

    ``source`` is who secured it, for frames without extended nonce.
    """
    if frame.security is None or not frame.closed:
        raise SecurityError("the payload is not closed", offset=0, path="security")
    plain = open_payload(_header(frame), frame.security, frame.payload, key, source)
    return NwkFrame(  # by hand: copy.copy takes longer than the decryption
        frame.frame_type,
        frame.destination,
        frame.source,
        frame.radius,
        frame.sequence,
        plain,
        frame.security,
        False,
        frame.destination_ieee,
        frame.source_ieee,
        frame.source_route,
        frame.multicast_control,
        frame.discover_route,
        frame.end_device_initiator,
        frame.protocol_version,
        frame.reserved,
    )


def build_nwk(frame: NwkFrame, key: bytes | None = None, source: Eui64 | None = None) -> bytes:
    """The octets; ``key`` is needed where the frame has a security header and is not closed."""
    return join_frame(_header(frame), frame.security, frame.payload, key, source, closed=frame.closed)


def _inter_pan(control: int, octets: bytes) -> NwkFrame:
    """Bits that promise fields which an inter-PAN frame does not have are refused."""
    if control & ~_INTER_PAN_BITS:
        problem = "an inter-PAN frame has a frame type and a protocol version only"
        raise DecodeError(problem, offset=0, path="frame_control")
    return NwkFrame(NwkFrameType.INTER_PAN, radius=0, payload=octets[2:], protocol_version=control >> 2 & 15)


def _ieee(octets: bytes, offset: int, path: str) -> tuple[Eui64, int]:
    end = offset + 8
    if end > len(octets):
        raise _cut(octets, path)
    return bytes.__new__(Eui64, octets[end - 1 : offset - 1 : -1]), end


def _subframes(octets: bytes, end: int, control: int) -> tuple[int | None, SourceRoute | None, int]:
    multicast, route = None, None
    if control & _MULTICAST:
        if end >= len(octets):
            raise _cut(octets, "multicast_control")
        multicast = octets[end]
        end += 1
    if control & _SOURCE_ROUTE:
        start = end + 2
        if start > len(octets):
            raise _cut(octets, "source_route")
        count, index = octets[end], octets[end + 1]
        end = start + 2 * count
        if end > len(octets):
            raise _cut(octets, "source_route")
        route = SourceRoute(index, struct.unpack_from(f"<{count}H", octets, start))
    return multicast, route, end


def _cut(octets: bytes, path: str) -> DecodeError:
    return DecodeError(f"the data ends within the {path}", offset=len(octets), path=path)


def _header(frame: NwkFrame) -> bytes:
    """Everything before the auxiliary header."""
    if not (
        0 <= frame.discover_route <= 3 and 0 <= frame.protocol_version <= 15 and 0 <= frame.reserved <= 3
    ):
        raise EncodeError(
            "discover_route, protocol_version or reserved does not fit", element="frame_control"
        )
    control = frame.frame_type | frame.protocol_version << 2
    if frame.frame_type is NwkFrameType.INTER_PAN:
        if _control_bits(frame):
            raise EncodeError("an inter-PAN frame has none of these elements", element="frame_control")
        return struct.pack("<H", control)
    try:
        header = _HEADER.pack(
            control | _control_bits(frame), frame.destination, frame.source, frame.radius, frame.sequence
        )
        if frame.destination_ieee is not None:
            header += frame.destination_ieee[::-1]
        if frame.source_ieee is not None:
            header += frame.source_ieee[::-1]
        if frame.multicast_control is not None:
            header += struct.pack("<B", frame.multicast_control)
        if frame.source_route is not None:
            index, relays = frame.source_route
            header += struct.pack(f"<BB{len(relays)}H", len(relays), index, *relays)
    except struct.error as error:
        raise EncodeError(f"an element of the header does not fit: {error}", element="header") from None
    return header


def _control_bits(frame: NwkFrame) -> int:
    """Frame control bits that tell of fields, and the flags."""
    bits = frame.discover_route << 6 | frame.end_device_initiator << 13 | frame.reserved << 14
    if frame.multicast_control is not None:
        bits |= _MULTICAST
    if frame.security is not None:
        bits |= _SECURITY
    if frame.source_route is not None:
        bits |= _SOURCE_ROUTE
    if frame.destination_ieee is not None:
        bits |= _DESTINATION_IEEE
    if frame.source_ieee is not None:
        bits |= _SOURCE_IEEE
    return bits
