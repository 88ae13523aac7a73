"""HDLC-lite framing of Spinel on serial lines: flags, escapes, and the CRC of X.25.

Sans-I/O: octets in, frames and errors out in the order of the stream. After an error the next flag starts
afresh.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from protocols.zigbee.crc import crc16_x25

FLAG = 0x7E
ESCAPE = 0x7D
# XON, XOFF and one vendor octet must not stand in a frame either.
RESERVED = (FLAG, ESCAPE, 0x11, 0x13, 0xF8)
LONGEST_FRAME = 8_192  # octets with CRC; OpenThread's own buffers hold less

_FLAG = bytes((FLAG,))
_UNSAFE = re.compile(b"[" + b"".join(re.escape(bytes((octet,))) for octet in RESERVED) + b"]")
_ESCAPED = re.compile(b"\x7d(.)", re.DOTALL)


@dataclass(slots=True)
class HdlcError:
    """Octets between two flags that are no frame; ``offset`` counts octets of the stream."""

    problem: str
    offset: int
    octets: bytes = b""


def encode_frame(frame: bytes) -> bytes:
    """A frame with CRC and escapes between two flags; the first ends whatever stood on the line before."""
    body = frame + crc16_x25(frame).to_bytes(2, "little")
    return _FLAG + _UNSAFE.sub(lambda found: bytes((ESCAPE, found[0][0] ^ 0x20)), body) + _FLAG


class HdlcDecoder:
    """Takes a stream apart. ``longest`` bounds a frame, and the memory that a line without flags can cost."""

    def __init__(self, longest: int = LONGEST_FRAME) -> None:
        self._longest = 2 * longest
        self._waiting = bytearray()
        self._start = 0
        self._skipping = False

    def feed(self, octets: bytes) -> list[bytes | HdlcError]:
        """Frames without CRC, and errors, that these octets complete."""
        out: list[bytes | HdlcError] = []
        *ended, rest = octets.split(_FLAG)
        for part in ended:
            self._waiting += part
            if self._skipping:
                self._skipping = False
            elif self._waiting:
                out.append(self._open(bytes(self._waiting)))
            self._start += len(self._waiting) + 1
            self._waiting.clear()
        self._waiting += rest
        if len(self._waiting) > self._longest:
            if not self._skipping:
                out.append(HdlcError("no frame is that long", self._start, bytes(self._waiting[:64])))
            self._skipping = True
            self._start += len(self._waiting)
            self._waiting.clear()
        return out

    def _open(self, octets: bytes) -> bytes | HdlcError:
        # An escape that ends the frame is how a sender gives it up.
        if octets[-1] == ESCAPE:
            return HdlcError("the sender broke the frame off", self._start, octets)
        if ESCAPE in octets:
            octets = _ESCAPED.sub(lambda found: bytes((found[1][0] ^ 0x20,)), octets)
        if len(octets) < 3:
            return HdlcError("a frame has at least one octet and its CRC", self._start, octets)
        frame = octets[:-2]
        if crc16_x25(frame).to_bytes(2, "little") != octets[-2:]:
            return HdlcError("the CRC is wrong", self._start, octets)
        return frame
