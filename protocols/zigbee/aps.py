"""ZigBee application support frames (05-3474-22 2.2.5): data, command, acknowledgement, inter-PAN.

`parse_aps` needs no key: a secured payload stays closed (``closed``: ciphertext and MIC) until `open_aps`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError
from protocols.eui64 import Eui64
from protocols.zigbee.security import (
    AuxiliaryHeader,
    SecurityError,
    join_frame,
    open_payload,
    parse_auxiliary,
)

# Frame control: type in bits 0 and 1, delivery mode in 2 and 3.
_ACK_FORMAT, _SECURITY, _ACK_REQUEST, _EXTENDED = 0x10, 0x20, 0x40, 0x80
_RESERVED_FRAGMENTATION = 3
_TO_ENDPOINT = struct.Struct("<BHHBB").unpack_from
_TO_GROUP = struct.Struct("<HHHBB").unpack_from
_INTER_PAN = struct.Struct("<HH").unpack_from
_NOTHING = (None,) * 7


class ApsFrameType(IntEnum):
    """Frame types (2.2.5.1.1.1)."""

    DATA = 0
    COMMAND = 1
    ACK = 2
    INTERPAN = 3


class DeliveryMode(IntEnum):
    """Delivery modes (2.2.5.1.1.2)."""

    UNICAST = 0
    BROADCAST = 2
    GROUP = 3


class Fragmentation(IntEnum):
    """Fragmentation sub-field (2.2.5.1.8.1)."""

    NONE = 0
    FIRST = 1
    PART = 2


_TYPES = tuple(ApsFrameType)
_DELIVERIES = (DeliveryMode.UNICAST, None, DeliveryMode.BROADCAST, DeliveryMode.GROUP)
_FRAGMENTATIONS = tuple(Fragmentation)
# Elements in order, with their octets, and who has which.
_ALL_ELEMENTS = {
    "destination_endpoint": 1,
    "group": 2,
    "cluster": 2,
    "profile": 2,
    "source_endpoint": 1,
    "counter": 1,
}
_HELD = {
    "endpoint": {"destination_endpoint", "cluster", "profile", "source_endpoint", "counter"},
    "group": {"group", "cluster", "profile", "source_endpoint", "counter"},
    "command": {"counter"},
    "inter-PAN": {"cluster", "profile"},
    "inter-PAN group": {"group", "cluster", "profile"},
}


@dataclass(slots=True)
class ExtendedHeader:
    """The extended header (2.2.5.1.8); the block number of a FIRST block is the number of all blocks.

    ``block_number`` is there unless NONE; ``ack_bitfield`` besides in acknowledgements. ``reserved`` are bits
    2 to 7 of the extended frame control.
    """

    fragmentation: Fragmentation
    block_number: int | None = None
    ack_bitfield: int | None = None
    reserved: int = 0


@dataclass(slots=True)
class ApsFrame:
    """An APS frame; elements that the frame type or delivery mode leaves out are None.

    DATA, and ACK of data: destination_endpoint (or group), cluster, profile, source_endpoint, counter.
    COMMAND, and ACK with ``ack_format`` (of a command): counter. INTERPAN: cluster, profile (and group).
    ``payload`` is plain unless ``closed``.
    """

    frame_type: ApsFrameType
    delivery_mode: DeliveryMode = DeliveryMode.UNICAST
    destination_endpoint: int | None = None
    group: int | None = None
    cluster: int | None = None
    profile: int | None = None
    source_endpoint: int | None = None
    counter: int | None = None
    payload: bytes = b""
    ack_request: bool = False
    ack_format: bool = False
    extended: ExtendedHeader | None = None
    security: AuxiliaryHeader | None = None
    closed: bool = False


def parse_aps(octets: bytes) -> ApsFrame:
    """A frame, with a secured payload left closed."""
    try:
        control = octets[0]
        frame_type, delivery = _TYPES[control & 3], _DELIVERIES[control >> 2 & 3]
        if delivery is None:
            raise DecodeError("delivery mode 1 is reserved", offset=0, path="delivery_mode")
        if frame_type is ApsFrameType.INTERPAN:
            return _inter_pan(control, delivery, octets)
        endpoint, group, cluster, profile, source_endpoint, extended, security = _NOTHING
        if frame_type is ApsFrameType.COMMAND or (control & _ACK_FORMAT and frame_type is ApsFrameType.ACK):
            counter, end = octets[1], 2
        elif delivery is DeliveryMode.GROUP:
            group, cluster, profile, source_endpoint, counter = _TO_GROUP(octets, 1)
            end = 9
        else:
            endpoint, cluster, profile, source_endpoint, counter = _TO_ENDPOINT(octets, 1)
            end = 8
        if control & _EXTENDED:
            extended, end = _read_extended(octets, end, frame_type)
    except (struct.error, IndexError):
        raise DecodeError("the data ends within the header", offset=len(octets), path="header") from None
    if control & _SECURITY:
        security, end = parse_auxiliary(octets, end)
    return ApsFrame(
        frame_type,
        delivery,
        endpoint,
        group,
        cluster,
        profile,
        source_endpoint,
        counter,
        octets[end:],
        control & _ACK_REQUEST != 0,
        control & _ACK_FORMAT != 0,
        extended,
        security,
        security is not None,
    )


def open_aps(frame: ApsFrame, key: bytes, source: Eui64 | None = None) -> ApsFrame:
    """The frame with its payload in plain; SecurityError where the MIC is wrong.

    ``key`` is what the key identifier asks for: the link key itself, or its transport or load key. ``source``
    is who secured it, for frames without extended nonce.
    """
    if frame.security is None or not frame.closed:
        raise SecurityError("the payload is not closed", offset=0, path="security")
    plain = open_payload(_header(frame), frame.security, frame.payload, key, source)
    return ApsFrame(  # by hand: copy.copy takes longer than the decryption
        frame.frame_type,
        frame.delivery_mode,
        frame.destination_endpoint,
        frame.group,
        frame.cluster,
        frame.profile,
        frame.source_endpoint,
        frame.counter,
        plain,
        frame.ack_request,
        frame.ack_format,
        frame.extended,
        frame.security,
    )


def build_aps(frame: ApsFrame, key: bytes | None = None, source: Eui64 | None = None) -> bytes:
    """The octets; ``key`` is needed where the frame has a security header and is not closed."""
    return join_frame(_header(frame), frame.security, frame.payload, key, source, closed=frame.closed)


def _inter_pan(control: int, delivery: DeliveryMode, octets: bytes) -> ApsFrame:
    if control & (_SECURITY | _EXTENDED):
        problem = "an inter-PAN frame has neither security nor extended header"
        raise DecodeError(problem, offset=0, path="frame_control")
    group, end = None, 1
    if delivery is DeliveryMode.GROUP:
        group, end = octets[1] | octets[2] << 8, 3
    cluster, profile = _INTER_PAN(octets, end)
    return ApsFrame(
        ApsFrameType.INTERPAN,
        delivery,
        group=group,
        cluster=cluster,
        profile=profile,
        payload=octets[end + 4 :],
        ack_request=bool(control & _ACK_REQUEST),
        ack_format=bool(control & _ACK_FORMAT),
    )


def _read_extended(octets: bytes, offset: int, frame_type: ApsFrameType) -> tuple[ExtendedHeader, int]:
    control = octets[offset]
    if control & 3 == _RESERVED_FRAGMENTATION:
        raise DecodeError("fragmentation 3 is reserved", offset=offset, path="extended.fragmentation")
    header = ExtendedHeader(_FRAGMENTATIONS[control & 3], reserved=control >> 2)
    offset += 1
    if header.fragmentation is not Fragmentation.NONE:
        header.block_number = octets[offset]
        offset += 1
        if frame_type is ApsFrameType.ACK:
            header.ack_bitfield = octets[offset]
            offset += 1
    return header, offset


def _header(frame: ApsFrame) -> bytes:
    """Everything before the auxiliary header."""
    control = (
        frame.frame_type
        | frame.delivery_mode << 2
        | frame.ack_format << 4
        | (frame.security is not None) << 5
        | frame.ack_request << 6
        | (frame.extended is not None) << 7
    )
    out = bytes((control,))
    held = _HELD[_shape(frame)]
    for name, size in _ALL_ELEMENTS.items():
        value = getattr(frame, name)
        if name not in held:
            if value is not None:
                raise EncodeError("has no place in this kind of frame", element=name)
            continue
        try:
            out += value.to_bytes(size, "little")
        except (AttributeError, OverflowError):
            raise EncodeError(f"{value!r} does not fit {size} octets", element=name) from None
    if frame.frame_type is ApsFrameType.INTERPAN and (frame.security or frame.extended):
        raise EncodeError("has neither security nor extended header", element="inter-PAN")
    return out if frame.extended is None else out + _build_extended(frame.extended, frame.frame_type)


def _shape(frame: ApsFrame) -> str:
    """Which elements a frame has."""
    group = frame.delivery_mode is DeliveryMode.GROUP
    if frame.frame_type is ApsFrameType.INTERPAN:
        return "inter-PAN group" if group else "inter-PAN"
    if frame.frame_type is ApsFrameType.COMMAND or (
        frame.frame_type is ApsFrameType.ACK and frame.ack_format
    ):
        return "command"
    return "group" if group else "endpoint"


def _build_extended(header: ExtendedHeader, frame_type: ApsFrameType) -> bytes:
    fragmented = header.fragmentation is not Fragmentation.NONE
    wanted = (fragmented, fragmented and frame_type is ApsFrameType.ACK)
    if wanted != (header.block_number is not None, header.ack_bitfield is not None):
        problem = "a block number goes with fragments, an ack bitfield with their acknowledgements"
        raise EncodeError(problem, element="extended")
    octets = [header.fragmentation | header.reserved << 2, header.block_number, header.ack_bitfield]
    try:
        return bytes(octet for octet in octets if octet is not None)
    except ValueError:
        raise EncodeError("an element does not fit its octet", element="extended") from None
