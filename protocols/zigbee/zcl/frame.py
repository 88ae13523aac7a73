"""The frame of the ZigBee Cluster Library: control, manufacturer code, sequence number, command, payload."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError

_TYPE = 0x03
_MANUFACTURER = 0x04
_FROM_SERVER = 0x08
_NO_DEFAULT_RESPONSE = 0x10
_RESERVED = 0xE0


class FrameType(IntEnum):
    """What a command number counts in."""

    GENERAL = 0
    CLUSTER = 1


@dataclass(slots=True)
class ZclFrame:
    """One frame; ``frame_type`` 2 and 3 and the bits ``reserved`` of the control octet stay as they came.

    ``payload_offset`` is where the payload stands in the octets it was parsed from: 3 or 5.
    """

    frame_type: int
    sequence: int
    command: int
    payload: bytes = b""
    from_server: bool = False
    disable_default_response: bool = False
    manufacturer: int | None = None
    reserved: int = 0

    @property
    def payload_offset(self) -> int:
        """Octets before the payload."""
        return 3 if self.manufacturer is None else 5

    def build(self) -> bytes:
        """The frame's octets; EncodeError names what does not fit."""
        if self.frame_type & ~_TYPE or self.reserved & ~_RESERVED:
            raise EncodeError("does not fit its bits", element="zcl.frame_control")
        control = (
            self.frame_type
            | (self.manufacturer is not None and _MANUFACTURER)
            | (self.from_server and _FROM_SERVER)
            | (self.disable_default_response and _NO_DEFAULT_RESPONSE)
            | self.reserved
        )
        for name, value, top in (
            ("manufacturer", self.manufacturer or 0, 0xFFFF),
            ("sequence", self.sequence, 0xFF),
            ("command", self.command, 0xFF),
        ):
            if not 0 <= value <= top:
                raise EncodeError(f"{value!r} is not from 0 to {top}", element=f"zcl.{name}")
        code = b"" if self.manufacturer is None else self.manufacturer.to_bytes(2, "little")
        return bytes((control,)) + code + bytes((self.sequence, self.command)) + self.payload


def parse_zcl(octets: bytes) -> ZclFrame:
    """A frame of an APS payload; DecodeError where its header is cut off."""
    size = len(octets)
    if not size:
        raise DecodeError("there is no frame control", offset=0, path="zcl.frame_control")
    control = octets[0]
    manufacturer, at = None, 1
    if control & _MANUFACTURER:
        at = 3
        if size >= at:
            manufacturer = octets[1] | octets[2] << 8
    if size < at + 2:
        raise DecodeError(f"{at + 2} octets expected, {size} left", offset=size, path="zcl.header")
    return ZclFrame(
        control & _TYPE,
        octets[at],
        octets[at + 1],
        octets[at + 2 :],
        bool(control & _FROM_SERVER),
        bool(control & _NO_DEFAULT_RESPONSE),
        manufacturer,
        control & _RESERVED,
    )
