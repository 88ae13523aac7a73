"""ASH frames: control octet, CRC, octet stuffing and randomisation (UG101 section 2 and 4).

A frame on the line is control octet, data field, CRC (high octet first), all stuffed, and a flag. UG101 has
data fields of up to 128 octets; firmware since EZSP 13 takes 220, and so do we.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from protocols.errors import DecodeError, EncodeError

FLAG = 0x7E
ESCAPE = 0x7D
XON = 0x11
XOFF = 0x13
SUBSTITUTE = 0x18
CANCEL = 0x1A
_STUFFED = frozenset((FLAG, ESCAPE, XON, XOFF, SUBSTITUTE, CANCEL))
_FLIP = 0x20
SHORTEST_DATA = 3
LONGEST_DATA = 220
_LONGEST_FRAME = 1 + LONGEST_DATA + 2
ASH_VERSION = 2
_STUFFING = {octet: bytes((ESCAPE, octet ^ _FLIP)) for octet in _STUFFED}


class AshKind(IntEnum):
    """The kinds of frame, by their control octet with all numbers zero."""

    DATA = 0x00
    ACK = 0x80
    NAK = 0xA0
    RST = 0xC0
    RSTACK = 0xC1
    ERROR = 0xC2


class ResetCode(IntEnum):
    """Why an NCP was reset, or failed (UG101 table 3)."""

    UNKNOWN = 0x00
    EXTERNAL = 0x01
    POWER_ON = 0x02
    WATCHDOG = 0x03
    ASSERT = 0x06
    BOOTLOADER = 0x09
    SOFTWARE = 0x0B
    MAXIMUM_ACK_TIMEOUTS = 0x51
    CHIP_SPECIFIC = 0x80


@dataclass(slots=True)
class AshFrame:
    """A frame. ``number`` and ``retransmitted`` are of DATA only.

    ``data``: of DATA in plain; of RSTACK and ERROR version and code.
    """

    kind: AshKind
    data: bytes = b""
    number: int = 0
    acknowledges: int = 0  # the next frame number expected
    retransmitted: bool = False
    not_ready: bool = False

    @property
    def code(self) -> int:
        """The code in RSTACK and ERROR."""
        return self.data[1] if len(self.data) > 1 else ResetCode.UNKNOWN


def _pseudo_random() -> bytes:
    state, octets = 0x42, bytearray()
    for _ in range(LONGEST_DATA):
        octets.append(state)
        state = state >> 1 ^ 0xB8 if state & 1 else state >> 1
    return bytes(octets)


_RANDOM = _pseudo_random()


def randomise(data: bytes) -> bytes:
    """A data field mixed with the pseudo-random sequence; done twice, the data field again."""
    size = len(data)
    return (int.from_bytes(data, "big") ^ int.from_bytes(_RANDOM[:size], "big")).to_bytes(size, "big")


def checksum(octets: bytes) -> bytes:
    """CRC-CCITT from 0xFFFF, high octet first."""
    return binascii.crc_hqx(octets, 0xFFFF).to_bytes(2, "big")


def build_frame(frame: AshFrame) -> bytes:
    """Octets between flags, not stuffed yet."""
    data = frame.data
    control = int(frame.kind)
    if frame.kind is AshKind.DATA:
        if not SHORTEST_DATA <= len(data) <= LONGEST_DATA:
            raise EncodeError(f"has {len(data)} octets, not 3 to 220", element="data", clause="UG101 2")
        control |= frame.number << 4 | frame.retransmitted << 3 | frame.acknowledges
        data = randomise(data)
    elif frame.kind in (AshKind.ACK, AshKind.NAK):
        control |= frame.not_ready << 3 | frame.acknowledges
    octets = bytes((control,)) + data
    return octets + checksum(octets)


def stuff(octets: bytes) -> bytes:
    """What goes on the line: reserved octets escaped, and the flag."""
    return b"".join([_STUFFING.get(octet) or bytes((octet,)) for octet in octets]) + b"\x7e"


def encode_frame(frame: AshFrame) -> bytes:
    """A frame as it goes on the line."""
    return stuff(build_frame(frame))


def parse_frame(octets: bytes) -> AshFrame:
    """A frame from the octets between flags, unstuffed."""
    if len(octets) < 3:
        raise DecodeError("too short for a frame", offset=len(octets), path="ash")
    if checksum(octets[:-2]) != octets[-2:]:
        raise DecodeError("wrong CRC", offset=len(octets) - 2, path="ash.crc")
    control, data = octets[0], octets[1:-2]
    if not control & 0x80:
        if not SHORTEST_DATA <= len(data) <= LONGEST_DATA:
            raise DecodeError("data field is not of 3 to 220 octets", offset=1, path="ash.data")
        number, again = control >> 4, bool(control & 8)
        return AshFrame(AshKind.DATA, randomise(data), number, control & 7, again)
    if control & 0xE0 in (AshKind.ACK, AshKind.NAK):
        if data or control & 0x10:
            raise DecodeError(
                "acknowledgement with more than its control octet", offset=0, path="ash.control"
            )
        return AshFrame(AshKind(control & 0xE0), b"", 0, control & 7, not_ready=bool(control & 8))
    if control not in (AshKind.RST, AshKind.RSTACK, AshKind.ERROR):
        raise DecodeError(f"no such control octet: 0x{control:02X}", offset=0, path="ash.control")
    kind = AshKind(control)
    if len(data) != (0 if kind is AshKind.RST else 2):
        raise DecodeError("wrong length for its kind", offset=1, path="ash.data")
    return AshFrame(kind, data)


class AshDecoder:
    """Finds frames in octets from the line; what is none comes out as a DecodeError. Memory is bounded."""

    def __init__(self) -> None:
        self._octets = bytearray()
        self._escaped = False
        self._broken = ""
        self._offset = 0

    def feed(self, received: bytes) -> list[AshFrame | DecodeError]:
        """Whatever is whole by now, in order."""
        found: list[AshFrame | DecodeError] = []
        for octet in received:
            self._offset += 1
            if octet == FLAG:
                self._end(found)
            elif octet == CANCEL:
                self._clear()
            elif octet == SUBSTITUTE:
                self._broken = "an octet was lost below (substitute octet)"
            elif octet == ESCAPE:
                self._escaped = True
            elif octet in (XON, XOFF):
                continue  # flow control of the line; data never holds them
            elif len(self._octets) >= _LONGEST_FRAME:
                self._broken = "longer than any frame"
            else:
                self._octets.append(octet ^ _FLIP if self._escaped else octet)
                self._escaped = False
        return found

    def _end(self, found: list[AshFrame | DecodeError]) -> None:
        octets, broken = bytes(self._octets), self._broken
        if self._escaped and not broken:
            broken = "ends with an escape octet"
        self._clear()
        if broken:
            found.append(DecodeError(broken, offset=self._offset, path="ash"))
        elif octets:
            try:
                found.append(parse_frame(octets))
            except DecodeError as error:
                found.append(error)

    def _clear(self) -> None:
        self._octets.clear()
        self._escaped = False
        self._broken = ""
